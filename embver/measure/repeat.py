"""Measure how far a sample of rows moved when it was encoded again, against the rows that are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embver.measure.bootstrap import Estimate, estimates
from embver.measure.neighbours import best_keys, documents_of, overlap, score_bound
from embver.measure.rows import Array, IntArray, Mask, Vectors, serve
from embver.measure.rule import Rule
from embver.tiers import Tier

GALLERY = 65_536
"""Stored rows among which neighbours are looked for: more would take minutes and say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """How `rows` rows that were encoded again compare to the stored ones.

    `distance_p99` and `distance_max` are of 1 - cosine. `neighbours` is the share of each stored row's `k` nearest
    others, among `gallery` stored rows, that the row encoded again finds; None where there are no others.
    """

    rows: int
    identical: int
    distance_p99: float
    distance_max: float
    k: int
    gallery: int
    neighbours: Estimate | None

    def tier(self, rule: Rule) -> Tier:
        """Return R0, R1 by the rule's bounds of *equivalent*, or none: whether it is R2 the probe set says."""
        if self.identical == self.rows:
            return Tier.R0
        is_near = self.distance_p99 <= rule.equivalent_distance_p99
        is_same = self.neighbours is None or self.neighbours.lcb >= rule.equivalent_recall
        return Tier.R1 if is_near and is_same else Tier.NONE


def measure_repeat(
    stored: Any, places: IntArray, again: NDArray[Any], identical: Mask, *, metric: str, rule: Rule
) -> Repeat:
    """Compare rows (q, d) that were encoded again with the stored ones (n, d) of the same places (q,).

    `stored` may be any sequence of rows that NumPy can index. `identical` (q,) says which rows are equal as they are
    kept. Raise ValueError, naming the row, for NaN, infinity and zero rows.
    """
    before, after = np.asarray(stored[places], dtype=np.float64), np.asarray(again, dtype=np.float64)
    for rows, name in ((before, "stored rows"), (after, "rows encoded again")):
        serve(rows, metric="cosine", name=name)  # a direction is what is compared
    distance = _distances(before, after)
    shown, own = _gallery(len(stored), places)
    k = min(rule.neighbours(len(shown)), len(shown) - 1)
    found: Estimate | None = None
    if k >= 1:
        documents = serve(np.asarray(stored[shown]), metric=metric, name="stored rows")
        lists = [
            _nearest(serve(rows, metric=metric, name=name), documents, own, k, metric)
            for rows, name in ((before, "stored rows"), (after, "rows encoded again"))
        ]
        column = {"neighbours": overlap(*lists)}
        found = estimates(column, np.arange(len(places)), draws=rule.draws, seed=rule.seed)["neighbours"]
    return Repeat(
        rows=len(places),
        identical=int(identical.sum()),
        distance_p99=float(np.quantile(distance, 0.99)),
        distance_max=float(distance.max()),
        k=k,
        gallery=len(shown),
        neighbours=found,
    )


def _gallery(count: int, places: IntArray) -> tuple[IntArray, IntArray]:
    """Return the stored rows to look among, (n,), the sample's own included, and where each of those lies in it."""
    spread = np.linspace(0, count - 1, min(count, GALLERY)).astype(np.int64)
    shown = np.union1d(spread, places)
    return shown, np.searchsorted(shown, places)


def _nearest(query: Vectors, document: Vectors, own: IntArray, k: int, metric: str) -> IntArray:
    bound = score_bound(metric, query, document)
    return documents_of(best_keys(query[:], document, own, k, metric=metric, bound=bound), len(document))


def _distances(first: Array, second: Array) -> Array:
    a, b = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (first, second))
    # |a - b|^2 / 2 and not 1 - a.b, which loses every digit below 1e-16 to cancellation.
    return np.asarray(((a - b) ** 2).sum(axis=1) / 2, dtype=np.float64)
