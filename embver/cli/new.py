"""`embver new`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding, such as products")
    parser.add_argument(
        "--from",
        dest="origin",
        metavar="REF",
        help="begin from this release, NAME@VERSION or VERSION, instead of the newest: a fix of an older line",
    )
    parser.add_argument(
        "--from-model",
        metavar="MODEL",
        help="fill encoders and preprocessing from a transformers or sentence-transformers folder in the repository, "
        "or from ORG/NAME@COMMIT of the hub",
    )


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Write next/card.yaml."""
    from embver.actions.new import new
    from embver.cli.open import open_for_writing

    report = new(
        open_for_writing(arguments), arguments.name, model=arguments.from_model, origin=arguments.origin
    )
    origin = f"from {report.base}" if report.base else "from the template"
    out.print(f"wrote {report.path} ({origin})")
    if report.previous:
        out.say(f"it is compared with the line of {report.previous}, and not with the latest release")
    for note in report.notes:
        out.say(f"note: {note}")
    out.hint(f"edit it, then: embver encode {arguments.name}")
    return 0
