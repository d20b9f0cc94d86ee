"""A Parquet file: ids and texts in columns of text, images and sounds as paths, URLs, bytes or {bytes, path}."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from embver.encode.blob import Blob
from embver.encode.records.delimited import check_columns
from embver.encode.records.json_lines import named_file
from embver.encode.records.lines import Manifest
from embver.encode.records.record import Flawed, Place, Record, Value, Wanted, id_flaw
from embver.encode.records.shelf import Shelf
from embver.errors import EncodeError, MissingExtra

_BATCH_ROWS: Final = 256
_BUFFER_BYTES: Final = 1 << 20  # of a column, where by itself a whole column of a row group would be read


class ParquetRecords:
    """The records of a Parquet file. Its pages cannot be entered anywhere, so reading goes on where it last was."""

    left_out: tuple[str, ...] = ()
    kept_in = "file"

    def __init__(self, manifest: Manifest, shelf: Shelf, wanted: Wanted) -> None:
        self._manifest, self._shelf, self._wanted = manifest, shelf, wanted
        self._lock = threading.Lock()
        self._cursor: Iterator[list[Record | Flawed]] | None = None
        self._next, self._waiting = 0, list[Record | Flawed]()
        self._groups: list[int] = []  # where each row group begins
        self._rows = 0
        self._flawed: list[int] = []  # rows that are no record

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record; raise EncodeError for columns that hold something else."""
        with self._opened() as file:
            self._check_schema(file.schema_arrow)
            for group in range(file.num_row_groups):
                self._groups.append(self._rows)
                self._rows += file.metadata.row_group(group).num_rows
        row = 0
        for batch in self._batches(0):
            for found in batch:
                if isinstance(found, Flawed):
                    self._flawed.append(row)
                row += 1
                yield found
        self._manifest.check()

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more; quick where they follow those that were read last."""
        start, stop = self._row(start), self._row(stop - 1) + 1
        with self._lock:
            # Going on is cheaper than entering the row group again, but not than skipping whole ones.
            ahead = any(self._next < begin <= start for begin in self._groups)
            if self._cursor is None or start < self._next or ahead:
                group = max(number for number, begin in enumerate(self._groups) if begin <= start)
                self._cursor, self._next, self._waiting = self._batches(group), self._groups[group], []
            found: list[Record] = []
            while self._next < stop:
                if not self._waiting:
                    self._waiting = next(self._cursor, [])
                    if not self._waiting:
                        break
                skipped = max(0, min(start - self._next, len(self._waiting)))
                taken = self._waiting[skipped : stop - self._next]
                found += [record for record in taken if isinstance(record, Record)]
                used = skipped + len(taken)
                self._next, self._waiting = self._next + used, self._waiting[used:]
            self._manifest.check()
            return found

    def place(self, number: int) -> Place:
        """Return the row of a record, counted from 1."""
        name, row = self._manifest.name, self._row(number) + 1
        return Place(file=name, words=f"row {row}", full=f"{name}:{row}:1")

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the one file."""
        yield self._manifest.name, self._manifest.blob

    def _row(self, number: int) -> int:
        for row in self._flawed:
            number += row <= number
        return number

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        parquet = _parquet()
        with self._manifest.open() as raw:
            try:
                file = parquet.ParquetFile(raw, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
                raise EncodeError(f"{self._manifest.name} cannot be read as Parquet: {error}") from error
            with file:
                yield file

    def _batches(self, group: int) -> Iterator[list[Record | Flawed]]:
        name = self._manifest.name
        number = self._groups[group] if self._groups else 0
        with self._opened() as file:
            there = set(file.schema_arrow.names)
            columns = [column for _, column in self._wanted.pairs if column in there]
            groups = range(group, file.num_row_groups)
            try:
                for batch in file.iter_batches(
                    _BATCH_ROWS, row_groups=groups, columns=[self._wanted.id_column, *columns]
                ):
                    rows = batch.to_pylist()
                    yield [self._record(row, number + index) for index, row in enumerate(rows, start=1)]
                    number += len(rows)
            except (OSError, ValueError) as error:
                raise EncodeError(f"{name}:{number + 1}:1: cannot be read as Parquet: {error}") from error

    def _check_schema(self, schema: Any) -> None:
        name, wanted = self._manifest.name, self._wanted
        check_columns(name, schema.names, wanted)
        media = [(column, modality) for modality, column in wanted.pairs if column in schema.names]
        for column, modality in [(wanted.id_column, "id"), *media]:
            kind = schema.field(column).type
            if not (_is_text(kind) or (modality not in ("id", "text") and _is_bytes(kind))):
                other = "" if modality in ("id", "text") else ", bytes or {bytes, path}"
                raise EncodeError(f"{name}: the column {column} holds {kind}, and not texts{other}")

    def _record(self, row: dict[str, Any], number: int) -> Record | Flawed:
        name = row[self._wanted.id_column]
        flaw = id_flaw(name, self._wanted.id_column)
        try:
            if flaw is not None:
                raise ValueError(flaw)
            return Record(name, tuple(self._value(row, *pair) for pair in self._wanted.pairs))
        except ValueError as error:
            return Flawed(f"{self._manifest.name}:{number}:1: {error}")

    def _value(self, row: dict[str, Any], modality: str, column: str) -> Value | None:
        value = row.get(column)
        if isinstance(value, dict):  # as the datasets library keeps images and sounds
            value = value["path"] if value["bytes"] is None else value["bytes"]
        if value is None or (modality == "text" and isinstance(value, str)):
            return value
        if isinstance(value, bytes):
            name = f"{self._manifest.name}, {column} of {row[self._wanted.id_column]}"
            return Blob(name=name, named="bytes", fetch=partial(_same, value))
        return named_file(self._shelf, self._manifest.name, column, value)


def _same(data: bytes) -> bytes:
    return data


def _is_text(kind: Any) -> bool:
    return str(getattr(kind, "value_type", kind)) in ("string", "large_string", "string_view")


def _is_bytes(kind: Any) -> bool:
    if str(kind).startswith("struct<"):
        fields = {field.name: str(field.type) for field in kind}
        return set(fields) == {"bytes", "path"} and fields["bytes"] in ("binary", "large_binary")
    return str(kind) in ("binary", "large_binary", "binary_view")


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("parquet", needed_for="reading a Parquet file") from error
    return pyarrow.parquet
