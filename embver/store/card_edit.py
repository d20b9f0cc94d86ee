"""Change fields of a card in its text, one small edit after the other. Knows nodes, no YAML library.

A place is the way through the data: names of fields, and of a list's entries their number or an `Entry` that says by
what they are known, as in ("benchmarks", Entry("id", "search"), "notes"). `card_splice` makes each edit; the caller
reads the text again before the next.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from embver.errors import EmbverError
from embver.problem import dotted
from embver.store.card_splice import REMOVE, Removal, Splice
from embver.store.card_style import FieldOrder, Path, same


class Entry(NamedTuple):
    """The entry of a list whose field `key` has the value `value`; a new one comes last."""

    key: str
    value: str


Place = Sequence[str | int | Entry]


def resolved(plain: Mapping[str, Any], where: Place, value: Any) -> list[tuple[Path, Any]]:
    """Return an update with its entries by number; one that is not there yet is made first, unless it shall go."""
    found: Any = plain
    path: Path = ()
    made: list[tuple[Path, Any]] = []
    for part in where:
        if isinstance(part, Entry):
            entries = found if isinstance(found, list) else []
            numbers = (
                n for n, e in enumerate(entries) if isinstance(e, Mapping) and e.get(part.key) == part.value
            )
            number = next(numbers, len(entries))
            if number == len(entries):
                if value is None:
                    return []
                made.append(((*path, number), {part.key: part.value}))
            path = (*path, number)
            found = entries[number] if number < len(entries) else None
        else:
            path = (*path, part)
            found = _child(found, part)
    is_entry = bool(where) and isinstance(where[-1], Entry)
    if is_entry and isinstance(value, Mapping):
        value = {where[-1].key: where[-1].value, **value}  # type: ignore[union-attr]
        made = made[:-1] if made and made[-1][0] == path else made
    return [*made, (path, value)]


def _child(node: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return node[part] if isinstance(node, list) and 0 <= part < len(node) else None
    return node.get(part) if isinstance(node, Mapping) else None


def intended(plain: Mapping[str, Any], where: Path, value: Any) -> dict[str, Any]:
    """Return the data as it should be after an update; mappings and lists on the way are made."""
    result = copy.deepcopy(dict(plain))
    node: Any = result
    for depth, (part, following) in enumerate(itertools.pairwise(where)):
        if not _holds(node, part):
            if value is None:
                return result
            _set(node, part, [] if isinstance(following, int) else {})
        node = node[part]
        is_list, is_number = isinstance(node, list), isinstance(following, int)
        if is_list != is_number or not isinstance(node, list | dict):
            kind = "list" if is_number else "mapping"
            raise EmbverError(f"{dotted(where[: depth + 1])} is no {kind}, it has no {following!r}")
        if isinstance(following, int) and not 0 <= following <= len(node):
            raise EmbverError(f"{dotted(where[: depth + 1])} has {len(node)} entries, and no {following}")
    last = where[-1]
    if value is not None:
        _set(node, last, value)
    elif isinstance(last, int):
        del node[last : last + 1]
    else:
        node.pop(last, None)
    return result


def _holds(node: Any, part: str | int) -> bool:
    return _child(node, part) is not None


def _set(node: Any, part: str | int, value: Any) -> None:
    if isinstance(part, int) and part == len(node):
        node.append(value)
    else:
        node[part] = value


def apply_update(
    text: str, root: Any, plain: Mapping[str, Any], where: Path, value: Any, order: FieldOrder
) -> str | None:
    """Return the text after the next edit that brings `where` nearer to `value`; None if it is there."""
    step = next(_steps(plain, where, REMOVE if value is None else value), None)
    if step is None:
        return None
    path, new = step
    return Splice(text=text, root=root, plain=plain, order=order).edit(path, new)


def _steps(plain: Any, where: Path, value: Any, done: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the single edits that are still needed, additions before removals so that no mapping runs empty."""
    key, rest = where[0], where[1:]
    is_there = key < len(plain) if isinstance(key, int) else key in plain
    if not is_there or (plain[key] is None and rest):
        if not isinstance(value, Removal):
            for part in reversed(rest):
                value = [value] if isinstance(part, int) else {part: value}
            yield ((*done, key), value)
    elif rest:
        yield from _steps(plain[key], rest, value, (*done, key))
    elif isinstance(value, Removal):
        yield ((*done, key), value)
    else:
        yield from _differences(plain[key], value, (*done, key))


def _differences(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if same(old, new):
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping) and set(old) & set(new)):
        yield (path, new)
        return
    for key, item in new.items():
        if key in old:
            yield from _differences(old[key], item, (*path, key))
        else:
            yield ((*path, key), item)
    yield from (((*path, key), REMOVE) for key in old if key not in new)
