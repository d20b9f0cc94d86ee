"""How the level of a version is decided: what the card presumes meets what was measured. Ground floor.

The presumptions are the table in `rules.py`, the meeting is DESIGN section 8: *measurement* decides whether a
version breaks what its users have; if it does not, *the card's diff* decides what kind of change it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from embver.diff import Change
from embver.levels import Level, Verdict
from embver.presumption import OwnRule, Strength
from embver.rules import rule_for

# A line of a tag's message (`tagmessage.format_message`).
_RECORDED = re.compile(r"^- (none|patch|minor|major): (.+?): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a level is called for: a field of the card, or a measurement."""

    path: str
    level: Level
    why: str
    strength: Strength | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the reason with the stable keys of `embver status --json`; a measurement has no presumption."""
        return {
            "path": self.path,
            "level": self.level.word,
            "why": self.why,
            "presumption": self.strength.value if self.strength else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a measurement against one earlier version said."""

    against: str
    verdict: Verdict
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The level that a version calls for, with every reason and what follows for its release."""

    level: Level
    reasons: tuple[Reason, ...]
    verdict: Verdict | None
    is_measured: bool
    floor: Level  # no override goes below this
    presumed: Level  # what the card alone calls for
    needs_reason: str | None = None  # why a written reason is asked for, if it is
    flags: tuple[str, ...] = ()


def explain(changes: tuple[Change, ...], own: tuple[OwnRule, ...] = ()) -> tuple[Reason, ...]:
    """Return one reason for each change, the weightiest first; `own` are the repository's own rules."""
    reasons = []
    for change in changes:
        rule = rule_for(change, own)
        reasons.append(Reason(path=change.path, level=rule.level, why=rule.why, strength=rule.strength))
    return tuple(sorted(reasons, key=lambda reason: -reason.level))


def as_released(reasons: tuple[Reason, ...], message: str) -> tuple[Reason, ...]:
    """Return a release's reasons with the level and the words that its tag's message holds of each.

    They are what counted then: the table and the repository's own rules may be others by now.
    """
    recorded = message.partition("\nWhy this level:\n")[2].partition("\n\n")[0]
    told = {path: (level, why) for level, path, why in _RECORDED.findall(recorded)}
    made = (
        replace(reason, level=Level.parse(told[reason.path][0]), why=told[reason.path][1])
        if reason.path in told
        else reason
        for reason in reasons
    )
    return tuple(sorted(made, key=lambda reason: -reason.level))


def judge(
    changes: tuple[Change, ...], measured: tuple[Measured, ...], own: tuple[OwnRule, ...] = ()
) -> Judgement:
    """Decide the level of a set of changes, given what was measured (DESIGN section 8).

    `measured` holds the comparison with the latest release and, where that is another one, with the first of
    its MAJOR line; empty means that nothing could be measured. `own` are the repository's own rules.
    """
    reasons = explain(changes, own)
    presumed = max((reason.level for reason in reasons), default=Level.NONE)
    if any(reason.strength is Strength.HARD for reason in reasons):
        verdict = Verdict.worst([entry.verdict for entry in measured]) if measured else None
        return Judgement(
            level=Level.MAJOR,
            reasons=reasons,
            verdict=verdict,
            is_measured=bool(measured),
            floor=Level.MAJOR,
            presumed=presumed,
        )
    if not measured:
        return _judge_unmeasured(reasons, presumed)
    verdict = Verdict.worst([entry.verdict for entry in measured])
    if not verdict.is_safe:
        return _judge_broken(reasons, measured, verdict, presumed)
    is_same = verdict is Verdict.IDENTICAL and _is_same_content(changes, reasons)
    return _judge_safe(reasons, presumed, verdict, is_same_content=is_same)


def _is_same_content(changes: tuple[Change, ...], reasons: tuple[Reason, ...]) -> bool:
    """Tell whether nothing but bytes changed: another container, layout or machine, and the same vectors."""
    is_neutral = all(r.strength is Strength.NEUTRAL for r in reasons if r.level > Level.NONE)
    return is_neutral and not any(change.where[-1] in ("content_digest", "rows") for change in changes)


def _judge_unmeasured(reasons: tuple[Reason, ...], presumed: Level) -> Judgement:
    needs = None
    if Level.NONE < presumed < Level.MAJOR:
        needs = "nothing was measured: the versions share no probe set"
    return Judgement(
        level=presumed,
        reasons=reasons,
        verdict=None,
        is_measured=False,
        floor=Level.NONE,
        presumed=presumed,
        needs_reason=needs,
        flags=("unmeasured",),
    )


def _judge_broken(
    reasons: tuple[Reason, ...], measured: tuple[Measured, ...], verdict: Verdict, presumed: Level
) -> Judgement:
    found = [
        Reason(path=f"measured against {entry.against}", level=Level.MAJOR, why=why)
        for entry in measured
        if not entry.verdict.is_safe
        for why in entry.why or (entry.verdict.word,)
    ]
    # What was measured to break stays MAJOR; what could not be decided may be released lower, with a reason.
    is_open = verdict is Verdict.INCONCLUSIVE
    return Judgement(
        level=Level.MAJOR,
        reasons=(*found, *reasons),
        verdict=verdict,
        is_measured=True,
        floor=Level.NONE if is_open else Level.MAJOR,
        presumed=presumed,
        flags=("inconclusive",) if is_open else (),
    )


def _judge_safe(
    reasons: tuple[Reason, ...], presumed: Level, verdict: Verdict, *, is_same_content: bool
) -> Judgement:
    needs, flags = None, []
    soft = [reason for reason in reasons if reason.strength is Strength.SOFT]
    firm = max((r.level for r in reasons if r.strength is not Strength.SOFT), default=Level.NONE)
    level = Level.NONE if is_same_content else firm
    if soft:
        level = max(Level.MINOR, firm)
        needs = f"{soft[0].path} usually breaks ({soft[0].why}), and was measured {verdict.word}"
    kinds = {reason.strength for reason in reasons if reason.level > Level.NONE}
    if kinds == {Strength.NEUTRAL} and verdict is Verdict.COMPATIBLE:
        flags.append("vectors moved more than this version's own noise")
    lowered = tuple(
        Reason(
            path=reason.path,
            level=min(reason.level, Level.MINOR if reason.strength is Strength.SOFT else level),
            why=f"{reason.why}; measured {verdict.word}" if reason.strength is Strength.SOFT else reason.why,
            strength=reason.strength,
        )
        for reason in reasons
    )
    return Judgement(
        level=level,
        reasons=tuple(sorted(lowered, key=lambda reason: -reason.level)),
        verdict=verdict,
        is_measured=True,
        floor=Level.NONE,
        presumed=presumed,
        needs_reason=needs,
        flags=tuple(flags),
    )
