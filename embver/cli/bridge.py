"""`embver bridge`."""

from __future__ import annotations

import argparse
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json

METHODS = ("shift", "procrustes", "scaled", "ridge")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("old", metavar="A", help="the version whose index stays, such as products@1.0.0")
    parser.add_argument("new", metavar="B", help="the version whose queries are to be mapped into it")
    parser.add_argument(
        "--method",
        choices=METHODS,
        help="one kind of map, and not the one that does best on a held-out third",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the map as safetensors")
    parser.add_argument(
        "--save",
        action="store_true",
        help="keep it in NAME@next as bridges/VERSION.safetensors, to be released",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Learn the map and judge it; exit 1 if it is not worth using."""
    from embver.actions.bridge import BridgeRequest, bridge
    from embver.cli.measures import describe_bridges
    from embver.cli.open import open_workspace
    from embver.levels import Verdict

    request = BridgeRequest(
        old=arguments.old, new=arguments.new, method=arguments.method, out=arguments.out, save=arguments.save
    )
    found = bridge(open_workspace(arguments), request)
    if out.is_json:
        out.json(found.to_plain())
    else:
        out.print(f"{found.new} queries -> {found.old} index: {out.verdict(found.verdict.word)}")
        for modality, learned in found.learned.items():
            before, after = learned.bridge.dimensions
            tried = ", ".join(f"{name} {score:.3f}" for name, score in learned.tried.items())
            out.print(
                f"    {modality}: {learned.bridge.method} {before} x {after}, fitted on {len(learned.fitted_ids):,} "
                f"queries; chosen on a third of them: {tried}"
            )
        if found.strata:
            describe_bridges(found.strata, out)
        for reason in (*found.reasons, *(f"no bridge: {why}" for why in found.missing)):
            out.print(f"  · {reason}")
        probe = found.probe
        if found.strata and not found.without.is_safe:
            out.say(
                "bridgeable: at least 85 % recovered, and surely more found than by keeping the old encoder"
            )
        out.say(f"exact search over {probe['items']:,} items of the probe set {probe['name']}")
    if found.file is not None:
        out.say(f"wrote {found.file}")
        if arguments.save:
            out.hint(f"embver status {found.new.partition('@')[0]}")
    return 0 if found.verdict.is_safe or found.verdict is Verdict.BRIDGEABLE else 1
