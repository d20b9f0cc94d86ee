"""Vectors in safetensors: the same rows give the same bytes, written as they come, read as a map.

The library's writer takes whole arrays and orders tensors by its own rule; ours streams, so that a file of any
size is hashed while it is written. When a file is read the library checks it, which is how a test holds both
together; its reader copies every tensor into memory, so the rows themselves are mapped here.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embver.errors import EncodeError, IntegrityError

Array = NDArray[Any]

# What a card's dtype is called in a file, and how its numbers are kept in memory: NumPy has no bfloat16, which is
# the upper half of a float32.
_NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "bfloat16": "BF16",
    "int8": "I8",
    "uint8": "U8",
}
_KEPT = {"bfloat16": "<u2"} | {
    name: np.dtype(name).newbyteorder("<").str for name in _NAMES if name[0] != "b"
}
_WORDS = {word: name for name, word in _NAMES.items()}
_BLOCK_ROWS = 8192
VECTORS = "vectors"  # the tensors' names in an artifact of role `vectors`
INPUTS = "inputs"  # uint8 (rows, 32): the SHA-256 of the bytes that each row was made from
SCALE = "scale"  # float32 (rows,): of int8 vectors; a row is its whole numbers times its scale
DTYPES = ("float32", "float16", "bfloat16", "int8")  # what an encode can store


class VectorsError(EncodeError, ValueError):
    """Rows cannot be stored as they are asked to be; `row` is the first that cannot, where it is one row's fault."""

    def __init__(self, message: str, *, hint: str | None = None, row: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.row = row


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """Rows as a file keeps them: (rows, dimensions) of `dtype`, bfloat16 as its 16 bits, int8 with its scale."""

    vectors: Array
    dtype: str
    scale: Array | None = None

    def tensors(self, name: str = VECTORS) -> dict[str, tuple[tuple[int, ...], str, Iterable[Array]]]:
        """Return what `stream_tensors` writes of them, under a name; the scale under `scale`, or `NAME.scale`."""
        found: dict[str, tuple[tuple[int, ...], str, Iterable[Array]]] = {
            name: (self.vectors.shape, self.dtype, [self.vectors])
        }
        if self.scale is not None:
            found[scale_name(name)] = (self.scale.shape, "float32", [self.scale])
        return found


def scale_name(name: str) -> str:
    """Return what the scale of a tensor is called."""
    return SCALE if name == VECTORS else f"{name}.{SCALE}"


def to_stored(rows: Array, dtype: str, *, name: str = VECTORS) -> Stored:
    """Return float rows as a file keeps them; raise VectorsError for a number that the dtype cannot hold.

    int8 keeps each row as whole numbers of its own scale, the row's largest absolute value / 127.
    """
    scale = None
    if dtype == "int8" and rows.dtype.kind == "f":
        wide = rows.astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(wide).all(axis=1))
        if bad.size:
            raise VectorsError(f"{name}: row {bad[0]} {_why(rows[bad[0]], dtype)}", row=int(bad[0]))
        scale = (np.abs(wide).max(axis=1, initial=0.0) / 127).astype("<f4")
        divisor = np.where(scale > 0, scale, 1).astype(np.float64)[:, None]
        rows = np.clip(np.rint(wide / divisor), -127, 127).astype(np.int8)
    kept, bad_row = _canonical(rows, dtype)
    if bad_row is not None:
        raise VectorsError(f"{name}: row {bad_row} {_why(rows[bad_row], dtype)}", row=bad_row)
    return Stored(vectors=kept, dtype=dtype, scale=scale)


def file_bytes(rows: int, dimensions: int, dtype: str) -> int:
    """Return about how many bytes a file of vectors takes: at most 1 KiB too many."""
    scale_bytes = 4 if dtype == "int8" else 0
    return rows * (dimensions * np.dtype(_KEPT[dtype]).itemsize + 32 + scale_bytes) + 1024


