"""A manifest of JSON Lines: one object a line, with an id and a key for each modality."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from embver.encode.blob import Blob
from embver.encode.records.lines import MAX_LINE_BYTES, Manifest, Offsets, lines_of
from embver.encode.records.record import Flawed, Place, Record, Value, Wanted, id_flaw
from embver.encode.records.shelf import Shelf


class JsonLines:
    """The records of a JSON Lines file; images and sounds are named by paths from it, or by URLs."""

    left_out: tuple[str, ...] = ()
    kept_in = "file"

    def __init__(self, manifest: Manifest, shelf: Shelf, wanted: Wanted) -> None:
        self._manifest, self._shelf, self._wanted = manifest, shelf, wanted
        self._offsets = Offsets()

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record, and for every line that is none what is wrong with it."""
        name = self._manifest.name
        with self._manifest.open() as file:
            for number, (offset, line) in enumerate(lines_of(file), start=1):
                if len(line) >= MAX_LINE_BYTES and not line.endswith(b"\n"):
                    yield Flawed(f"{name}:{number}:1: a line of more than {MAX_LINE_BYTES >> 20} MiB")
                    return
                if not line.strip():
                    continue
                found = self._parsed(line, number)
                if isinstance(found, Record):
                    self._offsets.append(offset, offset + len(line))
                yield found
        self._manifest.check()

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more."""
        begin, end = self._offsets.span(start, stop)
        lines = self._manifest.read(begin, end).removeprefix(b"" if begin else codecs.BOM_UTF8).split(b"\n")
        found = [self._parsed(line, 0) for line in lines if line.strip()]
        return [record for record in found if isinstance(record, Record)]

    def place(self, number: int) -> Place:
        """Return the line of a record."""
        line = self._manifest.line_at(self._offsets[number])
        name = self._manifest.name
        return Place(file=name, words=f"line {line}", full=f"{name}:{line}:1")

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the one file."""
        yield self._manifest.name, self._manifest.blob

    def _parsed(self, line: bytes, number: int) -> Record | Flawed:
        try:
            row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            return self._record(row)
        except json.JSONDecodeError as error:
            at, reason = error.colno, f"not JSON: {error.msg}"
        except UnicodeDecodeError as error:
            at, reason = error.start + 1, "not UTF-8"
        except RecursionError:
            at, reason = 1, "not JSON that anybody reads: nested too deeply"
        except (ValueError, TypeError) as error:
            at, reason = 1, str(error)
        return Flawed(f"{self._manifest.name}:{number}:{at}: {reason}")

    def _record(self, row: Any) -> Record:
        if not isinstance(row, dict):
            raise TypeError(f"a line is a JSON object with an `{self._wanted.id_column}`")
        name = row.get(self._wanted.id_column)
        flaw = id_flaw(name, self._wanted.id_column)
        if flaw is not None:
            raise ValueError(flaw)
        return Record(str(name), tuple(self._value(row, *pair) for pair in self._wanted.pairs))

    def _value(self, row: dict[str, Any], modality: str, column: str) -> Value | None:
        value = row.get(column)
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"{column} is not a text")
        return value if modality == "text" else named_file(self._shelf, self._manifest.name, column, value)


def named_file(shelf: Shelf, manifest: str, column: str, named: str) -> Blob:
    """Return the file that a manifest's column names; raise ValueError where it must not be read."""
    if not named.strip():
        raise ValueError(f"{column} names no file")
    try:
        return replace(shelf.beside(manifest, named), named=named)
    except ValueError as error:
        raise ValueError(f"{column} {error}") from None
