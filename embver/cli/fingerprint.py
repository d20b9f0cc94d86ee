"""`embver fingerprint`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "reference", metavar="REF", help="such as products@2.1.0 or products@next, or the path of any card"
    )
    parser.add_argument(
        "--explain", action="store_true", help="print the canonical JSON that is hashed, not the fingerprint"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Print a fingerprint; exit 1 where a released card names another one."""
    from embver.actions.fingerprint import fingerprint

    found = fingerprint(Path(arguments.directory).absolute(), arguments.reference)
    if out.is_json:
        out.json(found.to_plain())
    elif not arguments.explain:
        out.print(found.space_id)
    elif sys.stdout.isatty():
        out.print(found.canonical)
    else:  # byte for byte what is hashed, but for the line break
        print(found.canonical)
    name = found.of.partition("@")[0] if "@" in found.of else "NAME"
    if found.unweighed:
        listed = " and ".join(found.unweighed)
        out.say(
            f"note: the weights of {listed} are not in the card yet: with them the fingerprint is another one"
        )
        out.hint(f"embver encode {name}")
    elif not found.is_as_recorded and not found.is_released:
        out.say(f"note: {found.of} holds vectors of another space, {found.recorded}")
        out.hint(f"embver encode {name}")
    elif not found.is_as_recorded:
        out.error(
            f"the card of {found.of} names another one: {found.recorded}", hint=f"embver verify {found.of}"
        )
        return 1
    return 0
