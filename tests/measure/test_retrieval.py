from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from embver.measure import Side, StratumItems, evaluate
from embver.measure.retrieval import SCORES, parse_metric


def crossed(query_pairs, document_pairs, *, modalities=("text", "image")):
    return StratumItems(
        query_modality=modalities[0],
        document_modality=modalities[1],
        query_ids=tuple(f"i{i}" for i in range(len(query_pairs))),
        query_pairs=tuple(query_pairs),
        document_ids=tuple(f"i{i}" for i in range(len(document_pairs))),
        document_pairs=tuple(document_pairs),
    )


# One query along the first axis; documents at growing angles, so that they rank in their order.
LADDER = np.array([[1.0, 0.1 * i] for i in range(8)])


def values(items, query, document, *metrics, metric="cosine"):
    found = evaluate(items, Side(query=query, document=document), metric=metric, metrics=metrics, draws=50)
    return {result.key: result.value for result in found.results}


def test_known_answers():
    # Relevant: ranks 2, 3 and 8.
    items = crossed("a", "xaaxxxxa")
    keys = (
        "hit@1",
        "hit@2",
        "recall@1",
        "recall@3",
        "recall@10",
        "precision@4",
        "mrr@10",
        "mrr@1",
        "map@5",
        "map@10",
        "ndcg@5",
        "ndcg@10",
    )
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert values(items, LADDER[:1], LADDER, *keys) == pytest.approx(
        {
            "hit@1": 0,
            "hit@2": 1,
            "recall@1": 0,
            "recall@3": 2 / 3,
            "recall@10": 1,
            "precision@4": 0.5,
            "mrr@10": 0.5,
            "mrr@1": 0,
            "map@5": (1 / 2 + 2 / 3) / 3,
            "map@10": (1 / 2 + 2 / 3 + 3 / 8) / 3,
            "ndcg@5": (1 / math.log2(3) + 1 / 2) / ideal,
            "ndcg@10": (1 / math.log2(3) + 1 / 2 + 1 / math.log2(9)) / ideal,
        }
    )


def test_a_cut_beyond_the_documents():
    found = values(crossed("a", "xaaxxxxa"), LADDER[:1], LADDER, "precision@20", "recall@20", "ndcg@20")
    assert found["precision@20"] == pytest.approx(3 / 20)
    assert found["recall@20"] == 1
    assert 0 < found["ndcg@20"] < 1


def test_the_best_order_scores_1_in_what_can_reach_it():
    items = crossed("a", "aaaxxxxx")
    keys = ("hit@1", "recall@3", "mrr@10", "map@10", "ndcg@1", "ndcg@2", "ndcg@10", "precision@3")
    assert set(values(items, LADDER[:1], LADDER, *keys).values()) == {1.0}
    assert values(items, LADDER[:1], LADDER, "recall@1")["recall@1"] == pytest.approx(1 / 3)


def test_clip_recall_is_five_times_recall_for_five_captions():
    # compat of conventions: Flickr30k I2T hit@1 0.781 is recall@1 0.1562 (standards.md section 1).
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 6))
    captions = np.repeat(images, 5, axis=0) + 0.8 * rng.normal(size=(200, 6))
    pairs = [f"p{i}" for i in range(40)]
    items = crossed(pairs, np.repeat(pairs, 5).tolist(), modalities=("image", "text"))
    found = values(items, images, captions, "hit@1", "recall@1")
    assert 0 < found["hit@1"] < 1
    assert found["hit@1"] == pytest.approx(5 * found["recall@1"])


def test_ties_fall_to_the_earlier_document():
    document = np.ones((4, 2))
    assert values(crossed("a", "axxx"), document[:1], document, "hit@1")["hit@1"] == 1
    assert values(crossed("a", "xaxx"), document[:1], document, "hit@1", "mrr@3") == {
        "hit@1": 0,
        "mrr@3": 0.5,
    }


def test_a_query_does_not_find_itself_in_its_own_modality():
    vectors = np.array([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 1]])
    pairs = ("a", "b", "b", "c")
    cross = crossed(pairs, pairs)
    within = crossed(pairs, pairs, modalities=("image", "image"))
    assert values(cross, vectors, vectors, "hit@1")["hit@1"] == 1.0
    found = evaluate(
        within, Side(query=vectors, document=vectors), metric="cosine", metrics=["hit@1", "mrr@10"], draws=50
    )
    assert found.query_ids == ("i1", "i2")  # the others have no other item of their pair
    assert found.per_query["hit@1"].tolist() == [0, 0]
    assert found.per_query["mrr@10"].tolist() == [1 / 3, 1 / 2]  # 1 finds 0, 3, 2; 2 finds 3, 1
    assert (found.candidates, found.relevant_per_query) == (4, 1.0)


