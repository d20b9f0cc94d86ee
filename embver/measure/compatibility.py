"""Measure how two versions meet in one stratum: the mixed index first (compat.md sections 3 and 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embver.measure.bootstrap import Estimate, estimates
from embver.measure.cells import (
    Cells,
    Depths,
    Rows,
    certified,
    half_splits,
    mixed_overlap,
    nested_pools,
    search,
    share_bias,
)
from embver.measure.geometry import Movement, is_constant, mean_of, movement
from embver.measure.labelled import measure_labelled
from embver.measure.neighbours import overlap, scores_of
from embver.measure.rows import Array, IntArray, Mask, same, serve
from embver.measure.rule import Rule
from embver.measure.strata import Pool, ScoreShift, Side, StratumItems, StratumMeasures

POOL_SHARES = (4, 2)
"""The smaller galleries are a quarter and a half of the documents (compat.md section 5, pitfalls)."""

Role = Literal["query", "document"]

PERCENT = 100
DEEPEST = 100
"""Neighbours of one document in 100 are compared across pools, but no more than this many of a query."""


def measure_stratum(
    items: StratumItems,
    *,
    old: Side,
    new: Side,
    metric: str,
    rule: Rule,
    diagnose: bool = True,
    moved: tuple[Movement, Movement] | None = None,
) -> StratumMeasures:
    """Measure two versions of the vectors of one stratum.

    Versions of different dimensions are measured as far as they can be: the cells across them are None. No
    verdict depends on what `diagnose` adds, CKA and held-out Procrustes. `moved` are the movements of queries
    and documents if another stratum had the same ones. Raise ValueError, naming the row, for NaN, infinity and
    zero rows, and for vectors that are not the items'.
    """
    before, after = _rows(items, old, metric, "old"), _rows(items, new, metric, "new")
    own, (groups, _) = items.own(), items.labels()
    documents = len(items.document_ids)
    galleries = _galleries(documents, rule)
    k = galleries[-1].k
    depths = Depths(
        k=k,
        whole=galleries[-1].depth,
        pools=tuple((each.mask, each.depth) for each in galleries if each.mask is not None),
    )
    from_new = half_splits(documents, rule.splits, rule.seed)
    cells = search(before, after, own, metric=metric, depths=depths, from_new=from_new)
    columns = _overlaps(cells, before, after, own, metric, galleries)
    means = estimates(columns, groups, draws=rule.draws, seed=rule.seed)
    if moved is None:
        moved = (
            movement_of(items, "query", old=old, new=new, metric=metric, rule=rule, diagnose=diagnose),
            movement_of(items, "document", old=old, new=new, metric=metric, rule=rule, diagnose=diagnose),
        )
    return StratumMeasures(
        query_modality=items.query_modality,
        document_modality=items.document_modality,
        metric=metric,
        dimensions=(old.document.shape[1], new.document.shape[1]),
        queries=len(items.query_ids),
        documents=documents,
        clusters=len(np.unique(groups)),
        k=k,
        recall_new_query_old_index=means.get("new_old"),
        recall_old_query_new_index=means.get("old_new"),
        recall_mixed_index=means.get("mixed"),
        share_bias=means.get("share_bias"),
        recall_new_new=means["new_new"],
        certified=means.get("certified"),
        labelled=measure_labelled(items, cells, k, rule),
        query_side=moved[0],
        document_side=moved[1],
        score_shift=_score_shift(before, after, cells.old_old[:, :k], metric),
        recall_at_1={name.removesuffix("@1"): mean for name, mean in means.items() if name.endswith("@1")},
        pools=_pools(galleries, means) if cells.new_old is not None else (),
        modality_gap=None if items.same_modality else (_gap(before), _gap(after)),
        collapsed=_collapsed(before, after),
    )


def movement_of(
    items: StratumItems,
    role: Role,
    *,
    old: Side,
    new: Side,
    metric: str,
    rule: Rule,
    diagnose: bool = True,
) -> Movement:
    """Return how the queries or the documents of a stratum moved; raise ValueError as `measure_stratum` does."""
    before, after = (
        getattr(_rows(items, side, metric, version), role) for side, version in ((old, "old"), (new, "new"))
    )
    return movement(
        before,
        after,
        items.labels()[0 if role == "query" else 1],
        identical=same(before.raw, after.raw),
        metric=metric,
        seed=rule.seed,
        diagnose=diagnose,
    )


def _rows(items: StratumItems, side: Side, metric: str, version: str) -> Rows:
    """Check one version's vectors against the items and return them as they are compared."""
    found = {}
    for role, vectors, ids in (
        ("queries", side.query, items.query_ids),
        ("documents", side.document, items.document_ids),
    ):
        name = f"{items.name}: {version} {role}"
        found[role] = serve(vectors, metric=metric, name=name, ids=ids)
        if len(vectors) != len(ids):
            raise ValueError(f"{name}: {len(vectors)} rows for {len(ids)} items")
    query, document = found["queries"], found["documents"]
    if query.shape[1] != document.shape[1]:
        raise ValueError(
            f"{items.name}: {version} queries have {query.shape[1]} dimensions, documents {document.shape[1]}"
        )
    return Rows(query=query, document=document)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gallery:
    """A part of the documents, all of them in the last one, and how deep it is searched."""

    documents: int
    k: int
    percent: int
    mask: Mask | None = None

    @property
    def depth(self) -> int:
        return max(self.k, self.percent)


