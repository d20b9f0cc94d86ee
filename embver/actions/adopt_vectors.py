"""Read vectors that a team kept before embver: npy, npz, safetensors, Parquet, pt; numbers only, nothing is run."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver.errors import EmbverError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES: Final = (".npy", ".npz", ".safetensors", ".parquet", ".pt", ".pth")
_IDS: Final = ("ids", "id", "keys", "names")
_DTYPES: Final = ("float64", "float32", "float16", "int8", "uint8")
_TOLERANCE: Final = 1e-3  # of the length of a row that counts as normalised, as `embver validate` has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Vectors (rows, dimensions) of one modality, in one number format; `ids` where the file has them."""

    rows: NDArray[Any]
    dtype: str
    ids: tuple[str, ...] | None = None

    @property
    def is_normalized(self) -> bool:
        """Tell whether every row has length 1: measured, not believed."""
        import numpy as np

        if self.dtype in ("int8", "uint8") or not len(self.rows):
            return False
        lengths = np.concatenate(
            [
                np.linalg.norm(self.rows[n : n + 65_536].astype(np.float64), axis=1)
                for n in range(0, len(self.rows), 65_536)
            ]
        )
        return bool(np.all(np.abs(lengths - 1) <= _TOLERANCE))


def read_matrix(paths: Sequence[tuple[str, Path]], *, key: str | None = None) -> Matrix:
    """Return the vectors of (name, file) in their order as one matrix; `key` names the array where a file has several.

    Raises UsageError with the names of the arrays where it is not clear which is meant, EmbverError for a file that
    is not what its name says, or that does not fit the others.
    """
    import numpy as np

    parts = [_read(name, path, key) for name, path in paths]
    shapes = {(part.rows.shape[1], part.dtype) for part in parts}
    if len(shapes) != 1:
        told = ", ".join(
            f"{name}: {part.rows.shape[1]} {part.dtype}" for (name, _), part in zip(paths, parts, strict=True)
        )
        raise EmbverError(f"the files hold vectors of different kinds: {told}")
    if len(parts) == 1:
        return parts[0]
    ids = tuple(id_ for part in parts for id_ in part.ids or ())
    rows = np.concatenate([part.rows for part in parts])
    return Matrix(rows=rows, dtype=parts[0].dtype, ids=ids if len(ids) == len(rows) else None)


def _read(name: str, path: Path, key: str | None) -> Matrix:
    suffix = Path(name).suffix.lower()
    if suffix == ".parquet":
        return _parquet(name, path, key)
    arrays = _arrays(name, path, suffix)
    matrices = {each: array for each, array in arrays.items() if getattr(array, "ndim", 0) == 2}
    if key is not None and key not in matrices:
        raise UsageError(
            f"{name} has no matrix {key!r}", hint=f"it has: {', '.join(map(repr, matrices)) or 'none'}"
        )
    if key is None and len(matrices) != 1:
        if not matrices and len(arrays) == 1:
            (shape,) = (getattr(array, "shape", None) for array in arrays.values())
            raise EmbverError(f"{name} holds an array of shape {shape}: vectors are the rows of a matrix")
        named = ", ".join(repr(each) for each in matrices) or "no matrix"
        raise UsageError(
            f"{name} holds {named}: which are the vectors?", hint=f"--vectors MODALITY={name}:NAME"
        )
    chosen = key if key is not None else next(iter(matrices))
    others = {each: array for each, array in arrays.items() if each != chosen}
    return _matrix(name, matrices[chosen], _ids_of(others, len(matrices[chosen])))


def _arrays(name: str, path: Path, suffix: str) -> dict[str, Any]:
    """Return all arrays of a file by name; EmbverError for a file that is none, or that wants to be run."""
    import numpy as np

    try:
        if suffix == ".npy":
            return {"": np.load(path, mmap_mode="r", allow_pickle=False)}
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as opened:
                return {each: opened[each] for each in opened.files}
        if suffix == ".safetensors":
            from embver.store.vectors import map_tensors, widened

            return {each: widened(array, dtype) for each, (array, dtype) in map_tensors(path).items()}
        if suffix in (".pt", ".pth"):
            from embver.encode.tensor_file import read_tensor_file

            return dict(read_tensor_file(path))
    except (ValueError, OSError, zipfile.BadZipFile, EOFError, KeyError) as error:
        # numpy takes what it does not know for a pickle, and says how to run it: that is no advice of ours.
        is_pickle = "pickle" in str(error) or "Python objects" in str(error)
        why = "it is no array, or one of Python objects, which are not read" if is_pickle else str(error)
        raise EmbverError(f"{name} is not what its name says: {why}") from error
    raise UsageError(
        f"{name}: no vectors can be read from a file of that name", hint=f"known: {', '.join(SUFFIXES)}"
    )


def _ids_of(others: dict[str, Any], rows: int) -> tuple[str, ...] | None:
    for each in _IDS:
        array = others.get(each)
        if array is not None and getattr(array, "ndim", 0) == 1 and len(array) == rows:
            return tuple(str(value) for value in array.tolist())
    return None


def _parquet(name: str, path: Path, key: str | None) -> Matrix:
    from embver.exchange.parquet_vectors import read_columns

    columns, ids = read_columns(path, name)
    if key is not None and key not in columns:
        raise UsageError(
            f"{name} has no column of vectors {key!r}", hint=f"it has: {', '.join(columns) or 'none'}"
        )
    if key is None and len(columns) != 1:
        named = ", ".join(columns) or "no column of vectors"
        raise UsageError(
            f"{name} holds {named}: which are the vectors?", hint=f"--vectors MODALITY={name}:COLUMN"
        )
    return _matrix(name, columns[key or next(iter(columns))](), ids)


def _matrix(name: str, rows: Any, ids: tuple[str, ...] | None) -> Matrix:
    import numpy as np

    dtype = rows.dtype.name
    if dtype not in _DTYPES:
        raise EmbverError(f"{name} holds {dtype}, which no card has", hint=f"known: {', '.join(_DTYPES)}")
    if not rows.size:
        raise EmbverError(f"{name} holds no vectors: its shape is {rows.shape}")
    if rows.dtype.kind == "f":
        for start in range(0, len(rows), 65_536):
            bad = np.flatnonzero(~np.isfinite(rows[start : start + 65_536]).all(axis=1))
            if bad.size:
                raise EmbverError(f"{name}: row {start + int(bad[0])} holds NaN or infinity")
    if ids is not None and len(set(ids)) != len(ids):
        ids = None
    return Matrix(rows=rows, dtype=dtype, ids=ids)
