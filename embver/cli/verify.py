"""`embver verify`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("references", metavar="REF", nargs="*", help="versions (default: every release)")
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="tags, cards and pointers only: hash no bytes")
    depth.add_argument(
        "--deep", action="store_true", help="also read the vectors: shape, norms, content digests"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Prove that nothing moved; exit 1 if something did."""
    from embver.actions.verify import verify
    from embver.cli.open import open_workspace
    from embver.cli.render import human_size

    report = verify(
        open_workspace(arguments), tuple(arguments.references), quick=arguments.quick, deep=arguments.deep
    )
    if out.is_json:
        out.json(report.to_plain())
        return 0 if report.ok else 1
    colours = {"missing": "red", "changed": "red", "extra": "yellow", "unverified": "yellow"}
    for finding in report.findings:
        word = out.style(finding.kind, colours[finding.kind])
        out.print(f"{word} {finding.reference} {finding.path}: {finding.why}")
    count = len(report.references)
    absent = sum(finding.kind == "unverified" for finding in report.findings)
    agree = f"what is here agrees, {absent} could not be looked at" if absent else "all agree"
    colour = "yellow" if absent else "green"
    verdict = out.style(agree, colour) if report.ok else out.style("they do not agree", "red")
    hashed = f", {human_size(report.hashed_bytes)} hashed" if report.hashed_bytes else ""
    out.print(f"{count} {'version' if count == 1 else 'versions'} checked{hashed}: {verdict}")
    return 0 if report.ok else 1
