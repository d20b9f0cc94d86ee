"""A manifest of comma- or tab-separated values, with a header; quoted texts may hold line breaks."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from embver.encode.blob import Blob
from embver.encode.records.json_lines import named_file
from embver.encode.records.lines import MAX_LINE_BYTES, Manifest, Offsets
from embver.encode.records.record import Flawed, Place, Record, Value, Wanted, id_flaw
from embver.encode.records.shelf import Shelf
from embver.errors import EncodeError

DELIMITERS: Final = {".csv": ",", ".tsv": "\t"}


class _Lines:
    """Decoded lines of a file for the `csv` module, and how many bytes of them it has taken."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.taken = 0
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE_BYTES)
        if not line:
            raise StopIteration
        self.taken += len(line)
        self.number += 1
        return line.decode("utf-8-sig" if self.number == 1 else "utf-8")


class Delimited:
    """The records of a CSV or TSV file. An empty field is nothing: CSV cannot tell it from an empty text."""

    left_out: tuple[str, ...] = ()
    kept_in = "file"

    def __init__(self, manifest: Manifest, shelf: Shelf, wanted: Wanted, *, delimiter: str) -> None:
        self._manifest, self._shelf, self._wanted = manifest, shelf, wanted
        self._delimiter = delimiter
        self._offsets = Offsets()
        self._header: tuple[str, ...] = ()

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record; raise EncodeError for a header without ids."""
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))  # 131,072 signs are soon a text
        with self._manifest.open() as file:
            lines = _Lines(file)
            rows = self._reader(lines)
            self._read_header(rows)
            while True:
                begin, number = lines.taken, lines.number + 1
                try:
                    row = next(rows)
                except StopIteration:
                    break
                except UnicodeDecodeError as error:
                    yield Flawed(f"{self._manifest.name}:{lines.number}:{error.start + 1}: not UTF-8")
                    rows = self._reader(lines)
                    continue
                except csv.Error as error:
                    yield Flawed(f"{self._manifest.name}:{number}:1: not CSV: {error}")
                    return
                if not row:
                    continue
                try:
                    record = self._record(row)
                except ValueError as error:
                    yield Flawed(f"{self._manifest.name}:{number}:1: {error}")
                    continue
                self._offsets.append(begin, lines.taken)
                yield record
        self._manifest.check()

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more."""
        data = self._manifest.read(*self._offsets.span(start, stop))
        found: list[Record] = []
        with contextlib.suppress(UnicodeDecodeError, csv.Error):  # it was changed: whoever asked counts
            for row in self._reader(io.StringIO(data.decode(), newline="")):
                with contextlib.suppress(ValueError):
                    found += [self._record(row)] if row else []
        return found

    def place(self, number: int) -> Place:
        """Return the line that a record begins in."""
        line, name = self._manifest.line_at(self._offsets[number]), self._manifest.name
        return Place(file=name, words=f"line {line}", full=f"{name}:{line}:1")

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the one file."""
        yield self._manifest.name, self._manifest.blob

    def _reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        return csv.reader(lines, delimiter=self._delimiter, strict=True)

    def _read_header(self, rows: Iterator[list[str]]) -> None:
        name = self._manifest.name
        try:
            self._header = tuple(next(rows, ()))
        except (UnicodeDecodeError, csv.Error) as error:
            raise EncodeError(f"{name}:1:1: no header can be read: {error}") from error
        check_columns(name, self._header, self._wanted)

    def _record(self, row: list[str]) -> Record:
        if len(row) != len(self._header):
            raise ValueError(f"{len(row)} fields, the header names {len(self._header)}")
        values = dict(zip(self._header, row, strict=True))
        name = values[self._wanted.id_column]
        flaw = id_flaw(name, self._wanted.id_column)
        if flaw is not None:
            raise ValueError(flaw)
        return Record(name, tuple(self._value(values, *pair) for pair in self._wanted.pairs))

    def _value(self, values: dict[str, str], modality: str, column: str) -> Value | None:
        value = values.get(column)
        if not value:
            return None
        return value if modality == "text" else named_file(self._shelf, self._manifest.name, column, value)


def check_columns(name: str, columns: Sequence[str], wanted: Wanted) -> None:
    """Raise EncodeError for columns without ids, without one that the card names, or with one name twice."""
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise EncodeError(f"{name}:1:1: the column {twice[0]!r} is there twice")
    needed = dict.fromkeys([wanted.id_column, *wanted.columns.values()])
    absent = [column for column in needed if column not in columns]
    if absent:
        listed = ", ".join(columns) or "none"
        raise EncodeError(
            f"{name}:1:1: there is no column {absent[0]!r}; the columns are {listed}",
            hint="corpus.columns in the card says which is which: {id: sku, text: caption}",
        )
