"""Tell two numbers apart by their intervals alone, where the scores behind them are gone. Ground floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, Self

_LEVEL: Final = 0.95
# All n queries alike say no more than that the rest is rarer than this: the two-sided 95 % bound of 0 in n is 3.69 / n.
_NONE_SEEN: Final = -math.log((1 - _LEVEL) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A number with its two-sided 95 % interval."""

    value: float
    low: float
    high: float

    @classmethod
    def from_plain(cls, value: float, ci: Mapping[str, Any], *, scale: float = 1.0) -> Self | None:
        """Read a metric's `ci`, brought to 95 %; None where there is none, or one without width and number of queries.

        `scale` is the greatest value of the unit: 1 for a fraction, 100 for percent.
        """
        low, high, level = ci.get("low"), ci.get("high"), ci.get("level") or _LEVEL
        ends = (low, high, level)
        if not all(isinstance(end, int | float) and math.isfinite(end) for end in ends) or not 0 < level < 1:
            return None
        factor = NormalDist().inv_cdf((1 + _LEVEL) / 2) / NormalDist().inv_cdf((1 + level) / 2)
        below, above = (
            max(0.0, value - float(low or 0.0)) * factor,
            max(0.0, float(high or 0.0) - value) * factor,
        )
        if below == above == 0.0:
            if not ci.get("n"):
                return None
            below = above = scale * min(1.0, _NONE_SEEN / ci["n"])
        return cls(value=value, low=value - below, high=value + above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """After minus before with its two-sided 95 % interval, and the p-value of no difference."""

    value: float
    low: float
    high: float
    p_value: float


def difference_of(before: Interval, after: Interval) -> Difference:
    """Return after - before as if both were measured on queries of their own (Zou and Donner 2008, Stat. Med. 27:1693).

    Both were asked the same queries, and queries that are hard for one are hard for the other: the true interval is
    narrower, so that what is called a change here is one.
    """
    value = after.value - before.value
    below = math.hypot(after.value - after.low, before.high - before.value)
    above = math.hypot(after.high - after.value, before.value - before.low)
    facing = above if value < 0 else below
    quantile = NormalDist().inv_cdf((1 + _LEVEL) / 2)
    z = 0.0 if value == 0.0 else math.inf if facing == 0.0 else abs(value) / facing * quantile
    return Difference(value=value, low=value - below, high=value + above, p_value=math.erfc(z / math.sqrt(2)))
