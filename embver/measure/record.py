"""Measures and verdict as the plain data of a card's `compatibility.strata`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embver.measure.bootstrap import Estimate
from embver.measure.bridging import BridgeMeasures
from embver.measure.geometry import Movement
from embver.measure.strata import Labelled, Pool, StratumMeasures
from embver.measure.verdict import StratumVerdict
from embver.measure.versions import Stratum

DIGITS = 6
FINE_DIGITS = 12
"""For 1 - cosine, which is near 1e-8 between two runs of one version."""

CELLS = ("old_old", "new_old", "old_new", "new_new", "mixed")


def record(stratum: Stratum) -> dict[str, Any]:
    """Return one entry of `compatibility.strata`; where nothing was measured it holds the verdict and why.

    `dimensions` is there for a prefix only, `bridge` where one was tried.
    """
    if stratum.measures is None:
        return {
            "query": stratum.query,
            "document": stratum.document,
            "n": 0,
            "verdict": stratum.verdict.verdict.word,
            "reasons": list(stratum.verdict.reasons),
        }
    plain = entry(stratum.measures, stratum.verdict)
    if stratum.prefix is not None:
        ends = ("query", "document")
        rest = {key: value for key, value in plain.items() if key not in ends}
        plain = {key: plain[key] for key in ends} | {"dimensions": stratum.prefix} | rest
    return plain if stratum.bridge is None else plain | {"bridge": bridge_record(stratum.bridge)}


def bridge_record(bridge: BridgeMeasures) -> dict[str, Any]:
    """Return what a bridge recovers: hit rates of labelled pairs beside the other ways, the gain and the ratio."""
    rates = {name: getattr(bridge, name) for name in ("kept", "misaligned", "bridged", "full")}
    return _known(
        {
            "method": bridge.method,
            "fitted": bridge.fitted,
            "queries": bridge.queries,
            "k": bridge.k,
            **{name: _interval(found) for name, found in rates.items()},
            "gain": _bounds(bridge.gain),
            "arr": _bounds(bridge.arr),
            "neighbours": _bounds(bridge.neighbours),
        }
    )


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
        "modality_gap": _gap(measures.modality_gap),
        "recall_at_1": {cell: rounded(found.value) for cell, found in measures.recall_at_1.items()},
        "pools": {str(pool.documents): _pool(pool) for pool in measures.pools} or None,
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


def _bounds(found: Estimate | None) -> dict[str, float] | None:
    """Return a number with its one-sided bounds, which the rule gates on."""
    if found is None:
        return None
    return {"value": rounded(found.value), "low": rounded(found.lcb), "high": rounded(found.ucb)}


def _gap(gap: tuple[float, float] | None) -> dict[str, float] | None:
    return None if gap is None else {"old": rounded(gap[0]), "new": rounded(gap[1])}


def _pool(pool: Pool) -> dict[str, Any]:
    """Return the recall of the old neighbours in one gallery, at k and at one document in 100."""
    plain: dict[str, Any] = {
        "k": pool.k,
        "value": rounded(pool.recall.value),
        "low": rounded(pool.recall.lcb),
    }
    if pool.percent_k is not None and pool.percent_recall is not None:
        plain |= {"percent_k": pool.percent_k, "percent": rounded(pool.percent_recall.value)}
    return plain


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
    first = {cell: rounded(labelled.first[cell].value) for cell in CELLS if cell in labelled.first}
    return {
        "labelled_queries": labelled.queries,
        "labelled": rates,
        "labelled_at_1": first,
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
    before, after = movement.mean_length
    return _known(plain | {"mean_length": {"old": rounded(before), "new": rounded(after)}})


def _known(plain: dict[str, Any]) -> dict[str, Any]:
    """Return the pairs that say something: absent means not known."""
    return {key: value for key, value in plain.items() if value is not None}
