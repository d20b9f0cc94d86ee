"""`embver diff`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "old", metavar="A", help="a version; alone, an embedding: its latest release and next/"
    )
    parser.add_argument("new", metavar="B", nargs="?", help="the version to compare with it")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Compare two versions field by field."""
    from embver.actions.reading import default_pair, diff
    from embver.cli.open import open_workspace
    from embver.cli.render import change_lines

    work = open_workspace(arguments)
    pair = (arguments.old, arguments.new) if arguments.new else default_pair(work, arguments.old)
    report = diff(work, *pair)
    if out.is_json:
        out.json(report.to_plain())
        return 0
    out.print(f"{report.old} -> {report.new}")
    for line in change_lines(report.changes, out):
        out.print(line)
    if not report.changes:
        out.say("no difference")
    return 0
