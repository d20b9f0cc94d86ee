from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embver.levels import Verdict
from embver.measure import Rule, Side, StratumVerdict, judge_all, judge_stratum, measure_stratum
from embver.measure.bootstrap import Estimate
from embver.measure.checks import State, at_least, at_most, needed_to_fail, needed_to_pass, plainly, within

RULE = Rule(draws=300)


def judge(world, new, *, old=None, rule=RULE, metric="cosine"):
    measures = measure_stratum(world.items, old=old or world.side, new=new, metric=metric, rule=rule)
    return judge_stratum(measures, rule)


def shifted(side, size, *, query=True, document=True):
    step = size * np.eye(side.query.shape[1])[0]
    return Side(query=side.query + step * query, document=side.document + step * document)


def test_equal_vectors_are_identical_however_few(world, make_world):
    assert judge(world, world.side).verdict is Verdict.IDENTICAL
    few = make_world(20, 8)
    assert judge(few, few.side).verdict is Verdict.IDENTICAL


def test_noise_of_arithmetic_is_equivalent(world):
    found = judge(world, world.moved(0.001, 0.001))
    assert (found.verdict, found.route, found.needed) == (Verdict.EQUIVALENT, None, None)
    assert judge(world, world.moved(query=0.001)).verdict is Verdict.EQUIVALENT
    assert judge(world, world.moved(document=0.001)).verdict is Verdict.EQUIVALENT


def test_small_noise_is_compatible_by_the_same_neighbours(unlabelled, world):
    for each in (unlabelled, world):
        found = judge(each, each.moved(0.04, 0.04))
        assert (found.verdict, found.route) == (Verdict.COMPATIBLE, "A")
        assert len(found.reasons) == 3


def test_better_queries_are_compatible_by_labels(make_world):
    world = make_world(1200, far=2.5)
    better = Side(query=world.side.query + 0.5 * world.side.document, document=world.side.document)
    found = judge(world, better)
    assert (found.verdict, found.route) == (Verdict.COMPATIBLE, "B")
    assert any("recall of the labelled pairs rises from" in reason for reason in found.reasons)
    assert any("a mixed index cannot differ" in reason for reason in found.reasons)
    blank = replace(world, items=replace(world.items, query_pairs=("",) * 1200))
    found = judge(blank, better)
    assert found.verdict is Verdict.INCOMPATIBLE
    assert any("no labelled pairs" in reason for reason in found.reasons)


def test_a_new_seed_is_incompatible(world):
    found = judge(world, world.turned())
    assert (found.verdict, found.route, found.needed) == (Verdict.INCOMPATIBLE, None, None)
    assert found.reasons[0].startswith("new queries on the old index find 1.")
    assert found.reasons[0].endswith("needs 95 %)")
    assert any("labelled pairs falls from 1.000 to 0.0" in reason for reason in found.reasons)


def test_rotated_queries_alone_are_incompatible_even_with_useless_labels(make_world):
    # The old version finds its pairs by chance only, so nothing can be lost on them.
    world = make_world(600, far=200.0)
    new = Side(query=world.turned().query, document=world.side.document)
    found = judge(world, new)
    assert found.verdict is Verdict.INCOMPATIBLE
    assert any("the old version finds 0.0" in reason for reason in found.reasons)


@pytest.mark.parametrize("sides", [{}, {"query": False}, {"document": False}])
def test_a_mean_shift_is_incompatible(unlabelled, sides):
    assert judge(unlabelled, shifted(unlabelled.side, 1.5, **sides)).verdict is Verdict.INCOMPATIBLE


def test_share_bias_fails_labels_that_are_found(world):
    # Cross-modal pairs are still found in every cell; but the new half of a mixed index takes the results.
    found = judge(world, shifted(world.side, 0.5))
    assert found.verdict is Verdict.INCOMPATIBLE
    assert any("points more than their share" in reason for reason in found.reasons)


def test_only_queries_changed_is_judged_without_the_mixed_index(unlabelled):
    found = judge(unlabelled, unlabelled.moved(query=0.04))
    assert (found.verdict, found.route) == (Verdict.COMPATIBLE, "A")
    assert not any("half-replaced" in reason for reason in found.reasons)
    assert any("documents did not move" in reason for reason in found.reasons)


