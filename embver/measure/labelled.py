"""What old and new queries find of the pairs that people labelled, cell by cell."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from embver.measure.bootstrap import Estimate, estimates, share_upper_bound
from embver.measure.cells import Cells
from embver.measure.rows import Array, IntArray
from embver.measure.rule import Rule
from embver.measure.strata import Labelled, StratumItems


def measure_labelled(items: StratumItems, cells: Cells, k: int, rule: Rule) -> Labelled | None:
    """Return the labelled cells over the queries that have a relevant document, or None without any."""
    counted = np.flatnonzero(items.relevant_counts() > 0)
    if not len(counted):
        return None
    groups = items.labels()[0][counted]
    hit = hit_counter(items, counted)
    hits, first = _by_cell(cells, hit, counted, k), _by_cell(cells, hit, counted, 1)
    base = hits["old_old"]
    others = {cell: scores for cell, scores in hits.items() if cell != "old_old"}
    columns = {("hit", cell): scores for cell, scores in hits.items()}
    columns |= {("first", cell): scores for cell, scores in first.items()}
    columns |= {("change", cell): scores - base for cell, scores in others.items()}
    columns |= {("flip", cell): base * (1.0 - scores) for cell, scores in others.items()}
    found = estimates(columns, groups, draws=rule.draws, seed=rule.seed)
    clusters = len(np.unique(groups))
    return Labelled(
        queries=len(counted),
        hits={cell: found["hit", cell] for cell in hits},
        changes={cell: found["change", cell] for cell in others},
        flips={cell: rare(found["flip", cell], clusters) for cell in others},
        first={cell: found["first", cell] for cell in hits},
    )


def hit_counter(items: StratumItems, counted: IntArray) -> Callable[[IntArray], Array]:
    """Return a function that tells which of the counted queries found a relevant document, (q,) of 0.0 or 1.0."""
    query, document = items.labels()
    wanted = query[counted][:, None]

    def hit(found: IntArray) -> Array:
        scores: Array = (document[found] == wanted).any(axis=1).astype(np.float64)
        return scores

    return hit


def _by_cell(cells: Cells, hit: Callable[[IntArray], Array], counted: IntArray, k: int) -> dict[str, Array]:
    """Return the hits among the first k, by cell; in the mixed one the mean over the splits."""
    hits = {"old_old": hit(cells.old_old[counted, :k]), "new_new": hit(cells.new_new[counted, :k])}
    if cells.new_old is not None and cells.old_new is not None and cells.mixed is not None:
        hits["new_old"] = hit(cells.new_old[counted, :k])
        hits["old_new"] = hit(cells.old_new[counted, :k])
        hits["mixed"] = np.mean([hit(found[counted, :k]) for found in cells.mixed], axis=0)
    return hits


def rare(flips: Estimate, clusters: int) -> Estimate:
    """Raise the upper bounds of a share to the exact ones: a bootstrap cannot imagine what it never saw."""
    seen = math.ceil(flips.value * clusters - 1e-9)
    bound = max(flips.ucb, share_upper_bound(seen, clusters))
    return replace(flips, ucb=bound, high=max(flips.high, bound))
