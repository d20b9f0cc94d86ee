"""The four cells of old and new queries on old and new documents, and the mixed index between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embver.measure.neighbours import (
    EXCLUDED,
    MANY_QUERIES,
    QUERIES,
    best_keys,
    documents_of,
    greatest,
    overlap,
    score_bound,
    scores_of,
)
from embver.measure.rows import Array, IntArray, Mask, Vectors, chunks, lengths, same

WHOLE = 1 << 24
"""Numbers of a gallery that is made float64 once and not for every block of queries: 128 MiB."""

SLOW_SCORES = 1 << 22
"""Scores held at once for the few queries whose short lists did not answer everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """One version's vectors as they are compared: queries (q, d) and documents (n, d)."""

    query: Vectors
    document: Vectors


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """How many documents are asked of the whole gallery, of a mixed one and of each smaller pool.

    `pools` are pairs of a mask of documents (n,) and the number that is asked of those.
    """

    k: int
    whole: int
    pools: Sequence[tuple[Mask, int]] = ()

    def short(self, most: int) -> int:
        """Return the length of the lists from which all else is taken.

        Of a list a half lies in a half-new index and a quarter in the smallest pool, give or take its square root:
        at six times that hardly a query has too few there, and those are searched again without a list.
        """
        in_pools = [(asked + 6 * math.sqrt(asked)) / float(pool.mean()) + 40 for pool, asked in self.pools]
        return min(most, max(12 * self.k + 8, self.whole + 1, *map(math.ceil, in_pools)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The documents found in each cell, (q, depth), best first; `mixed` is (splits, q, k).

    The first word of a name is the queries' version, the second the documents'. `from_new` (splits, n) says
    which documents of a mixed index are new. `old_old` is one longer than the others, for the certificate, where
    there are as many. `pools` holds what old and new queries find on a part of the old index. Cells across
    versions are None, and there are no pools, where dimensions differ.
    """

    old_old: IntArray
    new_new: IntArray
    new_old: IntArray | None
    old_new: IntArray | None
    mixed: IntArray | None
    from_new: Mask
    pools: tuple[tuple[IntArray, IntArray], ...] = ()


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


def nested_pools(documents: int, shares: Sequence[int], seed: int) -> list[Mask]:
    """Return which documents are in a pool of n / share of them, for each share; the smaller lie in the larger."""
    order = np.random.default_rng(seed).permutation(documents)
    return [np.isin(np.arange(documents), order[: documents // share]) for share in shares]


def search(old: Rows, new: Rows, own: IntArray, *, metric: str, depths: Depths, from_new: Mask) -> Cells:
    """Find the nearest documents in every cell. Exact; `own` as in `neighbours.ranking_keys`."""
    # One bound for all cells: the keys of old and new documents meet in the mixed index.
    sides = (old, new)
    bound = max(score_bound(metric, one.query, other.document) for one in sides for other in sides)
    finder = _Finder(
        old=_wide(old),
        new=_wide(new),
        own=own,
        metric=metric,
        bound=bound,
        depths=depths,
        from_new=from_new,
        same_queries=same(old.query.raw, new.query.raw),
        same_documents=same(old.document.raw, new.document.raw),
    )
    found: list[dict[str, IntArray]] = []
    for part in chunks(len(own), QUERIES if _is_wide(old) else MANY_QUERIES):
        asked = np.arange(part.start, part.stop)
        short = depths.short(finder.most)
        lists, is_open = finder.find(asked, short)
        for rest in chunks(len(is_open), max(1, SLOW_SCORES // len(old.document))):
            again, _ = finder.find(asked[is_open[rest]], finder.most)
            for name, each in again.items():
                lists[name][..., is_open[rest], :] = each
        found.append(lists)
    whole = {name: np.concatenate([lists[name] for lists in found], axis=-2) for name in found[0]}
    pools = range(len(depths.pools)) if "no" in whole else ()
    return Cells(
        old_old=whole["oo"],
        new_new=whole["nn"],
        new_old=whole.get("no"),
        old_new=whole.get("on"),
        mixed=whole.get("mixed"),
        from_new=from_new,
        pools=tuple((whole[f"oo {pool}"], whole[f"no {pool}"]) for pool in pools),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finder:
    """Searches all cells for some queries at once."""

    old: Rows
    new: Rows
    own: IntArray
    metric: str
    bound: float
    depths: Depths
    from_new: Mask
    same_queries: bool
    same_documents: bool

    @property
    def most(self) -> int:
        """Return the documents that every query may find."""
        return len(self.old.document) - int((self.own >= 0).any())

    def find(self, asked: IntArray, short: int) -> tuple[dict[str, IntArray], IntArray]:
        """Return what some queries find in each cell, and which of them lists of this length did not answer."""
        depths, gallery = self.depths, len(self.old.document)
        own = self.own[asked]
        old, new = self.old.query[asked], self.new.query[asked]

        def keys(query: Array, document: Vectors, k: int) -> IntArray:
            return best_keys(query, document, own, k, metric=self.metric, bound=self.bound)

        made: dict[str, IntArray] = {}
        old_old = keys(old, self.old.document, short)
        made["oo"] = documents_of(old_old[:, : depths.whole + 1], gallery)
        is_open = np.zeros(len(asked), dtype=np.bool_)
        if self.old.document.shape != self.new.document.shape:
            made["nn"] = documents_of(keys(new, self.new.document, depths.whole), gallery)
            return made, np.flatnonzero(is_open)
        # A side that did not change is not searched again: a fix of the queries alone costs half.
        new_old = old_old if self.same_queries else keys(new, self.old.document, short)
        new_new = new_old if self.same_documents else keys(new, self.new.document, short)
        if self.same_documents or self.same_queries:
            old_new = old_old if self.same_documents else new_new
        else:
            old_new = keys(old, self.new.document, depths.whole)
        for name, each in (("nn", new_new), ("no", new_old), ("on", old_new)):
            made[name] = documents_of(each[:, : depths.whole], gallery)
        is_whole = short >= self.most
        mixed = []
        found_new, found_old = documents_of(new_new, gallery), documents_of(new_old, gallery)
        floor = np.maximum(new_new[:, -1], new_old[:, -1])
        for mask in self.from_new:
            both = [
                np.where(mask[found_new], new_new, EXCLUDED),
                np.where(mask[found_old], EXCLUDED, new_old),
            ]
            best = greatest(np.concatenate(both, axis=1), depths.k)
            # What is in neither list is behind the last of its own: surely behind one that is before both of those.
            is_open |= best[:, -1] < floor
            mixed.append(documents_of(best, gallery))
        made["mixed"] = np.stack(mixed)
        found = documents_of(old_old, gallery)
        for number, (pool, k) in enumerate(depths.pools):
            for name, lists, places in (("oo", old_old, found), ("no", new_old, found_old)):
                best = greatest(np.where(pool[places], lists, EXCLUDED), k)
                is_open |= best[:, -1] == EXCLUDED
                made[f"{name} {number}"] = documents_of(best, gallery)
        return made, np.flatnonzero(is_open & (not is_whole))


def _wide(rows: Rows) -> Rows:
    """Return rows whose gallery is float64 already, unless it is too large to hold so."""
    if not _is_wide(rows):
        return rows
    return Rows(query=rows.query, document=Vectors(raw=rows.document[:], norms=None))


def _is_wide(rows: Rows) -> bool:
    return rows.document.shape[0] * rows.document.shape[1] <= WHOLE


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
    moved = _steps(old.document, new.document)
    allowance = 2 * _steps(old.query, new.query)[:, None] + moved[found[:, :-1]] + moved.max()
    kept: Array = (scores[:, :-1] - scores[:, -1:] > allowance).mean(axis=1)
    return kept


def _steps(old: Vectors, new: Vectors) -> Array:
    """Return how far each row moved, (n,)."""
    return np.concatenate([lengths(new[part] - old[part]) for part in chunks(len(old))])
