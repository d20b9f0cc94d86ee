"""`embver list`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json

_MOST_NOTES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="one embedding (default: all)")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """List releases in SemVer order."""
    from embver.actions.listing import Listed, list_releases
    from embver.cli.open import open_workspace

    work = open_workspace(arguments)
    listing = list_releases(work, arguments.name)
    if work.repo.is_shallow():
        out.say("note: this clone is shallow: it may lack tags (git fetch --unshallow --tags)")
    for note in listing.notes[:_MOST_NOTES]:
        out.say(f"note: {note}")
    if len(listing.notes) > _MOST_NOTES:
        out.say(f"note: and {len(listing.notes) - _MOST_NOTES} more tags like these")
    entries = listing.releases
    if out.is_json:
        out.json_rows(Listed._fields, entries)
        return 0
    if not entries:
        out.say("no releases yet")
        out.hint("embver new NAME")
        return 0
    # Thousands of rows have three levels and six verdicts: each is coloured once.
    names, versions, _, _, dates, levels, verdicts, states, stages = zip(*entries, strict=True)
    level = {word: out.level(word) for word in set(levels)}
    verdict = {word: out.verdict(word) for word in set(verdicts)}
    status = {word: out.status(word) for word in set(states)}
    columns = {
        "name": names,
        "version": versions,
        "level": [level[word] for word in levels],
        "verdict": [verdict[word] for word in verdicts],
        "date": [date[:10] for date in dates],
        "status": [status[word] for word in states],
    }
    if any(stages):
        columns["stages"] = [", ".join(held) for held in stages]
    out.columns(columns)
    return 0
