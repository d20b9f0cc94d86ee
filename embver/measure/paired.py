"""Tell whether one version finds more than another, query by query: a change is called one only when it is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from embver.measure.bootstrap import DRAWS, paired_difference
from embver.measure.record import rounded
from embver.measure.rows import Array, IntArray

LEAST_MOVED = 6
"""Clusters that have to differ at all. Five that all change for the better are no evidence at 5 %: a sign test gives
2 * 0.5**5 = 0.06, where the bootstrap of so few says that it is sure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedChange:
    """The mean of after - before over the same queries, its two-sided 95 % interval, and what may be said of it.

    `verdict` is same (no query's score differs), improvement, regression, or undecided.
    """

    value: float
    low: float
    high: float
    verdict: str

    def to_plain(self) -> dict[str, Any]:
        """Return the change as a card's `metrics` hold it."""
        return {
            "value": rounded(self.value),
            "low": rounded(self.low),
            "high": rounded(self.high),
            "verdict": self.verdict,
        }


def paired_change(
    before: Array, after: Array, clusters: IntArray, *, draws: int = DRAWS, seed: int = 0
) -> PairedChange:
    """Compare per-query scores (n,) of the same queries, higher is better; `clusters` (n,) are drawn together.

    Raises ValueError if the scores are not of equally many queries.
    """
    if not before.shape == after.shape == clusters.shape:
        raise ValueError(f"scores of {len(before)} and {len(after)} queries are not of the same queries")
    moved = np.unique(clusters[before != after])
    if not len(moved):
        return PairedChange(value=0.0, low=0.0, high=0.0, verdict="same")
    found = paired_difference(before, after, clusters, draws=draws, seed=seed)
    is_sure = len(moved) >= LEAST_MOVED and (found.low > 0 or found.high < 0)
    verdict = "undecided" if not is_sure else "improvement" if found.low > 0 else "regression"
    return PairedChange(value=found.value, low=found.low, high=found.high, verdict=verdict)
