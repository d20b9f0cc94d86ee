"""Retrieval scores of one version on labelled pairs, with confidence intervals.

Definitions (ranks from 1; relevance is binary; ties are broken by the order of the documents):

- hit@k        1 if a relevant document is among the first k: what CLIP papers call recall@k
- recall@k     relevant documents among the first k / all relevant ones: what IR calls recall@k
- precision@k  relevant documents among the first k / k
- mrr@k        1 / rank of the first relevant document, 0 beyond k
- map@k        sum over the relevant documents among the first k of precision at their rank / all relevant ones
- ndcg@k       sum of 1 / log2(rank + 1) over the relevant documents among the first k / the same of the best order

Without a cut, `mrr` and `map` look at the whole ranking, as trec_eval's recip_rank and map do.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embver.measure.bootstrap import DRAWS, LEVEL, estimates
from embver.measure.neighbours import EXCLUDED, blocks, documents_of, greatest, ranking_keys, score_bound
from embver.measure.record import rounded
from embver.measure.rows import Array, IntArray, Mask, served
from embver.measure.strata import Side, StratumItems

UNCUT = ("map", "mrr")
METRICS = ("hit@1", "hit@10", "recall@10", "ndcg@10", "map", "mrr")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """One score: the mean over n queries, with its two-sided 95 % interval; a fraction, higher is better."""

    key: str
    value: float
    low: float
    high: float
    n: int
    seed: int = 0

    def to_plain(self) -> dict[str, Any]:
        """Return the score as a card's `metrics` hold it."""
        interval = {
            "level": LEVEL,
            "low": rounded(self.low),
            "high": rounded(self.high),
            "method": "query-bootstrap",
            "n": self.n,
            "seed": self.seed,
        }
        return {
            "key": self.key,
            "value": rounded(self.value),
            "unit": "fraction",
            "higher_is_better": True,
            "ci": interval,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scores of one version: `per_query` (n,) by metric, in the order of `query_ids`, and their means.

    `query_ids` are the queries that have a relevant document; `relevant_per_query` is the mean number of those.
    `clusters` (n,) are the queries that are drawn together: the captions of one image.
    """

    query_ids: tuple[str, ...]
    query_pairs: tuple[str, ...]
    clusters: IntArray
    per_query: Mapping[str, Array]
    results: tuple[MetricResult, ...]
    candidates: int
    relevant_per_query: float


def evaluate(
    items: StratumItems,
    side: Side,
    *,
    metric: str,
    metrics: Sequence[str] = METRICS,
    seed: int = 0,
    draws: int = DRAWS,
) -> Evaluation:
    """Score how well queries find the documents of their own pair.

    `metric` is the space's (cosine, dot, euclidean), `metrics` the scores wanted. Raise ValueError for an unknown
    score, for rows that are not vectors, and if no query has a relevant document.
    """
    wanted = {key: parse_metric(key) for key in metrics}
    if not wanted:
        raise ValueError("no metric is asked for")
    query = served(side.query, metric=metric, name=f"{items.name}: queries", ids=items.query_ids)
    document = served(side.document, metric=metric, name=f"{items.name}: documents", ids=items.document_ids)
    if (len(query), len(document)) != (len(items.query_ids), len(items.document_ids)):
        raise ValueError(f"{items.name}: {len(query)} and {len(document)} rows for other numbers of items")
    relevant = items.relevant_counts()
    counted = np.flatnonzero(relevant > 0)
    if not len(counted):
        raise ValueError(f"{items.name}: no query has a relevant document; pairs are the labels")
    own, (groups, labels) = items.own()[counted], items.labels()
    groups, relevant = groups[counted], relevant[counted]
    cuts = {key: (name, len(document) if k is None else k) for key, (name, k) in wanted.items()}
    deepest = min(max(k for _, k in cuts.values()), len(document))
    bound = score_bound(metric, query, document)
    scored: dict[str, list[Array]] = {key: [] for key in cuts}
    for part in blocks(
        len(counted), len(document)
    ):  # a whole ranking of every query at once may be gigabytes
        keys = ranking_keys(query[counted[part]], document, own[part], metric=metric, bound=bound)
        best = greatest(keys, deepest)
        is_found = best != EXCLUDED  # in a whole ranking, what a query must not find comes last
        found = np.where(is_found, documents_of(best, len(document)), 0)
        hits: Mask = (labels[found] == groups[part, None]) & is_found
        for key, (name, k) in cuts.items():
            scored[key].append(SCORES[name](hits[:, :k], relevant[part], k))
    per_query = {key: np.concatenate(scores) for key, scores in scored.items()}
    means = estimates(per_query, groups, draws=draws, seed=seed)
    return Evaluation(
        query_ids=tuple(items.query_ids[i] for i in counted),
        query_pairs=tuple(items.query_pairs[i] for i in counted),
        clusters=groups,
        per_query=per_query,
        results=tuple(
            MetricResult(key=key, value=mean.value, low=mean.low, high=mean.high, n=len(counted), seed=seed)
            for key, mean in means.items()
        ),
        candidates=len(document),
        relevant_per_query=float(relevant.mean()),
    )


def parse_metric(key: str) -> tuple[str, int | None]:
    """Split a key such as `ndcg@10` into its name and cut; raise ValueError with the nearest name if unknown.

    `map` and `mrr` may stand without a cut (None): the whole ranking counts.
    """
    name, at, cut = key.partition("@")
    if name not in SCORES:
        close = difflib.get_close_matches(name, SCORES, n=1)
        cut = cut if cut.isdecimal() else "10"
        hint = f"did you mean {close[0]}@{cut}?" if close else f"one of {', '.join(SCORES)}, then @k"
        raise ValueError(f"unknown metric {key!r}: {hint}")
    if not at and name in UNCUT:
        return name, None
    if not at or not (cut.isascii() and cut.isdecimal()) or int(cut) < 1:
        raise ValueError(f"metric {key!r}: the cut is a number from 1, as in {name}@10")
    return name, int(cut)


def hit(hits: Mask, relevant: IntArray, k: int) -> Array:  # noqa: ARG001 - one signature for all scores
    """Return hit@k of hits (q, <=k), the relevance of the first k documents; `relevant` (q,) counts them all."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def recall(hits: Mask, relevant: IntArray, k: int) -> Array:  # noqa: ARG001
    """Return recall@k as IR has it."""
    scores: Array = hits.sum(axis=1) / relevant
    return scores


def precision(hits: Mask, relevant: IntArray, k: int) -> Array:  # noqa: ARG001
    """Return precision@k; documents that do not exist are not relevant."""
    scores: Array = hits.sum(axis=1) / k
    return scores


def mrr(hits: Mask, relevant: IntArray, k: int) -> Array:  # noqa: ARG001
    """Return the reciprocal rank of the first hit."""
    return np.where(hits.any(axis=1), 1.0 / (1.0 + hits.argmax(axis=1)), 0.0)


def average_precision(hits: Mask, relevant: IntArray, k: int) -> Array:  # noqa: ARG001
    """Return map@k, over all relevant documents as trec_eval has it, not over min(k, relevant)."""
    at_rank = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    scores: Array = (at_rank * hits).sum(axis=1) / relevant
    return scores


def ndcg(hits: Mask, relevant: IntArray, k: int) -> Array:
    """Return ndcg@k with binary gain (Jaervelin and Kekaelaeinen 2002)."""
    discounts = 1.0 / np.log2(np.arange(2, k + 2))
    best = discounts.cumsum()[np.minimum(relevant, k) - 1]
    scores: Array = hits @ discounts[: hits.shape[1]] / best
    return scores


SCORES: dict[str, Callable[[Mask, IntArray, int], Array]] = {
    "hit": hit,
    "recall": recall,
    "precision": precision,
    "mrr": mrr,
    "map": average_precision,
    "ndcg": ndcg,
}
