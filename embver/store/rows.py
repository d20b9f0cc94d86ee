"""The rows of one modality, however many files hold them: mapped, taken a part at a time, never copied as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embver.errors import IntegrityError
from embver.store.vectors import SCALE, VECTORS, Stored, map_tensors, scale_name, widened

Array = NDArray[Any]

_BLOCK_ROWS = 16_384


class Rows(Sequence[Array]):
    """Rows (n, dimensions) in several files, as one sequence that NumPy can index and read.

    What is taken out is an array: of one row (dimensions,), of a slice, a list of numbers or a mask (k, dimensions).
    A slice within one file of plain numbers is a view of the mapped file; anything else is a copy. bfloat16 and int8
    (times its scale) come as float32. Nothing can be written to.
    """

    ndim = 2

    def __init__(self, parts: Sequence[Stored]) -> None:
        """Put parts together; raise ValueError where their dimensions or dtypes differ."""
        if len({(part.vectors.shape[1:], part.dtype) for part in parts}) != 1:
            raise ValueError("the files hold vectors of different dimensions or number formats")
        self.parts = tuple(parts)
        self._starts = np.cumsum([0, *(len(part.vectors) for part in parts)])
        self.stored_dtype = parts[0].dtype

    @classmethod
    def open(cls, paths: Sequence[Path]) -> Rows:
        """Map the files of one modality, in their order; raise IntegrityError for one that is none."""
        try:
            return cls([stored_of(map_tensors(path), path.name) for path in paths])
        except ValueError as error:
            raise IntegrityError(f"{paths[0].name}: {error}") from error

    @property
    def shape(self) -> tuple[int, int]:
        """Return (rows, dimensions)."""
        return len(self), int(self.parts[0].vectors.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Return the type of what is taken out."""
        is_wide = self.stored_dtype == "bfloat16" or self.parts[0].scale is not None
        return np.dtype(np.float32) if is_wide else self.parts[0].vectors.dtype

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, key: Any) -> Any:
        """Return the rows of a number, a slice, a list of numbers or a mask; or NumPy's index of (rows, columns)."""
        if isinstance(key, tuple):
            return self[key[0]][(slice(None), *key[1:]) if not isinstance(key[0], int) else key[1:]]
        if isinstance(key, int | np.integer):
            place = int(key) + len(self) if key < 0 else int(key)
            if not 0 <= place < len(self):
                raise IndexError(f"row {key} of {len(self)}")
            return self._take(np.array([place]))[0]
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            return self._span(start, stop) if step == 1 else self._take(np.arange(start, stop, step))
        wanted = np.asarray(key)
        if wanted.dtype == np.bool_:
            wanted = np.flatnonzero(wanted)
        return self._take(np.where(wanted < 0, wanted + len(self), wanted))

    def __iter__(self) -> Iterator[Array]:
        for block in self.blocks():
            yield from block

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return all rows as one array in memory; raise ValueError where no copy may be made."""
        if copy is False and len(self.parts) > 1:
            raise ValueError("rows in several files are one array only as a copy")
        found = self._span(0, len(self))
        return np.array(found, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<Rows {self.shape[0]} × {self.shape[1]} {self.stored_dtype} in {len(self.parts)} files>"

    def blocks(self, rows: int = _BLOCK_ROWS) -> Iterator[Array]:
        """Yield all rows in order, at most so many at a time."""
        for start in range(0, len(self), rows):
            yield self._span(start, min(start + rows, len(self)))

    def stored(self, places: Array) -> Stored:
        """Return rows by number as they are kept, to be written again bit for bit."""
        like = self.parts[0]
        vectors = np.empty((len(places), self.shape[1]), dtype=like.vectors.dtype)
        scale = None if like.scale is None else np.empty(len(places), dtype=like.scale.dtype)
        files = np.searchsorted(self._starts, places, side="right") - 1
        for number in np.unique(files):
            here = np.flatnonzero(files == number)
            inner, part = places[here] - self._starts[number], self.parts[number]
            vectors[here] = part.vectors[inner]
            if scale is not None and part.scale is not None:
                scale[here] = part.scale[inner]
        return Stored(vectors=vectors, dtype=self.stored_dtype, scale=scale)

    def _take(self, places: Array) -> Array:
        if len(places) and (int(places.min()) < 0 or int(places.max()) >= len(self)):
            raise IndexError(f"rows up to {int(places.max())} of {len(self)}")
        return values_of(self.stored(places))

    def _span(self, start: int, stop: int) -> Array:
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        if start < stop <= self._starts[first + 1]:
            part, low = self.parts[first], start - int(self._starts[first])
            high = low + stop - start
            scale = None if part.scale is None else part.scale[low:high]
            return values_of(Stored(vectors=part.vectors[low:high], dtype=part.dtype, scale=scale))
        return self._take(np.arange(start, max(start, stop)))


def stored_of(tensors: Mapping[str, tuple[Array, str]], path: str, name: str = VECTORS) -> Stored:
    """Return the rows of one name among a file's tensors; raise IntegrityError where they are not there."""
    if name not in tensors:
        raise IntegrityError(
            f"{path} holds {', '.join(sorted(tensors)) or 'nothing'}, and no tensor {name!r}"
        )
    kept, dtype = tensors[name]
    scale = tensors.get(scale_name(name))
    if kept.ndim != 2 or (scale is not None and scale[0].shape != kept.shape[:1]):
        raise IntegrityError(f"{path}: {name} is not one row of numbers, and one scale, an item")
    return Stored(vectors=kept, dtype=dtype, scale=None if scale is None else scale[0])


def values_of(stored: Stored) -> Array:
    """Return rows as numbers: float32 of bfloat16 and of int8 with a scale, else as they are kept."""
    if stored.scale is None:
        return widened(stored.vectors, stored.dtype)
    return stored.vectors.astype(np.float32) * stored.scale[:, None]


def stored_in(path: Path, *, is_probe: bool = False) -> dict[str, Stored]:
    """Return the vectors of a file by name, as they are kept: `vectors` alone, or a probe file's `MODALITY.ROLE`.

    Raises IntegrityError for a file that is no safetensors, or that holds no vectors.
    """
    tensors = map_tensors(path)
    if not is_probe:
        return {VECTORS: stored_of(tensors, path.name)}
    names = [name for name in tensors if not name.endswith(f".{SCALE}")]
    return {name: stored_of(tensors, path.name, name) for name in names}


def read_rows(path: Path) -> dict[str, Array]:
    """Return a probe file's matrices by name, as numbers: the scale of int8 is multiplied in.

    Raises IntegrityError if it is no such file.
    """
    return {name: values_of(stored) for name, stored in stored_in(path, is_probe=True).items()}
