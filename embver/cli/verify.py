"""`embver verify`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.cli.verify_reencode import show_reencoded
from embver.errors import UsageError

if TYPE_CHECKING:
    from embver.actions.reencode import ReencodeRequest
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
    again = parser.add_argument_group("encoding again, to see that the vectors are what their card says")
    again.add_argument(
        "--reencode",
        action="store_true",
        help="also encode a sample of REF again on this machine, by its card's own recipe, and say which tier holds: "
        "R0 bit-identical, R1 equivalent, R2 functional, or none",
    )
    again.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="rows of each modality, drawn by a seed from the card's digest (default 64; 0: all)",
    )
    again.add_argument("--device", metavar="DEVICE", help="auto (default), cpu, cuda or cuda:N")
    again.add_argument(
        "--threads", type=int, metavar="N", help="threads of the computation (default: torch's)"
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
    with out.progress() as progress:
        report = verify(work, replace(request, reencode=_reencode_request(arguments, progress)))
    for note in report.notes:
        out.say(f"note: {note}")
    if out.is_json:
        out.json(report.to_plain())
        return _code(report)
    for finding in report.findings:
        word = out.style("signature" if finding.kind == "signatures" else finding.kind,
                         _COLOURS.get(finding.kind, "red"))  # fmt: skip
        named = (
            finding.reference if finding.reference == finding.path else f"{finding.reference} {finding.path}"
        )
        out.print(f"{word} {named}: {finding.why}")
    if report.references or report.findings or not report.notes:
        out.print(_conclusion(report, out))
    for each in report.reencoded or ():
        show_reencoded(each, out)
    return _code(report)


def _code(report: VerifyReport) -> int:
    """Return 1 for a finding, and 3 where what was to be encoded again is not here: nothing was found out."""
    return 1 if not report.ok else 3 if report.is_open else 0


def _reencode_request(
    arguments: argparse.Namespace, progress: Callable[[str, int, int], None]
) -> ReencodeRequest | None:
    options = {key: getattr(arguments, key) for key in ("sample", "device", "threads")}
    given = {key: value for key, value in options.items() if value is not None}
    if not arguments.reencode:
        if given:
            raise UsageError(f"--{next(iter(given))} needs --reencode")
        return None
    if given.get("sample", 0) < 0:
        raise UsageError(f"--sample {given['sample']}: a number of rows, or 0 for all")
    if given.get("threads", 1) < 1:
        raise UsageError(f"--threads {given['threads']}: at least 1")
    from embver.actions.reencode import ReencodeRequest

    return ReencodeRequest(progress=progress, **given)


def _conclusion(report: VerifyReport, out: Output) -> str:
    from embver.cli.render import human_size

    count = len(report.references)
    absent = sum(finding.kind == "unverified" for finding in report.findings)
    agree = f"what is here agrees, {absent} could not be looked at" if absent else "all agree"
    colour = "yellow" if absent else "green"
    verdict = out.style(agree, colour) if report.ok else out.style("they do not agree", "red")
    hashed = f", {human_size(report.hashed_bytes)} hashed" if report.hashed_bytes else ""
    return f"{count} {'version' if count == 1 else 'versions'} checked{hashed}: {verdict}"
