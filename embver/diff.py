"""Compare two cards by meaning: lists by the identity of their entries, steps in order. Ground floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from embver.card import DERIVED
from embver.paths import format_path

# What embver fills in comes and goes as a whole: a card that is not encoded yet has withdrawn nothing.
WHOLE = (*DERIVED, "override", "allowed_regressions", "status")

# The field that tells two entries of a list apart, by the list's own name.
IDENTITY = {
    "data": "name",
    "artifacts": "path",
    "weights": "path",
    "files": "path",
    "benchmarks": "id",
    "compatibility": "against",
    "authors": "name",
    "metrics": "key",
    "imported": "uri",
}


class Kind(Enum):
    """What happened to a field."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs; an entry of a list is named by its identity: `training.data[openmoji]`."""

    where: tuple[str, ...]
    kind: Kind
    before: Any = None
    after: Any = None

    @property
    def path(self) -> str:
        """Return the place as people write it."""
        return format_path(self.where)

    def to_plain(self) -> dict[str, Any]:
        """Return the change with the stable keys of `embver diff --json`."""
        return {"path": self.path, "kind": self.kind.value, "before": self.before, "after": self.after}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return every field that differs between two cards, in the order of the newer one."""
    skip = ("version", "previous", "schema")
    old = {key: value for key, value in before.items() if key not in skip}
    new = {key: value for key, value in after.items() if key not in skip}
    return tuple(_mappings((), old, new))


def _values(where: tuple[str, ...], before: Any, after: Any) -> list[Change]:
    if _is_empty(before) and _is_empty(after):
        return []  # an absent field and an empty one say the same: not known
    if not _is_entry(where):  # a section that appears or vanishes is told field by field
        before, after = _opened(before, after), _opened(after, before)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _mappings(where, before, after)
    if _is_list(before) and _is_list(after):
        return _lists(where, before, after)
    return _single(where, before, after)


def _single(where: tuple[str, ...], before: Any, after: Any) -> list[Change]:
    if _same(before, after):
        return []
    kind = Kind.ADDED if _is_empty(before) else Kind.REMOVED if _is_empty(after) else Kind.CHANGED
    return [Change(where=where, kind=kind, before=before, after=after)]


def _is_entry(where: tuple[str, ...]) -> bool:
    """Tell whether a place is one of several alike, or a record embver writes: it comes and goes as a whole."""
    is_encoder = len(where) == 2 and where[0] == "encoders"
    is_record = where[-1] == "weights" or where[2:] == ("files",) or (len(where) == 1 and where[0] in WHOLE)
    return is_encoder or is_record or where[-1].startswith("[")


def _opened(value: Any, other: Any) -> Any:
    if value is not None:
        return value
    return {} if isinstance(other, Mapping) else [] if _is_list(other) else None


def _mappings(where: tuple[str, ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for key in [*after, *(key for key in before if key not in after)]:
        old, new = before.get(key), after.get(key)
        if not _is_written_alike(old, new):
            changes += _values((*where, str(key)), old, new)
    return changes


def _is_written_alike(before: Any, after: Any) -> bool:
    """Tell whether two values are the same at first sight, as most of two cards is; the rest is looked at closely."""
    if type(before) is not type(after) or before != after:
        return False
    return not isinstance(before, dict | list) or repr(before) == repr(after)  # [true] == [1] in Python


def _lists(where: tuple[str, ...], before: Sequence[Any], after: Sequence[Any]) -> list[Change]:
    if where[-1] == "preprocessing":
        return _steps(where, before, after)
    identity = IDENTITY.get(where[-1])
    if identity and _are_named(before, identity) and _are_named(after, identity):
        old = {f"[{entry[identity]}]": entry for entry in before}
        new = {f"[{entry[identity]}]": entry for entry in after}
        return _mappings(where, old, new)
    if _is_set(where, (*before, *after)):
        removed = [
            Change(where=(*where, f"[{e}]"), kind=Kind.REMOVED, before=e) for e in before if e not in after
        ]
        added = [Change(where=(*where, f"[{e}]"), kind=Kind.ADDED, after=e) for e in after if e not in before]
        if removed or added:
            return removed + added
    return _single(where, list(before), list(after))


def _are_named(entries: Sequence[Any], identity: str) -> bool:
    """Tell whether every entry of a list has a name of its own; two alike could hide each other's changes."""
    names = [entry[identity] for entry in entries if isinstance(entry, Mapping) and identity in entry]
    return len(names) == len(entries) == len({str(name) for name in names})


