"""Measure two versions that lie in memory: arrays and labels in, no repository needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embver.card import Space
from embver.levels import Level, Verdict
from embver.measure.record import record
from embver.measure.rule import Rule
from embver.measure.sides import ProbeVectors
from embver.measure.versions import measure_versions
from embver.notebook import table
from embver.probe import ROLES, ProbeItem, ProbeSet

Arrays = Mapping[str, NDArray[Any]]
Pairs = ProbeSet | Mapping[str, Sequence[str]] | Sequence[str]
NO_INPUT = "0" * 64  # rows without inputs: both versions have the same items by construction


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How two versions meet; `strata` are the records of a card's `compatibility`, plain data.

    `floor` is how far each version moves against itself, where its card says so; `rule` holds the thresholds that are
    not the rule's own.
    """

    old: str
    new: str
    verdict: Verdict
    level: Level
    strata: tuple[Mapping[str, Any], ...]
    reasons: tuple[str, ...] = ()
    probe: Mapping[str, Any] = field(default_factory=dict)
    rule_version: int = 1
    notes: tuple[str, ...] = ()
    floor: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] = field(default_factory=dict)

    def stratum(self, query: str, document: str) -> Mapping[str, Any]:
        """Return the record of one stratum; raise KeyError naming those that there are."""
        for found in self.strata:
            if (found["query"], found["document"]) == (query, document):
                return found
        known = ", ".join(f"{found['query']} -> {found['document']}" for found in self.strata)
        raise KeyError(f"there is no stratum {query} -> {document}: {known}")

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver compat --json`."""
        own = ("query", "document", "verdict")
        strata = [
            {
                **{key: found[key] for key in own},
                "measures": {key: value for key, value in found.items() if key not in own},
            }
            for found in self.strata
        ]
        return {
            "a": self.old,
            "b": self.new,
            "verdict": self.verdict.word,
            "level": self.level.word,
            "strata": strata,
            "probe": dict(self.probe),
            "rule_version": self.rule_version,
            "reasons": list(self.reasons),
            "notes": list(self.notes),
            "floor": dict(self.floor),
            "rule": dict(self.rule),
        }

    def __str__(self) -> str:
        lines = [f"{self.old} -> {self.new}: {self.verdict.word}"]
        lines += ["  ".join(f"{cell:<16}" for cell in row).rstrip() for row in self._rows()]
        return "\n    ".join(lines)

    def __repr__(self) -> str:
        return f"<Measurement {self.old} -> {self.new}: {self.verdict.word}, {len(self.strata)} strata>"

    def _repr_html_(self) -> str:
        head = ("stratum", "verdict", "new query, old index", "mixed index", "queries")
        return table(f"{self.old} -> {self.new}: {self.verdict.word}", head, self._rows())

    def _rows(self) -> list[tuple[str, ...]]:
        return [
            (
                f"{found['query']} -> {found['document']}",
                str(found["verdict"]),
                _recall(found.get("recall_new_query_old_index")),
                _recall(found.get("recall_mixed_index")),
                f"{found.get('n', 0):,}",
            )
            for found in self.strata
        ]


@runtime_checkable
class Measurable(Protocol):
    """A version that can be measured against by itself: what `embver.open` returns."""

    def measure(self, new: Any) -> Measurement:
        """Measure a newer version against this one."""


def measure(
    old: Arrays | Measurable,
    new: Arrays | Measurable,
    *,
    pairs: Pairs | None = None,
    metric: str = "cosine",
    served_dimensions: Sequence[int] = (),
    rule: Rule | None = None,
    names: tuple[str, str] = ("old", "new"),
) -> Measurement:
    """Measure `new` against `old` in every stratum and give the verdict: what `embver compat` does, on arrays.

    Each version is a mapping of vectors (items, dimensions): by modality, `text`, where every item is a query and a
    document, or by modality and role, `text.query` and `text.document`, where they are different items. Row i is the
    same item in both versions. `pairs` labels the rows by the same keys, or is one sequence for all of them: items
    with equal labels are relevant to each other, an empty text is no label; or it is the probe set that the rows are
    of. Without labels only equal neighbours can make versions compatible. Two versions of a repository are measured
    with their own probe set and rule. Raise ValueError for rows that do not belong together, NaN and infinity.
    """
    if isinstance(old, Measurable):
        return old.measure(new)
    if isinstance(new, Measurable):
        raise ValueError("one version is of a repository and one is arrays: give the arrays of both")
    rule = rule or Rule()
    items = pairs if isinstance(pairs, ProbeSet) else _items(_checked(old), pairs)
    sides = [
        _side(name, _checked(arrays), items, metric, served_dimensions)
        for name, arrays in zip(names, (old, new), strict=True)
    ]
    meeting = measure_versions(sides[0], sides[1], rule=rule)
    unsafe = [stratum for stratum in meeting.strata if not stratum.verdict.verdict.is_safe]
    return Measurement(
        old=names[0],
        new=names[1],
        verdict=meeting.verdict,
        level=meeting.verdict.least_level,
        strata=tuple(record(stratum) for stratum in meeting.strata),
        reasons=tuple(f"{stratum.name}: {stratum.verdict.reasons[0]}" for stratum in unsafe),
        probe={"name": items.name, "items": len(items.items)},
        rule_version=rule.rule_version,
        notes=meeting.notes,
        rule=_changed(rule),
    )


def _changed(rule: Rule) -> dict[str, Any]:
    """Return the thresholds that are not the rule's own."""
    own = Rule().to_plain()
    return {name: value for name, value in rule.to_plain().items() if value != own[name]}


def _checked(arrays: Arrays) -> dict[str, NDArray[Any]]:
    """Return a version's arrays; raise ValueError where they are no vectors of one space."""
    if not isinstance(arrays, Mapping) or not arrays:
        raise ValueError("a version is a mapping such as {'image': vectors, 'text': vectors}")
    found = {key: np.asarray(rows) for key, rows in arrays.items()}
    for key, rows in found.items():
        modality, dot, role = key.partition(".")
        if not modality or (dot and role not in ROLES):
            raise ValueError(f"{key!r}: MODALITY, MODALITY.query or MODALITY.document")
        if rows.ndim != 2:
            raise ValueError(f"{key!r} has the shape {rows.shape}, not (items, dimensions)")
        if not dot and any(f"{key}.{each}" in found for each in ROLES):
            raise ValueError(f"{key!r} stands for both roles already: it cannot be given by role too")
    lengths = {rows.shape[1] for rows in found.values()}
    if len(lengths) > 1:
        raise ValueError(
            f"vectors of one version have {sorted(lengths)} dimensions: they are in no one space"
        )
    return found


def _items(
    arrays: Mapping[str, NDArray[Any]], pairs: Mapping[str, Sequence[str]] | Sequence[str] | None
) -> ProbeSet:
    """Return the items that rows are of, numbered, with their labels."""
    items = []
    for key, rows in arrays.items():
        modality, dot, role = key.partition(".")
        given = pairs.get(key, pairs.get(modality)) if isinstance(pairs, Mapping) else pairs
        labels = [""] * len(rows) if given is None else [str(label) for label in given]
        if len(labels) != len(rows):
            raise ValueError(f"{key!r}: {len(labels)} pairs for {len(rows)} rows")
        items += [
            ProbeItem(
                id=f"{key}-{row:09}",
                modality=modality,
                pair=label,
                sha256=NO_INPUT,
                roles=(role,) if dot else ROLES,
            )
            for row, label in enumerate(labels)
        ]
    return ProbeSet(name="arrays", items=tuple(sorted(items, key=lambda item: item.id)))


def _side(
    name: str, arrays: Mapping[str, NDArray[Any]], items: ProbeSet, metric: str, served: Sequence[int]
) -> ProbeVectors:
    """Return one version as it is measured: a key without a role stands for both."""
    vectors = {}
    for key, rows in arrays.items():
        modality, dot, role = key.partition(".")
        for each in (role,) if dot else ROLES:
            vectors[f"{modality}.{each}"] = rows
            wanted = len(items.rows(modality, each))
            if wanted != len(rows):
                raise ValueError(f"{name}: {key!r} has {len(rows)} rows for {wanted} items")
    space = Space(
        dimensions=next(iter(arrays.values())).shape[1],
        metric=metric,
        normalized=metric == "cosine",
        kind="dense",
        dtype="float32",
        served_dimensions=tuple(served),
    )
    modalities = frozenset(key.partition(".")[0] for key in arrays)
    return ProbeVectors(reference=name, space=space, modalities=modalities, items=items, vectors=vectors)


def _recall(found: Mapping[str, float] | None) -> str:
    return "-" if found is None else f"{found['value']:.1%} (≥ {found['low']:.1%})"
