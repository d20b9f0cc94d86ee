"""`embver release`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding whose next/ is released")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the plan and change nothing")
    parser.add_argument("--level", metavar="L", help="patch, minor or major instead of the computed level")
    parser.add_argument("--reason", metavar="TEXT", help="why, where the policy asks for a written reason")
    parser.add_argument("--pre", metavar="ID", help="a pre-release, such as rc: 1.2.0-rc.1")
    parser.add_argument("--push", action="store_true", help="push branch, tag and LFS objects afterwards")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Release next/."""
    from embver.actions.release import apply_release, plan_release, push_release
    from embver.actions.release_level import ReleaseRequest
    from embver.cli.open import open_for_writing
    from embver.cli.render import describe_strata, reason_lines
    from embver.levels import Level

    levels = ("patch", "minor", "major")
    if arguments.level not in (None, *levels):
        raise UsageError(f"--level {arguments.level}: one of {', '.join(levels)}")
    level = Level.parse(arguments.level) if arguments.level else None
    request = ReleaseRequest(
        name=arguments.name, level=level, reason=arguments.reason, pre=arguments.pre, push=arguments.push
    )
    work = open_for_writing(arguments)
    plan = plan_release(work, request)
    if not out.is_json:
        previous = f"{plan.previous} -> " if plan.previous else ""
        out.print(f"{previous}{out.style(plan.reference, 'bold')}  {out.level(plan.level)}")
        for line in reason_lines(plan.report.reasons, out):
            out.print(line)
        for found in plan.report.comparisons:
            out.print(f"  measured against {found.old}: {out.verdict(found.verdict.word)}")
            describe_strata(found, out)
        if plan.override:
            chosen, computed = plan.override["chosen"], plan.override["computed"]
            told = f"computed {computed}, chosen {chosen}" if chosen != computed else "the written reason"
            out.print(f"  {told}: {plan.override['reason']}")
    if plan.uncommitted:
        listed = ", ".join(plan.uncommitted[:3]) + (", …" if len(plan.uncommitted) > 3 else "")
        out.say(f"note: a clone of this release would lack what is not committed: {listed}")
    if arguments.dry_run:
        out.json({**plan.to_plain(), "applied": False}) if out.is_json else out.say(
            "dry run: nothing was changed"
        )
        return 0
    commit = apply_release(work, plan)
    if not out.is_json:
        out.print(f"released {plan.reference} as tag {plan.tag} on {commit[:12]}")
    if arguments.push:
        push_release(work, plan)
    if out.is_json:
        out.json({**plan.to_plain(), "applied": True, "commit": commit, "pushed": arguments.push})
    elif arguments.push:
        out.print(f"pushed to {work.settings.remote}")
    else:
        out.hint("git push --follow-tags, then embver site --build")
    return 0
