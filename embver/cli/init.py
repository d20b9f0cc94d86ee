"""`embver init`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--ci", choices=("github", "gitlab"), help="also write a CI workflow")
    parser.add_argument("--probe", metavar="FOLDER", help="the probe set, such as probes/shop-1k")
    parser.add_argument("--title", help="the title of the published changelog")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Set up the repository."""
    from embver.actions.init import InitRequest, init
    from embver.site.build import IGNORED, mkdocs_config
    from embver.store.templates import render_template

    folder = Path(arguments.directory).absolute()
    title = arguments.title or f"{folder.resolve().name} embeddings"
    request = InitRequest(
        python=sys.executable,
        files={"mkdocs.yml": mkdocs_config(title, render_template)},
        ignored=IGNORED,
        ci=arguments.ci,
        probe=arguments.probe,
        title=title,
    )
    report = init(folder, request)
    for name in report.written:
        out.print(f"wrote {name}")
    for name in report.kept:
        out.print(f"kept  {name}")
    for note in report.notes:
        out.say(f"note: {note}")
    out.hint("embver new NAME")
    return 0
