"""Measure one version's probe vectors against another's, stratum by stratum, bridges where they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from embver.card import Space
from embver.levels import Verdict
from embver.measure.bridge import Method
from embver.measure.bridging import BridgeMeasures, Learned, Task, learn, split_pairs
from embver.measure.compatibility import Role, measure_stratum, movement_of
from embver.measure.geometry import Movement
from embver.measure.rows import same
from embver.measure.rule import Rule
from embver.measure.sides import ProbeVectors, cut, notes, prefixes, sides, stratum_items, structure
from embver.measure.strata import StratumMeasures
from embver.measure.verdict import StratumVerdict, judge_all, judge_bridge, judge_stratum


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """What came of one stratum; `prefix` is how many leading dimensions it judges, None for all of them.

    `measures` is None where there was nothing to measure: the verdict says why.
    """

    query: str
    document: str
    prefix: int | None
    measures: StratumMeasures | None
    verdict: StratumVerdict
    bridge: BridgeMeasures | None = None

    @property
    def name(self) -> str:
        """Return the stratum as it is written in messages."""
        return f"{self.query} -> {self.document}" + (f" at {self.prefix}" if self.prefix else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How two versions meet: the strata of the old one, and what is worth a note beside them."""

    strata: tuple[Stratum, ...]
    notes: tuple[str, ...]
    bridges: Mapping[str, Learned] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Return the overall verdict: a claim must hold in every stratum."""
        return judge_all([stratum.verdict for stratum in self.strata])


def measure_versions(
    old: ProbeVectors, new: ProbeVectors, *, rule: Rule, bridges: bool = True, diagnose: bool = True
) -> Meeting:
    """Measure `new` against `old` in every stratum of the old version, on the items that both encoded.

    Raise ValueError, naming rows, for vectors that are no vectors or not the items'.
    """
    common = old.items.common(new.items)
    changed = structure(old.space, new.space)
    ruler = _Ruler(new.space, rule, changed, diagnose=diagnose)
    strata: list[Stratum] = []
    tasks: list[Task] = []
    for query, document in old.items.strata():
        pair = sides(common, old, new, query, document)
        if isinstance(pair, StratumVerdict):
            strata.append(Stratum(query=query, document=document, prefix=None, measures=None, verdict=pair))
            continue
        task = Task(items=stratum_items(common, query, document), old=pair[0], new=pair[1])
        tasks.append(task)
        strata += [ruler.measure(task, prefix) for prefix in (None, *prefixes(old.space, new.space))]
    found = Meeting(strata=tuple(strata), notes=notes(old, new))
    if not bridges or changed or not any(_wants_bridge(stratum) for stratum in strata):
        return found
    learned, why = _learn(tasks, new.space, old.space, rule)
    bridged = with_bridges(found, learned, rule)
    return replace(bridged, notes=(*found.notes, *(f"no bridge: {each}" for each in why)))


class _Ruler:
    """Measures strata by one rule; what moved in one stratum is not measured again in the next."""

    def __init__(self, space: Space, rule: Rule, changed: tuple[str, ...], *, diagnose: bool) -> None:
        self._space, self._rule, self._changed, self._diagnose = space, rule, changed, diagnose
        self._moved: dict[tuple[str, int | None], list[tuple[_RoleRows, Movement]]] = {}

    def measure(self, task: Task, prefix: int | None) -> Stratum:
        part = cut(task, prefix)
        # A prefix of unit vectors is made unit length again: then every metric ranks as the cosine does.
        metric = "cosine" if prefix is not None and self._space.normalized else self._space.metric
        items = part.items
        measures = measure_stratum(
            items,
            old=part.old,
            new=part.new,
            metric=metric,
            rule=self._rule,
            moved=(
                self._movement(part, items.query_modality, "query", metric, prefix),
                self._movement(part, items.document_modality, "document", metric, prefix),
            ),
        )
        return Stratum(
            query=items.query_modality,
            document=items.document_modality,
            prefix=prefix,
            measures=measures,
            verdict=judge_stratum(measures, self._rule, structure=self._changed),
        )

    def _movement(self, part: Task, modality: str, role: Role, metric: str, prefix: int | None) -> Movement:
        rows = _RoleRows.of(part, role)
        known = [moved for seen, moved in self._moved.get((modality, prefix), ()) if seen.is_same(rows)]
        if known:
            return known[0]
        found = movement_of(
            part.items,
            role,
            old=part.old,
            new=part.new,
            metric=metric,
            rule=self._rule,
            diagnose=self._diagnose,
        )
        self._moved.setdefault((modality, prefix), []).append((rows, found))
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _RoleRows:
    """The items and rows of one modality in one role: without prompts queries and documents are the same."""

    ids: tuple[str, ...]
    old: NDArray[Any]
    new: NDArray[Any]

    @classmethod
    def of(cls, part: Task, role: Role) -> _RoleRows:
        if role == "query":
            return cls(ids=part.items.query_ids, old=part.old.query, new=part.new.query)
        return cls(ids=part.items.document_ids, old=part.old.document, new=part.new.document)

    def is_same(self, other: _RoleRows) -> bool:
        return self.ids == other.ids and same(self.old, other.old) and same(self.new, other.new)


def learn_bridges(
    old: ProbeVectors, new: ProbeVectors, *, rule: Rule, method: Method | None = None
) -> tuple[dict[str, Learned], tuple[str, ...]]:
    """Learn a bridge for each query modality; also return why not for those that have none, as sentences."""
    common = old.items.common(new.items)
    tasks = []
    for query, document in old.items.strata():
        pair = sides(common, old, new, query, document)
        if not isinstance(pair, StratumVerdict):
            tasks.append(Task(items=stratum_items(common, query, document), old=pair[0], new=pair[1]))
    return _learn(tasks, new.space, old.space, rule, method)


def _learn(
    tasks: list[Task], space: Space, target: Space, rule: Rule, method: Method | None = None
) -> tuple[dict[str, Learned], tuple[str, ...]]:
    parts = split_pairs(tasks, rule.seed)
    learned, why = {}, []
    normalise = space.metric == "cosine" or target.normalized
    for modality in dict.fromkeys(task.items.query_modality for task in tasks):
        mine = [task for task in tasks if task.items.query_modality == modality]
        found = learn(mine, parts, metric=space.metric, normalise=normalise, rule=rule, method=method)
        if isinstance(found, str):
            why.append(found)
        else:
            learned[modality] = found
    return learned, tuple(why)


def with_bridges(found: Meeting, learned: Mapping[str, Learned], rule: Rule) -> Meeting:
    """Return the meeting with a bridge judged in every stratum that is incompatible and has one."""
    by_stratum = {
        (each.query_modality, each.document_modality): each for one in learned.values() for each in one.strata
    }
    strata = []
    for stratum in found.strata:
        bridge = by_stratum.get((stratum.query, stratum.document))
        if bridge is None or stratum.prefix or stratum.measures is None or not _wants_bridge(stratum):
            strata.append(stratum)
            continue
        verdict = judge_bridge(stratum.verdict, bridge, rule)
        strata.append(replace(stratum, verdict=verdict, bridge=bridge))
    return replace(found, strata=tuple(strata), bridges=learned)


def _wants_bridge(stratum: Stratum) -> bool:
    """Tell whether a bridge could change the verdict: incompatible, with labels to judge the bridge by."""
    measures = stratum.measures
    return (
        stratum.verdict.verdict is Verdict.INCOMPATIBLE
        and measures is not None
        and measures.labelled is not None
        and not measures.collapsed
    )
