"""`embver verify`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.verify import VerifyReport

_COLOURS = {"unverified": "yellow", "extra": "yellow", "ignored": "dim"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("references", metavar="REF", nargs="*", help="versions (default: every release)")
    parser.add_argument(
        "--tag",
        metavar="TAG",
        help="the release of one tag, by name or as refs/tags/..., as a CI job is given it; a branch has none",
    )
    depth = parser.add_mutually_exclusive_group()
    depth.add_argument("--quick", action="store_true", help="tags, cards and pointers only: hash no bytes")
    depth.add_argument(
        "--deep", action="store_true", help="also read the vectors: shape, norms, content digests"
    )
    parser.add_argument(
        "--remote",
        metavar="NAME",
        nargs="?",
        const="",
        help="also compare the tags with a remote's (default: origin)",
    )
    parser.add_argument(
        "--signatures",
        action="store_true",
        help="also check that tags are signed, and by signers known to Git",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Prove that nothing moved; exit 1 if something did."""
    from embver.actions.verify import VerifyRequest, verify
    from embver.cli.open import open_workspace

    work = open_workspace(arguments)
    request = VerifyRequest(
        references=tuple(arguments.references),
        tag=arguments.tag,
        quick=arguments.quick,
        deep=arguments.deep,
        remote=arguments.remote if arguments.remote is None else arguments.remote or work.settings.remote,
        signatures=arguments.signatures,
    )
    report = verify(work, request)
    for note in report.notes:
        out.say(f"note: {note}")
    if out.is_json:
        out.json(report.to_plain())
        return 0 if report.ok else 1
    for finding in report.findings:
        word = out.style("signature" if finding.kind == "signatures" else finding.kind,
                         _COLOURS.get(finding.kind, "red"))  # fmt: skip
        named = (
            finding.reference if finding.reference == finding.path else f"{finding.reference} {finding.path}"
        )
        out.print(f"{word} {named}: {finding.why}")
    if report.references or report.findings or not report.notes:
        out.print(_conclusion(report, out))
    return 0 if report.ok else 1


def _conclusion(report: VerifyReport, out: Output) -> str:
    from embver.cli.render import human_size

    count = len(report.references)
    absent = sum(finding.kind == "unverified" for finding in report.findings)
    agree = f"what is here agrees, {absent} could not be looked at" if absent else "all agree"
    colour = "yellow" if absent else "green"
    verdict = out.style(agree, colour) if report.ok else out.style("they do not agree", "red")
    hashed = f", {human_size(report.hashed_bytes)} hashed" if report.hashed_bytes else ""
    return f"{count} {'version' if count == 1 else 'versions'} checked{hashed}: {verdict}"
