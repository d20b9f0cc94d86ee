"""`embver encode`."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from embver.cli.encode_output import add_output_arguments, output_fields
from embver.cli.encode_parts import add_part_arguments, encode_shared, own_report
from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.warmup import Warm


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding whose next/ is encoded")
    parser.add_argument("--force", action="store_true", help="encode although no input changed")
    parser.add_argument("-q", "--quiet", action="store_true", help="no plan and no progress on stderr")
    add_json(parser)
    group = parser.add_argument_group("computation")
    group.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    group.add_argument(
        "--profile",
        choices=("strict", "fast"),
        default="strict",
        help="strict (default): the same bytes again on the same machine; fast: whatever is quickest",
    )
    group.add_argument(
        "--compute",
        choices=("float32", "bfloat16", "float16"),
        help="dtype of the computation (default: the card's, else float32); refused unless a sample is equivalent to "
        "float32",
    )
    group.add_argument(
        "--batch",
        type=int,
        metavar="ROWS",
        help="the most rows a batch, at least 16 in strict (default 256); on a CPU tokens decide, by a probe",
    )
    group.add_argument(
        "--threads", type=int, metavar="N", help="batches side by side on a CPU (default: one a core)"
    )
    group.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="threads that read and decode (default: one a core, at most 8)",
    )
    add_output_arguments(parser)
    add_part_arguments(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Encode next/."""
    from embver.actions.encode import encode
    from embver.actions.encoding import EncodeRequest
    from embver.cli.encode_progress import encode_progress
    from embver.cli.encode_render import plain_report, print_report, say_plan, say_warm
    from embver.cli.open import now, open_for_writing

    request = EncodeRequest(
        name=arguments.name,
        force=arguments.force,
        device=arguments.device,
        profile=arguments.profile,
        compute=arguments.compute,
        batch_rows=arguments.batch,
        threads=arguments.threads,
        workers=arguments.workers,
        **output_fields(arguments),
    )
    is_quiet = arguments.quiet or out.is_json
    work = open_for_writing(arguments)

    def say_found(warm: Warm) -> None:
        if not is_quiet:
            say_warm(warm, out)

    with encode_progress(out, is_quiet=is_quiet) as progress:
        say = None if is_quiet else lambda plan: say_plan(plan, out)
        found = encode_shared(arguments, work, request, progress=progress, on_plan=say) or encode(
            work, request, now=now(), progress=progress, on_plan=say, on_warm=say_found
        )
    report = own_report(found, out)
    if report is None:
        return 0
    is_alone = not (arguments.devices or arguments.engine or arguments.merge)
    peak_bytes = peak_memory_bytes() if is_alone else None  # of this process: with others it says nothing
    if out.is_json:
        out.json(plain_report(report, peak_bytes=peak_bytes))
        return 0
    print_report(report, out, peak_bytes=peak_bytes)
    if not report.is_unchanged:
        for note in report.notes:
            out.say(f"note: {note}")
        out.hint(f"embver bench {arguments.name}, or embver status {arguments.name}")
    return 0


def peak_memory_bytes() -> int | None:
    """Return the most memory that this process has held; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