def test_only_documents_changed_is_judged_on_the_new_index(unlabelled):
    found = judge(unlabelled, unlabelled.moved(document=0.3))
    assert found.verdict is Verdict.INCOMPATIBLE
    assert found.reasons[0].startswith("old queries on the new index find")
    assert any("queries did not move" in reason for reason in found.reasons)


def test_other_dimensions_are_incompatible(world, make_world):
    found = judge(world, make_world(d=32).side)
    assert found.verdict is Verdict.INCOMPATIBLE
    assert found.reasons == ("the dimension changes from 48 to 32: old and new vectors cannot be compared",)


def test_longer_vectors_matter_to_a_dot_product_only(unlabelled):
    longer = Side(query=unlabelled.side.query, document=(1.1 * unlabelled.side.document).astype(np.float32))
    assert judge(unlabelled, longer).verdict is Verdict.EQUIVALENT
    assert judge(unlabelled, longer, metric="dot").verdict is Verdict.INCOMPATIBLE


def test_longer_queries_rank_the_same_but_are_not_equivalent_under_a_dot_product(unlabelled):
    longer = Side(query=1.1 * unlabelled.side.query, document=unlabelled.side.document)
    assert judge(unlabelled, longer).verdict is Verdict.EQUIVALENT
    assert judge(unlabelled, longer, metric="dot").verdict is Verdict.COMPATIBLE
    slightly = Side(query=1.01 * unlabelled.side.query, document=unlabelled.side.document)
    assert judge(unlabelled, slightly, metric="dot").verdict is Verdict.EQUIVALENT


def test_few_queries_are_inconclusive(make_world):
    world = make_world(255)
    found = judge(world, world.moved(0.001, 0.001))
    assert (found.verdict, found.needed) == (Verdict.INCONCLUSIVE, 256)
    assert found.reasons[0] == "255 queries are fewer than the 256 a verdict needs"
    assert (
        judge(world, world.moved(0.001, 0.001), rule=replace(RULE, minimum_queries=255)).verdict
        is Verdict.EQUIVALENT
    )


def test_an_interval_on_the_threshold_is_inconclusive_and_says_what_would_settle_it(unlabelled):
    measures = measure_stratum(
        unlabelled.items, old=unlabelled.side, new=unlabelled.moved(0.04, 0.04), metric="cosine", rule=RULE
    )
    value = measures.recall_new_query_old_index
    near = replace(RULE, compatible_recall=(value.value + 3 * value.lcb) / 4)
    found = judge_stratum(measures, near)
    assert (found.verdict, found.route) == (Verdict.INCONCLUSIVE, None)
    assert found.needed == pytest.approx(400 * (4 / 3) ** 2, abs=1)
    assert [reason for reason in found.reasons if "old index" in reason]
    above = judge_stratum(measures, replace(RULE, compatible_recall=(value.value + value.ucb) / 2))
    assert above.verdict is Verdict.INCONCLUSIVE
    assert above.needed == pytest.approx(400 * 2**2, abs=1)
    assert (
        judge_stratum(measures, replace(RULE, compatible_recall=value.ucb + 1e-9)).verdict
        is Verdict.INCOMPATIBLE
    )


def test_a_verdict_that_would_fail_needs_one_condition_settled_not_all(unlabelled):
    measures = measure_stratum(
        unlabelled.items, old=unlabelled.side, new=unlabelled.moved(0.04, 0.04), metric="cosine", rule=RULE
    )
    old_index, mixed = measures.recall_new_query_old_index, measures.recall_mixed_index
    rule = replace(
        RULE,
        compatible_recall=(old_index.value + old_index.ucb) / 2,
        compatible_recall_mixed=mixed.value + 0.9 * (mixed.ucb - mixed.value),
    )
    found = judge_stratum(measures, rule)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.needed == pytest.approx(400 / 0.9**2, abs=1)


def test_an_open_route_b_keeps_a_failed_route_a_inconclusive(make_world):
    world = make_world(300, far=1.5)
    measures = measure_stratum(
        world.items, old=world.side, new=world.moved(query=0.5), metric="cosine", rule=RULE
    )
    change = measures.labelled.changes["new_old"]
    assert change.lcb < change.value < change.ucb
    rule = replace(RULE, labelled_loss=-change.value + 1e-3, labelled_flips=1.0)
    assert judge_stratum(measures, rule).verdict is Verdict.INCONCLUSIVE
    assert judge_stratum(measures, replace(rule, labelled_loss=-change.lcb)).route == "B"
    assert (
        judge_stratum(measures, replace(rule, labelled_loss=-change.ucb - 1e-9)).verdict
        is Verdict.INCOMPATIBLE
    )


