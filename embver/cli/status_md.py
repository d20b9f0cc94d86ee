"""`embver status --md`: what a release would be, as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from embver.cli.changes import grouped
from embver.cli.diff import changes_table
from embver.cli.markdown import code, prose, table
from embver.cli.status import TOLD, remarks

if TYPE_CHECKING:
    from embver.actions.comparing import Comparison
    from embver.actions.readiness import Readiness
    from embver.actions.status import StatusReport

_SIGNS = {"major": "🔴", "minor": "🟡", "patch": "🟢", "first": "🔵", "none": "⚪"}
_FEW = 8  # rows that are shown without folding the table


def status_markdown(found: Sequence[Readiness]) -> str:
    """Return every working version as Markdown: the verdict first, then fields, measurement, what is missing."""
    if not found:
        return "No embedding has a working version."
    return "\n\n".join("\n\n".join(_blocks(each)) for each in found)


def _blocks(found: Readiness) -> Iterator[str]:
    report = found.report
    yield f"### {_headline(found)}"
    if report is not None and report.judgement is not None and report.is_worth_a_release:
        yield _lead(report)
    if found.missing:
        rows = [("must" if e.blocks else "should", prose(e.what), code(e.hint)) for e in found.missing]
        yield "**Still missing before a release**"
        yield table(("", "what", "how"), rows)
    if found.problems:
        lines = [
            (code(f"{p.path}:{p.line}:{p.column}"), prose(p.message), code(p.rule)) for p in found.problems
        ]
        yield _folded(
            f"{len(lines)} problems with their lines", table(("where", "what", "rule"), lines), len(lines)
        )
    groups = grouped(report.changes, report.reasons) if report else ()
    count = sum(len(group.changes) for group in groups)
    if report is not None and count:
        title = f"{count} {'field' if count == 1 else 'fields'} changed"
        yield _folded(title, changes_table(report.changes, report.reasons), count)
    for comparison in report.comparisons if report else ():
        yield _folded(
            f"Measured against {comparison.old}: {comparison.verdict.word}", _strata(comparison), _FEW + 1
        )


def _headline(found: Readiness) -> str:
    report = found.report
    name = code(found.name)
    if report is None:
        return (
            f"⛔ {name}: the card is not valid" if not found.is_valid else f"⛔ {name} cannot be released yet"
        )
    sign = _SIGNS.get(report.level_word, "⚪")
    if report.current is None:
        return f"{sign} {name}: first release, {report.proposed}"
    if not report.is_worth_a_release:
        return f"{sign} {name} {report.current.version}: nothing to release"
    word = report.level_word.upper()
    return f"{sign} {name} {report.current.version} → {report.proposed}: **{word}**"


def _lead(report: StatusReport) -> str:
    judged = report.judgement
    assert judged is not None
    presumed = judged.presumed.word.upper() if judged.presumed else "no level"
    measured = f"measured **{judged.verdict.word}**" if judged.verdict else "**nothing was measured**"
    text = f"The card presumes {presumed}, {measured}."
    return " ".join([text, *(f"Flag: {prose(flag)}." for flag in judged.flags if flag not in TOLD)])


def _strata(comparison: Comparison) -> str:
    from embver.cli.render import stratum_rows

    head, rows = stratum_rows(comparison)
    told = table(head, [[prose(cell) for cell in row] for row in rows])
    return "\n".join([told, *(f"\n{prose(note)}." for note in remarks(comparison))])


def _folded(title: str, body: str, rows: int) -> str:
    """Return a block that is folded where it is long; a code host shows the title and a triangle."""
    if rows <= _FEW:
        return f"**{prose(title)}**\n\n{body}"
    return f"<details><summary>{prose(title)}</summary>\n\n{body}\n\n</details>"
