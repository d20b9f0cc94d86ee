"""`embver deprecate`, and what `embver yank` has in common with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.promote import add_writing, tell_standing, tell_written

if TYPE_CHECKING:
    from embver.actions.deprecate import StatusChange


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REF", help="a released version, such as products@1.1.0")
    parser.add_argument("--reason", metavar="TEXT", help="why: whoever meets the version will read it")
    parser.add_argument("--successor", metavar="REF", help="the version to use instead")
    parser.add_argument("--undo", action="store_true", help="take it back")
    add_writing(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Say of a version that it works, and that one should move on."""
    return change_status(arguments, out, "deprecated")


def change_status(arguments: argparse.Namespace, out: Output, state: str) -> int:
    """Give a version a status, or take it back, and tell what was written."""
    from embver.actions.deprecate import StatusRequest, set_status
    from embver.cli.open import open_for_writing

    request = StatusRequest(
        reference=arguments.reference,
        state=state,
        is_undo=arguments.undo,
        reason=arguments.reason,
        successor=arguments.successor,
        push=arguments.push,
        is_dry_run=arguments.dry_run,
    )
    work = open_for_writing(arguments)
    change = set_status(work, request)
    _note(change, out)
    if out.is_json:
        out.json({**change.to_plain(), "applied": not request.is_dry_run, "pushed": request.push})
        return 0
    if change.tag is None:
        out.print(f"already so: {change.status.sentence(change.reference)}")
        tell_standing(out, change.status.tag, request.push, work.settings.remote)
        return 0
    would = "would be: " if request.is_dry_run else ""
    out.print(f"{would}{change.status.sentence(change.reference)}")
    if change.status.successor:
        out.print(f"  {out.style('use', 'dim')} {change.status.successor}")
    if change.commit:
        out.print(f"  {out.style('card', 'dim')} status, in commit {change.commit[:12]}")
    tags, remote = (change.tag,), work.settings.remote
    tell_written(
        out, tags, request.push, remote, is_dry_run=request.is_dry_run, has_commit=change.commit is not None
    )
    return 0


def _note(change: StatusChange, out: Output) -> None:
    """Say what the command did not do: a card on another branch, stages that still lead to the version."""
    name = change.reference.partition("@")[0]
    if not change.has_card:
        out.say(f"note: this branch does not hold the card of {change.reference}: only the tag says so")
    if change.status.is_active:
        return
    for stage in change.stages:
        instead = change.status.successor or f"{name}@VERSION"
        out.say(f"note: {name}#{stage} is still {change.reference}: embver promote {instead} {stage}")