def _is_set(where: tuple[str, ...], entries: tuple[Any, ...]) -> bool:
    """Tell whether a list only says what is in it; numbers such as a mean per channel belong together."""
    if "preprocessing" in where or "hyperparameters" in where:
        return False
    return where[-1] == "served_dimensions" or all(isinstance(entry, str) for entry in entries)


def aligned_steps(before: Sequence[Any], after: Sequence[Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return the steps of two lists in pairs, in order, None where one has no counterpart: (name, old, new).

    The name is the step's in a path; one that stands more than once in its list says which one it is: `[replace:2]`.
    """
    names_before, names_after = _step_names(before), _step_names(after)
    pairs = []
    for old, new in _aligned(before, after):
        name = names_before[old] if new is None and old is not None else names_after[new or 0]
        pairs.append((name, None if old is None else before[old], None if new is None else after[new]))
    return tuple(pairs)


def _steps(where: tuple[str, ...], before: Sequence[Any], after: Sequence[Any]) -> list[Change]:
    """Align two step lists in order; two that face each other are compared field by field."""
    changes: list[Change] = []
    for name, old, new in aligned_steps(before, after):
        if old is not None and new is not None:
            changes += _mappings((*where, name), old, new)
        else:
            kind = Kind.ADDED if old is None else Kind.REMOVED
            changes.append(Change(where=(*where, name), kind=kind, before=old, after=new))
    return changes


def _step_names(steps: Sequence[Any]) -> list[str]:
    names = [str(step.get("step")) for step in steps]
    return [
        f"[{name}:{names[:index].count(name) + 1}]" if names.count(name) > 1 else f"[{name}]"
        for index, name in enumerate(names)
    ]


def _aligned(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Return pairs of indices in order, None where a step has no counterpart.

    Nearly always most steps are the same, and only what lies between the ends that are has to be aligned.
    """
    shorter = min(len(before), len(after))
    head = next((n for n in range(shorter) if not _same(before[n], after[n])), shorter)
    tail = next(
        (n for n in range(shorter - head) if not _same(before[-1 - n], after[-1 - n])), shorter - head
    )
    last_before, last_after = len(before) - tail, len(after) - tail
    middle = _best_pairs(before[head:last_before], after[head:last_after])
    return [
        *((n, n) for n in range(head)),
        *((None if i is None else i + head, None if j is None else j + head) for i, j in middle),
        *((last_before + n, last_after + n) for n in range(tail)),
    ]


def _best_pairs(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[int | None, int | None]]:
    """Return the pairs that have most in common.

    Needleman and Wunsch 1970 without gap costs: two equal steps count 3, two of one name 2 to 3 by how many of their
    parameters agree, two of different names are no pair. So an inserted step leaves the others where they are, also
    where its name stands there already.
    """
    rows, columns = len(before), len(after)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            paired = best[i + 1][j + 1] + _likeness(before[i], after[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < rows and j < columns:
        likeness = _likeness(before[i], after[j])
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return [*pairs, *((each, None) for each in range(i, rows)), *((None, each) for each in range(j, columns))]


def _likeness(one: Any, other: Any) -> float:
    if one.get("step") != other.get("step"):
        return 0
    keys = one.keys() | other.keys()
    return 2 + sum(key in one and key in other and _same(one[key], other[key]) for key in keys) / len(keys)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_empty(value: Any) -> bool:
    return value is None or value in ({}, [])  # an empty text is a value: a prompt of no words


def _same(before: Any, after: Any) -> bool:
    """Tell whether two values are equal in JSON: true is not 1, but 1 is 1.0."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if _is_list(before) and _is_list(after):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after) and isinstance(before, bool) == isinstance(after, bool)
