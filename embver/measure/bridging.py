"""Learn a bridge on some pairs of the probe set and judge it on others: what it recovers, beside what else can be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from embver.measure.bootstrap import Estimate, estimate, resample
from embver.measure.bridge import METHODS, Bridge, Method, fit_bridges, pairs_needed
from embver.measure.neighbours import nearest, overlap
from embver.measure.rows import Array, IntArray, Mask, serve
from embver.measure.rule import Rule
from embver.measure.strata import Side, StratumItems

THIRDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One stratum to be bridged: its items and both versions' vectors."""

    items: StratumItems
    old: Side
    new: Side


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeMeasures:
    """What a bridge finds in one stratum, on pairs that it was not fitted on, beside the other ways to go on.

    `kept` are old queries on the old index (the status quo), `misaligned` new queries on it as they are, `bridged`
    new queries through the bridge, `full` new queries on a wholly re-encoded index: hit rates at k of labelled pairs,
    None without labels. `gain` is bridged - kept, `arr` bridged / full (None where full finds too little to divide by).
    `neighbours` is the share of the new version's own k neighbours that the bridged query finds on the old index.
    """

    query_modality: str
    document_modality: str
    method: Method
    fitted: int
    queries: int
    k: int
    kept: Estimate | None
    misaligned: Estimate | None
    bridged: Estimate | None
    full: Estimate | None
    gain: Estimate | None
    arr: Estimate | None
    neighbours: Estimate

    def is_enough(self, rule: Rule) -> bool:
        """Tell whether the stratum is bridgeable: surely most of a re-encode, and surely better than before."""
        return (
            self.queries >= rule.minimum_queries
            and self.arr is not None
            and self.gain is not None
            and self.arr.lcb >= rule.bridged_arr
            and self.gain.lcb > rule.bridged_gain
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """The bridge of one query modality, the ids that it was fitted and judged on, and how the kinds compared.

    `tried` is each kind's hit rate at k on the third that it was chosen by, or its recall of old neighbours where
    there are no labels.
    """

    modality: str
    bridge: Bridge
    fitted_ids: tuple[str, ...]
    held_out_ids: tuple[str, ...]
    tried: Mapping[Method, float]
    strata: tuple[BridgeMeasures, ...]


def split_pairs(tasks: Sequence[Task], seed: int) -> dict[str, int]:
    """Return the part that each pair of the queries belongs to: 0 fit, 1 choose, 2 judge.

    A third of the pairs judges; of the others a third chooses. A pair's items stay together, in every modality.
    """
    names = sorted({pair for task in tasks for pair in _pairs(task.items)})
    order = np.random.default_rng(seed).permutation(len(names))
    held, chosen = len(names) // THIRDS, (len(names) - len(names) // THIRDS) // THIRDS
    return {
        names[index]: 2 if place < held else 1 if place < held + chosen else 0
        for place, index in enumerate(order.tolist())
    }


def learn(
    tasks: Sequence[Task],
    parts: Mapping[str, int],
    *,
    metric: str,
    normalise: bool,
    rule: Rule,
    method: Method | None = None,
) -> Learned | str:
    """Learn one map for the queries of some strata, which share them; return why not, as a sentence, if it cannot be.

    Kinds are fitted on the first part and compared on the second; the best one is fitted anew on both and judged on
    the third. `method` asks for one kind.
    """
    first = tasks[0]
    part = np.array([parts[pair] for pair in _pairs(first.items)])
    source = serve(first.new.query, metric=metric, ids=first.items.query_ids)[:]
    target = serve(first.old.query, metric=metric, ids=first.items.query_ids)[:]
    fitted, chosen, held = (np.flatnonzero(part == number) for number in range(THIRDS))
    if not len(held) or not len(chosen):
        return f"{len(part)} {first.items.query_modality} queries are too few to fit a bridge and judge it on others"
    candidates = [
        bridge
        for bridge in fit_bridges(source[fitted], target[fitted], normalise=normalise)
        if method in (None, bridge.method)
    ]
    if not candidates:
        return _too_few(first, len(fitted), method)
    scored = [(_choose(tasks, bridge, chosen, metric, rule), bridge) for bridge in candidates]
    tried: dict[Method, float] = {}
    for (score, _), bridge in scored:
        tried[bridge.method] = max(score, tried.get(bridge.method, 0.0))
    best = max(range(len(scored)), key=lambda place: scored[place][0])
    known = np.flatnonzero(part != THIRDS - 1)
    # The same kind, and for the ridge the same penalty, from all pairs but those that judge it.
    refitted = list(fit_bridges(source[known], target[known], normalise=normalise))
    kinds = [bridge for bridge in refitted if method in (None, bridge.method)]
    bridge = kinds[best]
    ids = first.items.query_ids
    return Learned(
        modality=first.items.query_modality,
        bridge=bridge,
        fitted_ids=tuple(ids[row] for row in known),
        held_out_ids=tuple(ids[row] for row in held),
        tried={name: tried[name] for name in METHODS if name in tried},
        strata=tuple(_judge(task, bridge, held, len(known), metric, rule) for task in tasks),
    )


def _too_few(task: Task, fitted: int, method: Method | None) -> str:
    after, before = task.old.query.shape[1], task.new.query.shape[1]
    if method == "shift":
        return f"a shift maps {before} dimensions to as many, not to {after}"
    return (
        f"{fitted} {task.items.query_modality} queries are left to fit a bridge of {before} x {after} on, and on fewer than "
        f"{pairs_needed(before, after)} a fit says nothing of other queries"
    )


def _pairs(items: StratumItems) -> list[str]:
    """Return what keeps queries together: their pair, or for one without a label its id."""
    return [pair or f"\0{name}" for name, pair in zip(items.query_ids, items.query_pairs, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gallery:
    """Some queries of a stratum, and how to ask a gallery for their neighbours and hits."""

    task: Task
    asked: IntArray
    metric: str
    k: int

    def found(self, queries: Array, documents: Array) -> IntArray:
        own = self.task.items.own()[self.asked]
        return nearest(queries, documents, self.k, metric=self.metric, own=own)

    def rows(self, side: Side) -> tuple[Array, Array]:
        """Return one version's queries that are asked, and all its documents."""
        query = serve(side.query[self.asked], metric=self.metric)[:]
        return query, serve(side.document, metric=self.metric)[:]

    def labelled(self) -> Mask:
        return self.task.items.relevant_counts()[self.asked] > 0

    def hits(self, found: IntArray) -> Array:
        """Return whether each query that is asked found a relevant document, (q,) of 0.0 or 1.0."""
        query, document = self.task.items.labels()
        wanted = query[self.asked][:, None]
        return np.asarray((document[found] == wanted).any(axis=1), dtype=np.float64)


def _choose(
    tasks: Sequence[Task], bridge: Bridge, asked: IntArray, metric: str, rule: Rule
) -> tuple[float, float]:
    """Return how good a bridge is on some queries: labelled hits on the old index, then old neighbours found again."""
    hits, kept = [], []
    for task in tasks:
        gallery = _Gallery(
            task=task, asked=asked, metric=metric, k=rule.neighbours(len(task.items.document_ids))
        )
        query, document = gallery.rows(task.old)
        mapped = serve(bridge.apply(task.new.query[asked]), metric=metric)[:]
        found = gallery.found(mapped, document)
        labelled = gallery.labelled()
        if labelled.any():
            hits.append(float(gallery.hits(found)[labelled].mean()))
        kept.append(float(overlap(gallery.found(query, document), found).mean()))
    recall = float(np.mean(kept))
    return (float(np.mean(hits)) if hits else recall), recall


def _judge(
    task: Task, bridge: Bridge, held: IntArray, fitted: int, metric: str, rule: Rule
) -> BridgeMeasures:
    """Measure a bridge on queries that it was not fitted on, over the whole gallery."""
    items = task.items
    k = rule.neighbours(len(items.document_ids))
    gallery = _Gallery(task=task, asked=held, metric=metric, k=k)
    old_query, old_document = gallery.rows(task.old)
    new_query, new_document = gallery.rows(task.new)
    mapped = serve(bridge.apply(task.new.query[held]), metric=metric)[:]
    found = {
        "kept": gallery.found(old_query, old_document),
        "bridged": gallery.found(mapped, old_document),
        "full": gallery.found(new_query, new_document),
    }
    if old_query.shape[1] == new_query.shape[1]:
        found["misaligned"] = gallery.found(new_query, old_document)
    groups = items.labels()[0][held]
    near = overlap(found["full"], found["bridged"])
    neighbours = _estimates({"near": near}, groups, rule)["near"]
    labelled = gallery.labelled()
    cells: dict[str, Estimate] = {}
    if labelled.any():
        hits = {name: gallery.hits(each)[labelled] for name, each in found.items()}
        cells = _estimates(hits, groups[labelled], rule)
    return BridgeMeasures(
        query_modality=items.query_modality,
        document_modality=items.document_modality,
        method=bridge.method,
        fitted=fitted,
        queries=int(labelled.sum()) if cells else len(held),
        k=k,
        kept=cells.get("kept"),
        misaligned=cells.get("misaligned"),
        bridged=cells.get("bridged"),
        full=cells.get("full"),
        gain=cells.get("gain"),
        arr=cells.get("arr"),
        neighbours=neighbours,
    )


def _estimates(columns: Mapping[str, Array], groups: IntArray, rule: Rule) -> dict[str, Estimate]:
    """Return the means with bounds, and where there are such cells the gain and the ratio, on the same draws."""
    names = list(columns)
    samples = resample(
        np.column_stack([columns[name] for name in names]), groups, draws=rule.draws, seed=rule.seed
    )
    drawn = {name: samples[:, place] for place, name in enumerate(names)}
    means = {name: float(columns[name].mean()) for name in names}
    made = {name: estimate(means[name], drawn[name]) for name in names}
    if "kept" in names:
        made["gain"] = estimate(means["bridged"] - means["kept"], drawn["bridged"] - drawn["kept"])
        if means["full"] >= rule.labelled_found:
            ratio = drawn["bridged"] / np.maximum(drawn["full"], 1e-9)
            made["arr"] = estimate(means["bridged"] / means["full"], ratio)
    return made
