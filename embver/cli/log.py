"""`embver log`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="one embedding (default: all)")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Show releases, the newest first, each with what changed."""
    from embver.actions.reading import log, settled
    from embver.cli.open import open_workspace
    from embver.cli.render import reason_lines

    entries = log(open_workspace(arguments), arguments.name)
    if out.is_json:
        out.json([entry.to_plain() for entry in entries])
        return 0
    for entry in entries:
        release = entry.release
        out.print(
            f"{out.style(release.reference, 'bold')}  {out.level(release.level)}  "
            f"{out.verdict(release.verdict)}  {out.style(release.date[:10], 'dim')}"
            + "".join(f"  {out.style(f'#{stage}', 'green')}" for stage in entry.stages)
        )
        if not entry.status.is_active:
            said = entry.status.advice("").removeprefix(f" is {entry.status.state}")
            out.print(f"  {out.status(entry.status.state)}{said}")
        for words in entry.card.plain.get("changes") or ():
            out.print(f"  {words['text']}")
        for line in reason_lines(settled(entry), out):
            out.print(line)
        out.print()
    return 0
