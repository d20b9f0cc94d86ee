"""Vectors in safetensors: the same rows give the same bytes, written as they come, read as a map.

The library's writer takes whole arrays and orders tensors by its own rule; ours streams, so that a file of any
size is hashed while it is written. When a file is read the library checks it, which is how a test holds both
together; its reader copies every tensor into memory, so the rows themselves are mapped here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
_DTYPES = {_NAMES[name]: kept for name, kept in _KEPT.items()}
_BLOCK_ROWS = 8192
VECTORS = "vectors"  # the tensor's name in an artifact of role `vectors`


class VectorsError(EncodeError, ValueError):
    """Rows cannot be stored as they are asked to be."""


def stream_tensors(
    tensors: Mapping[str, tuple[tuple[int, int], str, Iterable[Array]]],
    *,
    metadata: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a safetensors file of matrices, in canonical layout.

    `tensors` is name -> ((rows, dimensions), dtype, blocks of rows). Names are sorted, the header is compact
    JSON padded with spaces to 8 bytes, rows are little-endian in C order, and -0.0 is written as 0.0, so equal
    rows are equal bytes. Raises VectorsError for NaN, infinity, a number that the dtype does not hold, or a wrong
    number of rows.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    offset = 0
    for name in sorted(tensors):
        (rows, dimensions), dtype, _ = tensors[name]
        size = rows * dimensions * np.dtype(_KEPT[dtype]).itemsize
        header[name] = {
            "dtype": _NAMES[dtype],
            "shape": [rows, dimensions],
            "data_offsets": [offset, offset + size],
        }
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in sorted(tensors):
        (rows, dimensions), dtype, blocks = tensors[name]
        written = 0
        for block in blocks:
            if block.ndim != 2 or block.shape[1] != dimensions:
                raise VectorsError(f"{name}: a block of shape {block.shape}, not (rows, {dimensions})")
            for start in range(0, len(block), _BLOCK_ROWS):
                part = block[start : start + _BLOCK_ROWS]
                kept, bad_row = _canonical(part, dtype)
                if bad_row is not None:
                    raise VectorsError(f"{name}: row {written + bad_row} {_why(part[bad_row], dtype)}")
                yield kept.tobytes()
                written += len(part)
        if written != rows:
            raise VectorsError(f"{name}: {written} rows came, {rows} were announced")


def _canonical(block: Array, dtype: str) -> tuple[Array, int | None]:
    """Return rows as they are stored, and the first row that cannot be."""
    if dtype in ("int8", "uint8") and block.dtype.kind not in "iu":
        raise VectorsError(
            f"space.dtype is {dtype}, and {block.dtype} vectors have no scale to make whole numbers of: not yet",
            hint="space: {dtype: float16}",
        )
    if dtype in ("int8", "uint8"):
        kept = np.array(block, dtype=_KEPT[dtype], order="C")
        good = (kept == block).all(axis=1)
    elif dtype == "bfloat16":
        kept = _to_bfloat16(block)
        good = ((kept & 0x7F80) != 0x7F80).all(axis=1)
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # what becomes infinite is found below
            kept = np.array(block, dtype=_KEPT[dtype], order="C")
        kept += kept.dtype.type(0)  # -0.0 + 0 is 0.0
        good = np.isfinite(kept).all(axis=1)
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


def read_metadata(path: Path) -> dict[str, str]:
    """Return what a safetensors file says of itself; raise IntegrityError if it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError, ValueError) as error:
        raise IntegrityError(f"{path.name} cannot be read as safetensors: {error}") from error


def _tensor(data: Array, entry: Mapping[str, Any], name: str) -> Array:
    kept = _DTYPES.get(entry["dtype"])
    if kept is None:
        raise ValueError(f"{name} is of type {entry['dtype']}, which no vectors of embver are")
    begin, end = entry["data_offsets"]
    found: Array = data[begin:end].view(kept).reshape(entry["shape"])
    if entry["dtype"] == "BF16":
        return (found.astype(np.uint32) << 16).view(np.float32)
    return found


def content_digest(ids: Sequence[str], rows: Array, *, dtype: str) -> str:
    """Return the digest of a matrix whatever its container: `embver.matrix.v1` (compat.md section 8).

    SHA-256 over the domain, the dtype, the shape, then rows ordered by id with each id length-prefixed;
    little-endian, C order, -0.0 as 0.0. Raises VectorsError for NaN or infinity, or where ids and rows differ in
    number.
    """
    if len(ids) != len(rows):
        raise VectorsError(f"{len(ids)} ids for {len(rows)} rows")
    word = "bf2" if dtype == "bfloat16" else np.dtype(dtype).str[1:]
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
    return f"sha256:{digest.hexdigest()}"
