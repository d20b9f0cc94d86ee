"""Decide the level and number of a release: what was computed, what was asked for, and what is not allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embver import history
from embver.actions.status import StatusReport
from embver.actions.workspace import Workspace
from embver.errors import PolicyError, UsageError
from embver.levels import Level
from embver.policy import Judgement
from embver.rules import Strength
from embver.version import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """What `embver release` was asked."""

    name: str
    level: Level | None = None
    reason: str | None = None
    pre: str | None = None
    push: bool = False


def choose_level(report: StatusReport, request: ReleaseRequest) -> tuple[Level, dict[str, Any] | None]:
    """Return the level to release at and, if that is not the computed one, the override for the card."""
    judged = report.judgement
    if judged is None:
        if request.level is not None:
            raise UsageError("the first release has no level: there is nothing that it could break")
        return Level.NONE, None
    chosen = request.level if request.level is not None else judged.level
    if chosen >= judged.level:
        needs_words = judged.needs_reason is not None and chosen < Level.MAJOR and not request.reason
        if needs_words and not _is_explained(report, judged):
            areas = " and ".join(f"`area: {path}`" for path in _asking(judged))
            raise PolicyError(
                f"{request.name}: a {chosen.word} release needs a written reason: {judged.needs_reason}",
                hint=f"embver release {request.name}{_asked(request)} --reason TEXT"
                + (f", or words with {areas} in the card's `changes`" if areas else ""),
            )
        if chosen == judged.level and not (judged.needs_reason and request.reason):
            return chosen, None
        return chosen, _override(judged, chosen, request.reason)
    return chosen, _lower(report, judged, chosen, request)


def _lower(report: StatusReport, judged: Judgement, chosen: Level, request: ReleaseRequest) -> dict[str, Any]:
    """Return the override for a level below the computed one; raise PolicyError where that is not allowed."""
    against = report.current.reference if report.current else ""
    why = _why_not(report, chosen)
    verdict = f", measured {judged.verdict.word}" if judged.verdict else ""
    if chosen < judged.floor:
        raise PolicyError(
            f"refused: {request.name} cannot be released as {chosen.word.upper()}: it breaks what users of "
            f"{against} have{verdict}",
            reasons=why,
            hint=f"embver release {request.name}    (as {judged.level.word.upper()}, {report.proposed})",
        )
    if not request.reason:
        raise PolicyError(
            f"refused: {request.name} calls for {judged.level.word.upper()}, not {chosen.word.upper()}{verdict}",
            reasons=why,
            hint=f"embver release {request.name} --level {chosen.word} --reason TEXT, if you know better",
        )
    return _override(judged, chosen, request.reason)


def _why_not(report: StatusReport, chosen: Level) -> tuple[str, ...]:
    """Return the reasons against a level: the latest release's strata one by one, other versions by verdict."""
    lines: list[str] = []
    for number, comparison in enumerate(report.comparisons):
        if comparison.verdict.is_safe:
            continue
        if number == 0:
            lines += comparison.reasons
        else:
            lines.append(
                f"against {comparison.old}, the first of its line: {comparison.verdict.word} as well"
            )
    named = [reason for reason in report.reasons if reason.strength is not None and reason.level > chosen]
    return (*lines, *(f"{reason.path}: {reason.why}" for reason in named))


def _override(judged: Judgement, chosen: Level, reason: str | None) -> dict[str, Any]:
    words = reason or "none given: a higher level needs none"
    return {"computed": judged.level.word, "chosen": chosen.word, "reason": words}


def _is_explained(report: StatusReport, judged: Judgement) -> bool:
    """Tell whether the card's `changes` speak of every field that asks for a written reason."""
    asking = _asking(judged)
    areas = [str(entry.get("area", "")) for entry in report.card.plain.get("changes") or ()]
    return bool(asking) and all(any(_covers(area, path) for area in areas) for path in asking)


def _asked(request: ReleaseRequest) -> str:
    return f" --level {request.level.word}" if request.level is not None else ""


def _asking(judged: Judgement) -> list[str]:
    return [reason.path for reason in judged.reasons if reason.strength is Strength.SOFT]


def _covers(area: str, path: str) -> bool:
    """Tell whether an area is a path or one above it: `encoders.text` and not `enc`."""
    return path == area or path.startswith((f"{area}.", f"{area}[")) if area else False


def choose_version(work: Workspace, report: StatusReport, level: Level, pre: str | None) -> Version:
    """Return the number that a level gives; a second pre-release counts on from the first.

    Raises UsageError for a pre-release word that makes no version, or none that comes later.
    """
    wanted = report.proposed if report.current is None else report.current.version.bump(level)
    if pre is None:
        return wanted
    begun = [
        release.version
        for release in history.of_name(work.releases, report.name)
        if release.version.is_prerelease and release.version.finished == wanted
    ]
    try:
        made = begun[-1].bump(Level.NONE, pre=pre) if begun else Version.parse(f"{wanted}-{pre}.1")
    except ValueError as error:
        raise UsageError(f"--pre {pre}: {error}", hint="--pre rc") from error
    return made
