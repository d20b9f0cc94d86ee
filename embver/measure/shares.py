"""Shares of a change among blocks that were switched one by one: Shapley values over query scores.

A subset holds the blocks that are as in the new version; its value is a column of scores (n,), one a query. Shapley
values and interaction indices are linear in the values, so that they are taken query by query, and their intervals
come from drawing queries as for any other mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from embver.measure.bootstrap import DRAWS, Estimate, estimates
from embver.measure.paired import LEAST_MOVED
from embver.measure.rows import Array, IntArray

Subset = frozenset[int]
Value = Callable[[Subset], Array]

MOST_IN_ALL_SUBSETS = 5
"""Blocks of which every subset is tried: 32 of them. Six would be 64, the greedy paths of six 42 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A share or an interaction: its mean over the queries with bounds, and whether it is more than noise."""

    estimate: Estimate
    is_sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What each of some blocks, and each pair of them, has of a change; `total` is the change itself."""

    total: Found
    shares: tuple[Found, ...]
    pairs: Mapping[tuple[int, int], Found]


def subsets_of(count: int) -> tuple[Subset, ...]:
    """Return every subset of so many blocks, the small ones first."""
    return tuple(
        frozenset(chosen) for size in range(count + 1) for chosen in combinations(range(count), size)
    )


def share_out(
    values: Mapping[Subset, Array], count: int, clusters: IntArray, *, draws: int = DRAWS, seed: int = 0
) -> Shared:
    """Share a change among `count` blocks whose subsets were all tried.

    Shapley 1953: a block's share is the mean of what it adds over all orders in which the blocks can be switched.
    """
    columns = shapley_columns(values, count)
    pairs = interaction_columns(values, count)
    return _estimated(_change(values, count), columns, pairs, clusters, draws=draws, seed=seed)


def share_out_greedily(
    value: Value, count: int, clusters: IntArray, *, draws: int = DRAWS, seed: int = 0
) -> Shared:
    """Share a change among many blocks by two paths: forward from the old version, and back from the new one.

    Each path switches next whatever moves the mean most. A share is the mean of what the block adds on both, which is
    the Shapley value where blocks do not interact, and adds up to the change in any case. Pairs are told where both
    paths' first steps tried them.
    """
    known: dict[Subset, Array] = {}

    def kept(subset: Subset) -> Array:
        if subset not in known:
            known[subset] = value(subset)
        return known[subset]

    everything = frozenset(range(count))
    forward = _greedy(kept, frozenset(), everything)
    back = _greedy(kept, everything, frozenset())
    columns = [(forward[block] + back[block]) / 2 for block in range(count)]
    pairs: dict[tuple[int, int], list[Array]] = {}
    for base in (frozenset[int](), everything):
        for one, other in combinations(range(count), 2):
            corners = [base ^ part for part in (frozenset((one, other)), {one}, {other}, frozenset())]
            if all(corner in known for corner in corners):
                both, first, second, none = (known[corner] for corner in corners)
                pairs.setdefault((one, other), []).append(both - first - second + none)
    means = {pair: np.mean(found, axis=0) for pair, found in pairs.items()}
    return _estimated(kept(everything) - kept(frozenset()), columns, means, clusters, draws=draws, seed=seed)


def shapley_columns(values: Mapping[Subset, Array], count: int) -> list[Array]:
    """Return each block's Shapley value, query by query; the columns add up to the change."""
    return [
        sum_of(
            (_weight(len(rest), count, 1), values[rest | {block}] - values[rest])
            for rest in _subsets_without(count, (block,))
        )
        for block in range(count)
    ]


def interaction_columns(values: Mapping[Subset, Array], count: int) -> dict[tuple[int, int], Array]:
    """Return each pair's Shapley interaction index, query by query (Grabisch and Roubens 1999, equation 4)."""
    return {
        (one, other): sum_of(
            (
                _weight(len(rest), count, 2),
                values[rest | {one, other}] - values[rest | {one}] - values[rest | {other}] + values[rest],
            )
            for rest in _subsets_without(count, (one, other))
        )
        for one, other in combinations(range(count), 2)
    }


def sum_of(weighted: Iterator[tuple[float, Array]]) -> Array:
    """Return the weighted sum of columns."""
    total: Array = np.sum([weight * column for weight, column in weighted], axis=0)
    return total


def _weight(size: int, count: int, players: int) -> float:
    """Return the share of the orders in which exactly `size` others come before these players, who come together."""
    rest = count - size - players
    return math.factorial(rest) * math.factorial(size) / math.factorial(count - players + 1)


def _subsets_without(count: int, left_out: Sequence[int]) -> Iterator[Subset]:
    others = [block for block in range(count) if block not in left_out]
    for size in range(len(others) + 1):
        yield from map(frozenset, combinations(others, size))


def _change(values: Mapping[Subset, Array], count: int) -> Array:
    return values[frozenset(range(count))] - values[frozenset()]


def _greedy(value: Value, start: Subset, end: Subset) -> dict[int, Array]:
    """Return what each block adds on the path from one end to the other, forward in sign."""
    sign, now, added = (1.0 if end else -1.0), start, dict[int, Array]()
    while now != end:
        tried = {block: value(now ^ {block}) - value(now) for block in sorted(now ^ end)}
        best = max(tried, key=lambda block: abs(float(tried[block].mean())))
        added[best] = sign * tried[best]
        now ^= {best}
    return added


def _estimated(
    change: Array,
    columns: Sequence[Array],
    pairs: Mapping[tuple[int, int], Array],
    clusters: IntArray,
    *,
    draws: int,
    seed: int,
) -> Shared:
    named: dict[str | int | tuple[int, int], Array] = {"total": change}
    named |= dict(enumerate(columns))
    for pair, column in pairs.items():
        named[pair] = column
    found = estimates(named, clusters, draws=draws, seed=seed)
    made = {
        name: Found(estimate=found[name], is_sure=_is_sure(column, found[name], clusters))
        for name, column in named.items()
    }
    return Shared(
        total=made["total"],
        shares=tuple(made[block] for block in range(len(columns))),
        pairs={pair: made[pair] for pair in pairs},
    )


def _is_sure(column: Array, found: Estimate, clusters: IntArray) -> bool:
    """Tell whether a mean is more than noise: as `measure/paired.py` tells it of a change."""
    moved = len(np.unique(clusters[np.abs(column) > 1e-12]))
    return bool(moved >= LEAST_MOVED and (found.low > 0 or found.high < 0))
