"""Exact nearest neighbours, with ties broken by the order of the documents and memory bounded by blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embver.measure.rows import Array, IntArray, Vectors, chunks, lengths

BLOCK = 1 << 20
"""Scores held at once: 8 MiB of float64, about a second-level cache, and the same on every machine."""

QUERIES, MANY_QUERIES, DOCUMENTS = 512, 2048, 4096
"""Rows of a block where both sides are cut. Many queries at once where the documents have to be made float64 for
each block of them: the product then takes ten times as long as that does."""

SCORE_BITS = 32
"""Scores are rounded to 2**-32 of their bound. BLAS sums equal columns in different orders at the edge of a
block, so equal documents differ by 1e-16 and would not tie; and float32 vectors carry no more than 24 bits."""

EXCLUDED = np.iinfo(np.int64).min


def score_bound(metric: str, query: Vectors | Array, document: Vectors | Array) -> float:
    """Return a number that no ranking score of these rows exceeds in size; above 0."""
    if metric == "cosine":
        return 1.0
    longest_query, longest = _longest(query), _longest(document)
    bound = longest_query * longest if metric == "dot" else longest * (2 * longest_query + longest)
    return bound or 1.0


def ranking_keys(
    query: Array, document: Array, own: IntArray, *, metric: str, bound: float, first: int = 0, of: int = 0
) -> IntArray:
    """Return one key (q, n) for each pair, greater for a nearer document and never equal within a row.

    The upper bits hold the rounded score and the lower ones the document's index, so that ordering keys is
    ordering by (score, index). Euclidean ranks by 2 q.x - |x|**2, which is |q|**2 less the squared distance.
    `own[i]` is the document that query i must not find, or -1. The documents may be a run, beginning at `first`,
    of a gallery `of` so many.
    """
    gallery = of or len(document)
    scores = query @ document.T
    if metric == "euclidean":
        scores *= 2.0
        scores -= np.einsum("nd,nd->n", document, document)
    scores *= 2.0**SCORE_BITS / bound
    keys: IntArray = np.rint(scores, out=scores).astype(np.int64)
    keys <<= _index_bits(gallery)
    last = gallery - 1 - first
    keys += np.arange(last, last - len(document), -1, dtype=np.int64)
    inside = np.flatnonzero((own >= first) & (own < first + len(document)))
    keys[inside, own[inside] - first] = EXCLUDED
    return keys


def greatest(keys: IntArray, k: int) -> IntArray:
    """Return the k greatest keys of each row, (q, k), best first."""
    count = keys.shape[1]
    best = keys if k >= count else np.partition(keys, count - k, axis=1)[:, count - k :]
    return np.sort(best, axis=1)[:, ::-1]


def documents_of(keys: IntArray, gallery: int) -> IntArray:
    """Return which document of a gallery each key stands for."""
    indices: IntArray = gallery - 1 - (keys & ((1 << _index_bits(gallery)) - 1))
    return indices


def top(keys: IntArray, k: int) -> IntArray:
    """Return the documents of the k greatest keys of each row, (q, k), best first."""
    return documents_of(greatest(keys, k), keys.shape[1])


def best_keys(
    query: Array, document: Vectors, own: IntArray, k: int, *, metric: str, bound: float
) -> IntArray:
    """Return the k greatest keys of each query over a whole gallery, (q, k), best first.

    The gallery is read in runs of DOCUMENTS, and only the best of each are kept.
    """
    kept: IntArray | None = None
    for part in chunks(len(document), DOCUMENTS):
        keys = ranking_keys(
            query, document[part], own, metric=metric, bound=bound, first=part.start, of=len(document)
        )
        if k < keys.shape[1]:
            keys = np.partition(keys, keys.shape[1] - k, axis=1)[:, keys.shape[1] - k :]
        kept = keys if kept is None else np.concatenate([kept, keys], axis=1)
    assert kept is not None
    return greatest(kept, k)


def blocks(queries: int, documents: int) -> Iterator[slice]:
    """Cut the queries into runs whose scores against all documents stay within BLOCK."""
    return chunks(queries, max(1, BLOCK // documents))


def no_own(queries: int) -> IntArray:
    """Return the `own` of queries that may find every document."""
    return np.full(queries, -1, dtype=np.int64)


def nearest(query: Array, document: Array, k: int, *, metric: str, own: IntArray | None = None) -> IntArray:
    """Return the k nearest documents of each query, (q, k), best first; rows as `rows.served` gives them.

    Raise ValueError if k is not between 1 and the number of documents a query may find.
    """
    own = no_own(len(query)) if own is None else own
    most = len(document) - int((own >= 0).any())
    if not 1 <= k <= most:
        raise ValueError(f"k={k} neighbours asked of {most} documents")
    bound = score_bound(metric, query, document)
    found = [
        top(ranking_keys(query[part], document, own[part], metric=metric, bound=bound), k)
        for part in blocks(len(query), len(document))
    ]
    return np.concatenate(found)


def best_ranks(
    query: Array,
    document: Array,
    query_labels: IntArray,
    document_labels: IntArray,
    *,
    metric: str,
    own: IntArray | None = None,
) -> IntArray:
    """Return the rank, from 1, of the nearest relevant document of each query (q,); 0 where there is none.

    A document is relevant to a query if their labels, (q,) and (n,), are equal.
    """
    own = no_own(len(query)) if own is None else own
    bound = score_bound(metric, query, document)
    ranks: list[IntArray] = []
    for part in blocks(len(query), len(document)):
        keys = ranking_keys(query[part], document, own[part], metric=metric, bound=bound)
        relevant = query_labels[part, None] == document_labels
        best = np.where(relevant, keys, EXCLUDED).max(axis=1, keepdims=True)
        ranks.append(np.where(best[:, 0] == EXCLUDED, 0, 1 + (keys > best).sum(axis=1)))
    return np.concatenate(ranks)


def overlap(first: IntArray, second: IntArray) -> Array:
    """Return |A n B| / k of two lists of k distinct documents a query, (q, k) each, as (q,) in 0..1."""
    shared = np.empty(len(first))
    for part in chunks(len(first), max(1, BLOCK // first.shape[1] ** 2)):
        shared[part] = (first[part, :, None] == second[part, None, :]).any(axis=2).mean(axis=1)
    return shared


def scores_of(query: Vectors | Array, document: Vectors | Array, found: IntArray, *, metric: str) -> Array:
    """Return the score of each found document (q, k): the cosine, the dot product, or minus the distance."""
    scores = np.empty(found.shape)
    for part in blocks(len(query), found.shape[1] * query.shape[1]):
        asked = query[part]
        rows = document[found[part].ravel()].reshape(*found[part].shape, -1)
        if metric == "euclidean":
            scores[part] = -np.linalg.norm(rows - asked[:, None, :], axis=2)
        else:
            scores[part] = np.einsum("qd,qkd->qk", asked, rows)
    return scores


def _longest(rows: Vectors | Array) -> float:
    return max(float(lengths(rows[part]).max()) for part in chunks(len(rows)))


def _index_bits(gallery: int) -> int:
    """Return the bits of a key that hold the index; 32 for the score, one for the sign, 30 are left."""
    bits = (gallery - 1).bit_length()
    if bits > 62 - SCORE_BITS:
        raise ValueError(f"{gallery} documents are more than one exact search can rank")
    return bits