def test_queries_without_a_relevant_document_do_not_count():
    found = evaluate(
        crossed(["a", "nothing", "", "b"], ["a", "b", ""]),
        Side(query=np.eye(4)[:, :3] + 0.1, document=np.eye(3)),
        metric="dot",
        draws=50,
    )
    assert found.query_ids == ("i0", "i3")
    assert found.query_pairs == ("a", "b")
    assert {result.n for result in found.results} == {2}


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_scores_against_sklearn_like_loops(metric):
    rng = np.random.default_rng(4)
    query, document = rng.normal(size=(50, 5)), rng.normal(size=(80, 5))
    items = crossed([f"p{i}" for i in rng.integers(0, 12, 50)], [f"p{i}" for i in rng.integers(0, 12, 80)])
    found = evaluate(
        items,
        Side(query=query, document=document),
        metric=metric,
        metrics=["ndcg@7", "map@7", "recall@7"],
        draws=50,
    )
    for row, pair in enumerate(items.query_pairs):
        if metric == "euclidean":
            scores = -np.linalg.norm(document - query[row], axis=1)
        else:
            scores = document @ query[row] / (np.linalg.norm(document, axis=1) if metric == "cosine" else 1)
        gains = np.array(items.document_pairs)[np.argsort(-scores, kind="stable")] == pair
        total = gains.sum()
        seen, precision, dcg = 0, 0.0, 0.0
        for rank, gain in enumerate(gains[:7], 1):
            seen += gain
            precision += gain * seen / rank
            dcg += gain / math.log2(rank + 1)
        best = sum(1 / math.log2(rank + 1) for rank in range(1, min(7, total) + 1))
        assert found.per_query["recall@7"][row] == pytest.approx(seen / total)
        assert found.per_query["map@7"][row] == pytest.approx(precision / total)
        assert found.per_query["ndcg@7"][row] == pytest.approx(dcg / best)


def test_intervals_hold_the_value_and_widen_with_clusters(world):
    far = Side(
        query=world.side.query + np.random.default_rng(0).normal(size=world.side.query.shape),
        document=world.side.document,
    )
    plain = evaluate(world.items, far, metric="cosine", seed=1)
    again = evaluate(world.items, far, metric="cosine", seed=1)
    assert plain.results == again.results
    for result in plain.results:
        assert 0 <= result.low < result.value < result.high <= 1
        assert result.value == plain.per_query[result.key].mean()
    copies = replace(
        world.items,
        query_ids=tuple(f"{name}/{copy}" for name in world.items.query_ids for copy in range(5)),
        query_pairs=tuple(np.repeat(world.items.query_pairs, 5).tolist()),
    )
    fivefold = evaluate(
        copies, Side(query=np.repeat(far.query, 5, axis=0), document=far.document), metric="cosine", seed=1
    )
    for one, five in zip(plain.results, fivefold.results, strict=True):
        assert (five.value, five.low, five.high) == pytest.approx((one.value, one.low, one.high), abs=1e-9)
        assert five.n == 5 * one.n


def test_a_result_as_the_card_holds_it(world):
    result = evaluate(world.items, world.side, metric="cosine", metrics=["hit@1"]).results[0]
    plain = result.to_plain()
    assert plain["key"] == "hit@1"
    assert (plain["unit"], plain["higher_is_better"]) == ("fraction", True)
    assert plain["ci"]["method"] == "query-bootstrap"
    assert plain["ci"]["low"] <= plain["value"] <= plain["ci"]["high"]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("ndgc@10", r"unknown metric 'ndgc@10': did you mean ndcg@10\?"),
        ("recal@5", r"did you mean recall@5\?"),
        ("accuracy", "one of hit, recall, precision, mrr, map, ndcg, then @k"),
        ("hit", "the cut is a number from 1, as in hit@10"),
        ("hit@0", "the cut is a number from 1"),
        ("hit@-1", "the cut is a number from 1"),
        ("hit@ten", "the cut is a number from 1"),
        ("hit@²", "the cut is a number from 1"),
    ],
)
def test_unknown_metrics_are_refused_with_the_nearest_name(key, message):
    with pytest.raises(ValueError, match=message):
        parse_metric(key)


def test_known_metrics_are_parsed():
    assert [parse_metric(f"{name}@7") for name in SCORES] == [(name, 7) for name in SCORES]


def test_what_cannot_be_evaluated_is_refused(world, unlabelled):
    with pytest.raises(ValueError, match="no query has a relevant document"):
        evaluate(unlabelled.items, unlabelled.side, metric="cosine")
    with pytest.raises(ValueError, match="no metric is asked for"):
        evaluate(world.items, world.side, metric="cosine", metrics=())
    with pytest.raises(ValueError, match="399 and 400 rows for other numbers of items"):
        evaluate(world.items, Side(query=world.side.query[1:], document=world.side.document), metric="cosine")
    holed = world.side.document.copy()
    holed[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"documents: row 3 \('item-00003'\) is not finite"):
        evaluate(world.items, Side(query=world.side.query, document=holed), metric="cosine")


