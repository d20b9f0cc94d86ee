from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.measure import Rule, Side, StratumItems, entry, judge_stratum, measure_stratum
from embver.measure.bootstrap import Estimate
from embver.measure.cells import half_splits
from embver.measure.record import rounded
from embver.measure.strata import Labelled

QUICK = Rule(draws=100)


def measure(world, new, *, old=None, metric="cosine", rule=QUICK, items=None):
    return measure_stratum(items or world.items, old=old or world.side, new=new, metric=metric, rule=rule)


def naive_top(query, documents, own, k, metric):
    """`documents` are (vector, version) pairs; the own one is not to be found."""

    def score(y):
        if metric == "cosine":
            return query @ y / np.linalg.norm(query) / np.linalg.norm(y)
        return query @ y if metric == "dot" else -np.linalg.norm(query - y)

    order = sorted((i for i in range(len(documents)) if i != own), key=lambda i: (-score(documents[i]), i))
    return order[:k]


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("modalities", [("text", "image"), ("image", "image")])
def test_every_measure_is_the_naive_one(make_world, metric, modalities):
    n, k = 60, 2
    world = make_world(n, 6, modalities=modalities)
    pairs = (*(f"p{i // 2}" for i in range(n - 1)), "alone")
    items = replace(world.items, query_pairs=pairs, document_pairs=(*pairs[:-1], "other"))
    rng = np.random.default_rng(3)
    old = Side(query=2 * world.side.query, document=world.side.document * rng.uniform(1, 2, (n, 1)))
    new = Side(
        query=old.query + 0.2 * rng.normal(size=(n, 6)), document=old.document + 0.2 * rng.normal(size=(n, 6))
    )
    found = measure(world, new, old=old, metric=metric, items=items)
    assert (found.k, found.queries, found.documents) == (k, n, n)

    own = range(n) if modalities[0] == modalities[1] else [-1] * n
    masks = half_splits(n, 8, QUICK.seed)
    tops = {
        cell: [naive_top(q[i], list(d), own[i], k, metric) for i in range(n)]
        for cell, q, d in (
            ("oo", old.query, old.document),
            ("no", new.query, old.document),
            ("on", old.query, new.document),
            ("nn", new.query, new.document),
        )
    }
    galleries = [np.where(mask[:, None], new.document, old.document) for mask in masks]
    mixed = [[naive_top(new.query[i], list(g), own[i], k, metric) for i in range(n)] for g in galleries]

    def recall(found_lists):
        return np.mean([len(set(a) & set(b)) / k for a, b in zip(tops["oo"], found_lists, strict=True)])

    assert found.recall_new_query_old_index.value == pytest.approx(recall(tops["no"]))
    assert found.recall_old_query_new_index.value == pytest.approx(recall(tops["on"]))
    assert found.recall_new_new.value == pytest.approx(recall(tops["nn"]))
    assert found.recall_mixed_index.value == pytest.approx(np.mean([recall(each) for each in mixed]))
    bias = [
        mask[each[i]].mean() - np.delete(mask, own[i] if own[i] >= 0 else []).mean()
        for mask, each in zip(masks, mixed, strict=True)
        for i in range(n)
    ]
    assert found.share_bias.value == pytest.approx(np.mean(bias))

    documents = items.document_pairs
    counted = [i for i in range(n) if any(documents[j] == pairs[i] and j != own[i] for j in range(n))]

    def hits(found_lists):
        return np.array([any(documents[j] == pairs[i] for j in found_lists[i]) for i in counted], dtype=float)

    base, mix = hits(tops["oo"]), np.mean([hits(each) for each in mixed], axis=0)
    labelled = found.labelled
    assert labelled.queries == len(counted) < n
    assert labelled.hits["old_old"].value == pytest.approx(base.mean())
    assert labelled.hits["mixed"].value == pytest.approx(mix.mean())
    assert labelled.changes["new_old"].value == pytest.approx(hits(tops["no"]).mean() - base.mean())
    assert labelled.changes["old_new"].value == pytest.approx(hits(tops["on"]).mean() - base.mean())
    assert labelled.flips["new_new"].value == pytest.approx(((base == 1) & (hits(tops["nn"]) == 0)).mean())
    assert labelled.flips["mixed"].value == pytest.approx((base * (1 - mix)).mean())


