"""What a row of the level table is: which change of which field calls for which level, and how firmly. Ground floor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from embver.diff import Change, Kind
from embver.levels import Level
from embver.paths import Parts, covers, format_path, may_meet


class Strength(Enum):
    """How far a presumption yields to a measurement."""

    HARD = "hard"  # MAJOR without measuring; nothing lowers it
    SOFT = "soft"  # MAJOR until measured compatible, then MINOR with a written reason
    PRESUMED = "presumed"  # the kind of change; raised by a measurement that fails
    NEUTRAL = "neutral"  # claims to move nothing: held to *equivalent*
    WORDS = "words"  # no vector changes
    OWN = "own"  # a rule of the repository's own; raised by a measurement that fails, lowered by none

    @property
    def meeting(self) -> str:
        """Return how the presumption meets a measurement, as a clause."""
        return _MEETINGS[self]

    @property
    def is_lowered(self) -> bool:
        """Tell whether a measurement may lower the level."""
        return self in (Strength.SOFT, Strength.NEUTRAL)


_MEETINGS = {
    Strength.HARD: "breaks the contract with whoever uses the vectors; no measurement and no option lowers it",
    Strength.SOFT: "measured compatible, it becomes MINOR and asks for a written reason",
    Strength.PRESUMED: "stands unless the measurement fails; that makes it MAJOR",
    Strength.NEUTRAL: (
        "claims to move no vector: none if the vectors are the same, a PATCH with a flag if they are only compatible, "
        "MAJOR if the measurement fails"
    ),
    Strength.WORDS: "no vector changes, so there is nothing to measure",
    Strength.OWN: "this repository's rule: no measurement lowers it; one that fails makes it MAJOR",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a row speaks, where the kind of change does not say it all; `words` go on from "the field"."""

    words: str
    holds: Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row: the first whose pattern, kind of change and condition fit decides.

    A part of the pattern stands for one part of a path. A pattern that ends in `/` speaks of that very field;
    any other also of what lies below it.
    """

    pattern: str
    level: Level
    strength: Strength
    why: str
    kinds: tuple[Kind, ...] = tuple(Kind)
    when: Condition | None = None
    is_unknown: bool = False  # what will be filled in is not known yet, which is no change
    is_last_resort: bool = False  # for a field that no row was written for

    @property
    def parts(self) -> Parts:
        """Return the pattern's parts."""
        return tuple(self.pattern.rstrip("/").split("/"))

    @property
    def is_exact(self) -> bool:
        """Tell whether the row speaks of that very field only."""
        return self.pattern.endswith("/")

    @property
    def path(self) -> str:
        """Return the field as people write it; `…` says: and what lies below it."""
        return format_path(self.parts) + ("" if self.is_exact else " …")

    @property
    def occasion(self) -> str:
        """Return when the row speaks: kinds of change, or a condition."""
        words = " or ".join(kind.value for kind in self.kinds)
        if set(self.kinds) == set(Kind):
            return self.when.words if self.when else "changes in any way"
        return f"{words}, {self.when.words}" if self.when else words

    def fits(self, change: Change) -> bool:
        """Tell whether the row speaks of a change."""
        if change.kind not in self.kinds or not self.speaks_of(change.where):
            return False
        return self.when is None or self.when.holds(change.before, change.after)

    def speaks_of(self, parts: Parts) -> bool:
        """Tell whether the row speaks of a place, and of every place that a pattern stands for."""
        return covers(self.parts, parts) and (not self.is_exact or len(parts) == len(self.parts))

    def may_speak_of(self, parts: Parts) -> bool:
        """Tell whether the row speaks of a place that a pattern stands for."""
        own = self.parts
        is_deep_enough = len(parts) == len(own) if self.is_exact else len(parts) >= len(own)
        return is_deep_enough and may_meet(own, parts)

    def lies_below(self, parts: Parts) -> bool:
        """Tell whether the row speaks of something within a place."""
        return len(self.parts) > len(parts) and may_meet(self.parts, parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRule:
    """A rule of a repository's own, from `[[policy]]` in its settings; it takes the place of the table's row."""

    path: Parts
    level: Level
    why: str
    place: str  # file:line
    kinds: tuple[Kind, ...] = tuple(Kind)
    names: tuple[str, ...] = ()  # the embeddings it is for; empty: all

    def fits(self, change: Change) -> bool:
        """Tell whether the rule speaks of a change: of its field, or of one below."""
        return change.kind in self.kinds and covers(self.path, change.where)

    def may_lower(self, row: Rule) -> bool:
        """Tell whether the rule could call for less than a row of the table does."""
        is_met = len(self.path) <= len(row.parts) if row.is_exact else True
        return (
            self.level < row.level
            and is_met
            and may_meet(self.path, row.parts)
            and bool(set(self.kinds) & set(row.kinds))
        )

    def in_place_of(self, row: Rule) -> Rule:
        """Return the rule as a row that says what it replaces."""
        stands = f"; embver presumes {row.level.word.upper()}" if row.level is not self.level else ""
        return Rule(
            pattern="/".join(self.path),
            level=self.level,
            strength=Strength.OWN,
            why=f"{self.why} (this repository's rule{stands})",
            kinds=self.kinds,
        )
