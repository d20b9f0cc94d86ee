"""The paired test behind a step: its p-values against what is known exactly, and against simulation."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from embver.measure.paired import LEAST_MOVED, paired_change
from embver.measure.significance import _saddlepoint_p, judge, sign_flip_p
from embver.series import PairedScores


def alone(count: int) -> tuple[str, ...]:
    return tuple(f"p{n}" for n in range(count))


def pair(before: np.ndarray, after: np.ndarray, clusters: tuple[str, ...] | None = None) -> PairedScores:
    return PairedScores(before=before.tolist(), after=after.tolist(), clusters=clusters or alone(len(before)))


@pytest.mark.parametrize(("won", "lost"), [(8, 1), (30, 12), (400, 320), (2000, 1700)])
def test_hits_won_and_lost_are_mcnemars_exact_test(won: int, lost: int) -> None:
    moved = won + lost
    exact = min(1.0, 2 * sum(comb(moved, k) for k in range(max(won, lost), moved + 1)) / 2**moved)
    assert sign_flip_p(np.array([1.0] * won + [-1.0] * lost)) == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("count", [16, 18])
def test_the_approximation_agrees_with_all_signs_tried(count: int) -> None:
    sizes = np.random.default_rng(count).random(count)
    signs = 1 - 2 * ((np.arange(1 << count)[:, None] >> np.arange(count)) & 1)
    sums = np.abs(signs @ sizes)
    for seen in np.quantile(sums, [0.3, 0.6, 0.9, 0.95, 0.99, 0.998]):
        exact = float((sums >= seen - 1e-9).mean())
        assert _saddlepoint_p(sizes, float(seen)) == pytest.approx(exact, rel=0.1)


def test_sums_of_whole_units_are_exact() -> None:
    sizes = np.random.default_rng(0).integers(1, 4, 15).astype(np.float64)
    signs = 1 - 2 * ((np.arange(1 << 15)[:, None] >> np.arange(15)) & 1)
    exact = float((np.abs(signs @ sizes) >= 10).mean())
    # Any signs that make this sum: the p-value knows of nothing else.
    chosen = signs[np.flatnonzero(signs @ sizes == 10)[0]]
    assert sign_flip_p(chosen * sizes) == pytest.approx(exact, rel=1e-9)


def test_nothing_moved() -> None:
    scores = np.array([0.0, 1.0, 0.5])
    (found,) = judge([pair(scores, scores)])
    assert (found.value, found.p_value, found.moved, found.is_testable) == (0.0, 1.0, 0, False)


@pytest.mark.parametrize("moved", range(1, 9))
def test_few_that_moved_are_never_called_a_change(moved: int) -> None:
    before, after = np.ones(500), np.ones(500)
    after[:moved] = 0.0
    (found,) = judge([pair(before, after)])
    assert found.p_value == pytest.approx(2 * 0.5**moved)
    assert found.is_testable == (moved >= LEAST_MOVED)
    assert found.is_testable == (found.p_value <= 0.05)


def test_the_interval_is_the_one_that_bench_writes_into_the_card() -> None:
    dice = np.random.default_rng(5)
    before, after = dice.random(300).round(6), dice.random(300).round(6)
    names = tuple(f"p{n % 150}" for n in range(300))
    members = np.array([n % 150 for n in range(300)])
    (found,) = judge([pair(before, after, names)])
    change = paired_change(before, after, members)
    assert (found.value, found.low, found.high) == pytest.approx(
        (change.value, change.low, change.high), abs=1e-9
    )


def test_queries_of_one_pair_are_one_piece_of_evidence() -> None:
    before, after = np.ones(400), np.ones(400)
    after[:40] = 0.0
    (apart,) = judge([pair(before, after)])
    (together,) = judge([pair(before, after, tuple(f"p{n // 10}" for n in range(400)))])
    assert (apart.moved, together.moved) == (40, 4)
    assert apart.is_testable
    assert not together.is_testable


def test_many_pairs_at_once_are_judged_as_each_alone() -> None:
    dice = np.random.default_rng(1)
    pairs = [pair(dice.random(50).round(3), dice.random(50).round(3)) for _ in range(4)]
    pairs.insert(2, pair(np.ones(30), np.ones(30)))
    assert judge(pairs) == tuple(judge([each])[0] for each in pairs)


def test_noise_is_called_a_change_no_more_often_than_said() -> None:
    dice = np.random.default_rng(3)
    pairs = []
    for _ in range(400):
        sides = dice.random((2, 120)) < 0.7
        pairs.append(pair(sides[0].astype(float), sides[1].astype(float)))
    called = sum(found.p_value <= 0.05 for found in judge(pairs, draws=50))
    assert called / 400 < 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5


def test_scores_of_other_queries_are_refused() -> None:
    with pytest.raises(ValueError, match="of 3 and 2 queries"):
        judge([PairedScores(before=[1.0] * 3, after=[1.0] * 2, clusters=alone(3))])
