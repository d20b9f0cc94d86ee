"""When a change of a benchmark may be called one."""

from __future__ import annotations

import numpy as np
import pytest

from embver.measure.paired import LEAST_MOVED, paired_change


def alone(count: int) -> np.ndarray:
    return np.arange(count)


def test_nothing_changed():
    scores = np.array([0.0, 1.0, 1.0])
    found = paired_change(scores, scores.copy(), alone(3))
    assert (found.value, found.low, found.high, found.verdict) == (0, 0, 0, "same")


def test_an_improvement_and_its_mirror():
    before, after = np.zeros(200), np.zeros(200)
    after[:40] = 1.0
    found, mirrored = paired_change(before, after, alone(200)), paired_change(after, before, alone(200))
    assert found.value == pytest.approx(0.2)
    # By the normal approximation 0.2 +- 1.96 * sqrt(0.2 * 0.8 / 200) = 0.145 to 0.255.
    assert (found.low, found.high) == (pytest.approx(0.145, abs=0.01), pytest.approx(0.255, abs=0.01))
    assert (found.verdict, mirrored.verdict) == ("improvement", "regression")
    assert mirrored.value == -found.value


def test_as_many_won_as_lost_is_undecided():
    before = np.array([1.0, 0.0] * 50)
    found = paired_change(before, 1 - before, alone(100))
    assert found.value == 0
    assert found.low < 0 < found.high
    assert found.verdict == "undecided"


@pytest.mark.parametrize("moved", range(1, 9))
def test_a_handful_of_queries_is_no_evidence(moved: int):
    before, after = np.zeros(300), np.zeros(300)
    after[:moved] = 1.0
    assert paired_change(before, after, alone(300)).verdict == (
        "improvement" if moved >= LEAST_MOVED else "undecided"
    )


def test_captions_of_one_image_are_one_piece_of_evidence():
    before, after = np.zeros(250), np.zeros(250)
    after[:25] = 1.0
    assert paired_change(before, after, alone(250)).verdict == "improvement"
    assert paired_change(before, after, np.arange(250) // 5).verdict == "undecided"  # five images


def test_a_large_mean_change_of_few_is_not_hidden_by_many_equals():
    # What an unpaired comparison cannot see: 1 % better, and never worse.
    rng = np.random.default_rng(3)
    before = rng.random(2000)
    after = before.copy()
    after[:200] += 0.1
    found = paired_change(before, after, alone(2000))
    assert found.verdict == "improvement"
    assert found.value == pytest.approx(0.01)
    assert found.high - found.low < 0.004


def test_scores_of_other_queries_are_refused():
    with pytest.raises(ValueError, match="scores of 3 and 2 queries"):
        paired_change(np.zeros(3), np.zeros(2), alone(3))


def test_a_change_is_written_with_its_interval():
    before, after = np.zeros(200), np.zeros(200)
    after[:40] = 1.0
    plain = paired_change(before, after, alone(200)).to_plain()
    assert (plain["value"], plain["verdict"]) == (0.2, "improvement")
    assert 0.1 < plain["low"] < 0.2 < plain["high"] < 0.3
