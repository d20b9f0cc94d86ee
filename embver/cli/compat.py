"""`embver compat`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.comparing import Comparison


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="A", help="the version whose index stands, such as products@1.0.0")
    parser.add_argument("new", metavar="B", help="the version that is measured against it")
    parser.add_argument("--all", action="store_true", help="print every measure, not only those that decide")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Measure B against A; exit 1 if they must not meet in one index."""
    from embver.actions.compat import compat, to_plain
    from embver.cli.measures import bridge_rows, describe_bridges, describe_measures, floor_lines
    from embver.cli.open import open_workspace
    from embver.cli.render import describe_strata
    from embver.levels import Verdict

    found = compat(open_workspace(arguments), arguments.old, arguments.new)
    if out.is_json:
        out.json(to_plain(found))
    else:
        out.print(f"{found.old} -> {found.new}: {out.verdict(found.verdict.word)}")
        describe_strata(found, out)
        if arguments.all:
            describe_measures(found, out)
        for line in floor_lines(found.floor, {"old": found.old, "new": found.new}):
            out.print(out.style(line, "dim"))
        for reason in found.reasons:
            out.print(f"  · {reason}")
        bridged = bridge_rows(found)
        if bridged:
            describe_bridges(bridged, out)
        for note in found.notes:
            out.print(f"  · {note}")
        out.say(
            f"exact search over {found.probe['items']:,} items of the probe set {found.probe['name']}{part(found)}"
        )
        if bridged and found.verdict is not Verdict.BRIDGEABLE:
            out.hint(f"embver bridge {found.old} {found.new}")
    return 0 if found.verdict.is_safe else 1


def part(found: Comparison) -> str:
    """Return what else there is to know of the numbers: a common part of two probe sets, the rule's version."""
    common = ": those that both versions encoded, of two different sets" if "sets" in found.probe else ""
    prefixes = sum("dimensions" in stratum for stratum in found.strata)
    served = (
        f"; {prefixes} of {len(found.strata)} strata judge served prefixes of the vectors" if prefixes else ""
    )
    changed = f" with {', '.join(found.rule)} of this repository" if found.rule else ""
    return f"{common}{served}; rule version {found.rule_version}{changed}"
