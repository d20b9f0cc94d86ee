"""A metric over versions: what stands on what, what may be compared, and what is said where nothing can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from embver.card import Card
from embver.comparability import not_comparable
from embver.measure.significance import judge
from embver.series import Series
from embver.store.scores import Scores
from embver.suspects import suspects_between
from embver.tracing import TracedVersion, build_series
from traced_history import KEY, QUERIES, Made, card_of, found

GOOD = {KEY: found(160)}
BAD = {KEY: found(160, lost=range(20, 60))}


def traced(
    *versions: Made, yanked: Sequence[str] = (), key: str = KEY, raw: dict[str, Scores] | None = None
) -> Series:
    """Return the series of versions made by hand; `raw` puts other scores in the place of some."""

    def scores(reference: str, benchmark: str) -> Scores:
        if raw and reference in raw:
            return raw[reference]
        made = next(each for each in versions if f"shop@{each.version}" == reference)
        assert made.scores is not None
        return scores_of(made, benchmark)

    listed = [
        TracedVersion(
            reference=f"shop@{made.version}",
            card=Card.from_plain(card_of(made)),
            previous=f"shop@{made.previous}" if made.previous else None,
            is_yanked=made.version in yanked,
        )
        for made in versions
    ]
    cards = {each.reference: each.card for each in listed}
    (series,) = build_series(
        "shop", listed, [("search", key)], scores=scores, judge=judge,
        suspects=lambda old, new, _: suspects_between(cards[old], cards[new], query="text", document="image"),
    )  # fmt: skip
    return series


def scores_of(made: Made, benchmark: str = "search") -> Scores:
    assert made.scores is not None
    ids = [f"{n:03}" for n in range(len(next(iter(made.scores.values()))))]
    return Scores(
        reference=f"shop@{made.version}",
        benchmark=benchmark,
        queries=tuple(f"q{each}" for each in ids),
        pairs=tuple(f"p{each}" for each in ids),
        per_query=made.scores,
        lacking=None if made.keeps_scores else "the scores of its queries were not kept",
    )


FIRST = Made(version="1.0.0", scores=GOOD)
LATER = Made(version="1.1.0", scores=BAD, previous="1.0.0", revision="b")


def test_a_regression_with_its_only_change() -> None:
    series = traced(FIRST, LATER)
    (step,) = series.steps
    assert (step.from_, step.to, step.before, step.after) == ("shop@1.0.0", "shop@1.1.0", 0.8, 0.6)
    assert (step.delta, step.verdict, step.test) == (-0.2, "regression", "paired-permutation")
    assert step.low is not None
    assert step.high is not None
    assert step.low < -0.2 < step.high < 0
    assert step.p_value == pytest.approx(2 * 0.5**40)
    assert [each.path for each in step.fields] == ["encoders.text.model.revision"]
    assert series.worst is step
    assert [point.line for point in series.points] == [0, 0]


def test_a_metric_that_is_better_low() -> None:
    errors = {"higher_is_better": False}
    (step,) = traced(FIRST.with_(metric=errors), LATER.with_(metric=errors)).steps
    assert (step.delta, step.verdict) == (-0.2, "improvement")


def test_noise_and_what_is_too_little_to_say() -> None:
    swapped = {KEY: [*found(150)[:150], *[float(150 <= n < 161) for n in range(150, QUERIES)]]}
    (step,) = traced(FIRST, LATER.with_(scores=swapped)).steps
    assert (step.delta, step.verdict, step.notes) == (
        0.005,
        "noise",
        ("only 1 query differs: too few to tell from chance",),
    )
    (step,) = traced(FIRST, LATER.with_(scores=GOOD)).steps
    assert (step.delta, step.verdict, step.p_value, step.notes) == (0.0, "noise", 1.0, ())


def test_what_counts_alone_may_not_count_among_many() -> None:
    weak = {KEY: found(160, lost=range(9))}  # p = 2 * 0.5**9 = 0.004
    (alone,) = traced(FIRST, LATER.with_(scores=weak)).steps
    assert (alone.verdict, alone.p_value) == ("regression", pytest.approx(2 * 0.5**9))
    many = [FIRST]
    for number in range(1, 31):
        changed = {KEY: found(160, lost=range(9))} if number % 2 else GOOD
        many.append(
            Made(version=f"1.{number}.0", scores=changed, previous=f"1.{number - 1}.0", revision=str(number))
        )
    steps = traced(*many).steps
    assert {step.verdict for step in steps} == {"noise"}
    assert steps[0].p_value == pytest.approx(30 * 2 * 0.5**9)
    assert steps[0].notes == ("taken alone it would count (p = 0.0039); among 30 steps it does not",)


def test_versions_that_cannot_differ_cost_the_others_nothing() -> None:
    still = [FIRST]
    for number in range(1, 30):
        still.append(Made(version=f"1.{number}.0", scores=GOOD, previous=f"1.{number - 1}.0"))
    weak = Made(version="1.30.0", scores={KEY: found(160, lost=range(9))}, previous="1.29.0", revision="b")
    assert traced(*still, weak).steps[-1].verdict == "regression"


def test_steps_follow_ancestry_and_not_the_number() -> None:
    third = Made(version="3.0.0", scores=BAD, previous="2.0.0")
    mended = Made(version="2.0.1", scores=GOOD, previous="2.0.0")
    series = traced(FIRST.with_(version="2.0.0"), mended, third)
    assert [(step.from_, step.to, step.verdict) for step in series.steps] == [
        ("shop@2.0.0", "shop@2.0.1", "noise"),
        ("shop@2.0.0", "shop@3.0.0", "regression"),
    ]


def test_a_version_without_the_number_is_passed_over_by_name() -> None:
    silent = Made(version="1.0.1", scores=None, previous="1.0.0")
    series = traced(FIRST, silent, LATER.with_(previous="1.0.1"))
    (step,) = series.steps
    assert (step.from_, step.verdict) == ("shop@1.0.0", "regression")
    assert step.notes == ("shop@1.0.1 is passed over: it has no such benchmark",)
    assert [(point.value, point.lacking) for point in series.points][1] == (None, "it has no such benchmark")


def test_previous_versions_that_go_round_in_a_circle_end() -> None:
    one = Made(version="1.0.0", scores=None, previous="1.1.0")
    assert traced(one, LATER).steps == ()


@pytest.mark.parametrize(
    ("record", "metric", "says"),
    [
        ({"dataset": {"id": "shop", "sha256": "e" * 64}}, {}, f"digest of the data set: {'d' * 12}… -> {'e' * 12}…"),
        ({"dataset": {"id": "shop", "revision": "v2", "sha256": "d" * 64}}, {}, "revision of the data set: not recorded -> v2"),
        ({"dataset": {"id": "mall", "sha256": "d" * 64}}, {}, "data set: shop -> mall"),
        ({"harness": {"name": "mteb"}}, {}, "harness: embver -> mteb"),
        ({"protocol": {"queries": 200, "candidates": 800}}, {}, "candidates: 400 -> 800"),
        ({"protocol": {"queries": 200, "candidates": 400, "where": {"query": {"form": "clean"}}}}, {}, 'where: not recorded -> {"query": {"form": "clean"}}'),
        ({"task": {"category": "i2t"}}, {}, "modalities: t2i -> i2t"),
        ({}, {"unit": "percent"}, "unit: fraction -> percent"),
        ({}, {"higher_is_better": False}, "direction: higher is better -> lower is better"),
    ],
)  # fmt: skip
def test_what_is_not_comparable_is_named_and_no_step_is_drawn(record: Any, metric: Any, says: str) -> None:
    other = LATER.with_(record=record, metric=metric)
    series = traced(
        FIRST, other, LATER.with_(version="1.2.0", previous="1.1.0", record=record, metric=metric)
    )
    broken, joined = series.steps
    assert (broken.not_comparable, broken.delta, broken.verdict, broken.p_value) == (
        says,
        None,
        "unknown",
        None,
    )
    assert (joined.verdict, joined.not_comparable) == ("noise", None)
    assert [point.line for point in series.points] == [0, 1, 1]
    old, new = (Card.from_plain(card_of(each)).benchmarks[0] for each in (FIRST, other))
    assert not_comparable(old, new, KEY) == says
    assert not_comparable(old, old, KEY) is None
    assert not_comparable(old, new, "map") == "neither of the two has map"


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ({"value": None}, "its hit@10 is empty"),
        ({"value": float("nan")}, "its hit@10 is nan, which is not a number"),
        ({"value": float("inf")}, "its hit@10 is inf, which is not a number"),
        ({"value": "0.6"}, "its hit@10 is 0.6, which is not a number"),
        ({"value": 43.1}, "its hit@10 is 43.1, which is no fraction"),
        ({"value": 143.1, "unit": "percent"}, "its hit@10 is 143.1, which is no percent"),
    ],
)
def test_a_number_that_is_none_is_no_point(metric: dict[str, Any], says: str) -> None:
    series = traced(FIRST, LATER.with_(metric=metric), LATER.with_(version="1.2.0", previous="1.1.0"))
    assert (series.points[1].value, series.points[1].lacking) == (None, says)
    (step,) = series.steps
    assert (step.from_, step.notes) == ("shop@1.0.0", (f"shop@1.1.0 is passed over: {says}",))


def test_an_interval_that_is_none_is_left_out() -> None:
    odd = {"ci": {"low": "a", "high": float("nan")}}
    series = traced(FIRST, LATER.with_(metric=odd))
    assert (series.points[1].low, series.points[1].high) == (None, None)
    assert series.steps[0].verdict == "regression"


def test_two_benchmarks_or_metrics_of_one_name_are_none() -> None:
    twice = LATER.with_(benchmarks=("search", "search"))
    assert traced(FIRST, twice).points[1].lacking == "its card has 2 benchmarks named search"
    other = LATER.with_(scores={KEY: found(10), "map": found(10)}, metric={"key": KEY})
    assert traced(FIRST, other).points[1].lacking == "its benchmark has 2 numbers named hit@10"
    assert traced(FIRST, LATER, key="map").points[1].lacking == "its benchmark has no map"


def test_without_raw_files_the_intervals_of_the_cards_decide() -> None:
    (step,) = traced(FIRST.with_(keeps_scores=False), LATER).steps
    assert (step.test, step.verdict, step.delta) == ("intervals", "regression", -0.2)
    assert (step.low, step.high) == (
        pytest.approx(-0.2 - 0.0707, abs=1e-4),
        pytest.approx(-0.2 + 0.0707, abs=1e-4),
    )
    assert step.notes == ("shop@1.0.0: the scores of its queries were not kept",)
    near = LATER.with_(scores={KEY: found(155)}, keeps_scores=False)
    (step,) = traced(FIRST, near).steps
    assert (step.test, step.verdict) == ("intervals", "noise")


def test_without_raw_files_and_intervals_nothing_is_claimed() -> None:
    bare = LATER.with_(keeps_scores=False, metric={"ci": None})
    (step,) = traced(FIRST, bare).steps
    assert (step.delta, step.test, step.verdict, step.p_value) == (-0.2, None, "unknown", None)
    assert (
        step.not_comparable == "neither the scores of the queries nor an interval of both versions are there"
    )


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"queries": ("x",) * 200}, "shop@1.0.0: its queries were others"),
        ({"pairs": ("x",) * 200}, "shop@1.0.0: its queries belonged to other pairs"),
        ({"per_query": {}}, "shop@1.1.0: its raw file has no hit@10"),
        (
            {"per_query": {KEY: found(80)}},
            "shop@1.1.0: the scores of its queries do not make the hit@10 of its card",
        ),
    ],
)
def test_raw_files_that_do_not_fit_are_named_and_not_used(other: dict[str, Any], says: str) -> None:
    right = scores_of(LATER)
    kept = {key: getattr(right, key) for key in ("queries", "pairs", "per_query")}
    wrong = Scores(reference="shop@1.1.0", benchmark="search", **{**kept, **other})
    (step,) = traced(FIRST, LATER, raw={"shop@1.1.0": wrong}).steps
    assert (step.test, step.notes) == ("intervals", (says,))


def test_a_withdrawn_version_is_marked_and_still_stands_where_it_stood() -> None:
    series = traced(FIRST, LATER, LATER.with_(version="1.2.0", previous="1.1.0"), yanked=("1.1.0",))
    assert [point.is_yanked for point in series.points] == [False, True, False]
    assert [step.from_ for step in series.steps] == ["shop@1.0.0", "shop@1.1.0"]


def test_the_keys_of_the_json_are_a_promise() -> None:
    plain = traced(FIRST, LATER).to_plain()
    assert set(plain) == {"name", "benchmark", "metric", "unit", "higher_is_better", "points", "steps"}
    assert set(plain["points"][0]) == {"reference", "value", "low", "high", "lacking", "line", "yanked"}
    assert {"from", "to", "before", "after", "delta", "significant", "fields"} <= set(plain["steps"][0])
    assert set(plain["steps"][0]) == {
        *("from", "to", "before", "after", "delta", "low", "high", "p_value", "test", "verdict"),
        *("significant", "not_comparable", "notes", "fields"),
    }
