"""Vectors in safetensors: the same rows give the same bytes, written as they come, read as a map.

The library's writer takes whole arrays and orders tensors by its own rule; ours streams, so that a file of any
size is hashed while it is written. Files are read with the library, which is how a test holds both together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embver.errors import IntegrityError

Array = NDArray[Any]

_NAMES = {"float32": "F32", "float16": "F16", "int8": "I8"}
_ITEM_BYTES = {"float32": 4, "float16": 2, "int8": 1}
_BLOCK_ROWS = 8192
VECTORS = "vectors"  # the tensor's name in an artifact of role `vectors`


def stream_tensors(
    tensors: Mapping[str, tuple[tuple[int, int], str, Iterable[Array]]],
    *,
    metadata: Mapping[str, str] | None = None,
) -> Iterator[bytes]:
    """Yield the bytes of a safetensors file of matrices, in canonical layout.

    `tensors` is name -> ((rows, dimensions), dtype, blocks of rows). Names are sorted, the header is compact
    JSON padded with spaces to 8 bytes, rows are little-endian in C order, and -0.0 is written as 0.0, so equal
    rows are equal bytes. Raises ValueError for NaN, infinity or a wrong number of rows.
    """
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))} if metadata else {}
    offset = 0
    for name in sorted(tensors):
        (rows, dimensions), dtype, _ = tensors[name]
        size = rows * dimensions * _ITEM_BYTES[dtype]
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
                raise ValueError(f"{name}: a block of shape {block.shape}, not (rows, {dimensions})")
            yield _canonical(block, dtype, name, written).tobytes()
            written += len(block)
        if written != rows:
            raise ValueError(f"{name}: {written} rows came, {rows} were announced")


def _canonical(block: Array, dtype: str, name: str, first: int) -> Array:
    if not np.isfinite(block).all():
        row = first + int(np.argmin(np.isfinite(block).all(axis=1)))
        raise ValueError(f"{name}: row {row} holds NaN or infinity")
    stored = np.ascontiguousarray(block, dtype=np.dtype(dtype).newbyteorder("<"))
    return stored + 0 if stored.dtype.kind == "f" else stored  # -0.0 + 0 is 0.0


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a safetensors file, mapped and not read; raise IntegrityError if it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (SafetensorError, OSError) as error:
        raise IntegrityError(f"{path.name} cannot be read as safetensors: {error}") from error


def content_digest(ids: Sequence[str], rows: Array, *, dtype: str) -> str:
    """Return the digest of a matrix whatever its container: `embver.matrix.v1` (compat.md section 8).

    SHA-256 over the domain, the dtype, the shape, then rows ordered by id with each id length-prefixed;
    little-endian, C order, -0.0 as 0.0. Raises ValueError for NaN or infinity.
    """
    digest = hashlib.sha256(
        f"embver.matrix.v1\n<{np.dtype(dtype).str[1:]}\n{rows.shape[0]},{rows.shape[1]}\n".encode()
    )
    order = sorted(range(len(ids)), key=ids.__getitem__)
    for start in range(0, len(order), _BLOCK_ROWS):
        picked = order[start : start + _BLOCK_ROWS]
        block = _canonical(np.asarray(rows[picked]), dtype, "rows", start)
        for index, row in zip(picked, block, strict=True):
            name = ids[index].encode()
            digest.update(len(name).to_bytes(4, "little") + name + row.tobytes())
    return f"sha256:{digest.hexdigest()}"
