"""Columns of vectors in a Parquet file, as arrays; the column of ids, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from embver.errors import EmbverError, MissingExtra

_IDS: Final = ("id", "ids", "key", "name")


def read_columns(path: Path, name: str) -> tuple[dict[str, Callable[[], Any]], tuple[str, ...] | None]:
    """Return (column -> what reads it as an array (rows, dimensions), ids) of a file.

    Columns of vectors are lists of numbers; rows of different lengths are an EmbverError when the column is read.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtra("parquet", needed_for=f"reading {name}") from None
    try:
        table = pq.read_table(path)
    except (OSError, ValueError) as error:
        raise EmbverError(f"{name} cannot be read as Parquet: {error}") from error
    columns: dict[str, Callable[[], Any]] = {
        str(column.name): partial(_array, table[column.name], column.name, name)
        for column in table.schema
        if (
            pa.types.is_list(column.type)
            or pa.types.is_fixed_size_list(column.type)
            or pa.types.is_large_list(column.type)
        )
        and (pa.types.is_floating(column.type.value_type) or pa.types.is_integer(column.type.value_type))
    }
    found = next((each for each in _IDS if each in table.column_names), None)
    ids = tuple(str(value) for value in table[found].to_pylist()) if found else None
    return columns, ids


def _array(column: Any, column_name: str, name: str) -> Any:
    whole = column.combine_chunks()
    counts = set(whole.value_lengths().to_pylist())
    if len(counts) != 1 or None in counts or whole.null_count:
        raise EmbverError(f"{name}: column {column_name} holds rows of different lengths, or none")
    return whole.flatten().to_numpy(zero_copy_only=False).reshape(len(whole), counts.pop())
