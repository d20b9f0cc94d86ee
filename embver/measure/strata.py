"""The nouns of a comparison: the items and vectors of a stratum, and what was measured on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embver.measure.bootstrap import Estimate
from embver.measure.geometry import Movement
from embver.measure.rows import IntArray, codes


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumItems:
    """Who is asked and who may be found: queries of one modality, documents of one, in id order.

    A document is relevant to a query if their pairs are equal; an empty pair is no label. In a stratum of one
    modality a query never finds the document of its own id. Raise ValueError where the tuples disagree.
    """

    query_modality: str
    document_modality: str
    query_ids: tuple[str, ...]
    query_pairs: tuple[str, ...]
    document_ids: tuple[str, ...]
    document_pairs: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check that every item has one pair, and every document one id."""
        sides = (
            ("query", self.query_ids, self.query_pairs),
            ("document", self.document_ids, self.document_pairs),
        )
        for side, ids, pairs in sides:
            if len(ids) != len(pairs):
                raise ValueError(f"{self.name}: {len(ids)} {side} ids but {len(pairs)} pairs")
        if len(set(self.document_ids)) != len(self.document_ids):
            raise ValueError(f"{self.name}: a document id occurs twice")
        if not self.query_ids or len(self.document_ids) < 2 + self.same_modality:
            raise ValueError(f"{self.name}: too few items to rank")

    @property
    def name(self) -> str:
        """Return the stratum as it is written in messages."""
        return f"{self.query_modality} -> {self.document_modality}"

    @property
    def same_modality(self) -> bool:
        """Tell whether queries and documents are of one modality, and so may be the same items."""
        return self.query_modality == self.document_modality

    def own(self) -> IntArray:
        """Return, for each query, the document it must not find, or -1."""
        if not self.same_modality:
            return np.full(len(self.query_ids), -1, dtype=np.int64)
        place = {name: index for index, name in enumerate(self.document_ids)}
        return np.array([place.get(name, -1) for name in self.query_ids], dtype=np.int64)

    def labels(self) -> tuple[IntArray, IntArray]:
        """Return one integer an item, queries and documents, equal where the pairs are equal."""
        known: dict[str, int] = {}
        return codes(self.query_pairs, known), codes(self.document_pairs, known)

    def relevant_counts(self) -> IntArray:
        """Return the number of relevant documents of each query, its own item not counted."""
        query, document = self.labels()
        size = 1 + int(max(query.max(), document.max()))
        counts = np.bincount(document, minlength=size)[query]
        own = self.own()
        counts -= (own >= 0) & (document[own] == query)
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One version's vectors for a stratum: queries (q, d) and documents (n, d), in the order of the items."""

    query: NDArray[Any]
    document: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Hit rates at k on labelled pairs, by cell: `new_old` is new queries on the old index.

    `first` are the hit rates at 1. `changes` are the cells' differences from `old_old`, `flips` the shares of queries right with `old_old` and
    wrong in the cell (Yan et al. 2021). Cells that do not exist are absent.
    """

    queries: int
    hits: Mapping[str, Estimate]
    changes: Mapping[str, Estimate]
    flips: Mapping[str, Estimate]
    first: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def negative_flips(self) -> Estimate | None:
        """Return the worse of the flips a live index would show: on the old index, and on a mixed one."""
        live = [self.flips[cell] for cell in ("new_old", "mixed") if cell in self.flips]
        return max(live, key=lambda flips: flips.ucb) if live else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreShift:
    """How scores of the old neighbours changed: will a score threshold carry over?

    `mean` and `p95_abs` are of s_new - s_old; `ks` is the greatest gap of the two distributions, 0..1.
    """

    mean: float
    p95_abs: float
    ks: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Recall of the old neighbours by new queries on a part of the old index, at k and at one document in 100.

    Overlap depends on the size of the gallery: what a small probe set says flatters a large index.
    """

    documents: int
    k: int
    recall: Estimate
    percent_k: int | None = None
    percent_recall: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumMeasures:
    """Everything measured of one stratum (compat.md section 4).

    Recalls are of the old version's k neighbours, 0..1; `recall_at_1` are the same of its first one, by cell.
    `share_bias` is the share of new vectors in the results of a half-new index, less their share of its
    candidates, -1..1. `certified` is the share of the neighbours that no movement of this size can displace:
    sound, but loose. `modality_gap` is the distance between the means of queries and documents, old and new.
    `collapsed` names the sides whose vectors are all one point. What needs equal dimensions is None without.
    """

    query_modality: str
    document_modality: str
    metric: str
    dimensions: tuple[int, int]
    queries: int
    documents: int
    clusters: int
    k: int
    recall_new_query_old_index: Estimate | None
    recall_old_query_new_index: Estimate | None
    recall_mixed_index: Estimate | None
    share_bias: Estimate | None
    recall_new_new: Estimate
    certified: Estimate | None
    labelled: Labelled | None
    query_side: Movement
    document_side: Movement
    score_shift: ScoreShift
    recall_at_1: Mapping[str, Estimate] = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()
    modality_gap: tuple[float, float] | None = None
    collapsed: tuple[str, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Tell whether old and new vectors can meet at all: their dimensions are equal."""
        return self.dimensions[0] == self.dimensions[1]
