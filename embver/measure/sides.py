"""One version's side of a comparison: its probe vectors, and what of two spaces can be compared at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from embver.card import Space
from embver.levels import Verdict
from embver.measure.bridging import Task
from embver.measure.rows import METRICS
from embver.measure.strata import Side, StratumItems
from embver.measure.verdict import StratumVerdict
from embver.probe import ProbeSet

DENSE = "dense"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProbeVectors:
    """One version's side: its space, the modalities it encodes, its rows by `MODALITY.ROLE` in the order of `items`.

    `floor` is what was measured of its own noise: the same version encoded twice.
    """

    reference: str
    space: Space
    modalities: frozenset[str]
    items: ProbeSet
    vectors: Mapping[str, NDArray[Any]]
    floor: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, common: ProbeSet, modality: str, role: str) -> NDArray[Any] | None:
        """Return the rows (n, d) of a common part's items, or None where there are none of that kind.

        Raise ValueError if the rows are not as many as the items.
        """
        found = self.vectors.get(f"{modality}.{role}")
        if found is None:
            return None
        mine = self.items.rows(modality, role)
        if len(mine) != len(found):
            raise ValueError(f"{modality}.{role}: {len(found)} rows for {len(mine)} items of the probe set")
        wanted = {item.id for item in common.rows(modality, role)}
        if len(wanted) == len(mine):
            return found
        return found[[row for row, item in enumerate(mine) if item.id in wanted]]


def why_not_measured(space: Space) -> str | None:
    """Return why vectors of a space cannot be compared here, as a sentence, if they cannot."""
    if space.kind != DENSE:
        return f"vectors of the kind {space.kind} are not measured yet, only dense ones"
    if space.metric not in METRICS:
        return f"the metric {space.metric} is not measured yet, only {', '.join(METRICS)}"
    return None


def stratum_items(probe: ProbeSet, query: str, document: str) -> StratumItems:
    """Return the ids and labels of a stratum, documents and queries in id order."""
    queries, documents = probe.rows(query, "query"), probe.rows(document, "document")
    return StratumItems(
        query_modality=query,
        document_modality=document,
        query_ids=tuple(item.id for item in queries),
        query_pairs=tuple(item.pair for item in queries),
        document_ids=tuple(item.id for item in documents),
        document_pairs=tuple(item.pair for item in documents),
    )


def structure(old: Space, new: Space) -> tuple[str, ...]:
    """Return what makes an index of one space useless for the other, but for the dimension, as sentences."""
    reasons = []
    if old.metric != new.metric:
        reasons.append(f"the metric changes from {old.metric} to {new.metric}: an index ranks by one of them")
    if old.normalized != new.normalized:
        words = "normalised, and were not" if new.normalized else "no longer normalised"
        reasons.append(f"vectors are {words}: scores of old and new ones cannot be compared")
    if old.kind != new.kind:
        reasons.append(f"the kind of vector changes from {old.kind} to {new.kind}")
    return tuple(reasons)


def prefixes(old: Space, new: Space) -> tuple[int, ...]:
    """Return the served prefixes (Matryoshka) that both versions have, the longest first."""
    both = set(old.served_dimensions) & set(new.served_dimensions)
    shortest = min(old.dimensions, new.dimensions)
    whole = {old.dimensions} if old.dimensions == new.dimensions else set()
    return tuple(sorted((size for size in both - whole if size <= shortest), reverse=True))


def cut(task: Task, prefix: int | None) -> Task:
    """Return a stratum's vectors cut to a prefix; they are made unit length again where they are compared."""
    if prefix is None:
        return task
    old, new = (
        Side(query=side.query[:, :prefix], document=side.document[:, :prefix])
        for side in (task.old, task.new)
    )
    return Task(items=task.items, old=old, new=new)


def sides(
    common: ProbeSet, old: ProbeVectors, new: ProbeVectors, query: str, document: str
) -> tuple[Side, Side] | StratumVerdict:
    """Return both versions' rows of a stratum, or the verdict where one has none."""
    for modality in dict.fromkeys((query, document)):
        if modality not in new.modalities:
            return _verdict(
                Verdict.INCOMPATIBLE, f"{new.reference} encodes no {modality}: what was served is gone"
            )
    made = []
    for version in (old, new):
        asked, found = version.rows(common, query, "query"), version.rows(common, document, "document")
        if asked is None or found is None:
            lacking = f"{query} queries" if asked is None else f"{document} documents"
            return _verdict(Verdict.INCONCLUSIVE, f"{version.reference} has no probe vectors of {lacking}")
        made.append(Side(query=asked, document=found))
    count = len(common.rows(query, "query")), len(common.rows(document, "document"))
    if not count[0] or count[1] < 2 + (query == document):
        return _verdict(
            Verdict.INCONCLUSIVE,
            f"{count[0]} queries and {count[1]} documents are in the probe sets of both versions: too few to rank",
        )
    return made[0], made[1]


def _verdict(verdict: Verdict, reason: str) -> StratumVerdict:
    return StratumVerdict(verdict=verdict, reasons=(reason,))


def notes(old: ProbeVectors, new: ProbeVectors) -> tuple[str, ...]:
    """Return what the new version has and the old one had not: nothing to compare it with, so nothing it breaks."""
    known = set(old.items.strata())
    return tuple(
        f"{query} -> {document} is new in {new.reference}: there is nothing to compare it with"
        for query, document in new.items.strata()
        if (query, document) not in known
    )
