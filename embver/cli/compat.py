"""`embver compat`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="A", help="the version whose index stands, such as products@1.0.0")
    parser.add_argument("new", metavar="B", help="the version that is measured against it")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Measure B against A; exit 1 if they must not meet in one index."""
    from embver.actions.compat import compat, to_plain
    from embver.cli.open import open_workspace
    from embver.cli.render import describe_strata

    found = compat(open_workspace(arguments), arguments.old, arguments.new)
    if out.is_json:
        out.json(to_plain(found))
    else:
        out.print(f"{found.old} -> {found.new}: {out.verdict(found.verdict.word)}")
        describe_strata(found, out)
        for reason in found.reasons:
            out.print(f"  · {reason}")
        out.say(f"exact search over the probe set {found.probe['name']}, rule version {found.rule_version}")
    return 0 if found.verdict.is_safe else 1
