"""WebDataset: tar files whose members of one key are one record; ranges of the tar are read where they lie.

The key is a member's path up to the first dot of its name, what follows is its column: `000/a.jpg`, `000/a.txt` and
`000/a.json` are the record `000/a`. https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import json
import tarfile
from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import BinaryIO, Final

from embver.corpusfiles import SUFFIXES
from embver.encode.blob import Blob, decoded
from embver.encode.records.names import Names
from embver.encode.records.record import Flawed, Place, Record, Value, Wanted, id_flaw
from embver.encode.records.remote import fetch
from embver.errors import EncodeError

_END: Final = bytes(tarfile.BLOCKSIZE)
_NONE: Final = -1

Members = dict[str, tuple[int, int]]  # by column: offset and size


class TarShard:
    """The records of one tar file."""

    left_out: tuple[str, ...] = ()
    kept_in = "file"

    def __init__(self, blob: Blob, opened: Callable[[], BinaryIO], wanted: Wanted) -> None:
        """Take the tar, with its stamp where it has one, and how it is opened for the scan."""
        self._blob, self._opened, self._wanted = blob, opened, wanted
        self._keys, self._ids = Names(), Names()
        self._ranges = {
            modality: array("q") for modality in wanted.modalities
        }  # offset, size, is a JSON field

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record; raise EncodeError for a tar that is damaged or compressed."""
        key: str | None = None
        members: Members = {}
        seen: set[bytes] = set()
        with self._opened() as file:
            for name, offset, size in self._members(file):
                folder, _, last = name.rpartition("/")
                stem, _, column = last.partition(".")
                if not stem or not column:
                    continue  # hidden, or without a suffix: no part of a record
                own = f"{folder}/{stem}" if folder else stem
                if own != key:
                    if key is not None:
                        yield self._add(key, members)
                    key, members = own, {}
                    mark = own.encode(errors="surrogateescape")
                    if mark in seen:
                        yield Flawed(f"{self._blob.name}: the members of {own!r} do not stand together")
                    seen.add(mark)
                if column.lower() in members:
                    yield Flawed(f"{self._blob.name}: {name} is there twice")
                members[column.lower()] = (offset, size)
            if key is not None:
                yield self._add(key, members)

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more."""
        return [self._record(number) for number in range(start, stop)]

    def place(self, number: int) -> Place:
        """Return the tar and the key."""
        key = self._keys[number]
        return Place(file=self._blob.name, words=key, full=f"{self._blob.name}: {key}")

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the tar."""
        yield self._blob.name, self._blob

    def _members(self, file: BinaryIO) -> Iterator[tuple[str, int, int]]:
        name = self._blob.name
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                while (member := tar.next()) is not None:
                    tar.members.clear()  # type: ignore[attr-defined]  # a million of them are gigabytes
                    if member.issparse() or member.islnk() or member.issym():
                        raise tarfile.ReadError(f"the bytes of {member.name} do not stand in its place")
                    if member.isfile():
                        yield member.name.removeprefix("./"), member.offset_data, member.size
                end = tar.offset
        except (tarfile.TarError, OSError, ValueError) as error:
            hint = "a compressed tar cannot be read in place: gunzip it" if _is_packed(file) else None
            raise EncodeError(f"{name} cannot be read as a tar: {error}", hint=hint) from error
        file.seek(end)
        if file.read(tarfile.BLOCKSIZE) != _END:
            raise EncodeError(f"{name} ends without the mark of a tar's end: it was cut off")

    def _add(self, key: str, members: Members) -> Record | Flawed:
        try:
            ranges = {modality: self._range(modality, members) for modality in self._wanted.modalities}
            name = self._id(key, members)
        except ValueError as error:
            return Flawed(f"{self._blob.name}: {key!r}: {error}")
        flaw = id_flaw(name, self._wanted.id_column) or id_flaw(key, "key")
        if flaw is not None:
            return Flawed(f"{self._blob.name}: {key!r}: {flaw}")
        self._keys.append(key.encode())
        self._ids.append(name.encode())
        for modality, place in ranges.items():
            self._ranges[modality].extend(place)
        try:
            return self._record(len(self._keys) - 1)
        except ValueError as error:
            return Flawed(f"{self._blob.name}: {key!r}: {error}")

    def _id(self, key: str, members: Members) -> str:
        if "id" not in self._wanted.columns:
            return key
        value = self._json(members.get("json", (_NONE, 0))).get(self._wanted.id_column)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"`{self._wanted.id_column}` is not a text: {value!r}")
        return value or ""

    def _range(self, modality: str, members: Members) -> tuple[int, int, int]:
        """Return where a modality's bytes lie: a member of its column, of its suffix, or a field of the JSON one."""
        column = self._wanted.columns.get(modality)
        if column is not None and column.lower() in members:
            return (*members[column.lower()], 0)
        if column is None:
            found = [each for each in members if SUFFIXES.get(f".{each}") == modality]
            if len(found) > 1:
                hint = f"corpus.columns: {{{modality}: {found[0]}}} takes one"
                raise ValueError(f"{' and '.join(found)} are both its {modality}; {hint}")
            if found:
                return (*members[found[0]], 0)
        if modality == "text" and "json" in members:
            place = members["json"]
            value = self._json(place).get(column or modality)
            if value is not None and not isinstance(value, str):
                raise ValueError(f"{column or modality} is not a text")
            return (*place, 1) if value is not None else (_NONE, 0, 0)
        return (_NONE, 0, 0)

    def _record(self, number: int) -> Record:
        values = tuple(self._value(modality, number) for modality in self._wanted.modalities)
        return Record(self._ids[number], values)

    def _value(self, modality: str, number: int) -> Value | None:
        offset, size, is_field = self._ranges[modality][3 * number : 3 * number + 3]
        if offset == _NONE:
            return None
        if is_field:
            return str(self._json((offset, size))[self._wanted.column(modality)])
        return self._part((offset, size), self._keys[number])

    def _part(self, place: tuple[int, int], key: str) -> Blob:
        offset, size = place
        part = replace(
            self._blob, name=f"{self._blob.name}: {key}", named=key, offset=offset, size_bytes=size
        )
        if part.fetch is None:
            return part
        return replace(part, fetch=partial(fetch, self._blob.name, offset, offset + size))

    def _json(self, place: tuple[int, int]) -> dict[str, object]:
        if place[0] == _NONE:
            raise ValueError("has no .json")
        try:
            plain = json.loads(decoded(self._part(place, "").read()))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"its .json cannot be read: {error}") from error
        if not isinstance(plain, dict):
            raise ValueError("its .json is no object")
        return plain


def _is_packed(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(4)[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7", b"(\xb5")