def test_equal_vectors_agree_exactly(world):
    found = measure(world, Side(query=world.side.query.copy(), document=world.side.document.copy()))
    for recall in (found.recall_new_query_old_index, found.recall_mixed_index, found.recall_new_new):
        assert (recall.value, recall.low, recall.lcb) == (1.0, 1.0, 1.0)
    assert (found.share_bias.value, found.share_bias.low, found.share_bias.high) == (0.0, 0.0, 0.0)
    assert found.query_side.identical
    assert found.document_side.identical
    assert found.document_side.cosine.minimum == 1.0
    assert (found.score_shift.mean, found.score_shift.ks) == (0.0, 0.0)
    assert found.certified.value > 0.9


def test_minus_zero_is_zero(make_world):
    world = make_world(60, 4)
    zeroed = world.side.document.copy()
    zeroed[:, 2] = 0.0
    minus = zeroed.copy()
    minus[:, 2] = -0.0
    old, new = Side(query=world.side.query, document=zeroed), Side(query=world.side.query, document=minus)
    assert measure(world, new, old=old).document_side.identical


def test_a_rotation_keeps_the_new_index_and_loses_the_old_one(world):
    found = measure(world, world.turned())
    assert found.recall_new_new.value == 1.0
    assert found.recall_new_query_old_index.value < 0.06  # k / n is 0.025
    assert found.share_bias.value > 0.4
    assert found.labelled.hits["new_new"].value == found.labelled.hits["old_old"].value
    assert found.document_side.cka == pytest.approx(1.0)
    assert found.document_side.procrustes == pytest.approx(1.0)
    assert abs(found.document_side.cosine.centred_mean) < 0.3
    assert found.certified.value == 0.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_new_new_does_not_see_rotations(make_world, seed):
    world = make_world(60, 6, seed=seed)
    assert measure(world, world.turned(seed)).recall_new_new.value == 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_queries_does_not_matter(make_world, seed):
    world = make_world(60, 6)
    new = world.moved(0.1, 0.1, seed)
    order = np.random.default_rng(seed).permutation(60)
    items = replace(
        world.items,
        query_ids=tuple(world.items.query_ids[i] for i in order),
        query_pairs=tuple(world.items.query_pairs[i] for i in order),
    )
    plain = measure(world, new)
    old = Side(query=world.side.query[order], document=world.side.document)
    permuted = measure(world, Side(query=new.query[order], document=new.document), old=old, items=items)
    for name in ("recall_new_query_old_index", "recall_mixed_index", "share_bias", "recall_new_new"):
        assert getattr(permuted, name).value == pytest.approx(getattr(plain, name).value, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_documents_does_not_matter_where_no_split_is_drawn(make_world, seed):
    world = make_world(60, 6)
    new = world.moved(0.1, 0.1, seed)
    order = np.random.default_rng(seed).permutation(60)
    items = replace(
        world.items,
        document_ids=tuple(world.items.document_ids[i] for i in order),
        document_pairs=tuple(world.items.document_pairs[i] for i in order),
    )
    old = Side(query=world.side.query, document=world.side.document[order])
    permuted = measure(world, Side(query=new.query, document=new.document[order]), old=old, items=items)
    plain = measure(world, new)
    assert permuted.recall_new_query_old_index == plain.recall_new_query_old_index
    assert permuted.recall_new_new == plain.recall_new_new
    assert permuted.labelled.hits["new_old"] == plain.labelled.hits["new_old"]


@pytest.mark.parametrize("noise", [0.001, 0.01, 0.05])
def test_the_certificate_is_sound(make_world, noise):
    world = make_world(250, 8)
    found = measure(world, world.moved(noise, noise))
    for recall in (found.recall_new_query_old_index, found.recall_mixed_index, found.recall_new_new):
        assert found.certified.value <= recall.value
    assert noise > 0.001 or found.certified.value > 0.5


def test_the_certificate_is_its_formula():
    rng = np.random.default_rng(1)
    names = tuple(str(i) for i in range(50))
    pairs = {"query_pairs": names[:9], "document_pairs": names, "query_ids": names[:9], "document_ids": names}
    items = StratumItems(query_modality="text", document_modality="image", **pairs)
    old = Side(query=rng.normal(size=(9, 3)), document=rng.normal(size=(50, 3)))
    new = Side(query=old.query + 0.02 * rng.normal(size=(9, 3)), document=old.document * 3)
    new.document[7] += 0.05

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    query_steps = np.linalg.norm(unit(new.query) - unit(old.query), axis=1)
    steps = np.linalg.norm(unit(new.document) - unit(old.document), axis=1)
    kept = []
    for i, scores in enumerate(unit(old.query) @ unit(old.document).T):
        order = np.argsort(-scores)
        allowed = [2 * query_steps[i] + steps[j] + steps.max() for j in order[:2]]
        kept += [scores[j] - scores[order[2]] > limit for j, limit in zip(order[:2], allowed, strict=True)]
    found = measure_stratum(items, old=old, new=new, metric="cosine", rule=QUICK)
    assert 0 < found.certified.value < 1
    assert found.certified.value == pytest.approx(np.mean(kept))


def test_flips_never_seen_are_not_ruled_out(world):
    flips = measure(world, world.moved(0.02, 0.02)).labelled.flips["new_old"]
    assert (flips.value, flips.low) == (0.0, 0.0)
    assert flips.ucb == flips.high == pytest.approx(1 - 0.05 ** (1 / 400))


def test_the_flips_that_count_are_the_worse_of_a_live_index():
    def share(ucb):
        return Estimate(value=0.0, low=0.0, high=ucb, lcb=0.0, ucb=ucb)

    flips = {"new_old": share(0.2), "mixed": share(0.3), "new_new": share(0.9), "old_new": share(0.8)}
    assert Labelled(queries=9, hits={}, changes={}, flips=flips).negative_flips is flips["mixed"]
    flips["new_old"] = share(0.4)
    assert Labelled(queries=9, hits={}, changes={}, flips=flips).negative_flips is flips["new_old"]


def test_half_splits_are_halves_and_complements():
    masks = half_splits(101, 5, seed=4)
    assert masks.sum(axis=1).tolist() == [50, 51, 50, 51, 50]
    assert (masks[0] ^ masks[1]).all()
    assert (masks[0] != masks[2]).any()
    assert (masks == half_splits(101, 5, seed=4)).all()


def test_the_same_numbers_from_run_to_run(world):
    new = world.moved(0.1, 0.1)
    assert measure(world, new) == measure(world, new)
    other = measure(world, new, rule=Rule(draws=100, seed=1))
    assert other.recall_new_query_old_index.value == measure(world, new).recall_new_query_old_index.value
    assert other.recall_mixed_index.value != measure(world, new).recall_mixed_index.value


def test_other_dimensions_leave_what_can_be_measured(world, make_world):
    found = measure(world, make_world(d=32).side)
    assert not found.is_comparable
    assert found.recall_new_query_old_index is found.recall_mixed_index is found.share_bias is None
    assert set(found.labelled.hits) == {"old_old", "new_new"}
    assert found.labelled.negative_flips is None
    assert found.document_side.cka is not None
    plain = entry(found, judge_stratum(found, QUICK))
    assert plain["verdict"] == "incompatible"
    assert "share_bias" not in plain
    json.dumps(plain, allow_nan=False)


def test_the_verdict_does_not_depend_on_the_diagnosis(world):
    new = world.moved(0.05, 0.05)
    plain = measure_stratum(world.items, old=world.side, new=new, metric="cosine", rule=QUICK, diagnose=False)
    assert plain.document_side.cka is plain.query_side.procrustes is None
    assert judge_stratum(plain, QUICK) == judge_stratum(measure(world, new), QUICK)


def test_unlabelled_strata_have_no_route_b(unlabelled):
    assert measure(unlabelled, unlabelled.moved(0.1)).labelled is None


def test_one_modality_needs_another_item_of_the_pair(make_world):
    world = make_world(60, 6, modalities=("image", "image"))
    assert measure(world, world.side).labelled is None
    pairs = ("twin", "twin", *world.items.query_pairs[2:])
    items = replace(world.items, query_pairs=pairs, document_pairs=pairs)
    assert measure(world, world.side, items=items).labelled.queries == 2


def test_captions_of_an_image_are_one_cluster(world):
    pairs = tuple(f"p{i // 5}" for i in range(400))
    items = replace(world.items, query_pairs=pairs)
    new = world.moved(0.3, 0.3)
    assert measure(world, new, items=items).clusters == 80
    assert measure(world, new).clusters == 400


@pytest.mark.parametrize(("documents", "k"), [(10, 1), (50, 2), (249, 9), (250, 10), (4096, 10)])
def test_k_is_at_most_one_document_in_25(documents, k):
    assert Rule().neighbours(documents) == k


def broken(side, role, row, value):
    vectors = {"query": side.query.copy(), "document": side.document.copy()}
    vectors[role][row] = value
    return Side(**vectors)


@pytest.mark.parametrize(
    ("role", "value", "message"),
    [
        ("query", np.nan, r"text -> image: new queries: row 7 \('item-00007'\) is not finite"),
        ("document", np.inf, r"new documents: row 7 \('item-00007'\) is not finite"),
        ("document", 0.0, r"new documents: row 7 \('item-00007'\) is all zeros"),
    ],
)
def test_bad_rows_are_named(world, role, value, message):
    with pytest.raises(ValueError, match=message):
        measure(world, broken(world.side, role, 7, value))


def test_rows_must_be_the_items(world):
    short = Side(query=world.side.query[:-1], document=world.side.document)
    with pytest.raises(ValueError, match="new queries: 399 rows for 400 items"):
        measure(world, short)
    crooked = Side(query=world.side.query[:, :5], document=world.side.document)
    with pytest.raises(ValueError, match="old queries have 5 dimensions, documents 48"):
        measure(world, world.side, old=crooked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"query_pairs": ("a",)}, "2 query ids but 1 pairs"),
        ({"document_ids": ("a", "a")}, "a document id occurs twice"),
        ({"query_ids": (), "query_pairs": ()}, "too few items"),
    ],
)
def test_items_that_disagree_are_refused(changes, message):
    ids = ("a", "b")
    good = dict.fromkeys(("query_ids", "query_pairs", "document_ids", "document_pairs"), ids)
    with pytest.raises(ValueError, match=message):
        StratumItems(query_modality="text", document_modality="image", **(good | changes))


