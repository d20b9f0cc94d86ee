"""What `embver release` says of a plan, and of what it published."""

from __future__ import annotations

from collections.abc import Sequence

from embver.actions.release import ReleasePlan
from embver.actions.release_gates import allowed_lines
from embver.cli.output import Output
from embver.cli.render import describe_strata, reason_lines
from embver.history import Release


def print_plan(plan: ReleasePlan, out: Output) -> None:
    """Print number, level, reasons, what was measured, and the override."""
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
    if plan.allowed_regressions:
        out.print(f"  {out.style('regressions let through', 'yellow')}: {plan.allowed_regressions['reason']}")
        for line in allowed_lines(plan.allowed_regressions):
            out.print(f"    · {line}")
    if plan.extra:
        out.print(f"  for DVC, in the same commit: {', '.join(sorted(plan.extra, reverse=True))}")
    if plan.is_signed:
        out.print("  the tag will be signed")


def print_published(releases: Sequence[Release], remote: str, out: Output, *, is_done: bool) -> None:
    """Print which releases, made before, were pushed now."""
    if out.is_json:
        newest = releases[-1]
        plain = {
            "name": newest.name,
            "version": str(newest.version),
            "tag": newest.tag,
            "commit": newest.commit,
        }
        out.json({**plain, "applied": False, "pushed": is_done})
        return
    listed = ", ".join(release.reference for release in releases)
    out.print(f"{'pushed' if is_done else 'would push'} {listed} to {remote}")
