"""Add and take apart what meters counted (`encode.meter.Figures` as plain data): by shard, by process, in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

_SUMS: Final = ("seconds", "items", "elapsed_s")


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was counted between two looks at one meter."""
    found = {**after}
    for part in _SUMS:
        earlier = before.get(part) or {}
        left = {key: round(value - earlier.get(key, 0), 4) for key, value in (after.get(part) or {}).items()}
        found[part] = {key: value for key, value in left.items() if value > 0}
    return found


def total(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of what several meters, or looks at one, counted; notes of the later ones count."""
    found: dict[str, Any] = {**{part: {} for part in _SUMS}, "lanes": {}, "notes": {}}
    for each in parts:
        for part in _SUMS:
            for key, value in (each.get(part) or {}).items():
                found[part][key] = found[part].get(key, 0) + value
        for part in ("lanes", "notes"):
            found[part].update(each.get(part) or {})
    return found
