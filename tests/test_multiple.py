"""Holm's correction."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.multiple import holm


def test_an_example_worked_out_by_hand() -> None:
    # Sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.5 * 1.
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx((0.06, 0.04, 0.5, 0.06))
    assert holm([]) == ()
    assert holm([0.2]) == (0.2,)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_no_p_value_falls_and_their_order_stays(values: list[float]) -> None:
    found = holm(values)
    assert all(before <= after <= 1.0 for before, after in zip(values, found, strict=True))
    for one, other in zip(values, found, strict=True):
        assert all(theirs >= other for mine, theirs in zip(values, found, strict=True) if mine > one)
