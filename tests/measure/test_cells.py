"""The search is exact however it is cut: in blocks, from short lists, without searching twice what did not change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from embver.measure import Rule, Side, measure_stratum, neighbours
from embver.measure import cells as cells_module
from embver.measure.cells import Depths, nested_pools
from embver.measure.compatibility import _galleries

RULE = Rule(draws=20)


def measure(world, new):
    return measure_stratum(world.items, old=world.side, new=new, metric="cosine", rule=RULE, diagnose=False)


@pytest.mark.parametrize("modalities", [("text", "image"), ("image", "image")])
def test_galleries_cut_into_runs_give_the_same_numbers(make_world, monkeypatch, modalities):
    world = make_world(300, 12, modalities=modalities)
    new = world.moved(0.2, 0.2)
    whole = measure(world, new)
    monkeypatch.setattr(cells_module, "WHOLE", 0)  # no gallery is small enough to be made float64 at once
    monkeypatch.setattr(cells_module, "MANY_QUERIES", 70)
    monkeypatch.setattr(neighbours, "DOCUMENTS", 64)
    assert measure(world, new) == whole


def test_queries_that_short_lists_do_not_answer_are_searched_again(make_world, monkeypatch):
    world = make_world(300, 12)
    new = world.moved(0.3, 0.3)
    whole = measure(world, new)
    calls = []
    original = cells_module._Finder.find

    def counted(self, asked, short):
        calls.append((len(asked), short))
        return original(self, asked, short)

    monkeypatch.setattr(cells_module._Finder, "find", counted)
    # Of so short a list hardly ever ten lie in a quarter of the documents.
    monkeypatch.setattr(Depths, "short", lambda self, most: min(most, self.whole + 1))
    monkeypatch.setattr(cells_module, "SLOW_SCORES", 300 * 40)
    assert measure(world, new) == whole
    assert {short for _, short in calls} == {11, 300}
    assert max(asked for asked, short in calls if short == 300) == 40


@pytest.mark.parametrize("sides", [{"query": 0.2}, {"document": 0.2}, {}])
def test_a_side_that_did_not_change_is_not_searched_twice(make_world, monkeypatch, sides):
    world = make_world(300, 12)
    new = world.moved(**sides)
    # Rows of the same direction in other lengths: the cosine is the same, and the shortcut does not see it.
    longer = Side(
        query=new.query * np.float32(2) if "query" not in sides else new.query,
        document=new.document * np.float32(2) if "document" not in sides else new.document,
    )
    plain = measure(world, new)
    searches = []
    original = cells_module.best_keys

    def counted(*arguments, **options):
        searches.append(1)
        return original(*arguments, **options)

    monkeypatch.setattr(cells_module, "best_keys", counted)
    assert measure(world, new).labelled == plain.labelled
    assert len(searches) == (2 if sides else 1)
    again = measure(world, longer)
    assert len(searches) == (2 if sides else 1) + 4
    for name in (
        "recall_new_query_old_index",
        "recall_mixed_index",
        "share_bias",
        "recall_new_new",
        "labelled",
    ):
        assert getattr(again, name) == getattr(plain, name)


def test_pools_are_nested_parts_of_the_documents():
    quarter, half = nested_pools(101, (4, 2), seed=3)
    assert (quarter.sum(), half.sum()) == (25, 50)
    assert (quarter <= half).all()
    assert (quarter != nested_pools(101, (4, 2), seed=4)[0]).any()


def test_a_smaller_pool_flatters_and_the_record_says_how_much(make_world):
    world = make_world(1200, 24)
    found = measure(world, world.moved(0.2, 0.2))
    assert [pool.documents for pool in found.pools] == [300, 600, 1200]
    assert [pool.k for pool in found.pools] == [10, 10, 10]
    assert [pool.percent_k for pool in found.pools] == [3, 6, 12]
    assert found.pools[-1].recall == found.recall_new_query_old_index
    assert found.pools[0].recall.value > found.pools[-1].recall.value + 0.01


def test_pools_that_hold_no_neighbour_are_left_out(make_world):
    world = make_world(60, 6)
    assert [pool.documents for pool in measure(world, world.moved(0.1, 0.1)).pools] == [60]


def test_a_pool_is_what_is_found_among_its_documents(make_world):
    world = make_world(240, 8)
    new = world.moved(0.3, 0.3)
    found = measure(world, new).pools[0]
    pool = nested_pools(240, (4, 2), RULE.seed)[0]
    asked = [np.argsort(-(side.query @ world.side.document[pool].T), axis=1, kind="stable")[:, : found.k]
             for side in (world.side, new)]  # fmt: skip
    shared = [len(set(a) & set(b)) / found.k for a, b in zip(*asked, strict=True)]
    assert found.recall.value == pytest.approx(np.mean(shared))


def test_recall_at_1_is_of_the_first_neighbour(make_world):
    world = make_world(300, 12)
    new = world.moved(0.3, 0.3)
    found = measure(world, new)
    first = [np.argmax(side.query @ world.side.document.T, axis=1) for side in (world.side, new)]
    assert found.recall_at_1["new_old"].value == pytest.approx((first[0] == first[1]).mean())
    assert set(found.recall_at_1) == {"new_old", "old_new", "new_new", "mixed"}
    hits = found.labelled.first["new_old"].value
    labels = np.array(world.items.document_pairs)[first[1]] == np.array(world.items.query_pairs)
    assert hits == pytest.approx(labels.mean())


def test_the_gap_between_modalities_is_of_their_means(make_world):
    world = make_world(300, 12)
    moved = Side(query=world.side.query + np.float32(1.0), document=world.side.document)
    found = measure(world, moved)

    def gap(side):
        unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (side.query, side.document)]
        return np.linalg.norm(unit[0].mean(axis=0) - unit[1].mean(axis=0))

    assert found.modality_gap == pytest.approx((gap(world.side), gap(moved)), rel=1e-4)
    same = replace(world.items, query_modality="image")
    assert measure_stratum(same, old=world.side, new=moved, metric="cosine", rule=RULE).modality_gap is None


@pytest.mark.parametrize("documents", [256, 1000, 4096, 9999, 30_000, 100_000])
def test_lists_are_long_enough_for_nearly_every_query(documents):
    galleries = _galleries(documents, RULE)
    pools = tuple((each.mask, each.depth) for each in galleries if each.mask is not None)
    length = Depths(k=10, whole=galleries[-1].depth, pools=pools).short(documents)
    for pool, asked in pools:
        share = pool.mean()
        expected, spread = length * share, (length * share * (1 - share)) ** 0.5
        assert expected - 4 * spread >= asked or length == documents
