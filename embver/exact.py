"""Whether a draw holds more of a kind than chance would take: the hypergeometric tail. Ground floor."""

from __future__ import annotations

import math
from typing import Final

_NOTHING: Final = 1e-17  # of a sum: what is added after it changes no digit


def over_representation(count: int, moved: int, base: int, able: int) -> float:
    """Return the chance that `moved` queries drawn from `able` hold at least `count` of the `base` that are special.

    The upper tail of the hypergeometric distribution: the one-sided exact test of Fisher, Statistical Methods for
    Research Workers, 1935.
    """
    if count <= max(0, moved + base - able):
        return 1.0
    if count * able > moved * base:
        return min(1.0, _sum_from(count, moved, base, able))
    # Below the mean it is one minus the other tail: of the special ones not drawn, at least so many.
    rest = able - moved
    return max(0.0, 1.0 - _sum_from(base - count + 1, rest, base, able))


def _sum_from(count: int, moved: int, base: int, able: int) -> float:
    """Return the sum of the distribution from `count`, which lies above its mean: each part is less than the one before."""
    if count > min(moved, base):
        return 0.0
    part = math.exp(_choices(base, count) + _choices(able - base, moved - count) - _choices(able, moved))
    whole = 0.0
    for n in range(count, min(moved, base) + 1):
        whole += part
        if part < whole * _NOTHING:
            break
        part *= (base - n) * (moved - n) / ((n + 1) * (able - base - moved + n + 1))
    return whole


def _choices(count: int, chosen: int) -> float:
    return math.lgamma(count + 1) - math.lgamma(chosen + 1) - math.lgamma(count - chosen + 1)