def test_the_entry_has_the_shape_of_the_card(world):
    found = measure(world, world.moved(0.05, 0.05))
    plain = entry(found, judge_stratum(found, QUICK))
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert list(plain)[:3] == ["query", "document", "n"]
    assert set(plain["recall_new_query_old_index"]) == set(plain["recall_mixed_index"]) == {"value", "low"}
    assert set(plain["share_bias"]) == {"value", "low", "high"}
    assert set(plain["labelled"]) == {"old_old", "new_old", "old_new", "new_new", "mixed", "negative_flips"}
    assert all(isinstance(value, float) and round(value, 6) == value for value in plain["labelled"].values())
    assert set(plain["labelled_change"]["mixed"]) == {"value", "low"}
    assert set(plain["labelled_flips"]["mixed"]) == {"value", "high"}
    assert plain["labelled_queries"] == 400
    assert 0.99 < plain["paired_cosine"]["document"] < 1
    assert plain["documents_moved"]["cosine"]["distance_p99"] < 0.01
    assert plain["recall_new_query_old_index"]["low"] == round(found.recall_new_query_old_index.lcb, 6)


def test_the_rounded_is_never_minus_zero():
    assert str(rounded(-1e-9)) == "0.0"
    assert rounded(0.1234567) == 0.123457


@pytest.mark.parametrize("metric", ["dot", "euclidean"])
def test_lengths_are_recorded_where_they_matter(world, metric):
    longer = Side(query=world.side.query, document=1.5 * world.side.document)
    found = measure(world, longer, metric=metric)
    assert found.document_side.norm_ratio == pytest.approx(1.5)
    assert found.query_side.norm_ratio == 1.0
    assert found.certified is None
    assert measure(world, longer).recall_new_query_old_index.value == 1.0
