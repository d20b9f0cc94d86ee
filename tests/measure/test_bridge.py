from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embver.levels import Verdict
from embver.measure import Rule, Side, judge_stratum, measure_stratum
from embver.measure.bridge import METHODS, Bridge, fit_bridges, pairs_needed
from embver.measure.bridging import Task, learn, split_pairs
from embver.measure.record import bridge_record

RULE = Rule(draws=200)
N, D = 1200, 24


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy(rows, size, seed):
    step = np.random.default_rng(seed).normal(size=rows.shape) * size / np.sqrt(rows.shape[1])
    return unit(rows + step).astype(np.float32)


def rotation(d, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def fitted(source, target, *, normalise=False):
    """Return one map of each kind, the ridge with the least penalty."""
    found = {}
    for bridge in fit_bridges(source, target, normalise=normalise):
        found.setdefault(bridge.method, bridge)
    return found


def gaussian(n, d, seed):
    return np.random.default_rng(seed).normal(size=(n, d))


def learned(world, new, *, old=None, method=None, rule=RULE, items=None):
    task = Task(items=items or world.items, old=old or world.side, new=new)
    parts = split_pairs([task], rule.seed)
    return learn([task], parts, metric="cosine", normalise=True, rule=rule, method=method)


@pytest.fixture(scope="module")
def world(make_world):
    """Old queries that lie far from their documents; a retrained version may find them better."""
    return make_world(N, D, far=1.6)


@pytest.fixture(scope="module")
def retrained(world):
    """The same documents and better queries, in axes of their own."""
    turn = rotation(D, 3)
    better = noisy(world.side.document, 0.3, 7)
    return Side(query=better @ turn, document=world.side.document @ turn)


def test_a_shift_is_undone():
    x = gaussian(50, 6, 1)
    found = fitted(x + 3.0, x)["shift"]
    assert found.apply(x + 3.0) == pytest.approx(x, abs=1e-5)
    assert found.matrix is None


@pytest.mark.parametrize("method", ["procrustes", "scaled", "ridge"])
def test_a_rotation_and_a_shift_are_undone_on_rows_that_the_fit_has_not_seen(method):
    x, turn = gaussian(300, 8, 1), rotation(8, 2)
    found = fitted(x[:200] @ turn + 1.0, x[:200])[method]
    assert found.apply(x[200:] @ turn + 1.0) == pytest.approx(x[200:], abs=0.01)


def test_scales_are_undone_by_the_diagonal():
    x = gaussian(400, 6, 1)
    stretched = x * np.array([1.0, 2, 3, 4, 5, 6])
    errors = {name: np.abs(each.apply(stretched) - x).mean() for name, each in fitted(stretched, x).items()}
    assert errors["scaled"] < 0.2 * errors["procrustes"]


@pytest.mark.parametrize(("before", "after"), [(12, 8), (8, 12)])
def test_unequal_dimensions_have_rectangular_maps_and_no_shift(before, after):
    narrow = gaussian(300, 8, 1)
    wide = np.column_stack([narrow, np.zeros((300, 4))]) @ rotation(12, 2)
    source, target = (wide, narrow) if before == 12 else (narrow, wide)
    found = fitted(source[:200], target[:200])
    assert set(found) == {"procrustes", "scaled", "ridge"}
    assert found["procrustes"].dimensions == (before, after)
    assert found["procrustes"].apply(source[200:]) == pytest.approx(target[200:], abs=1e-4)


def test_a_matrix_is_not_fitted_to_as_few_pairs_as_it_has_axes():
    assert pairs_needed(8, 12) == 25
    few, enough = gaussian(24, 12, 1), gaussian(25, 12, 1)
    assert set(fitted(few, few)) == {"shift"}
    assert set(fitted(enough, enough)) == set(METHODS)


def test_rows_of_unit_length_come_out_and_one_row_is_one_row():
    x = gaussian(100, 5, 1)
    found = fitted(unit(x @ rotation(5, 2)), unit(x), normalise=True)["procrustes"]
    rows = found.apply(7 * x @ rotation(5, 2))
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows, axis=1) == pytest.approx(1.0)
    assert rows == pytest.approx(unit(x), abs=1e-4)
    assert found.apply(x[3]) == pytest.approx(found.apply(x)[3])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((2, 4)), r"takes rows of 5 dimensions, not of the shape \(2, 4\)"),
        (np.zeros((2, 5)), "row 0 has no direction"),
        (np.array([[1.0] * 5, [np.nan] * 5]), "row 1 has no direction"),
    ],
)
def test_rows_that_cannot_be_mapped_are_named(rows, message):
    found = fitted(unit(gaussian(20, 5, 1)), unit(gaussian(20, 5, 2)), normalise=True)["shift"]
    with pytest.raises(ValueError, match=message):
        found.apply(rows)


def test_a_pair_is_in_one_part_and_the_parts_are_thirds(world):
    pairs = tuple(f"p{i // 4}" for i in range(N))
    items = replace(world.items, query_pairs=pairs)
    parts = split_pairs([Task(items=items, old=world.side, new=world.side)], 0)
    counts = np.bincount([parts[pair] for pair in pairs], minlength=3)
    assert counts.sum() == N
    assert counts[2] == N // 3
    assert counts[1] == pytest.approx(2 / 9 * N, rel=0.05)
    assert parts == split_pairs([Task(items=items, old=world.side, new=world.side)], 0)
    assert parts != split_pairs([Task(items=items, old=world.side, new=world.side)], 1)


