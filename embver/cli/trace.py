"""`embver trace`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embver.actions.trace import TraceReport
    from embver.series import Point, Series, Step

_ALL_ROWS = 40  # of a longer history only the rows are printed that say something
_STYLES = {"improvement": "green", "regression": "red", "noise": "dim", "unknown": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="an embedding, such as products")
    parser.add_argument("--metric", metavar="M", help="such as hit@10 (default: the main metric)")
    parser.add_argument("--benchmark", metavar="ID", help="where several have it (default: the main one)")
    parser.add_argument("--from", dest="from_", metavar="A", help="this version, and what stands on it")
    parser.add_argument("--to", metavar="B", help="this version, and what it stands on; `next` for next/")
    deeper = parser.add_mutually_exclusive_group()
    deeper.add_argument(
        "--queries",
        action="store_true",
        help="show which queries a step lost and won, and what they have in common",
    )
    deeper.add_argument(
        "--ablate",
        action="store_true",
        help="separate the changed fields of a step by experiment: encode anew",
    )
    parser.add_argument(
        "--sample", type=_count, metavar="N", help="with --ablate: only N queries, stratified"
    )
    parser.add_argument("--dry-run", action="store_true", help="with --ablate: show the plan and stop")
    parser.add_argument(
        "--record",
        action="store_true",
        help="with --ablate: keep the result beside the version, for the site",
    )
    parser.add_argument(
        "--device", default="auto", metavar="D", help="with --ablate: auto (default), cpu, cuda or cuda:N"
    )
    parser.add_argument(
        "--chart", action=argparse.BooleanOptionalAction, default=True, help="draw the metric above the table"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="print Markdown for a pull request")
    add_json(form)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of queries")
    return int(text)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Trace a metric; what it finds is an answer and no failure: `embver gate` is for that."""
    from embver.actions.trace import TraceRequest, trace
    from embver.cli.open import open_workspace
    from embver.errors import UsageError

    given = [flag for flag, is_given in _of_ablate(arguments).items() if is_given]
    if given and not arguments.ablate:
        raise UsageError(
            f"{given[0]} goes with --ablate", hint=f"embver trace {arguments.name} --ablate {given[0]}"
        )
    work = open_workspace(arguments)
    if arguments.queries:
        from embver.cli import trace_queries

        return trace_queries.run(arguments, work, out)
    if arguments.ablate:
        from embver.cli import trace_ablate

        return trace_ablate.run(arguments, work, out)
    request = TraceRequest(
        name=arguments.name,
        metric=arguments.metric,
        benchmark=arguments.benchmark,
        from_=arguments.from_,
        to=arguments.to,
    )
    report = trace(work, request)
    if out.is_json:
        out.json(report.to_plain())
    elif arguments.md:
        from embver.cli.trace_md import markdown

        out.print(markdown(report))
    else:
        _print(report, out, is_drawn=arguments.chart)
    return 0


def _of_ablate(arguments: argparse.Namespace) -> dict[str, bool]:
    return {
        "--sample": arguments.sample is not None,
        "--dry-run": arguments.dry_run,
        "--record": arguments.record,
        "--device": arguments.device != "auto",
    }


def _print(report: TraceReport, out: Output, *, is_drawn: bool) -> None:
    from embver.cli.chart import columns, draw, signs
    from embver.cli.trace_text import closing, detail, told_steps

    series = report.series
    direction = "higher is better" if series.higher_is_better else "lower is better"
    out.print(f"{out.style(series.name, 'bold')}  {series.metric} of {series.benchmark}, {direction}")
    if is_drawn and sum(point.value is not None for point in series.points) > 1:
        drawn = draw(series, width=columns(), signs=signs(), paint=out.style)
        out.print("\n".join(["", *drawn]))
    out.print()
    _table(series, out)
    told, more = told_steps(series)
    for step in told:
        head, *rest = detail(step, series, report.experiments.get(step.to))
        colour = _STYLES[step.verdict]
        out.print("\n".join(["", out.style(head, colour), *rest]))
    if more:
        out.print(f"\n… {more:,} more: --json")
    said, hint = closing(series, report.experiments)
    out.say()
    out.say(said)
    for note in report.notes:
        out.say(f"note: {note}")
    if report.others:
        word = "has" if len(report.others) == 1 else "have"
        out.say(f"{', '.join(report.others)} {word} {series.metric}, too: --benchmark ID")
    if hint:
        out.hint(hint)


def _table(series: Series, out: Output) -> None:
    from embver.cli.trace_text import HEAD, cells, steps_by_end

    steps = steps_by_end(series)
    shown = _shown(series.points, steps)
    rows: list[tuple[str, ...]] = []
    above: str | None = None
    left_out = 0
    for point in series.points:
        if point.reference not in shown:
            left_out, above = left_out + 1, point.reference
            continue
        if left_out:
            rows.append((f"… {left_out:,} more", "", "", "", "", ""))
            left_out = 0
        step = steps.get(point.reference)
        row = cells(point, step, series, above)
        if step is not None and step.is_significant:
            row = (*row[:4], out.style(row[4], _STYLES[step.verdict]), row[5])
        rows.append(row)
        above = point.reference
    out.table(("version", series.metric, *HEAD), rows)


def _shown(points: Sequence[Point], steps: dict[str, Step]) -> frozenset[str]:
    """Return the versions that have a row: all, or of a long history those where something happened, and the ends."""
    if len(points) <= _ALL_ROWS:
        return frozenset(point.reference for point in points)
    told = (end for step in steps.values() if step.verdict != "noise" for end in (step.from_, step.to))
    return frozenset({points[0].reference, points[-1].reference, *told})
