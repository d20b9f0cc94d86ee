"""`embver validate`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json

FORMATS = ("text", "json", "github", "sarif")
KINDS = ("shape", "sense", "truth", "frozen")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="cards or folders (default: all)")
    place = parser.add_mutually_exclusive_group()
    place.add_argument(
        "--staged", action="store_true", help="check what would be committed, not the work tree"
    )
    place.add_argument("--rev", metavar="REV", help="check the cards of a commit")
    place.add_argument("--all-history", action="store_true", help="check every release in its own commit")
    parser.add_argument(
        "--only",
        metavar="KIND",
        action="append",
        choices=KINDS,
        help=f"one kind of check, may be given again: {', '.join(KINDS)} (default: all)",
    )
    parser.add_argument(
        "--deep",
        action="store_true",
        help="also read the vectors that are on this machine: rows, numbers, ids",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text, json, github (annotations) or sarif (code hosts)",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Check cards."""
    from embver.actions.validate import validate
    from embver.errors import UsageError

    if arguments.paths and (arguments.rev or arguments.all_history):
        raise UsageError("--rev and --all-history take no PATH: they check every card of a commit")
    # pre-commit names no file when it is asked for all of them: then nothing is staged, and all are meant.
    report = validate(
        Path(arguments.directory).absolute(),
        arguments.paths,
        staged=arguments.staged,
        or_all=bool(os.environ.get("PRE_COMMIT")),
        revision=arguments.rev,
        all_history=arguments.all_history,
        only=arguments.only or (),
        deep=arguments.deep,
    )
    form = "json" if out.is_json else arguments.format
    if form == "json":
        out.json({"problems": [problem.to_plain() for problem in report.problems]})
    elif form == "sarif":
        from embver.cli.report_sarif import sarif

        out.json(sarif(report.problems))
    elif form == "github":
        from embver.cli.report_github import annotation

        for problem in report.problems:
            out.print(annotation(problem))
    else:
        for problem in report.problems:
            out.print(problem.format())
    if form in ("text", "github"):
        cards = f"{report.checked} {'card' if report.checked == 1 else 'cards'}"
        count = len(report.problems)
        counted = f", {count} {'problem' if count == 1 else 'problems'}" if count else ""
        if report.checked or not arguments.staged:  # a commit without cards is none of the hook's business
            out.say(f"{cards} checked{counted}")
    return 1 if report.problems else 0