def stream_tensors(
    tensors: Mapping[str, tuple[tuple[int, ...], str, Iterable[Array]]],
    *,
    metadata: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a safetensors file of matrices and columns, in canonical layout.

    `tensors` is name -> ((rows, dimensions) or (rows,), dtype, blocks of rows). Names are sorted, the header is compact
    JSON padded with spaces to 8 bytes, rows are little-endian in C order, and -0.0 is written as 0.0, so equal
    rows are equal bytes. Raises VectorsError for NaN, infinity, a number that the dtype does not hold, or a wrong
    number of rows.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    offset = 0
    for name in sorted(tensors):
        shape, dtype, _ = tensors[name]
        size = math.prod(shape) * np.dtype(_KEPT[dtype]).itemsize
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in sorted(tensors):
        shape, dtype, blocks = tensors[name]
        written = 0
        for block in blocks:
            if block.ndim != len(shape) or block.shape[1:] != shape[1:]:
                wanted = ", ".join(["rows", *map(str, shape[1:])])
                raise VectorsError(f"{name}: a block of shape {block.shape}, not ({wanted})")
            for start in range(0, len(block), _BLOCK_ROWS):
                part = block[start : start + _BLOCK_ROWS]
                kept, bad_row = _canonical(part, dtype)
                if bad_row is not None:
                    raise VectorsError(f"{name}: row {written + bad_row} {_why(part[bad_row], dtype)}")
                yield kept.tobytes()
                written += len(part)
        if written != shape[0]:
            raise VectorsError(f"{name}: {written} rows came, {shape[0]} were announced")


def _canonical(block: Array, dtype: str) -> tuple[Array, int | None]:
    """Return rows as they are stored, and the first row that cannot be."""
    if dtype in ("int8", "uint8") and block.dtype.kind not in "iu":
        raise VectorsError(
            f"{block.dtype} vectors have no scale to make whole numbers of: {dtype} cannot hold them",
            hint="space: {dtype: float16}, or int8",
        )
    across = tuple(range(1, block.ndim))
    if dtype in ("int8", "uint8"):
        kept = np.array(block, dtype=_KEPT[dtype], order="C")
        good = (kept == block).all(axis=across)
    elif dtype == "bfloat16":
        is_kept = block.dtype == np.uint16  # a file's own halves
        kept = np.array(block, dtype="<u2", order="C") if is_kept else _to_bfloat16(block)
        good = ((kept & 0x7F80) != 0x7F80).all(axis=across)
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is found below
            kept = np.array(block, dtype=_KEPT[dtype], order="C")
        kept += kept.dtype.type(0)  # -0.0 + 0 is 0.0
        good = np.isfinite(kept).all(axis=across)
    return kept, None if good.all() else int(np.argmin(good))


def _why(row: Array, dtype: str) -> str:
    return f"holds a number that {dtype} cannot" if np.isfinite(row).all() else "holds NaN or infinity"


def _to_bfloat16(block: Array) -> Array:
    """Return the upper halves of float32 numbers, rounded to the nearest, ties to even."""
    with np.errstate(over="ignore", invalid="ignore"):
        bits = np.array(block, dtype="<f4", order="C").view("<u4")
    halves = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    halves = np.where((bits & 0x7FFFFFFF) > 0x7F800000, 0x7FC0, halves)  # a NaN must not round to a number
    return np.where(halves == 0x8000, 0, halves).astype("<u2")


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a safetensors file; raise IntegrityError if it is none.

    Rows are mapped, not read, and cannot be written to; bfloat16 comes as float32, a copy.
    """
    return {name: widened(kept, dtype) for name, (kept, dtype) in map_tensors(path).items()}


def map_tensors(path: Path) -> dict[str, tuple[Array, str]]:
    """Return the tensors of a safetensors file as they are kept, mapped, each with its dtype's word in a card.

    bfloat16 comes as its 16 bits (`widened` makes float32 of them). Raises IntegrityError if it is no such file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:  # checks the header against the file's size
            names = list(file.keys())
        raw = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
        start = 8 + int.from_bytes(raw[:8].tobytes(), "little")
        header = json.loads(raw[8:start].tobytes())
        return {name: _tensor(raw[start:], header[name], name) for name in names}
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"{path.name} cannot be read as safetensors: {error}") from error


def widened(kept: Array, dtype: str) -> Array:
    """Return numbers that NumPy can reckon with: of bfloat16 float32, a copy; of all others what they are."""
    return (kept.astype(np.uint32) << 16).view(np.float32) if dtype == "bfloat16" else kept


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a safetensors file says of itself; raise IntegrityError if it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"{path.name} cannot be read as safetensors: {error}") from error


def _tensor(data: Array, entry: Mapping[str, Any], name: str) -> tuple[Array, str]:
    dtype = _WORDS.get(entry["dtype"])
    if dtype is None:
        raise ValueError(f"{name} is of type {entry['dtype']}, which no vectors of embver are")
    begin, end = entry["data_offsets"]
    found: Array = data[begin:end].view(_KEPT[dtype]).reshape(entry["shape"])
    return found, dtype


def content_digest(ids: Sequence[str], rows: Array, *, dtype: str, scale: Array | None = None) -> str:
    """Return the digest of a matrix whatever its container: `embver.matrix.v1` (compat.md section 8).

    SHA-256 over the domain, the dtype, the shape, then rows ordered by id with each id length-prefixed;
    little-endian, C order, -0.0 as 0.0. Of int8 rows with a scale the dtype is `i1*f4`, and each row is followed by
    its scale. Raises VectorsError for NaN or infinity, or where ids and rows differ in number.
    """
    if len(ids) != len(rows):
        raise VectorsError(f"{len(ids)} ids for {len(rows)} rows")
    word = "bf2" if dtype == "bfloat16" else np.dtype(dtype).str[1:]
    if scale is not None:
        word += "*f4"
        scale = np.ascontiguousarray(scale, dtype="<f4")
    digest = hashlib.sha256(f"embver.matrix.v1\n<{word}\n{rows.shape[0]},{rows.shape[1]}\n".encode())
    order = sorted(range(len(ids)), key=ids.__getitem__)
    for start in range(0, len(order), _BLOCK_ROWS):
        picked = order[start : start + _BLOCK_ROWS]
        part = np.asarray(rows[picked])
        block, bad_row = _canonical(part, dtype)
        if bad_row is not None:
            raise VectorsError(f"row {picked[bad_row]} ({ids[picked[bad_row]]}) {_why(part[bad_row], dtype)}")
        for index, row in zip(picked, block, strict=True):
            name = ids[index].encode()
            digest.update(len(name).to_bytes(4, "little") + name + row.tobytes())
            if scale is not None:
                digest.update(scale[index].tobytes())
    return f"sha256:{digest.hexdigest()}"
