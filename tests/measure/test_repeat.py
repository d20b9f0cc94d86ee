"""Rows encoded again: bit for bit, near enough, or other vectors."""

from __future__ import annotations

import numpy as np
import pytest

from embver.levels import Verdict
from embver.measure.repeat import GALLERY, _gallery, measure_repeat
from embver.measure.rule import Rule
from embver.tiers import Tier, worst

RULE = Rule(draws=200)


def rows(count: int, seed: int = 0) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, 32))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("noise", "tier"), [(0.0, Tier.R0), (1e-5, Tier.R1), (0.05, Tier.NONE), (3.0, Tier.NONE)]
)
def test_tiers(noise: float, tier: Tier) -> None:
    stored, places = rows(500), np.arange(0, 500, 8)
    again = stored[places] + (noise * rows(len(places), 1)).astype(np.float32)
    same = (again == stored[places]).all(axis=1)
    found = measure_repeat(stored, places, again, same, metric="cosine", rule=RULE)
    assert found.tier(RULE) is tier
    assert (found.rows, found.gallery, found.k) == (63, 500, 10)
    assert found.distance_p99 <= found.distance_max
    if noise == 0:
        assert (found.distance_max, found.neighbours.value) == (0, 1)


def test_near_vectors_with_other_neighbours_are_not_equivalent() -> None:
    """A crowd so dense that moves below the bound of the cosine exchange its neighbours."""
    stored = rows(1) + 1e-4 * rows(400, 2)
    places = np.arange(64)
    again = stored[places] + 1e-4 * rows(64, 3)
    same = np.zeros(64, dtype=bool)
    found = measure_repeat(stored, places, again, same, metric="cosine", rule=RULE)
    assert found.distance_p99 < RULE.equivalent_distance_p99
    assert found.neighbours.lcb < RULE.equivalent_recall
    assert found.tier(RULE) is Tier.NONE


def test_one_row_has_no_neighbours() -> None:
    stored = rows(1)
    found = measure_repeat(stored, np.array([0]), stored, np.array([True]), metric="cosine", rule=RULE)
    assert (found.neighbours, found.tier(RULE)) == (None, Tier.R0)


def test_the_gallery_holds_the_sample_and_is_bounded() -> None:
    places = np.array([1, 7, 1_999_999])
    shown, own = _gallery(2_000_000, places)
    assert len(shown) <= GALLERY + len(places)
    assert shown[own].tolist() == places.tolist()


def test_a_zero_row_is_named() -> None:
    stored = rows(20)
    again = stored[:4].copy()
    again[2] = 0
    with pytest.raises(ValueError, match="rows encoded again: row 2 is all zeros"):
        measure_repeat(stored, np.arange(4), again, np.zeros(4, dtype=bool), metric="cosine", rule=RULE)


def test_the_order_of_tiers() -> None:
    assert [tier.word for tier in Tier] == ["R0", "R1", "R2", "none"]
    assert worst((Tier.R0, Tier.R2, Tier.R1)) is Tier.R2
    assert worst(()) is None
    verdicts = [Tier.of_verdict(verdict) for verdict in Verdict]
    assert verdicts == [Tier.R0, Tier.R1, Tier.R2, Tier.NONE, Tier.NONE, Tier.NONE]
