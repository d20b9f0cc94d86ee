"""Decide the level and number of a release: what was computed, what was asked for, and what is not allowed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embver.actions.status import StatusReport
from embver.actions.workspace import Workspace
from embver.errors import PolicyError, UsageError
from embver.levels import Level, Verdict
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
    build: str | None = None  # another build of the latest version: the identifiers behind its `+`
    initial: Version | None = None  # the number of a first release, or 1.0.0 to leave 0.y.z
    push: bool = False
    is_signed: bool | None = None  # None: as Git's configuration says
    allows_regression: bool = False  # although a gate holds it back

    def __post_init__(self) -> None:
        given = [f"--{word}" for word in ("pre", "build", "initial") if getattr(self, word) is not None]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} exclude each other: each decides the number")
        if self.build is not None and self.level is not None:
            raise UsageError("--build and --level exclude each other: a build keeps the version's number")
        if self.allows_regression and not self.reason:
            raise UsageError(
                "--allow-regression needs a written reason: users will want to know why",
                hint="--allow-regression --reason TEXT",
            )


def choose_level(
    report: StatusReport, request: ReleaseRequest, *, by: str | None
) -> tuple[Level, dict[str, Any] | None]:
    """Return the level to release at and, if that is not the computed one, the override for the card.

    `by` is who decides, by name.
    """
    if request.build is not None:
        _check_build(report, request)
        return Level.NONE, None
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
        return chosen, _override(report, judged, chosen, request.reason, by)
    _check_lower(report, judged, chosen, request)
    return chosen, _override(report, judged, chosen, request.reason, by)


def _check_lower(report: StatusReport, judged: Judgement, chosen: Level, request: ReleaseRequest) -> None:
    """Raise PolicyError where a level below the computed one is not allowed, or has no reason."""
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


def _check_build(report: StatusReport, request: ReleaseRequest) -> None:
    """Raise unless `next/` is the latest version once more: builds have one precedence, so they must be equivalent."""
    judged, current = report.judgement, report.current
    if judged is None or current is None:
        raise UsageError(
            f"--build {request.build}: {request.name} has no release of which this could be another build",
            hint=f"embver release {request.name}",
        )
    said = f"refused: --build {request.build} would be another build of {current.reference}"
    hint = f"embver release {request.name}    (as {judged.level.word.upper()}, {report.proposed})"
    if not report.comparisons:
        raise PolicyError(
            f"{said}, and whether the two are equivalent was not measured: {report.unmeasured}", hint=hint
        )
    if judged.verdict not in (Verdict.IDENTICAL, Verdict.EQUIVALENT):
        word = judged.verdict.word if judged.verdict else "unmeasured"
        why = _why_not(report, Level.PATCH)
        raise PolicyError(f"{said}, which takes equivalent vectors: measured {word}", reasons=why, hint=hint)
    if judged.level > Level.PATCH:
        why = _why_not(report, Level.PATCH)
        raise PolicyError(f"{said}, and its card tells of more than that", reasons=why, hint=hint)


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


def _override(
    report: StatusReport, judged: Judgement, chosen: Level, reason: str | None, by: str | None
) -> dict[str, Any]:
    words = reason or "none given: a higher level needs none"
    override = {"computed": judged.level.word, "chosen": chosen.word, "reason": words}
    return override | ({"by": by} if by else {}) | {"evidence": _evidence(report)}


def _evidence(report: StatusReport) -> str:
    """Return what was measured when a person decided, so that it can be measured again."""
    if not report.comparisons:
        return f"unmeasured: {report.unmeasured or 'nothing to compare with'}"
    measured = "; ".join(f"{found.verdict.word} to {found.old}" for found in report.comparisons)
    first = report.comparisons[0]
    return f"measured {measured}; probe {first.probe['digest']}, rule {first.rule_version}"


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


def choose_version(work: Workspace, report: StatusReport, level: Level, request: ReleaseRequest) -> Version:
    """Return the number that a level gives; a second pre-release counts on from the first.

    Raises UsageError for a word that makes no version, or none that comes later.
    """
    if request.initial is not None:
        return _initial(report, request.initial)
    if request.build is not None:
        assert report.current is not None
        return _parse(f"{report.current.version.without_build}+{request.build}", f"--build {request.build}",
                      hint="--build cu126.h200")  # fmt: skip
    wanted = report.proposed if report.current is None else work.following(report.current, level)
    if request.pre is None:
        return wanted
    begun = [
        release.version
        for release in work.releases_of(report.name)
        if release.version.is_prerelease and release.version.finished == wanted
    ]
    try:
        if begun:
            return begun[-1].bump(Level.NONE, pre=request.pre)
    except ValueError as error:
        raise UsageError(f"--pre {request.pre}: {error}", hint="--pre rc") from error
    return _parse(f"{wanted}-{request.pre}.1", f"--pre {request.pre}", hint="--pre rc")


def _initial(report: StatusReport, wanted: Version) -> Version:
    """Return the number that a first release is given, or 1.0.0 for what was 0.y.z so far."""
    current = report.current.version if report.current else None
    if wanted.build:
        raise UsageError(f"--initial {wanted}: a version begins without build metadata")
    if current is None or (current.major == 0 and str(wanted) == "1.0.0"):
        return wanted
    allowed = "only 1.0.0 follows 0.y.z this way" if current.major == 0 else "it is for a first release"
    raise UsageError(
        f"--initial {wanted}: {report.name} is at {current} already, and {allowed}",
        hint=f"embver release {report.name}",
    )


def _parse(text: str, option: str, *, hint: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}", hint=hint) from error
