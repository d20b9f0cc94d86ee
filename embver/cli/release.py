"""`embver release`."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.errors import UsageError

if TYPE_CHECKING:
    from embver.actions.release import ReleasePlan
    from embver.actions.release_level import ReleaseRequest
    from embver.actions.release_push import Remote
    from embver.actions.workspace import Workspace
    from embver.history import Release


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding whose next/ is released")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument("--level", metavar="L", help="patch, minor or major instead of the computed level")
    parser.add_argument("--reason", metavar="TEXT", help="why, where the policy asks for a written reason")
    parser.add_argument(
        "--allow-regression",
        action="store_true",
        help="release although a gate holds it back; takes --reason, which the card and the tag then tell",
    )
    parser.add_argument("--pre", metavar="ID", help="a pre-release, such as rc: 1.2.0-rc.1")
    parser.add_argument(
        "--build",
        metavar="ID",
        help="another build of the latest version, such as cu126.h200: 1.2.0+cu126.h200, if measured equivalent",
    )
    parser.add_argument(
        "--initial",
        metavar="VERSION",
        help="the number of a first release (default: 1.0.0); 1.0.0 ends 0.y.z",
    )
    parser.add_argument(
        "--sign",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="sign the tag, by gpg or ssh as Git is set up (default: as tag.gpgSign says)",
    )
    parser.add_argument(
        "--push",
        action="store_true",
        help="push LFS objects, branch and tag afterwards; a release that is refused is taken back. "
        "Without a next/, push what was released and is not published",
    )
    parser.add_argument(
        "--notify",
        choices=("mlflow",),
        metavar="TRACKER",
        help="after --push, tag the run that the card names (mlflow); a tracker that fails undoes nothing",
    )
    parser.add_argument(
        "--undo",
        action="store_true",
        help="take back the last release, if it was not pushed: next/ is as before",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Release next/."""
    from embver.actions.lock import release_lock
    from embver.actions.release import plan_release
    from embver.actions.release_apply import apply_release
    from embver.actions.release_push import has_next, look_at_remote, push_release, unpublished
    from embver.cli.open import open_for_writing

    request = _request(arguments)
    work = open_for_writing(arguments)
    work.check_name(arguments.name)
    if arguments.undo:
        return _undo(arguments, work, out)
    _check_notify(arguments, work)
    remote = look_at_remote(work, arguments.name) if arguments.push else None
    earlier = unpublished(work, arguments.name, remote) if remote else ()
    if remote and (earlier or remote.tags) and not has_next(work, arguments.name):
        return _publish(arguments, work, remote, earlier, out)
    # From the plan on: what another release moves meanwhile would look like files that are missing.
    with contextlib.nullcontext() if arguments.dry_run else release_lock(work):
        plan = plan_release(work, request)
        _show(plan, out)
        if arguments.dry_run:
            out.json({**plan.to_plain(), "applied": False}) if out.is_json else out.say(
                "dry run: nothing was changed"
            )
            return 0
        made = apply_release(work, plan)
    if remote:
        push_release(work, remote, (*(release.tag for release in earlier), plan.tag), made)
    if out.is_json:
        done = {**plan.to_plain(), "applied": True, "commit": made.commit, "pushed": arguments.push}
        out.json(done | _notified(arguments, (plan.reference,), out))
        return 0
    pushed = f", pushed to {remote.name}" if remote else ""
    out.print(f"released {plan.reference} as tag {plan.tag} on {made.commit[:12]}{pushed}")
    _notified(arguments, (plan.reference,), out)
    if not remote:
        out.hint("git push --follow-tags, then embver site --build")
    return 0


def _publish(
    arguments: argparse.Namespace, work: Workspace, remote: Remote, releases: tuple[Release, ...], out: Output
) -> int:
    """Push what was released before and is not on the remote."""
    from embver.actions.release_push import push_release
    from embver.cli.release_text import print_published

    if not releases:
        raise UsageError(
            f"{arguments.name} has no working version, and all its releases are on {remote.name}",
            hint=f"embver new {arguments.name}",
        )
    if not arguments.dry_run:
        push_release(work, remote, tuple(release.tag for release in releases))
    print_published(releases, remote.name, out, is_done=not arguments.dry_run)
    if not arguments.dry_run:
        _notified(arguments, tuple(release.reference for release in releases), out)
    return 0


def _check_notify(arguments: argparse.Namespace, work: Workspace) -> None:
    """Raise UsageError for a release of which no tracker could be told, before anything is changed."""
    if arguments.notify is None:
        return
    if not arguments.push:
        raise UsageError(
            "--notify goes with --push: a tracker should not name what nobody can fetch",
            hint=f"embver release {arguments.name} --push --notify {arguments.notify}",
        )
    from embver.actions.notify import check_run
    from embver.actions.release_push import has_next

    if has_next(work, arguments.name):
        check_run(work, work.source(f"{arguments.name}@next"))


def _notified(arguments: argparse.Namespace, references: tuple[str, ...], out: Output) -> dict[str, Any]:
    """Tell the tracker that was asked for, and return what of it belongs into the JSON document."""
    if arguments.notify is None:
        return {}
    from embver.cli.notify import notify_after_push

    return {"notified": notify_after_push(arguments, references, out)}


def _undo(arguments: argparse.Namespace, work: Workspace, out: Output) -> int:
    from embver.actions.release_push import take_back

    taken = take_back(work, arguments.name)
    if out.is_json:
        out.json({"name": taken.name, "version": taken.version, "tag": taken.tag, "undone": True})
    else:
        out.print(f"{taken.reference} is taken back, {taken.old}/ is as before")
    return 0


def _show(plan: ReleasePlan, out: Output) -> None:
    from embver.cli.release_text import print_plan

    if not out.is_json:
        print_plan(plan, out)
    if plan.uncommitted:
        listed = ", ".join(plan.uncommitted[:3]) + (", …" if len(plan.uncommitted) > 3 else "")
        out.say(f"note: a clone of this release would lack what is not committed: {listed}")


def _request(arguments: argparse.Namespace) -> ReleaseRequest:
    from embver.actions.release_level import ReleaseRequest
    from embver.levels import Level
    from embver.version import Version

    levels = ("patch", "minor", "major")
    if arguments.level not in (None, *levels):
        raise UsageError(f"--level {arguments.level}: one of {', '.join(levels)}")
    try:
        initial = Version.parse(arguments.initial) if arguments.initial else None
    except ValueError as error:
        raise UsageError(f"--initial: {error}", hint="--initial 0.1.0") from error
    return ReleaseRequest(
        name=arguments.name,
        level=Level.parse(arguments.level) if arguments.level else None,
        reason=arguments.reason,
        pre=arguments.pre,
        build=arguments.build,
        initial=initial,
        push=arguments.push,
        is_signed=arguments.sign,
        allows_regression=arguments.allow_regression,
    )
