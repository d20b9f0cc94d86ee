"""`embver demote`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.promote import add_writing, tell_written


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding")
    parser.add_argument("stage", metavar="STAGE", help="the stage that no version is to hold any more")
    parser.add_argument("--reason", metavar="TEXT", help="why, for whoever reads the tag")
    add_writing(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Take a stage back."""
    from embver.actions.promote import StageRequest, demote
    from embver.cli.open import open_for_writing

    request = StageRequest(
        subject=arguments.name,
        stage=arguments.stage,
        reason=arguments.reason,
        push=arguments.push,
        is_dry_run=arguments.dry_run,
    )
    work = open_for_writing(arguments)
    report = demote(work, request)
    if out.is_json:
        out.json({**report.to_plain(), "applied": not request.is_dry_run, "pushed": request.push})
        return 0
    verb = "would be" if request.is_dry_run else "is"
    out.print(f"{report.name}#{report.stage} {verb} empty (before: {report.before})")
    tell_written(out, report.tags, request.push, work.settings.remote, is_dry_run=request.is_dry_run)
    return 0
