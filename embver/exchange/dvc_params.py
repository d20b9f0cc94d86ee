"""Parameters and metrics of DVC's as flat names: `train.optimizer.lr`, as `dvc params diff` writes them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One value under its flat name, from one file; `why` says why a card cannot hold it."""

    file: str
    name: str
    value: Any
    why: str | None = None


def leaves(file: str, plain: Mapping[str, Any]) -> Iterator[Leaf]:
    """Yield every value of a file of parameters or metrics, in its order; a list of plain values is one."""
    yield from _below(file, "", plain)


def chosen(found: Sequence[Leaf], wanted: str) -> tuple[Leaf, ...]:
    """Return the leaves that a comma-separated choice names: `all`, a name, all below one, or FILE:NAME.

    Raises ValueError naming a choice that is not there.
    """
    if wanted == "all":
        return tuple(found)
    kept: list[Leaf] = []
    for choice in wanted.split(","):
        file, colon, name = choice.strip().rpartition(":")
        mine = [leaf for leaf in found if _is_below(leaf.name, name) and (not colon or leaf.file == file)]
        if not mine:
            raise ValueError(f"there is no {choice.strip()}")
        kept += (leaf for leaf in mine if leaf not in kept)
    return tuple(kept)


def named(found: Sequence[Leaf]) -> dict[str, Leaf]:
    """Return leaves by the name a card gives them: FILE:NAME where two files have the same."""
    counts: dict[str, int] = {}
    for leaf in found:
        counts[leaf.name] = counts.get(leaf.name, 0) + 1
    return {leaf.name if counts[leaf.name] == 1 else f"{leaf.file}:{leaf.name}": leaf for leaf in found}


def _is_below(name: str, top: str) -> bool:
    return name == top or name.startswith((f"{top}.", f"{top}["))


def _below(file: str, name: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        if not value and name:
            yield Leaf(file=file, name=name, value=None, why="it is empty")
        for key, inner in value.items():
            yield from _below(file, f"{name}.{key}" if name else str(key), inner)
    elif isinstance(value, list) and any(isinstance(entry, Mapping | list) for entry in value):
        for number, inner in enumerate(value):
            yield from _below(file, f"{name}[{number}]", inner)
    elif _is_odd(value) or (isinstance(value, list) and any(_is_odd(entry) for entry in value)):
        yield Leaf(file=file, name=name, value=None, why="it is not a finite number")
    else:
        yield Leaf(file=file, name=name, value=value)


def _is_odd(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
