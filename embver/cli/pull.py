"""`embver pull`."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REF", help="the version, such as products@1.1.0")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also write plain files into a new folder")
    parser.add_argument("--materialise", action="store_true", help="put bytes in the place of pointers")
    parser.add_argument(
        "--data",
        action="store_true",
        help="also bring the data, corpus and models that the card names and DVC (by its own client) or Git LFS keeps",
    )
    parser.add_argument("--yanked", action="store_true", help="also where the version was withdrawn")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Fetch one version's bytes."""
    from embver.actions.pull import pull
    from embver.cli.open import open_workspace
    from embver.cli.render import human_size

    folder = Path(arguments.directory, arguments.out) if arguments.out else None
    report = pull(
        open_workspace(arguments),
        arguments.reference,
        out=folder,
        materialise=arguments.materialise,
        is_yanked_wanted=arguments.yanked,
        with_data=arguments.data,
    )
    if not report.status.is_active:
        out.say(f"note: {report.status.advice(report.reference)}")
    fetched = f"{human_size(report.fetched_bytes)} fetched" if report.fetched_bytes else "all bytes were here"
    out.print(f"{report.reference}: {len(report.files)} files, {human_size(report.size_bytes)} ({fetched})")
    for each in report.data or ():
        checked = "as the card says" if each.is_checked else "the card has no digest of it"
        out.print(f"{each.what}: {each.path}, {human_size(each.size_bytes)} ({checked})")
    if report.data == ():
        out.say(
            f"note: the card of {report.reference} names nothing that DVC or Git LFS keeps in this repository"
        )
    if report.out:
        out.print(f"wrote {report.out}")
        out.hint(f"cd {shlex.quote(report.out)} && sha256sum -c SHA256SUMS")
    return 0
