"""The four cells of old and new queries on old and new documents, and the mixed index between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embver.measure.neighbours import blocks, overlap, ranking_keys, score_bound, scores_of, top
from embver.measure.rows import Array, IntArray, Mask, lengths


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One version's vectors as they are compared: queries (q, d) and documents (n, d)."""

    query: Array
    document: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The k documents found in each cell, (q, k), best first; `mixed` is (splits, q, k).

    The first word of a name is the queries' version, the second the documents'. `from_new` (splits, n) says
    which documents of a mixed index are new. Cells across versions are None where dimensions differ.
    """

    old_old: IntArray
    new_new: IntArray
    new_old: IntArray | None
    old_new: IntArray | None
    mixed: IntArray | None
    from_new: Mask


def half_splits(documents: int, splits: int, seed: int) -> Mask:
    """Return which documents are new in each of the mixed indexes, (splits, n), half of them in each.

    Every second split is the complement of the one before it. So each document is as often new as old, and
    two versions with equal vectors have a share bias of exactly 0 instead of one that depends on the seed.
    """
    rng = np.random.default_rng(seed)
    masks = np.zeros((splits, documents), dtype=np.bool_)
    for split in range(0, splits, 2):
        masks[split, rng.permutation(documents)[: documents // 2]] = True
    masks[1::2] = ~masks[: splits - splits % 2 : 2]
    return masks


def search(old: Rows, new: Rows, own: IntArray, *, metric: str, k: int, from_new: Mask) -> Cells:
    """Find the k nearest documents in every cell. Exact; `own` as in `neighbours.ranking_keys`."""
    # One bound for all cells: the keys of old and new documents meet in the mixed index.
    sides = (old, new)
    bound = max(score_bound(metric, one.query, other.document) for one in sides for other in sides)
    comparable = old.document.shape == new.document.shape
    found: dict[str, list[IntArray]] = {"oo": [], "nn": [], "no": [], "on": [], "mixed": []}
    for part in blocks(len(old.query), len(old.document)):

        def keys(query: Array, document: Array, part: slice = part) -> IntArray:
            return ranking_keys(query[part], document, own[part], metric=metric, bound=bound)

        found["oo"].append(top(keys(old.query, old.document), k))
        new_new = keys(new.query, new.document)
        found["nn"].append(top(new_new, k))
        if comparable:
            found["on"].append(top(keys(old.query, new.document), k))
            new_old = keys(new.query, old.document)
            found["no"].append(top(new_old, k))
            found["mixed"].append(np.stack([top(np.where(mask, new_new, new_old), k) for mask in from_new]))
    return Cells(
        old_old=np.concatenate(found["oo"]),
        new_new=np.concatenate(found["nn"]),
        new_old=np.concatenate(found["no"]) if comparable else None,
        old_new=np.concatenate(found["on"]) if comparable else None,
        mixed=np.concatenate(found["mixed"], axis=1) if comparable else None,
        from_new=from_new,
    )


def mixed_overlap(truth: IntArray, mixed: IntArray) -> Array:
    """Return the recall of the old neighbours on the mixed indexes, the mean over splits, (q,)."""
    recall: Array = np.mean([overlap(truth, found) for found in mixed], axis=0)
    return recall


def share_bias(mixed: IntArray, from_new: Mask, own: IntArray) -> Array:
    """Return each query's share of new results less the share of new candidates, mean over splits, (q,)."""
    splits, documents = from_new.shape
    hidden = own >= 0
    # Counted in whole numbers, so that equal vectors have a bias of 0 and not of 1e-18.
    results = np.sum([mask[found].sum(axis=1) for mask, found in zip(from_new, mixed, strict=True)], axis=0)
    times_new = from_new.sum(axis=0)
    candidates = times_new.sum() - np.where(hidden, times_new[own], 0)
    bias: Array = (results / mixed.shape[2] - candidates / (documents - hidden)) / splits
    return bias


def certified(old: Rows, new: Rows, found: IntArray) -> Array:
    """Return the share of the first k of k + 1 found documents that stay among the first k in every cell, (q,).

    Of unit vectors, a query that moved by e_q and a document that moved by e_d change their score by at most
    e_q + e_d, where e = |new - old|. So a document keeps its place among the first k if its lead over the next
    one is more than 2 e_q + e_d + max e_d (compat.md section 3, the certificate).
    """
    scores = scores_of(old.query, old.document, found, metric="cosine")
    moved = lengths(new.document - old.document)
    allowance = 2 * lengths(new.query - old.query)[:, None] + moved[found[:, :-1]] + moved.max()
    kept: Array = (scores[:, :-1] - scores[:, -1:] > allowance).mean(axis=1)
    return kept
