"""`embver promote`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REF", help="a released version, such as products@1.1.0")
    parser.add_argument("stage", metavar="STAGE", help="such as staging or prod")
    parser.add_argument("--reason", metavar="TEXT", help="why, for whoever reads the tag")
    add_writing(parser)


def add_writing(parser: argparse.ArgumentParser) -> None:
    """Add what every command of the life cycle takes."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the tags and change nothing")
    parser.add_argument(
        "--push", action="store_true", help="push as well; what the remote refuses never happened"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Give a stage to a version."""
    from embver.actions.promote import StageRequest, promote
    from embver.cli.open import open_for_writing

    request = StageRequest(
        subject=arguments.reference,
        stage=arguments.stage,
        reason=arguments.reason,
        push=arguments.push,
        is_dry_run=arguments.dry_run,
    )
    work = open_for_writing(arguments)
    report = promote(work, request)
    if not report.status.is_active:
        out.say(f"note: {report.status.advice(str(report.reference))}")
    if out.is_json:
        out.json({**report.to_plain(), "applied": not request.is_dry_run, "pushed": request.push})
        return 0
    place = f"{report.name}#{report.stage}"
    if not report.tags:
        out.print(f"{place} is {report.reference} already")
        tell_standing(out, report.standing, request.push, work.settings.remote)
        return 0
    before = f" (before: {report.before})" if report.before else ""
    verb = "would be" if request.is_dry_run else "is"
    out.print(f"{place} {verb} {report.reference}{before}")
    tell_written(out, report.tags, request.push, work.settings.remote, is_dry_run=request.is_dry_run)
    return 0


def tell_standing(out: Output, tag: str | None, is_push_wanted: bool, remote: str) -> None:
    """Say how to push a tag that was there already: nothing was written, and so nothing was pushed."""
    import shlex

    if is_push_wanted and tag is not None:
        out.say("nothing was pushed")
        out.hint(f"git push {remote} {shlex.quote(tag)}")


def tell_written(
    out: Output,
    tags: tuple[str, ...],
    is_pushed: bool,
    remote: str,
    *,
    is_dry_run: bool,
    has_commit: bool = False,
) -> None:
    """Print which tags were written, and what is left to do."""
    import shlex

    for tag in tags:
        out.print(f"  {out.style('tag', 'dim')} {tag}")
    if is_dry_run:
        out.say("dry run: nothing was changed")
    elif is_pushed:
        out.print(f"pushed to {remote}")
    else:
        refs = [*(["HEAD"] if has_commit else []), *tags]
        out.hint(f"git push {'--atomic ' if len(refs) > 1 else ''}{remote} {shlex.join(refs)}")
