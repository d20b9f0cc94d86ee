"""How far a version comes out again when its own recipe is run once more (compat.md section 7). Ground floor."""

from __future__ import annotations

from enum import Enum

from embver.levels import Verdict


class Tier(Enum):
    """What holds of vectors encoded again, from best to worst; each tier holds what the next one does."""

    R0 = "bit-identical"
    R1 = "equivalent"
    R2 = "functional"
    NONE = "none"

    @property
    def word(self) -> str:
        """Return the tier as it is written in JSON: R0, R1, R2 or none."""
        return "none" if self is Tier.NONE else self.name

    @property
    def rank(self) -> int:
        """Return 0 for the best tier and more for each worse one."""
        return list(Tier).index(self)

    @property
    def meaning(self) -> str:
        """Return what may be done with vectors of this tier."""
        return _MEANINGS[self]

    @classmethod
    def of_verdict(cls, verdict: Verdict) -> Tier:
        """Return the tier that a verdict on the probe set shows; an inconclusive one shows none."""
        return _OF_VERDICT.get(verdict, cls.NONE)


_MEANINGS = {
    Tier.R0: "bit-identical: this machine makes the very bytes",
    Tier.R1: "equivalent: not the same bits, and vectors of both machines may share an index",
    Tier.R2: "functional: vectors moved, and the probe set finds them compatible",
    Tier.NONE: "none: these are other vectors",
}
_OF_VERDICT = {
    Verdict.IDENTICAL: Tier.R0,
    Verdict.EQUIVALENT: Tier.R1,
    Verdict.COMPATIBLE: Tier.R2,
}


def worst(tiers: tuple[Tier, ...]) -> Tier | None:
    """Return the worst of some tiers, which is the one that holds of all; None of none."""
    return max(tiers, key=lambda tier: tier.rank) if tiers else None