def _galleries(documents: int, rule: Rule) -> tuple[_Gallery, ...]:
    """Return the pools, the whole last; a quarter too small for one neighbour is none."""
    masks: list[Mask | None] = [None]
    if documents // POOL_SHARES[0] >= rule.documents_per_neighbour:
        masks = [*nested_pools(documents, POOL_SHARES, rule.seed), None]
    sizes = [documents if mask is None else int(mask.sum()) for mask in masks]
    return tuple(
        _Gallery(documents=size, k=rule.neighbours(size), percent=_percent(size), mask=mask)
        for size, mask in zip(sizes, masks, strict=True)
    )


def _percent(documents: int) -> int:
    """Return one document in 100, or 0 where that is none, or more than is worth its time."""
    return documents // PERCENT if documents <= PERCENT * DEEPEST else 0


def _overlaps(
    cells: Cells, old: Rows, new: Rows, own: IntArray, metric: str, galleries: Sequence[_Gallery]
) -> dict[str, Array]:
    """Return the per-query scores that need no labels, each (q,)."""
    truth, k = cells.old_old, galleries[-1].k
    columns = _at(truth, cells.new_new, "new_new", k)
    if cells.new_old is None or cells.old_new is None or cells.mixed is None:
        return columns
    columns |= _at(truth, cells.new_old, "new_old", k) | _at(truth, cells.old_new, "old_new", k)
    columns["mixed"] = mixed_overlap(truth[:, :k], cells.mixed)
    columns["mixed@1"] = mixed_overlap(truth[:, :1], cells.mixed[:, :, :1])
    columns["share_bias"] = share_bias(cells.mixed, cells.from_new, own)
    for number, (gallery, found) in enumerate(
        zip(galleries, (*cells.pools, (truth, cells.new_old)), strict=True)
    ):
        for name, depth in (("", gallery.k), (" percent", gallery.percent)):
            if depth:
                columns[f"pool {number}{name}"] = overlap(*(each[:, :depth] for each in found))
    if metric == "cosine" and truth.shape[1] > k:
        columns["certified"] = certified(old, new, truth[:, : k + 1])
    return columns


def _at(truth: IntArray, found: IntArray, cell: str, k: int) -> dict[str, Array]:
    """Return the recall of the old neighbours in a cell, at k and at 1."""
    return {
        cell: overlap(truth[:, :k], found[:, :k]),
        f"{cell}@1": overlap(truth[:, :1], found[:, :1]),
    }


def _pools(galleries: Sequence[_Gallery], means: dict[str, Estimate]) -> tuple[Pool, ...]:
    return tuple(
        Pool(
            documents=gallery.documents,
            k=gallery.k,
            recall=means[f"pool {number}"],
            percent_k=gallery.percent or None,
            percent_recall=means.get(f"pool {number} percent"),
        )
        for number, gallery in enumerate(galleries)
    )


def _collapsed(old: Rows, new: Rows) -> tuple[str, ...]:
    """Name the sides that tell nothing apart."""
    sides = (
        ("old queries", old.query),
        ("old documents", old.document),
        ("new queries", new.query),
        ("new documents", new.document),
    )
    return tuple(name for name, rows in sides if is_constant(rows))


def _gap(rows: Rows) -> float:
    """Return the distance between the mean query and the mean document."""
    return float(np.linalg.norm(mean_of(rows.query) - mean_of(rows.document)))


def _score_shift(old: Rows, new: Rows, found: IntArray, metric: str) -> ScoreShift:
    """Compare the scores that the old neighbours have in the old and in the new version."""
    before = scores_of(old.query, old.document, found, metric=metric).ravel()
    after = scores_of(new.query, new.document, found, metric=metric).ravel()
    change = after - before
    steps = np.sort(np.concatenate([before, after]))
    gaps = [np.searchsorted(np.sort(scores), steps, side="right") / len(scores) for scores in (before, after)]
    return ScoreShift(
        mean=float(change.mean()),
        p95_abs=float(np.quantile(np.abs(change), 0.95)),
        ks=float(np.abs(gaps[0] - gaps[1]).max()),
    )
