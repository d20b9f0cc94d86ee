"""`embver encode`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding whose next/ is encoded")
    parser.add_argument("--force", action="store_true", help="encode although no input changed")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    parser.add_argument(
        "--batch", type=int, default=64, metavar="ROWS", help="rows a batch, at least 16 (default 64)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="threads of the computation (default: torch's)"
    )


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Encode next/."""
    from embver.actions.encode import encode
    from embver.actions.encoding import EncodeRequest
    from embver.cli.open import now, open_for_writing
    from embver.cli.render import human_size

    if arguments.threads is not None and arguments.threads < 1:
        raise UsageError(f"--threads {arguments.threads}: at least 1")
    request = EncodeRequest(
        name=arguments.name,
        force=arguments.force,
        device=arguments.device,
        batch_rows=arguments.batch,
        threads=arguments.threads,
    )
    work = open_for_writing(arguments)
    with out.progress() as progress:
        report = encode(work, request, now=now(), progress=progress)
    if report.is_unchanged:
        out.print(f"{report.reference}: nothing to encode, no input changed ({report.inputs[:19]}…)")
        return 0
    for artifact in report.artifacts:
        rows = f"{artifact['rows']:>8,} rows" if "rows" in artifact else " " * 13
        size = human_size(artifact["size_bytes"])
        out.print(f"  {artifact['path']:<22}{rows}  {size:>9}  sha256:{artifact['sha256'][:16]}…")
    rates = ", ".join(f"{rate:,.0f} {modality}s/s" for modality, rate in report.rates.items())
    out.print(f"{report.reference}: encoded in {report.elapsed_s:.1f} s ({rates})")
    out.hint(f"embver bench {arguments.name}, or embver status {arguments.name}")
    return 0
