from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.measure import neighbours
from embver.measure.neighbours import best_ranks, nearest, overlap, ranking_keys, score_bound, scores_of, top
from embver.measure.rows import METRICS, served


def rows(n: int, d: int, seed: int, metric: str = "cosine") -> np.ndarray:
    return served(np.random.default_rng(seed).normal(size=(n, d)), metric=metric)


def naive_score(x: np.ndarray, y: np.ndarray, metric: str) -> float:
    if metric == "cosine":
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))
    return float(x @ y) if metric == "dot" else -float(np.linalg.norm(x - y))


def naive_order(query: np.ndarray, document: np.ndarray, own: int, metric: str) -> list[int]:
    scores = [round(naive_score(query, y, metric), 9) for y in document]
    return sorted((i for i in range(len(document)) if i != own), key=lambda i: (-scores[i], i))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("excluding", [True, False])
def test_nearest_is_the_naive_ranking(metric, excluding, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 100)  # several blocks, the last of them short
    query, document = rows(23, 5, 1, metric), rows(31, 5, 2, metric)
    document[7] = document[3]
    own = np.arange(23) if excluding else None
    found = nearest(query, document, 9, metric=metric, own=own)
    for i in range(23):
        assert found[i].tolist() == naive_order(query[i], document, i if excluding else -1, metric)[:9]


@pytest.mark.parametrize("metric", METRICS)
def test_equal_documents_tie_by_index_wherever_they_lie(metric):
    base = rows(1, 33, 3, metric)
    document = np.repeat(base, 301, axis=0)
    found = nearest(rows(17, 33, 4, metric), document, 301, metric=metric)
    assert (found == np.arange(301)).all()


@pytest.mark.parametrize("seed", range(5))
def test_copies_of_the_query_tie_though_their_cosines_are_1_give_or_take_a_bit(seed):
    base = rows(17, 33, seed)
    found = nearest(base, np.concatenate([np.repeat(base[:1], 301, axis=0), -base]), 301, metric="cosine")
    assert (found[0] == np.arange(301)).all()


def test_scores_that_differ_by_the_last_bit_tie():
    document = np.array([[np.nextafter(1.0, 0.0)], [1.0], [1.0 - 1e-6], [np.nextafter(1.0, 0.0)]])
    assert nearest(np.array([[1.0]]), document, 4, metric="dot").tolist() == [[0, 1, 3, 2]]


def test_every_document_is_found_once_when_k_is_all():
    found = nearest(rows(5, 4, 1), rows(12, 4, 2), 12, metric="cosine")
    assert (np.sort(found, axis=1) == np.arange(12)).all()


def test_one_document():
    assert nearest(rows(3, 4, 1), rows(1, 4, 2), 1, metric="cosine").tolist() == [[0], [0], [0]]


@pytest.mark.parametrize(("k", "own"), [(0, None), (13, None), (12, np.zeros(5, dtype=np.int64))])
def test_k_out_of_range_is_refused(k, own):
    with pytest.raises(ValueError, match=f"k={k} neighbours asked of"):
        nearest(rows(5, 4, 1), rows(12, 4, 2), k, metric="cosine", own=own)


def test_keys_keep_their_order_for_negative_scores():
    query, document = np.array([[1.0]]), np.array([[-3.0], [-1.0], [-2.0]])
    own = np.array([-1])
    keys = ranking_keys(query, document, own, metric="dot", bound=score_bound("dot", query, document))
    assert top(keys, 3).tolist() == [[1, 2, 0]]


def test_zero_vectors_rank_under_dot_and_euclidean():
    zero = np.zeros((2, 3))
    assert nearest(zero, zero, 2, metric="dot").tolist() == [[0, 1], [0, 1]]
    assert nearest(zero, zero, 2, metric="euclidean").tolist() == [[0, 1], [0, 1]]


def test_best_ranks_is_the_naive_rank(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 64)
    rng = np.random.default_rng(5)
    query, document = rows(20, 4, 6), rows(30, 4, 7)
    labels, document_labels = rng.integers(0, 9, 20), rng.integers(0, 8, 30)
    labels[4] = 99
    own = np.arange(20)
    found = best_ranks(query, document, labels, document_labels, metric="cosine", own=own)
    for i in range(20):
        order = naive_order(query[i], document, i, "cosine")
        ranks = [rank for rank, j in enumerate(order, 1) if document_labels[j] == labels[i]]
        assert found[i] == (ranks[0] if ranks else 0)
    assert found[4] == 0


def test_overlap_counts_shared_documents_in_any_order():
    first, second = np.array([[1, 2, 3, 4], [5, 6, 7, 8]]), np.array([[4, 9, 2, 0], [8, 7, 6, 5]])
    assert overlap(first, second).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_the_found(metric, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 40)
    query, document = rows(11, 6, 1, metric), rows(9, 6, 2, metric)
    found = nearest(query, document, 4, metric=metric)
    expected = [[naive_score(query[i], document[j], metric) for j in found[i]] for i in range(11)]
    assert scores_of(query, document, found, metric=metric) == pytest.approx(np.array(expected))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), metric=st.sampled_from(METRICS))
def test_renumbering_documents_renumbers_what_is_found(seed, metric):
    rng = np.random.default_rng(seed)
    query, document = rows(8, 5, seed, metric), rows(20, 5, seed ^ 1, metric)
    order = rng.permutation(20)
    plain = nearest(query, document, 6, metric=metric)
    renumbered = nearest(query, document[order], 6, metric=metric)
    assert (order[renumbered] == plain).all()


@pytest.mark.parametrize(
    ("bad", "metric", "message"),
    [
        (np.array([[1.0, 0], [np.nan, 1]]), "cosine", r"old documents: row 1 \('b'\) is not finite"),
        (np.array([[np.inf, 0], [np.nan, 1]]), "dot", r"row 0 \('a'\) and 1 more is not finite"),
        (np.array([[0.0, 0], [1, 1]]), "cosine", r"row 0 \('a'\) is all zeros"),
        (np.zeros(3), "dot", r"shape \(n, d\)"),
        (np.zeros((0, 3)), "dot", r"shape \(n, d\)"),
        (np.ones((2, 2)), "cosinus", "unknown metric 'cosinus': one of cosine, dot, euclidean"),
    ],
)
def test_rows_that_cannot_be_compared_are_named(bad, metric, message):
    with pytest.raises(ValueError, match=message):
        served(bad, metric=metric, name="old documents", ids=("a", "b"))


def test_half_precision_rows_are_normalised_in_double():
    unit = served(np.random.default_rng(0).normal(size=(50, 7)).astype(np.float16), metric="cosine")
    assert unit.dtype == np.float64
    assert np.abs(np.linalg.norm(unit, axis=1) - 1).max() < 1e-15
