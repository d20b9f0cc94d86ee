"""Tell a change from noise over the scores of the same queries: a p-value that stays honest where it is small.

A bootstrap of 2,000 draws cannot say less than 0.001, which no correction for a hundred steps leaves significant. So the
p-value comes from the paired randomisation test (Fisher 1935; for retrieval Smucker, Allan and Carterette, CIKM 2007):
were the two versions alike, each cluster's difference could as well have had the other sign. The chance of a sum as far
from 0 as the one seen is exact where few clusters moved or all by one unit (McNemar 1947), and else by the saddlepoint
approximation of Robinson (1982, JRSS B 44:91), whose relative error stays small far out in the tail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from embver.measure.bootstrap import DRAWS, estimate, resample
from embver.measure.paired import LEAST_MOVED
from embver.measure.rows import Array, IntArray
from embver.series import Judged, PairedScores

TEST: Final = "paired-permutation"
_ENUMERATED: Final = 12  # clusters whose 4,096 signs are all tried
_UNITS: Final = 4096  # the longest sum of whole units that is worked out exactly
_TINY: Final = 1e-9
_DIGITS: Final = 9


def judge(pairs: Sequence[PairedScores], *, draws: int = DRAWS, seed: int = 0) -> tuple[Judged, ...]:
    """Return mean difference, 95 % bootstrap interval and p-value of each pair; equal clusters share their draws.

    Raises ValueError for scores that are not of equally many queries.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for n, pair in enumerate(pairs):
        if not len(pair.before) == len(pair.after) == len(pair.clusters) or not pair.clusters:
            raise ValueError(
                f"scores of {len(pair.before)} and {len(pair.after)} queries are not of the same queries"
            )
        groups.setdefault(pair.clusters, []).append(n)
    found: dict[int, Judged] = {}
    for clusters, mine in groups.items():
        known: dict[
            str, int
        ] = {}  # numbered as `embver bench` does, so that the draws are those of the card's `change`
        member = np.array([known.setdefault(name, len(known)) for name in clusters])
        # The file's digits are what both sides are compared by.
        columns = np.column_stack(
            [
                np.array(pairs[n].after, dtype=np.float64) - np.array(pairs[n].before, dtype=np.float64)
                for n in mine
            ]
        )
        columns[np.abs(columns) < _TINY] = 0.0
        sums = np.zeros((int(member.max()) + 1, len(mine)))
        np.add.at(sums, member, columns)
        moved = np.zeros(sums.shape, dtype=bool)
        np.logical_or.at(moved, member, columns != 0.0)
        counts = moved.sum(axis=0)
        drawn = np.flatnonzero(counts)  # where nothing moved there is nothing to draw
        samples = resample(columns[:, drawn], member, draws=draws, seed=seed) if len(drawn) else None
        for place, n in enumerate(mine):
            count = int(counts[place])
            if count == 0 or samples is None:
                found[n] = Judged(
                    value=0.0, low=0.0, high=0.0, p_value=1.0, moved=0, is_testable=False, test=TEST
                )
                continue
            bounds = estimate(float(columns[:, place].mean()), samples[:, np.searchsorted(drawn, place)])
            found[n] = Judged(
                # How many pairs are judged at once decides in which order a sum is taken, and so its last digits.
                value=round(bounds.value, _DIGITS),
                low=round(bounds.low, _DIGITS),
                high=round(bounds.high, _DIGITS),
                p_value=sign_flip_p(sums[moved[:, place], place]),
                moved=count,
                is_testable=count >= LEAST_MOVED,
                test=TEST,
            )
    return tuple(found[n] for n in range(len(pairs)))


def sign_flip_p(differences: Array) -> float:
    """Return the two-sided p-value of a sum of differences (m,) whose signs are each as likely as the other."""
    sizes = np.abs(differences[np.abs(differences) > _TINY])
    seen = abs(float(differences.sum()))
    if not len(sizes) or seen <= _TINY:
        return 1.0
    if len(sizes) <= _ENUMERATED:
        signs = 1 - 2 * ((np.arange(1 << len(sizes))[:, None] >> np.arange(len(sizes))) & 1)
        return float((np.abs(signs @ sizes) >= seen - _TINY).mean())
    unit = float(sizes.min())
    whole = np.rint(sizes / unit)
    if np.abs(sizes / unit - whole).max() < 1e-4 and whole.sum() <= _UNITS:
        return _lattice_p(whole.astype(np.int64), round(seen / unit))
    return _saddlepoint_p(sizes, seen)


def _lattice_p(sizes: IntArray, seen: int) -> float:
    """Return the exact p-value for whole sizes: their signed sum is twice what was drawn with a plus, less all of them."""
    total = int(sizes.sum())
    logs = np.concatenate([[0.0], np.log(np.arange(1, len(sizes) + 1)).cumsum()])  # of the factorials
    chances = np.ones(1)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        drawn = np.arange(count + 1)
        spread = np.zeros(int(size * count) + 1)
        spread[::size] = np.exp(logs[count] - logs[drawn] - logs[count - drawn] - count * math.log(2))
        chances = np.convolve(chances, spread)
    reached = np.abs(2 * np.arange(total + 1) - total) >= seen
    return min(1.0, float(chances[reached].sum()))


def _saddlepoint_p(sizes: Array, seen: float) -> float:
    """Return the two-sided tail of sum(+-sizes) at `seen` (Lugannani and Rice 1980, as Robinson 1982 has it)."""
    scaled = sizes / sizes.max()
    wanted = seen / float(sizes.max())
    most = float(scaled.sum())
    if wanted >= most * (1 - 1e-9):
        return min(1.0, 2.0 ** (1 - len(sizes)))
    at = wanted / float((scaled**2).sum())
    low, high = 0.0, 1e6
    for _ in range(
        60
    ):  # K'(t) = sum(a * tanh(t * a)) rises from 0 to the sum of all: Newton, kept within bounds
        slope = float((scaled * np.tanh(at * scaled)).sum()) - wanted
        low, high = (low, at) if slope > 0 else (at, high)
        curve = float((scaled**2 / np.cosh(np.minimum(at * scaled, 300.0)) ** 2).sum())
        step = at - slope / curve if curve > 0 else math.inf
        following = step if low < step < high else (low + high) / 2
        if abs(following - at) <= 1e-12 * max(1.0, at):
            break
        at = following
    exponent = float((np.logaddexp(at * scaled, -at * scaled) - math.log(2)).sum())
    curve = float((scaled**2 / np.cosh(np.minimum(at * scaled, 300.0)) ** 2).sum())
    root = math.sqrt(max(0.0, 2 * (at * wanted - exponent)))
    weight = at * math.sqrt(curve)
    if root < 1e-3 or weight <= 0:
        return 1.0
    tail = math.erfc(root / math.sqrt(2)) / 2
    density = math.exp(-root * root / 2) / math.sqrt(2 * math.pi)
    return min(1.0, 2 * max(tail + density * (1 / weight - 1 / root), 0.5 ** len(sizes)))
