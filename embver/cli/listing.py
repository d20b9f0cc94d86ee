"""`embver list`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="one embedding (default: all)")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """List releases in SemVer order."""
    from embver.actions.reading import list_releases
    from embver.cli.open import open_workspace

    work = open_workspace(arguments)
    entries = list_releases(work, arguments.name)
    if work.repo.is_shallow():
        out.say("note: this clone is shallow: it may lack tags (git fetch --unshallow --tags)")
    if out.is_json:
        out.json([entry.to_plain() for entry in entries])
        return 0
    if not entries:
        out.say("no releases yet")
        out.hint("embver new NAME")
        return 0
    rows = [
        (
            entry.release.name,
            str(entry.release.version),
            out.level(entry.release.level),
            out.verdict(entry.release.verdict),
            entry.release.date[:10],
            entry.status,
        )
        for entry in entries
    ]
    out.table(("name", "version", "level", "verdict", "date", "status"), rows)
    return 0
