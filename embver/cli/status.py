"""`embver status`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.status import StatusReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the embedding (default: all with a next/)")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show what a release would be."""
    from embver.actions.status import status
    from embver.actions.workspace import CARD, NEXT
    from embver.cli.open import open_workspace
    from embver.errors import UsageError

    work = open_workspace(arguments)
    if arguments.name:
        out.json(status(work, arguments.name).to_plain()) if out.is_json else _print(
            status(work, arguments.name), out
        )
        return 0
    begun = [name for name in work.names() if work.path(work.folder(name, NEXT), CARD).is_file()]
    if not begun and not out.is_json:
        names = work.names()
        raise UsageError(
            "no embedding has a working version", hint=f"embver new {names[0] if names else 'NAME'}"
        )
    reports = [status(work, name) for name in begun]
    if out.is_json:
        out.json([report.to_plain() for report in reports])
    for report in reports if not out.is_json else ():
        _print(report, out)
    return 0


def _print(report: StatusReport, out: Output) -> None:
    from embver.cli.render import describe_strata, reason_lines

    if report.current is None:
        out.print(f"{out.style(report.name, 'bold')}: first release, {report.proposed}")
        _print_next(report, out)
        return
    out.print(
        f"{out.style(report.name, 'bold')}: {report.current.version} -> {report.proposed}  "
        f"{out.level(report.level_word, report.level_word.upper())}"
    )
    for line in reason_lines(report.reasons, out):
        out.print(line)
    for comparison in report.comparisons:
        out.print(f"  measured against {comparison.old}: {out.verdict(comparison.verdict.word)}")
        describe_strata(comparison, out)
    if report.unmeasured:
        out.print(f"  {out.style('unmeasured', 'yellow')}: {report.unmeasured}")
    judged = report.judgement
    for flag in judged.flags if judged else ():
        out.print(f"  flag: {flag}")
    if judged and judged.needs_reason:
        out.print(f"  needs a written reason: {judged.needs_reason}")
    _print_next(report, out)


def _print_next(report: StatusReport, out: Output) -> None:
    if report.stale:
        out.print(f"  {out.style('not encoded', 'yellow')}: {report.stale}")
        out.hint(f"embver encode {report.name}")
    elif report.is_worth_a_release:
        out.hint(f"embver release {report.name}")
    else:
        out.print("  nothing changed that a user of its vectors could notice")
        out.hint(f"embver diff {report.name}")
