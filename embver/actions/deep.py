"""Read the vectors that a card names, where their bytes are on this machine: shape, dtype, numbers, ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.errors import EmbverError
from embver.problem import Flaw

if TYPE_CHECKING:
    from embver.store.vectors import Stored

_BLOCK_ROWS = 65_536
# How far a row of unit length may be from 1 as it is kept; int8 only with a scale, without one it has no length.
UNIT_TOLERANCE = {"float64": 1e-6, "float32": 1e-4, "float16": 5e-3, "bfloat16": 2e-2, "int8": 2e-2}

# Where an artifact's bytes are, or the bytes of a small one; None: not on this machine.
Locate = Callable[[Mapping[str, Any]], Path | bytes | None]
Where = tuple[str | int, ...]


def check_content(plain: Mapping[str, Any], locate: Locate) -> Iterator[Flaw]:
    """Check what is in the files of a card; those whose bytes are not on this machine are passed over."""
    for number, artifact in enumerate(plain.get("artifacts") or ()):
        found = locate(artifact)
        where: Where = ("artifacts", number)
        if found is not None and artifact["role"] == "ids":
            yield from _ids(artifact, where, found if isinstance(found, bytes) else found.read_bytes())
        elif isinstance(found, Path) and artifact["role"] in ("vectors", "probe"):
            yield from _tensors(plain["space"], artifact, where, found)


def _ids(artifact: Mapping[str, Any], where: Where, data: bytes) -> Iterator[Flaw]:
    lines = data.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    rows = artifact.get("rows")
    if rows is not None and len(lines) != rows:
        message = f"{artifact['path']} has {len(lines)} ids, the card says {rows}"
        yield Flaw(where=(*where, "rows"), rule="ids-rows", message=message, hint=f"rows: {len(lines)}")
    seen: dict[bytes, int] = {}
    for number, line in enumerate(lines, start=1):
        first = seen.setdefault(line, number)
        if first != number:
            message = f"{artifact['path']}: the id {line.decode(errors='replace')!r} is in line {first} and in line {number}"
            yield Flaw(where=(*where, "path"), rule="ids-twice", message=message, hint="an id names one row")
            return


def _tensors(
    space: Mapping[str, Any], artifact: Mapping[str, Any], where: Where, path: Path
) -> Iterator[Flaw]:
    from embver.store.rows import stored_in

    name, is_probe = artifact["path"], artifact["role"] == "probe"
    try:
        found = stored_in(path, is_probe=is_probe)
    except EmbverError as error:
        yield Flaw(where=(*where, "path"), rule="artifact-unreadable", message=f"{name}: {error.message}")
        return
    rows = artifact.get("rows")
    if not is_probe and rows is not None:
        held = sum(len(each.vectors) for each in found.values())
        if held != rows:
            message = f"{name} has {held} rows, the card says {rows}"
            yield Flaw(where=(*where, "rows"), rule="artifact-rows", message=message, hint=f"rows: {held}")
    for each in found.values():
        dimensions = each.vectors.shape[-1]
        if dimensions != space["dimensions"]:
            message = f"{name} has vectors of {dimensions} dimensions, the card says {space['dimensions']}"
            yield Flaw(where=("space", "dimensions"), rule="artifact-dimensions", message=message)
            return
    yield from _dtypes(space, artifact, where, {each.dtype for each in found.values()})
    for each in found.values():
        flaws = tuple(_numbers(space, name, where, each))
        yield from flaws
        if flaws:
            return


def _dtypes(
    space: Mapping[str, Any], artifact: Mapping[str, Any], where: Where, stored: set[str]
) -> Iterator[Flaw]:
    wanted = artifact.get("dtype") or space.get("dtype")
    if wanted and stored - {wanted}:
        at: Where = (*where, "dtype") if artifact.get("dtype") else ("space", "dtype")
        message = f"{artifact['path']} is stored as {', '.join(sorted(stored))}, the card says {wanted}"
        yield Flaw(where=at, rule="artifact-dtype", message=message, hint="embver encode NAME")


def _numbers(space: Mapping[str, Any], name: str, where: Where, stored: Stored) -> Iterator[Flaw]:
    """Check each row's numbers: finite, not all zero, of unit length where the card says so."""
    import numpy as np

    from embver.store.rows import Rows

    is_bare = stored.scale is None and stored.dtype in ("int8", "uint8")
    tolerance = None if is_bare else UNIT_TOLERANCE.get(stored.dtype)
    place, rows = (*where, "path"), Rows([stored])
    for start in range(0, len(rows), _BLOCK_ROWS):
        block = rows[start : start + _BLOCK_ROWS].astype(np.float64)
        norms = np.sqrt((block * block).sum(axis=1))
        for rule, bad, said in (
            ("artifact-not-finite", ~np.isfinite(norms), "holds NaN or infinity"),
            ("artifact-zero-row", norms == 0, "is all zeros: it has no direction"),
        ):
            if bad.any():
                message = f"{name}: row {start + int(np.argmax(bad))} {said}"
                yield Flaw(where=place, rule=rule, message=message, hint="encode that item once more")
                return
        if space["normalized"] and tolerance is not None:
            bad = np.abs(norms - 1) > tolerance
            if bad.any():
                row = int(np.argmax(bad))
                yield Flaw(
                    where=("space", "normalized"),
                    rule="artifact-not-normalized",
                    message=f"{name}: row {start + row} has the length {norms[row]:.4f}, the card says that all have 1",
                    hint="normalized: false, or encode once more",
                )
                return
