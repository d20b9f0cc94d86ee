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
    from embver.cli.site_data import site_settings
    from embver.site.build import mkdocs_config
    from embver.store.config import load_settings
    from embver.store.repo import Repository
    from embver.store.templates import render_template

    folder = Path(arguments.directory).absolute()
    site = load_settings(Repository.discover(folder).root).site  # of a repository that has settings already
    title = str(arguments.title or site.get("title") or f"{folder.resolve().name} embeddings")
    settings = site_settings(site)
    request = InitRequest(
        python=sys.executable,
        files={"mkdocs.yml": mkdocs_config(title, render_template, settings=settings)},
        ignored=settings.ignored,
        output=settings.output,
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
