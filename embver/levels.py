"""The order of change: levels of a version, verdicts of a measurement. Ground floor."""

from __future__ import annotations

from enum import Enum, IntEnum


class Level(IntEnum):
    """How much a new version asks of those who use the old one: none < patch < minor < major."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    @property
    def word(self) -> str:
        """Return the level as it is written in cards, tags and messages."""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Level:
        """Read a level's word; raise ValueError if there is none such."""
        try:
            return cls[word.upper()]
        except KeyError:
            raise ValueError(f"unknown level {word!r}: one of none, patch, minor, major") from None


class Verdict(Enum):
    """What a measurement says of two versions, from best to worst (compat.md section 5)."""

    IDENTICAL = "identical"
    EQUIVALENT = "equivalent"
    COMPATIBLE = "compatible"
    INCONCLUSIVE = "inconclusive"
    BRIDGEABLE = "bridgeable"
    INCOMPATIBLE = "incompatible"

    @property
    def word(self) -> str:
        """Return the verdict as it is written in cards, tags and messages."""
        return self.value

    @property
    def rank(self) -> int:
        """Return 0 for the best verdict and more for each worse one."""
        return list(Verdict).index(self)

    @property
    def is_safe(self) -> bool:
        """Tell whether old and new vectors may meet in one index."""
        return self.rank <= Verdict.COMPATIBLE.rank

    @property
    def least_level(self) -> Level:
        """Return the least level that a measurement of this verdict allows by itself (compat.md section 5)."""
        safe = {
            Verdict.IDENTICAL: Level.NONE,
            Verdict.EQUIVALENT: Level.PATCH,
            Verdict.COMPATIBLE: Level.MINOR,
        }
        return safe.get(self, Level.MAJOR)

    @classmethod
    def worst(cls, verdicts: list[Verdict]) -> Verdict:
        """Return the worst of several verdicts: a claim must hold in every stratum."""
        return max(verdicts, key=lambda verdict: verdict.rank)
