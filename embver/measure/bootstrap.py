"""Confidence intervals from resampling queries, whole clusters of them at a time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from embver.measure.rows import Array, IntArray

Key = TypeVar("Key", bound=Hashable)

DRAWS = 2000
LEVEL = 0.95
BLOCK = 1 << 21
"""Drawn clusters held at once (16 MiB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean over queries with its bounds.

    `low` and `high` are the two-sided 95 % interval; `lcb` and `ucb` are the two one-sided 95 % bounds.
    """

    value: float
    low: float
    high: float
    lcb: float
    ucb: float


def resample(values: Array, clusters: IntArray, *, draws: int = DRAWS, seed: int) -> Array:
    """Return the mean of each column of `values` (n, m) in each of the draws, (draws, m).

    `clusters` (n,) says which queries are drawn together: an image's captions are not independent, and an iid
    bootstrap of five captions an image covers 72 % instead of 95 (compat.md section 5). The gallery and the
    scores stay fixed; only who is asked varies. All columns see the same draws, so the samples of a difference
    are the differences of the samples.
    """
    names, member = np.unique(clusters, return_inverse=True)
    count = len(names)
    sums = np.zeros((count, values.shape[1] + 1))
    np.add.at(sums, member, np.column_stack([values, np.ones(len(values))]))
    rng = np.random.default_rng(seed)
    means = np.empty((draws, values.shape[1]))
    step = max(1, BLOCK // count)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, count, size=(size, count))
        drawn += np.arange(size)[:, None] * count
        times = np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count)
        totals = times.astype(np.float64) @ sums
        means[start : start + size] = totals[:, :-1] / totals[:, -1:]
    return means


def estimate(value: float, samples: Array) -> Estimate:
    """Return the percentile interval of `samples` (draws,) around `value`.

    The interval is widened to hold the value: with few clusters or skewed scores a percentile interval can
    miss its own estimate, and a report of 0.908 in 0.712..0.808 is no report.
    """
    tail = 1.0 - LEVEL
    low, lcb, ucb, high = np.quantile(samples, [tail / 2, tail, 1 - tail, 1 - tail / 2]).tolist()
    found = Estimate(
        value=value, low=min(low, value), lcb=min(lcb, value), ucb=max(ucb, value), high=max(high, value)
    )
    assert found.low <= found.lcb <= found.value <= found.ucb <= found.high
    return found


def estimates(
    columns: Mapping[Key, Array], clusters: IntArray, *, draws: int = DRAWS, seed: int
) -> dict[Key, Estimate]:
    """Return the mean of each named column of per-query scores (n,), with bounds, all on the same draws."""
    values = np.column_stack(list(columns.values()))
    samples = resample(values, clusters, draws=draws, seed=seed)
    return {
        name: estimate(float(column.mean()), samples[:, place])
        for place, (name, column) in enumerate(columns.items())
    }


def paired_difference(
    before: Array, after: Array, clusters: IntArray, *, draws: int = DRAWS, seed: int
) -> Estimate:
    """Return the mean of after - before over the same queries (n,), with bounds."""
    return estimates({"difference": after - before}, clusters, draws=draws, seed=seed)["difference"]


def share_upper_bound(seen: int, trials: int) -> float:
    """Return the one-sided 95 % upper bound of a share of which `seen` in `trials` were seen (Clopper-Pearson).

    A bootstrap of events that were never seen says 0 for certain; the exact bound says 1.2 % for none in 256.
    """
    if seen >= trials:
        return 1.0
    low, high = seen / trials, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _binomial_cdf(seen, trials, middle) > 1.0 - LEVEL:
            low = middle
        else:
            high = middle
    return high


def _binomial_cdf(seen: int, trials: int, share: float) -> float:
    """Return P(X <= seen) for X ~ Binomial(trials, share), 0 < share < 1, summed in logarithms."""
    x = np.arange(seen + 1)
    log_choose = math.lgamma(trials + 1) - np.array(
        [math.lgamma(i + 1) + math.lgamma(trials - i + 1) for i in range(seen + 1)]
    )
    return float(np.exp(log_choose + x * math.log(share) + (trials - x) * math.log1p(-share)).sum())
