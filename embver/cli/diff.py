"""`embver diff`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embver.actions.diffing import DiffReport
    from embver.diff import Change
    from embver.policy import Reason


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "old", metavar="A", help="a version; alone, an embedding: what next/ goes on from, and next/"
    )
    parser.add_argument("new", metavar="B", nargs="?", help="the version to compare with it")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="print Markdown for a pull request")
    add_json(form)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Compare two versions field by field."""
    from embver.actions.diffing import default_pair, diff
    from embver.cli.open import open_workspace

    work = open_workspace(arguments)
    pair = (arguments.old, arguments.new) if arguments.new else default_pair(work, arguments.old)
    report = diff(work, *pair)
    if out.is_json:
        out.json(report.to_plain())
    elif arguments.md:
        out.print(markdown(report))
    else:
        _print(report, out)
    return 0


def _print(report: DiffReport, out: Output) -> None:
    from embver.cli.changes import change_lines, grouped

    out.print(f"{report.old} -> {report.new}")
    for line in change_lines(grouped(report.changes, report.reasons), out):
        out.print(line)
    if not report.changes:
        out.say("no difference")
    elif report.level:
        word = report.level.word.upper()
        out.say(
            f"the card alone calls for {word}; what is measured decides: embver compat {report.old} {report.new}"
        )


def markdown(report: DiffReport) -> str:
    """Return a diff as Markdown: one table, the weightiest change first."""
    from embver.cli.markdown import code

    head = f"### {code(report.old)} → {code(report.new)}"
    if not report.changes:
        return f"{head}\n\nNo difference."
    word = report.level.word.upper() if report.level else "none"
    lead = f"The card alone calls for **{word}**; the measurement may raise it, and lower a soft MAJOR."
    return f"{head}\n\n{lead}\n\n{changes_table(report.changes, report.reasons)}"


def changes_table(changes: Sequence[Change], reasons: Sequence[Reason]) -> str:
    """Return changes as a Markdown table with level and reason; those that move no vector come last."""
    from embver.cli.changes import grouped, sides
    from embver.cli.markdown import code, prose, table

    rows = []
    for group in grouped(changes, reasons):
        level = f"**{group.level.word.upper()}**" if group.level else "none"
        why = prose(group.why) if group.level else ""
        for change in group.changes:
            before, after = sides(change)
            rows.append((level, code(change.path), code(before), code(after), why))
    return table(("level", "field", "before", "after", "why"), rows)
