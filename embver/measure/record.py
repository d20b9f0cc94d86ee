"""Measures and verdict as the plain data of a card's `compatibility.strata`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embver.measure.bootstrap import Estimate
from embver.measure.geometry import Movement
from embver.measure.strata import Labelled, StratumMeasures
from embver.measure.verdict import StratumVerdict

DIGITS = 6
FINE_DIGITS = 12
"""For 1 - cosine, which is near 1e-8 between two runs of one version."""

CELLS = ("old_old", "new_old", "old_new", "new_new", "mixed")


def entry(measures: StratumMeasures, verdict: StratumVerdict) -> dict[str, Any]:
    """Return one entry of `compatibility.strata`: JSON-safe, rounded, absent where not known.

    `low` of a recall is its one-sided 95 % lower bound, which the rule gates on; `low` and `high` of the share
    bias are its two-sided 95 % interval.
    """
    plain: dict[str, Any] = {
        "query": measures.query_modality,
        "document": measures.document_modality,
        "n": measures.queries,
        "documents": measures.documents,
        "clusters": measures.clusters,
        "k": measures.k,
        "verdict": verdict.verdict.word,
        "route": verdict.route,
        "reasons": list(verdict.reasons),
        "needed": verdict.needed,
        "recall_new_query_old_index": _recall(measures.recall_new_query_old_index),
        "recall_mixed_index": _recall(measures.recall_mixed_index),
        "share_bias": _interval(measures.share_bias),
        "recall_old_query_new_index": _recall(measures.recall_old_query_new_index),
        "recall_new_new": _recall(measures.recall_new_new),
        "certified": _recall(measures.certified),
        "paired_cosine": _paired_cosine(measures),
        "queries_moved": _movement(measures.query_side),
        "documents_moved": _movement(measures.document_side),
        "score_shift": _known({name: rounded(value) for name, value in asdict(measures.score_shift).items()}),
    }
    if measures.labelled is not None:
        plain |= _labelled(measures.labelled)
    return _known(plain)


def rounded(value: float, digits: int = DIGITS) -> float:
    """Return a float of so many digits, and never -0.0."""
    return round(float(value), digits) + 0.0


def _recall(found: Estimate | None) -> dict[str, float] | None:
    return None if found is None else {"value": rounded(found.value), "low": rounded(found.lcb)}


def _interval(found: Estimate | None) -> dict[str, float] | None:
    if found is None:
        return None
    return {"value": rounded(found.value), "low": rounded(found.low), "high": rounded(found.high)}


def _labelled(labelled: Labelled) -> dict[str, Any]:
    """Return the hit rates by cell with the gating share of flips, and what the rule gates on: bounds by cell."""
    rates = {cell: rounded(labelled.hits[cell].value) for cell in CELLS if cell in labelled.hits}
    if labelled.negative_flips is not None:
        rates["negative_flips"] = rounded(labelled.negative_flips.value)
    changes = {cell: _recall(labelled.changes[cell]) for cell in CELLS if cell in labelled.changes}
    flips = {
        cell: {"value": rounded(labelled.flips[cell].value), "high": rounded(labelled.flips[cell].ucb)}
        for cell in CELLS
        if cell in labelled.flips
    }
    return {
        "labelled_queries": labelled.queries,
        "labelled": rates,
        "labelled_change": changes,
        "labelled_flips": flips,
    }


def _paired_cosine(measures: StratumMeasures) -> dict[str, float] | None:
    """Return the mean cosine of each item's old and new vector, by side."""
    query, document = measures.query_side.cosine, measures.document_side.cosine
    if query is None or document is None:
        return None
    return {"query": rounded(query.mean), "document": rounded(document.mean)}


def _movement(movement: Movement) -> dict[str, Any]:
    """Return how a side moved."""
    plain: dict[str, Any] = {"identical": movement.identical}
    if movement.cosine is not None:
        cosine = {
            name: rounded(value) for name, value in asdict(movement.cosine).items() if name != "distance_p99"
        }
        plain["cosine"] = cosine | {"distance_p99": rounded(movement.cosine.distance_p99, FINE_DIGITS)}
    for name in ("mean_shift", "norm_ratio", "cka", "procrustes"):
        value = getattr(movement, name)
        plain[name] = None if value is None else rounded(value)
    return _known(plain)


def _known(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the pairs that say something: absent means not known."""
    return {key: value for key, value in plain.items() if value is not None}
