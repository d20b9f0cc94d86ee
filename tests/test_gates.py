"""Gates: every threshold at its edge, both directions of a metric, and what cannot be judged."""

from __future__ import annotations

from typing import Any

import pytest

from embver.gate_rules import judge_gate, unjudged
from embver.gates import Gate, Outcome
from embver.series import Point, Series, Step


def gate(**thresholds: Any) -> Gate:
    return Gate(benchmark="search", metric="hit@10", **thresholds)


def series(before: float | None, after: float | None, *, is_up: bool = True, **step: Any) -> Series:
    """Return the series of one step, noise by the paired test unless told otherwise."""
    point = Point(
        reference="p@2.0.0", value=after, lacking=None if after is not None else "it has no such benchmark"
    )
    told: dict[str, Any] = {"test": "paired-permutation", "verdict": "noise", "delta": 0.0, **step}
    steps = (
        () if before is None else (Step(from_="p@1.0.0", to="p@2.0.0", before=before, after=after, **told),)
    )
    return Series(
        name="p", benchmark="search", metric="hit@10", unit="fraction", higher_is_better=is_up,
        points=(point,), steps=steps,
    )  # fmt: skip


def judged(asked: Gate, numbers: Series, **options: Any) -> Outcome:
    return judge_gate(asked, numbers, **{"has_previous": bool(numbers.steps), **options})


@pytest.mark.parametrize(
    ("asked", "before", "after", "state"),
    [
        ({"min": 0.4}, None, 0.4, "pass"),
        ({"min": 0.4}, None, 0.399999, "fail"),
        ({"max": 0.4}, None, 0.4, "pass"),
        ({"max": 0.4}, None, 0.41, "fail"),
        ({"max_drop": 0.01}, 0.41, 0.40, "pass"),  # 0.41 - 0.40 is more than 0.01 in binary
        ({"max_drop": 0.01}, 0.41, 0.399, "fail"),
        ({"max_drop": 0.0}, 0.41, 0.41, "pass"),
        ({"max_drop": 0.0}, 0.41, 0.9, "pass"),
        ({"max_drop_relative": 0.02}, 0.5, 0.49, "pass"),
        ({"max_drop_relative": 0.02}, 0.5, 0.489, "fail"),
        ({"max_drop_relative": 0.02}, 0.0, 0.1, "pass"),
        ({"max_drop_relative": 1.0}, 0.0, -0.1, "fail"),
    ],
)
def test_a_threshold_at_its_edge(
    asked: dict[str, float], before: float | None, after: float, state: str
) -> None:
    assert judged(gate(**asked), series(before, after)).state == state


@pytest.mark.parametrize(
    ("asked", "before", "after", "state"),
    [
        ({"max_drop": 1.0}, 10.0, 11.0, "pass"),
        ({"max_drop": 1.0}, 10.0, 11.5, "fail"),
        ({"max_drop": 1.0}, 10.0, 2.0, "pass"),
        ({"max_drop_relative": 0.1}, 10.0, 11.5, "fail"),
        ({"max": 11.0}, 10.0, 11.5, "fail"),
    ],
)
def test_where_lower_is_better_a_drop_is_a_rise(
    asked: dict[str, float], before: float, after: float, state: str
) -> None:
    found = judged(gate(**asked), series(before, after, is_up=False))
    assert found.state == state
    if state == "fail":
        assert found.checks[0].why in ("it rose by 1.5", "it rose by 15.00%", "it is 11.5")


@pytest.mark.parametrize(
    ("verdict", "test", "state", "why"),
    [
        ("regression", "paired-permutation", "fail", "a significant regression by the paired test"),
        ("improvement", "paired-permutation", "pass", "a significant improvement by the paired test"),
        ("noise", "intervals", "pass", "no significant change by the intervals of the cards"),
    ],
)
def test_a_significant_drop(verdict: str, test: str, state: str, why: str) -> None:
    found = judged(gate(significant_drop=True), series(0.5, 0.4, verdict=verdict, test=test))
    assert (found.state, found.checks[0].why) == (state, why)


def test_a_first_version_has_nothing_to_fall_behind() -> None:
    found = judged(gate(min=0.4, max_drop=0.01, significant_drop=True), series(None, 0.5))
    assert (found.state, found.is_passed) == ("pass", True)
    found = judged(gate(max_drop=0.01), series(None, 0.5), has_previous=True)
    assert (found.state, found.checks[0].why) == ("unjudged", "no version before it has this number")


def test_what_cannot_be_judged_holds_back_unless_the_gate_says_otherwise() -> None:
    other = series(0.5, 0.4, verdict="unknown", test=None, delta=None, not_comparable="queries: 1024 -> 1000")
    found = judged(gate(min=0.3, max_drop=0.01, significant_drop=True), other)
    assert [check.state for check in found.checks] == ["pass", "unjudged", "unjudged"]
    assert found.checks[1].why == "not comparable with p@1.0.0: queries: 1024 -> 1000"
    assert (found.state, found.is_passed, len(found.refusals)) == ("unjudged", False, 2)
    found = judged(gate(min=0.3, max_drop=0.01, missing="pass"), other)
    assert (found.state, found.is_passed, found.refusals) == ("unjudged", True, ())
    found = judged(gate(min=0.9, max_drop=0.01, missing="pass"), other)  # a failure stays one
    assert (found.state, found.is_passed, [check.rule for check in found.refusals]) == (
        "fail",
        False,
        ["min"],
    )


def test_a_drop_is_judged_without_a_test_and_significance_is_not() -> None:
    untested = series(0.5, 0.4, verdict="unknown", test=None, delta=-0.1, not_comparable="no interval")
    found = judged(gate(max_drop=0.2, significant_drop=True), untested)
    assert [check.state for check in found.checks] == ["pass", "unjudged"]


def test_a_number_that_is_not_there() -> None:
    found = judged(gate(min=0.4, significant_drop=True), series(0.5, None))
    assert {check.why for check in found.checks} == {"it has no such benchmark"}
    assert unjudged(gate(max=1.0), "stale").checks[0].sentence == "max 1: stale"


def test_what_was_let_through_at_the_release_is_allowed_and_nothing_else() -> None:
    asked = gate(min=0.6, max_drop=0.01)
    found = judged(asked, series(0.7, 0.5), allowed=frozenset({"max_drop"}))
    assert [(check.rule, check.state) for check in found.checks] == [("min", "fail"), ("max_drop", "allowed")]
    found = judged(asked, series(0.7, 0.5), allowed=frozenset({"max_drop", "min"}))
    assert (found.state, found.is_passed) == ("allowed", True)
    assert found.checks[0].why == "it is 0.5; let through when it was released"
    # What is met needs no leave.
    found = judged(asked, series(0.7, 0.7), allowed=frozenset({"max_drop", "min"}))
    assert found.state == "pass"


def test_the_keys_are_those_of_the_documentation() -> None:
    plain = judged(gate(min=0.4, name="the shop's search"), series(0.5, 0.45, low=-0.1, high=0.0)).to_plain()
    assert plain["name"] == "the shop's search"
    assert (plain["old"], plain["new"], plain["low"], plain["against"]) == (0.5, 0.45, -0.1, "p@1.0.0")
    assert plain["checks"] == [{"rule": "min", "limit": 0.4, "state": "pass", "why": "it is 0.45"}]
