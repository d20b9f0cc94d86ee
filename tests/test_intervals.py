"""Telling two numbers apart by their intervals alone."""

from __future__ import annotations

import math

import pytest

from embver.intervals import Interval, difference_of


def around(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def test_two_independent_means_as_the_textbook_has_it() -> None:
    found = difference_of(around(0.5, 0.03), around(0.6, 0.04))
    assert (found.value, found.low, found.high) == (
        pytest.approx(0.1),
        pytest.approx(0.05),
        pytest.approx(0.15),
    )
    # 0.1 is 2 half widths of 0.05, so z is 2 * 1.96: p = 0.0000886
    assert found.p_value == pytest.approx(math.erfc(2 * 1.959964 / math.sqrt(2)), rel=1e-5)


def test_no_difference_has_a_p_value_of_one() -> None:
    assert difference_of(around(0.5, 0.03), around(0.5, 0.03)).p_value == 1.0


def test_the_ends_that_face_each_other_decide() -> None:
    skewed = Interval(value=0.9, low=0.88, high=0.99)
    found = difference_of(skewed, around(0.8, 0.03))
    assert found.high == pytest.approx(-0.1 + math.hypot(0.03, 0.02))
    assert found.low == pytest.approx(-0.1 - math.hypot(0.03, 0.09))


def test_an_interval_of_another_level_is_brought_to_ninety_five_percent() -> None:
    found = Interval.from_plain(0.5, {"low": 0.4, "high": 0.6, "level": 0.6827})
    assert found is not None
    assert found.high - found.value == pytest.approx(0.1 * 1.96, rel=1e-3)


@pytest.mark.parametrize(
    "ci", [{}, {"low": 0.4}, {"low": float("nan"), "high": 0.6}, {"low": 0.4, "high": 0.6, "level": 1.0}, {"low": "a", "high": 1.0}]
)  # fmt: skip
def test_no_interval_is_made_of_what_is_none(ci: dict[str, object]) -> None:
    assert Interval.from_plain(0.5, ci) is None


def test_all_queries_alike_are_no_certainty() -> None:
    assert Interval.from_plain(1.0, {"low": 1.0, "high": 1.0}) is None
    found = Interval.from_plain(1.0, {"low": 1.0, "high": 1.0, "n": 100})
    assert found is not None
    # The Clopper-Pearson bound of none in 100: 1 - 0.025 ** (1 / 100) = 0.0362.
    assert found.value - found.low == pytest.approx(0.0362, abs=1e-3)
    percent = Interval.from_plain(100.0, {"low": 100.0, "high": 100.0, "n": 100}, scale=100.0)
    assert percent is not None
    assert percent.value - percent.low == pytest.approx(3.62, abs=0.1)
