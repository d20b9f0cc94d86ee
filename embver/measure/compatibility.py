"""Measure how two versions meet in one stratum: the mixed index first (compat.md sections 3 and 4)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from embver.measure.bootstrap import Estimate, estimates, share_upper_bound
from embver.measure.cells import Cells, Rows, certified, half_splits, mixed_overlap, search, share_bias
from embver.measure.geometry import movement
from embver.measure.neighbours import nearest, overlap, scores_of
from embver.measure.rows import Array, IntArray, same, served
from embver.measure.rule import Rule
from embver.measure.strata import Labelled, ScoreShift, Side, StratumItems, StratumMeasures


def measure_stratum(
    items: StratumItems, *, old: Side, new: Side, metric: str, rule: Rule, diagnose: bool = True
) -> StratumMeasures:
    """Measure two versions of the vectors of one stratum.

    Versions of different dimensions are measured as far as they can be: the cells across them are None. No
    verdict depends on what `diagnose` adds, CKA and held-out Procrustes: half the time at 768 dimensions. Raise
    ValueError, naming the row, for NaN, infinity and zero rows, and for vectors that are not the items'.
    """
    before, after = _rows(items, old, metric, "old"), _rows(items, new, metric, "new")
    own, (groups, document_groups) = items.own(), items.labels()
    k = rule.neighbours(len(items.document_ids))
    from_new = half_splits(len(items.document_ids), rule.splits, rule.seed)
    cells = search(before, after, own, metric=metric, k=k, from_new=from_new)
    means = estimates(_overlaps(cells, before, after, own, metric), groups, draws=rule.draws, seed=rule.seed)
    moved = {
        side: movement(x, y, of, identical=same(a, b), metric=metric, seed=rule.seed, diagnose=diagnose)
        for side, x, y, a, b, of in (
            ("query", before.query, after.query, old.query, new.query, groups),
            ("document", before.document, after.document, old.document, new.document, document_groups),
        )
    }
    return StratumMeasures(
        query_modality=items.query_modality,
        document_modality=items.document_modality,
        metric=metric,
        dimensions=(old.document.shape[1], new.document.shape[1]),
        queries=len(items.query_ids),
        documents=len(items.document_ids),
        clusters=len(np.unique(groups)),
        k=k,
        recall_new_query_old_index=means.get("new_old"),
        recall_old_query_new_index=means.get("old_new"),
        recall_mixed_index=means.get("mixed"),
        share_bias=means.get("share_bias"),
        recall_new_new=means["new_new"],
        certified=means.get("certified"),
        labelled=_labelled(items, cells, rule),
        query_side=moved["query"],
        document_side=moved["document"],
        score_shift=_score_shift(before, after, cells.old_old, metric),
    )


def _rows(items: StratumItems, side: Side, metric: str, version: str) -> Rows:
    """Check one version's vectors against the items and return them as they are compared."""
    found = {}
    for role, vectors, ids in (
        ("queries", side.query, items.query_ids),
        ("documents", side.document, items.document_ids),
    ):
        name = f"{items.name}: {version} {role}"
        found[role] = served(vectors, metric=metric, name=name, ids=ids)
        if len(vectors) != len(ids):
            raise ValueError(f"{name}: {len(vectors)} rows for {len(ids)} items")
    query, document = found["queries"], found["documents"]
    if query.shape[1] != document.shape[1]:
        raise ValueError(
            f"{items.name}: {version} queries have {query.shape[1]} dimensions, documents {document.shape[1]}"
        )
    return Rows(query=query, document=document)


def _overlaps(cells: Cells, old: Rows, new: Rows, own: IntArray, metric: str) -> dict[str, Array]:
    """Return the per-query scores that need no labels, each (q,)."""
    truth = cells.old_old
    columns = {"new_new": overlap(truth, cells.new_new)}
    if cells.new_old is None or cells.old_new is None or cells.mixed is None:
        return columns
    columns["new_old"] = overlap(truth, cells.new_old)
    columns["old_new"] = overlap(truth, cells.old_new)
    columns["mixed"] = mixed_overlap(truth, cells.mixed)
    columns["share_bias"] = share_bias(cells.mixed, cells.from_new, own)
    next_one = truth.shape[1] + 1
    if metric == "cosine" and next_one < len(old.document):
        found = nearest(old.query, old.document, next_one, metric=metric, own=own)
        columns["certified"] = certified(old, new, found)
    return columns


def _labelled(items: StratumItems, cells: Cells, rule: Rule) -> Labelled | None:
    """Return the labelled cells over the queries that have a relevant document, or None without any."""
    counted = np.flatnonzero(items.relevant_counts() > 0)
    if not len(counted):
        return None
    query, document = items.labels()
    groups = query[counted]

    def hit(found: IntArray) -> Array:
        scores: Array = (document[found] == groups[:, None]).any(axis=1).astype(np.float64)
        return scores

    hits = {"old_old": hit(cells.old_old[counted]), "new_new": hit(cells.new_new[counted])}
    if cells.new_old is not None and cells.old_new is not None and cells.mixed is not None:
        hits["new_old"] = hit(cells.new_old[counted])
        hits["old_new"] = hit(cells.old_new[counted])
        hits["mixed"] = np.mean([hit(found[counted]) for found in cells.mixed], axis=0)
    base = hits["old_old"]
    others = {cell: scores for cell, scores in hits.items() if cell != "old_old"}
    columns = {("hit", cell): scores for cell, scores in hits.items()}
    columns |= {("change", cell): scores - base for cell, scores in others.items()}
    columns |= {("flip", cell): base * (1.0 - scores) for cell, scores in others.items()}
    found = estimates(columns, groups, draws=rule.draws, seed=rule.seed)
    clusters = len(np.unique(groups))
    return Labelled(
        queries=len(counted),
        hits={cell: found["hit", cell] for cell in hits},
        changes={cell: found["change", cell] for cell in others},
        flips={cell: _rare(found["flip", cell], clusters) for cell in others},
    )


def _rare(flips: Estimate, clusters: int) -> Estimate:
    """Raise the upper bounds of a share to the exact ones: a bootstrap cannot imagine what it never saw."""
    seen = math.ceil(flips.value * clusters - 1e-9)
    bound = max(flips.ucb, share_upper_bound(seen, clusters))
    return replace(flips, ucb=bound, high=max(flips.high, bound))


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
