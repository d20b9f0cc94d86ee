"""Values of trackers: what is surely a number, which value of a series, and what a card can hold."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.errors import UsageError
from embver.exchange.tracked import Data, TrackedRun, flattened, from_text, mixture, plain_value, tracked_data
from embver.exchange.tracked_metrics import Point, WantedMetric, picked, wanted_of
from embver.intake import AbsentError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("1e-5", 1e-05), ("1E5", 100000.0), ("-0.25", -0.25), ("3", 3), ("-3", -3), ("0", 0), ("1.0", 1.0)),
        *(("True", True), ("false", False), ("9007199254740992", 2**53)),
    ],
)
def test_a_text_that_is_surely_a_value_becomes_one(text: str, value: Any) -> None:
    found = from_text(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "007",
            "+1",
            "1_000",
            "1.",
            ".5",
            "nan",
            "inf",
            "-0",
            "None",
            "null",
            "",
            " 1",
            "1 ",
            "1.2.3",
            "0x10",
        ),
        *("1e999", "9007199254740993", "0.12345678901234567890", "TRUE", "yes", "[1, 2]", "1,5", "٣"),
    ],
)
def test_a_text_whose_writing_would_be_lost_stays_one(text: str) -> None:
    assert from_text(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53) | st.booleans())
def test_what_python_writes_comes_back(value: Any) -> None:
    found = from_text(str(value))
    assert found == value or found == str(value) == "-0"


@given(st.text(max_size=12))
def test_no_text_changes_its_meaning(text: str) -> None:
    found = from_text(text)
    assert found == text or float(text) == found if text not in ("True", "true", "False", "false") else True


def test_the_pick_of_a_series_says_its_step() -> None:
    series = [
        Point(value=0.5, step=2),
        Point(value=0.9, step=0),
        Point(value=0.9, step=1),
        Point(value=None, step=3),
    ]
    assert picked(series, "max") == Point(value=0.9, step=0)
    assert picked(series, "min") == Point(value=0.5, step=2)
    assert picked(series, "last") == Point(value=None, step=3)
    assert picked(series[-1:], "max") == Point(value=None)
    assert picked([Point(value=1.0), Point(value=2.0)], "last") == Point(value=2.0)


def test_a_metric_may_have_any_name() -> None:
    text = "val: recall@1=hit@1:max, loss:last,a=b=c:min"
    wanted = wanted_of({"metrics": text, "benchmark": "shop"})
    assert wanted.metrics == (
        WantedMetric(key="val: recall@1", name="hit@1", pick="max"),
        WantedMetric(key="loss", name="loss", pick="last"),
        WantedMetric(key="a=b", name="c", pick="min"),
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metrics": "loss", "benchmark": "b"}, "say which value of the series it is"),
        ({"metrics": "loss:best", "benchmark": "b"}, "say which value of the series it is"),
        ({"metrics": "=x:max", "benchmark": "b"}, "is not KEY=NAME:max"),
        ({"metrics": "loss:max"}, "say both"),
        ({"benchmark": "b"}, "say both"),
        ({"metrics": "a=x:max,b=x:max", "benchmark": "b"}, "two metrics would be called x"),
        ({"unit": "percents"}, "one of fraction, percent"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(options: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        wanted_of(options)


def test_a_percentage_is_never_taken_for_a_fraction() -> None:
    points = {"val/recall": [Point(value=43.75)], "loss": [Point(value=7.5)]}
    options = {"metrics": "val/recall=recall@10:last,loss:last", "benchmark": "shop"}
    with pytest.raises(UsageError, match=r"val/recall is 43\.75, and recall@10 runs from 0 to 1") as raised:
        wanted_of(options).found(points, known=points, uri="wandb:a/b/c")
    assert raised.value.hint == "if it is in percent: --set unit=percent"
    found = wanted_of({**options, "unit": "percent"}).found(points, known=points, uri="wandb:a/b/c")
    assert [each.point for each in found.metrics] == [Point(value=43.75), Point(value=7.5)]


def test_a_value_that_only_the_summary_holds_has_no_other_pick() -> None:
    kept = {("top", "last"): Point(value=0.5)}
    with pytest.raises(UsageError, match="the max of top is not to be had") as raised:
        wanted_of({"metrics": "top:max", "benchmark": "b"}).found(
            {}, known=["top"], uri="wandb:a", summaries=kept
        )
    assert raised.value.hint == "--set metrics=top=top:last"
    with pytest.raises(AbsentError, match="has no metric 'tob'") as absent:
        wanted_of({"metrics": "tob:max", "benchmark": "b"}).found(
            {}, known=["top"], uri="wandb:a", summaries=kept
        )
    assert absent.value.known == ("top",)


def test_what_is_nested_gets_names_with_dots() -> None:
    nested = {"name": "adam", "decay": {"kind": "cosine", "end": {"at": 3}}, "none": {}}
    assert dict(flattened(nested)) == {"name": "adam", "decay.kind": "cosine", "decay.end.at": 3, "none": {}}


def test_a_card_holds_plain_values_and_lists_of_them() -> None:
    assert plain_value([0.9, "a", True]) == ([0.9, "a", True], None)
    assert plain_value(2**60) == (str(2**60), None)
    assert plain_value(False) == (False, None)
    odd: tuple[Any, ...] = (math.inf, math.nan, None, {}, [{"a": 1}], [1.0, math.nan], [[1]])
    for value in odd:
        found, why = plain_value(value)
        assert found is None
        assert why


def test_data_of_one_name_are_told_apart_whatever_their_order() -> None:
    train = Data(name="pages", version="1", role="train")
    check = Data(name="pages", version="2", role="validation")
    other = Data(name="pages", version="3")
    for order in ([train, check, other, train], [other, check, train]):
        assert [entry.name for entry in tracked_data(order)] == ["pages", "pages (validation)", "pages (2)"]


@pytest.mark.parametrize(
    ("training", "is_replaced", "said"),
    [
        ({}, True, None),
        ({"run": {"uri": "mlflow:a#1"}, "hyperparameters": {"lr": 1}}, False, None),
        ({"run": {"uri": "mlflow:a#2"}, "hyperparameters": {"lr": 1}}, True, None),
        (
            {"run": {"uri": "mlflow:a#2"}},
            False,
            "the card is of another run, mlflow:a#2: what both say is kept",
        ),
        (
            {
                "run": {"uri": "mlflow:a#2"},
                "hyperparameters": {"lr": 1, "seed": 7},
                "code": {"commit": "f" * 40},
            },
            True,
            "this one says nothing of training.hyperparameters.seed, training.code, which stay as they were",
        ),
    ],
)
def test_a_card_that_was_of_another_run_is_told(training: Any, is_replaced: bool, said: str | None) -> None:
    run = TrackedRun(tracker="mlflow", uri="mlflow:a#1", hyperparameters={"lr": 0.5})
    told = mixture(training, run, is_replaced=is_replaced)
    assert told is None if said is None else said in str(told)