def test_flips_fail_a_version_whose_mean_recall_holds(make_world):
    world = make_world(600, far=2.5)
    measures = measure_stratum(
        world.items,
        old=world.side,
        new=make_world(600, far=2.5, seed=0).moved(query=1.5),
        metric="cosine",
        rule=RULE,
    )
    rule = replace(RULE, labelled_loss=1.0)
    flips = measures.labelled.negative_flips
    assert flips.lcb > RULE.labelled_flips
    assert judge_stratum(measures, rule).verdict is Verdict.INCOMPATIBLE
    assert judge_stratum(measures, replace(rule, labelled_flips=flips.ucb)).route == "B"


def test_the_overall_verdict_is_the_worst():
    def of(verdict):
        return StratumVerdict(verdict=verdict, reasons=())

    assert (
        judge_all([of(Verdict.IDENTICAL), of(Verdict.COMPATIBLE), of(Verdict.EQUIVALENT)])
        is Verdict.COMPATIBLE
    )
    assert judge_all([of(Verdict.INCONCLUSIVE), of(Verdict.INCOMPATIBLE)]) is Verdict.INCOMPATIBLE
    assert judge_all([]) is Verdict.INCONCLUSIVE


def around(value, half):
    return Estimate(value=value, low=value - half, high=value + half, lcb=value - half, ucb=value + half)


@pytest.mark.parametrize(
    ("check", "state", "holds"),
    [
        (at_least("", around(0.97, 0.01), 0.95), State.HOLDS, True),
        (at_least("", around(0.97, 0.03), 0.95), State.OPEN, True),
        (at_least("", around(0.94, 0.03), 0.95), State.OPEN, False),
        (at_least("", around(0.90, 0.03), 0.95), State.FAILS, False),
        (at_most("", around(0.01, 0.005), 0.02), State.HOLDS, True),
        (at_most("", around(0.01, 0.02), 0.02), State.OPEN, True),
        (at_most("", around(0.05, 0.01), 0.02), State.FAILS, False),
        (within("", around(0.00, 0.01), 0.05), State.HOLDS, True),
        (within("", around(-0.045, 0.01), 0.05), State.OPEN, True),
        (within("", around(0.055, 0.01), 0.05), State.OPEN, False),
        (within("", around(-0.2, 0.01), 0.05), State.FAILS, False),
        (plainly("", holds=True), State.HOLDS, True),
        (plainly("", holds=False), State.FAILS, False),
    ],
)
def test_checks(check, state, holds):
    assert (check.state, check.holds) == (state, holds)


def test_what_would_settle_a_check():
    open_above = at_least("", around(0.96, 0.04), 0.95)
    assert open_above.needed(100) == pytest.approx(1600, abs=1)
    assert at_least("", around(0.95, 0.04), 0.95).needed(100) is None
    assert within("", around(-0.04, 0.02), 0.05).needed(100) == pytest.approx(400, abs=1)
    skewed = Estimate(value=0.04, low=0.039, high=0.06, lcb=0.039, ucb=0.06)
    assert within("", skewed, 0.05).needed(100) == pytest.approx(400, abs=1)
    skewed = Estimate(value=-0.06, low=-0.061, high=-0.04, lcb=-0.061, ucb=-0.04)
    assert within("", skewed, 0.05).needed(100) == pytest.approx(400, abs=1)
    settled = at_least("", around(0.99, 0.001), 0.95)
    failing = at_least("", around(0.93, 0.04), 0.95)
    assert needed_to_pass([settled, open_above], 100) == pytest.approx(1600, abs=1)
    assert needed_to_pass([settled], 100) == 100
    assert needed_to_fail([settled, open_above], 100) is None
    assert needed_to_fail([settled, failing], 100) == pytest.approx(400, abs=1)
    assert needed_to_fail([plainly("", holds=False), failing], 100) == 100


@pytest.mark.parametrize("name", ["k", "splits", "draws", "documents_per_neighbour", "minimum_queries"])
def test_a_rule_that_measures_nothing_is_refused(name):
    with pytest.raises(ValueError, match=f"rule: {name} must be at least 1"):
        Rule(**{name: 0})


def test_a_rule_is_plain_data():
    assert Rule(**Rule(k=5).to_plain()) == Rule(k=5)