def test_without_a_cut_the_whole_ranking_counts():
    # Relevant: ranks 2, 3 and 8 of 8, worked by hand.
    items = crossed("a", "xaaxxxxa")
    found = values(items, LADDER[:1], LADDER, "map", "mrr", "map@8", "map@3")
    assert found["map"] == pytest.approx((1 / 2 + 2 / 3 + 3 / 8) / 3)
    assert found["map"] == found["map@8"] > found["map@3"]
    assert found["mrr"] == 1 / 2
    late = values(crossed("a", "xxxxxxxa"), LADDER[:1], LADDER, "mrr", "mrr@5", "map")
    assert late == {"mrr": pytest.approx(1 / 8), "mrr@5": 0, "map": pytest.approx(1 / 8)}


def test_only_map_and_mrr_go_without_a_cut():
    assert parse_metric("map") == ("map", None)
    with pytest.raises(ValueError, match="the cut is a number from 1, as in hit@10"):
        parse_metric("hit")


def test_five_captions_an_image():
    # Two images, five captions each. Captions ask for images, and images for captions: Karpathy's protocol.
    images = np.eye(2)
    captions = np.array([[1.0, 0.1], [1.0, 0.2], [1.0, 0.3], [0.4, 1.0], [1.0, 0.5]] + [[0.1, 1.0]] * 5)
    pairs = ["a"] * 5 + ["b"] * 5
    asked = evaluate(
        crossed(pairs, "ab"),
        Side(query=captions, document=images),
        metric="cosine",
        metrics=("hit@1",),
        draws=50,
    )
    assert (len(asked.query_ids), asked.relevant_per_query) == (10, 1.0)
    assert asked.results[0].value == pytest.approx(9 / 10)  # the fourth caption finds the other image
    assert asked.clusters.tolist() == [asked.clusters[0]] * 5 + [asked.clusters[5]] * 5
    found = evaluate(
        crossed("ab", pairs, modalities=("image", "text")),
        Side(query=images, document=captions),
        metric="cosine",
        metrics=("hit@1", "recall@1", "recall@5", "ndcg@10", "map"),
        draws=50,
    )
    assert (found.candidates, found.relevant_per_query) == (10, 5.0)
    scores = {result.key: result.value for result in found.results}
    assert scores["hit@1"] == 1.0
    assert scores["recall@1"] == pytest.approx(1 / 5)
    # Image a ranks its captions 1, 2, 3, 4 (cosines 0.995 to 0.894) and the turned one, 0.371, fifth: all before 0.0995
    # of the others. Image b finds its five first.
    assert scores["recall@5"] == scores["map"] == scores["ndcg@10"] == 1.0


def test_clusters_decide_how_sure_a_mean_is():
    # Ten images of five captions that are all right or all wrong: ten answers and not fifty.
    images = np.eye(10)
    right = np.repeat(np.eye(10)[:5], 5, axis=0)
    wrong = np.repeat(np.roll(np.eye(10), 1, axis=0)[5:], 5, axis=0)
    pairs = [f"p{i}" for i in range(10) for _ in range(5)]
    side = Side(query=np.vstack([right, wrong]), document=images)
    names = [f"p{i}" for i in range(10)]
    by_image = evaluate(crossed(pairs, names), side, metric="cosine", metrics=("hit@1",)).results[0]
    assert by_image.value == 0.5
    # The binomial of ten answers: 0.5 +- 1.96 * sqrt(0.25 / 10) = 0.19 to 0.81; of fifty it would be 0.36 to 0.64.
    assert by_image.low == pytest.approx(0.19, abs=0.06)
    assert by_image.high == pytest.approx(0.81, abs=0.06)


def test_a_tie_goes_to_the_document_that_comes_first():
    same = np.ones((3, 2))
    assert values(crossed("a", "axx"), same[:1], same, "hit@1", "mrr") == {"hit@1": 1, "mrr": 1}
    assert values(crossed("a", "xxa"), same[:1], same, "hit@1", "mrr") == {
        "hit@1": 0,
        "mrr": pytest.approx(1 / 3),
    }


def test_any_pair_of_modalities_and_nobody_finds_itself():
    items = crossed("aabb", "aabb", modalities=("audio", "audio"))
    rows = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
    assert values(items, rows, rows, "hit@1", "map", "mrr") == {"hit@1": 1, "map": 1, "mrr": 1}
    crossed_items = crossed("ab", "ba", modalities=("video", "audio"))
    assert values(crossed_items, rows[[0, 2]], rows[[2, 0]], "hit@1") == {"hit@1": 1}


def test_records_say_how_sure_and_by_what_seed():
    found = evaluate(
        crossed("ab", "ab"),
        Side(query=np.eye(2), document=np.eye(2)),
        metric="cosine",
        metrics=("hit@1",),
        seed=7,
    )
    assert found.results[0].to_plain()["ci"] == {
        "level": 0.95, "low": 1.0, "high": 1.0, "method": "query-bootstrap", "n": 2, "seed": 7,
    }  # fmt: skip
