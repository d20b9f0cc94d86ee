"""`embver status`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embver.actions.comparing import Comparison
    from embver.actions.readiness import Missing, Readiness
    from embver.actions.status import StatusReport
    from embver.cli.changes import Group

_WHAT = 56  # signs of what is missing; where it takes more, the command stands on a line of its own
_FIELDS = 4  # of one group of changes; `embver diff` shows all
TOLD = ("unmeasured", "inconclusive")  # flags that other lines tell already


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the embedding (default: all with a next/)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="print Markdown for a comment on a pull request")
    add_json(form)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show what a release would be and what it lacks; exit 1 if a card is not valid."""
    from embver.actions.readiness import begun, readiness
    from embver.cli.open import open_workspace
    from embver.errors import UsageError

    work = open_workspace(arguments)
    names = (arguments.name,) if arguments.name else begun(work)
    if not names and not out.is_json and not arguments.md:
        known = work.names()
        raise UsageError(
            "no embedding has a working version", hint=f"embver new {known[0] if known else 'NAME'}"
        )
    found = [readiness(work, name) for name in names]
    if out.is_json:
        out.json(found[0].to_plain() if arguments.name else [each.to_plain() for each in found])
    elif arguments.md:
        from embver.cli.status_md import status_markdown

        out.print(status_markdown(found))
    else:
        for number, each in enumerate(found):
            out.print() if number else None
            _print(each, out)
    return 0 if all(each.is_valid for each in found) else 1


def _print(found: Readiness, out: Output) -> None:
    report = found.report
    if report is None:
        out.print(f"{out.style(found.name, 'bold')}: {out.style('cannot be released yet', 'red')}")
    else:
        _print_report(report, out)
    for problem in found.problems:
        out.print(f"  {problem.format()}")
    if found.missing:
        out.print(f"  {out.style('still missing before a release', 'bold')}")
    width = max((len(entry.what) for entry in found.missing if len(entry.what) <= _WHAT), default=0)
    for entry in found.missing:
        sign, hint = out.style("✗", "red") if entry.blocks else out.style("·", "yellow"), f"-> {entry.hint}"
        if len(entry.what) <= _WHAT:
            out.print(f"    {sign} {entry.what:<{width}}  {out.style(hint, 'dim')}")
            continue
        out.print(f"    {sign} {entry.what}")
        out.print(f"      {out.style(hint, 'dim')}")
    _print_next(found, out)


def _print_report(report: StatusReport, out: Output) -> None:
    from embver.cli.changes import grouped
    from embver.cli.render import describe_strata

    name, judged = out.style(report.name, "bold"), report.judgement
    if report.current is None or judged is None:
        out.print(f"{name}: first release, {report.proposed}")
        return
    if report.is_worth_a_release:
        level = out.level(report.level_word, report.level_word.upper())
        out.print(f"{name}: {report.current.version} -> {report.proposed}  {level}")
        out.print(f"  {_how(report, out)}")
    else:
        out.print(f"{name}: {report.current.version}, nothing to release yet")
    _print_changes(grouped(report.changes, report.reasons), out)
    for number, comparison in enumerate(report.comparisons):
        stale = " (the vectors are stale)" if report.stale else ""
        out.print(f"  measured against {comparison.old}: {out.verdict(comparison.verdict.word)}{stale}")
        if number == 0 or comparison.verdict is not report.comparisons[0].verdict:
            describe_strata(comparison, out)
        for note in remarks(comparison):
            out.print(f"    · {note}")
    if report.unmeasured and report.stale is None:
        out.print(f"  {out.style('unmeasured', 'yellow')}: {report.unmeasured}")
    for flag in judged.flags:
        if flag not in TOLD:
            out.print(f"  {out.style('flag', 'yellow')}: {flag}")


def remarks(comparison: Comparison) -> tuple[str, ...]:
    """Return what else there is to know of a comparison: that only a common part was measured, and its notes."""
    items = comparison.probe.get("items")
    common = f"on the {items:,} items that both versions encoded, of two different probe sets"
    return ((common,) if "sets" in comparison.probe else ()) + comparison.notes


def _print_changes(groups: Sequence[Group], out: Output) -> None:
    """Print what changed by level; of files, which follow from all else, how many, and of words how many fields."""
    from embver.cli.changes import change_lines

    heavy = [group for group in groups if group.level]
    files = [group for group in heavy if all(change.where[0] == "artifacts" for change in group.changes)]
    is_about_files = len(files) == len(heavy)
    shown = heavy if is_about_files else [group for group in heavy if group not in files]
    for line in change_lines(shown, out, indent="  ", limit=_FIELDS):
        out.print(line)
    names = dict.fromkeys(
        change.where[1].strip("[]") for group in files for change in group.changes if change.where[1:]
    )
    if names and not is_about_files:
        out.print(out.style(f"  and so the bytes of {', '.join(names)}", "dim"))
    words = sum(len(group.changes) for group in groups if not group.level)
    if words:
        told = "field changed that moves" if words == 1 else "fields changed that move"
        out.print(out.style(f"  {words} {'more ' if heavy else ''}{told} no vector", "dim"))


def _how(report: StatusReport, out: Output) -> str:
    """Return in one line how the level came about: what the card presumes, what was measured."""
    judged = report.judgement
    assert judged is not None
    presumed = f"the card presumes {out.level(judged.presumed.word, _upper(judged.presumed.word))}"
    if judged.verdict is None:
        return f"{presumed}, nothing was measured"
    became = "" if judged.level is judged.presumed else f": {_upper(judged.level.word)}"
    return f"{presumed}, measured {out.verdict(judged.verdict.word)}{became}"


def _upper(word: str) -> str:
    return word if word == "none" else word.upper()


def _print_next(found: Readiness, out: Output) -> None:
    report = found.report
    blocking: Missing | None = next((entry for entry in found.missing if entry.blocks), None)
    if blocking is not None:
        out.hint(blocking.hint)
    elif report is not None and report.is_worth_a_release:
        out.hint(f"embver release {found.name}")
    else:
        out.print("  nothing changed that a user of its vectors could notice")
        out.hint(f"embver diff {found.name}")
