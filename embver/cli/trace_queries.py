"""`embver trace --queries`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.actions.lost import QueryReport
    from embver.actions.workspace import Workspace
    from embver.groups import Group, Moved

_MOST_GROUPS: Final = 5
_MOST_QUERIES: Final = 10
_WEAK: Final = (
    "contain no ",
    "reach the tokenizer ",
)  # what says less than another clause of the same queries
_LEAST: Final = 5  # moved queries, before it is told what of a step touches them
_LONGEST: Final = 48
_COULD: Final = {
    ("lost", True): "that were found before",
    ("won", True): "that were not found before",
    ("lost", False): "whose score could fall",
    ("won", False): "whose score could rise",
}


def run(arguments: argparse.Namespace, work: Workspace, out: Output) -> int:
    """Show which queries a step lost and won; 3 where the scores of its queries are not there."""
    from embver.actions.lost import lost_queries
    from embver.actions.trace import TraceRequest

    report = lost_queries(
        work,
        TraceRequest(
            name=arguments.name,
            metric=arguments.metric,
            benchmark=arguments.benchmark,
            from_=arguments.from_,
            to=arguments.to,
        ),
    )
    if out.is_json:
        out.json(report.to_plain())
    else:
        _print(report, out, is_markdown=arguments.md)
    return 0 if report.moves is not None else 3


def _print(report: QueryReport, out: Output, *, is_markdown: bool) -> None:
    for line in _lines(report, _markdown_styles() if is_markdown else _terminal_styles(out)):
        out.print(line)
    for note in report.lacking:
        out.say(f"note: {note}")
    out.hint(
        f"embver trace {report.name} --metric {report.metric} --benchmark {report.benchmark} "
        f"--from {report.from_.partition('@')[2]} --to {report.to.partition('@')[2]} --ablate"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Styles:
    """How headings, lines of a group and queries are written."""

    head: Callable[[str], str]
    side: Callable[[str], str]
    group: Callable[[str], str]
    dim: Callable[[str], str]
    query: Callable[[str], str]
    examples: Callable[[str], str]


def _terminal_styles(out: Output) -> _Styles:
    return _Styles(
        head=lambda text: out.style(text, "bold"),
        side=lambda text: out.style(text, "bold"),
        group=lambda text: f"  {text}",
        dim=lambda text: out.style(text, "dim"),
        query=lambda text: json.dumps(_cut(text), ensure_ascii=False),
        examples=lambda text: f"      {text}",
    )


def _markdown_styles() -> _Styles:
    from embver.cli.markdown import code, prose

    return _Styles(
        head=lambda text: f"**{prose(text)}**",
        side=lambda text: f"**{prose(text)}**",
        group=lambda text: f"- {prose(text)}",
        dim=prose,
        query=lambda text: code(_cut(text)),
        examples=lambda text: f"  {text}",
    )


def _lines(report: QueryReport, styles: _Styles) -> Iterator[str]:
    change = report.after - report.before
    yield styles.head(
        f"{report.name}  {report.metric} of {report.benchmark}: {report.from_} {report.before:.3f} -> "
        f"{report.to} {report.after:.3f} ({change:+.3f})"
    )
    if report.why:
        yield styles.dim(report.why)
    if report.moves is None:
        yield "which queries changed cannot be said: only the two numbers are there"
        return
    for side in _sides(report):
        yield ""
        could = _COULD[side.way, report.moves.is_binary]
        yield styles.side(
            f"{side.way}: {f'{len(side.queries):,}' if side.queries else 'none'} of the {side.able:,} queries {could}"
        )
        yield from _side(side, report, styles)


def _sides(report: QueryReport) -> tuple[Moved, Moved]:
    """Return both sides, that of the change first."""
    assert report.moves is not None
    fell, rose = report.moves.lost, report.moves.won
    return (fell, rose) if len(fell.queries) >= len(rose.queries) else (rose, fell)


def _side(side: Moved, report: QueryReport, styles: _Styles) -> Iterator[str]:
    assert report.moves is not None
    shown = side.main[:_MOST_GROUPS]
    for group in shown:
        yield styles.group(_told(group, side, is_binary=report.moves.is_binary))
        yield styles.examples(", ".join(styles.query(report.shown(id_)) for id_ in group.examples))
    told = {clause for group in shown for clause in (group.clause, *group.also)}
    for group in side.touched:
        # That every text is another one says something of a step, and nothing of all of them together.
        is_everybody = group.column == "steps" and group.base == group.able
        if group.clause not in told and group.moved >= _LEAST and group.lift >= 1 and not is_everybody:
            yield styles.group(_told(group, side, is_binary=report.moves.is_binary, is_tested=False))
    rest = len(side.main) - len(shown)
    if rest:
        yield styles.group(f"and {rest} more that stand out: --json")
    if not side.queries or shown:
        return
    if report.items:
        yield styles.group(
            f"nothing that they have in common stands out ({side.clauses_tried} things looked at)"
        )
    examples = ", ".join(styles.query(report.shown(id_)) for id_ in side.queries[:_MOST_QUERIES])
    more = len(side.queries) - _MOST_QUERIES
    yield styles.examples(f"{examples}, and {more:,} more" if more > 0 else examples)


def _told(group: Group, side: Moved, *, is_binary: bool, is_tested: bool = True) -> str:
    from embver.groups import share_words

    share, p = (
        share_words(group.base, group.able),
        f"; p {_p(group.p_value)}" if is_tested else "",
    )
    could = " queries" if side.against == "all" else f" {_COULD[side.way, is_binary]}"
    also = [clause for clause in group.also if not clause.startswith(_WEAK)]
    same = f"; the same queries {' and '.join(also)}" if also else ""
    return (
        f"of {group.moved:,} {side.way} {'query' if group.moved == 1 else 'queries'} {group.count:,} {group.clause} "
        f"(of all{could}: {share}{p}){same}"
    )


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.2g}"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