def test_a_bridge_is_judged_on_queries_that_it_was_not_fitted_on(world, retrained):
    found = learned(world, retrained)
    assert not set(found.fitted_ids) & set(found.held_out_ids)
    assert len(found.fitted_ids) + len(found.held_out_ids) == N
    assert found.strata[0].queries == len(found.held_out_ids)
    # Between spaces that have nothing in common, a map fitted on the judging queries themselves would find them.
    strange = Side(query=gaussian(N, D, 11), document=gaussian(N, D, 12))
    assert learned(world, strange).strata[0].bridged.value < 0.1


def test_a_retrained_version_that_is_better_is_bridgeable(world, retrained):
    found = learned(world, retrained)
    judged = found.strata[0]
    assert judged.misaligned.value < 0.1
    assert judged.kept.value < judged.bridged.value <= judged.full.value
    assert judged.arr.lcb > 0.85
    assert judged.gain.lcb > 0
    assert judged.arr.low <= judged.arr.value <= judged.arr.high
    assert set(found.tried) == set(METHODS)
    measures = measure_stratum(
        world.items, old=world.side, new=retrained, metric="cosine", rule=RULE, diagnose=False
    )
    assert judge_stratum(measures, RULE).verdict is Verdict.INCOMPATIBLE
    verdict = judge_stratum(measures, RULE, bridge=judged)
    assert verdict.verdict is Verdict.BRIDGEABLE
    assert "with the bridge the old index is better than before" in verdict.reasons[-1]


def test_a_bridge_that_is_no_better_than_keeping_the_old_encoder_says_so(world):
    turn = rotation(D, 3)
    worse = Side(query=noisy(world.side.query, 1.0, 5) @ turn, document=world.side.document @ turn)
    judged = learned(world, worse).strata[0]
    measures = measure_stratum(
        world.items, old=world.side, new=worse, metric="cosine", rule=RULE, diagnose=False
    )
    verdict = judge_stratum(measures, RULE, bridge=judged)
    assert judged.gain.ucb < 0
    assert verdict.verdict is Verdict.INCOMPATIBLE
    assert "keeping the old encoder finds more than this bridge" in verdict.reasons[-1]


def test_the_other_dimension_is_bridged_too(world, retrained):
    wide = Side(
        query=np.column_stack([retrained.query, np.zeros((N, 8))]),
        document=np.column_stack([retrained.document, np.zeros((N, 8))]),
    )
    judged = learned(world, wide).strata[0]
    assert judged.misaligned is None
    assert judged.is_enough(RULE)
    assert "misaligned" not in bridge_record(judged)


def test_a_bridge_does_not_make_a_safe_version_worse(world):
    near = world.moved(0.02, 0.02)
    measures = measure_stratum(
        world.items, old=world.side, new=near, metric="cosine", rule=RULE, diagnose=False
    )
    judged = learned(world, near).strata[0]
    assert judge_stratum(measures, RULE, bridge=judged) == judge_stratum(measures, RULE)


def test_too_few_judging_queries_are_not_enough(make_world):
    world = make_world(300, 12, far=1.2)
    turn = rotation(12, 3)
    new = Side(query=noisy(world.side.document, 0.2, 7) @ turn, document=world.side.document @ turn)
    judged = learned(world, new).strata[0]
    assert judged.queries == 100
    assert not judged.is_enough(RULE)
    assert judged.is_enough(replace(RULE, minimum_queries=50))


def test_why_there_is_no_bridge(make_world):
    world = make_world(60, 48)
    assert learned(world, world.turned(), method="shift").bridge.method == "shift"
    said = learned(world, world.turned(), method="procrustes")
    assert said == (
        "27 text queries are left to fit a bridge of 48 x 48 on, and on fewer than 97 a fit says nothing of other queries"
    )
    narrow = Side(query=world.side.query[:, :30], document=world.side.document[:, :30])
    assert learned(world, narrow, method="shift") == "a shift maps 30 dimensions to as many, not to 48"
    two = make_world(3, 4)
    assert learned(two, two.side) == "3 text queries are too few to fit a bridge and judge it on others"


def test_without_labels_there_is_no_verdict_of_a_bridge(world, retrained):
    blank = replace(world.items, query_pairs=("",) * N, document_pairs=("",) * N)
    judged = learned(world, retrained, items=blank).strata[0]
    assert judged.arr is judged.kept is judged.gain is None
    assert 0 < judged.neighbours.value < 1
    assert not judged.is_enough(RULE)


def test_old_labels_that_nobody_finds_have_no_ratio(world):
    strange = Side(query=gaussian(N, D, 11), document=gaussian(N, D, 12))
    judged = learned(world, strange).strata[0]
    assert judged.full.value < RULE.labelled_found
    assert judged.arr is None
    assert not judged.is_enough(RULE)


def test_the_same_bridge_from_run_to_run(world, retrained):
    first, second = learned(world, retrained), learned(world, retrained)
    assert first.strata == second.strata
    assert isinstance(first.bridge, Bridge)
    assert (first.bridge.matrix == second.bridge.matrix).all()
