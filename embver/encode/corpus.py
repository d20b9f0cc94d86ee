"""The corpus: items to encode, by modality in manifest order, read again in small parts when they are wanted."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Generic, TypeVar, overload

import numpy as np
import numpy.typing as npt

from embver.encode.blob import CHANGED, Blob, Stamp
from embver.encode.digesting import SHA256_BYTES, Column
from embver.encode.records.record import Place, Record, Records
from embver.encode.spec import Item
from embver.errors import EncodeError

Digests = npt.NDArray[np.uint8]  # (rows, 32): SHA-256
T = TypeVar("T")

_BLOCK_ROWS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class IdFile:
    """One of a version's files of ids; `modality` is None where all modalities have the same rows."""

    path: str
    modality: str | None
    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """An item whose bytes cannot be had: its place in the manifest, how that names it, and why."""

    modality: str
    position: int
    id: str
    place: Place
    message: str


class Corpus:
    """The items to encode, and the digests that tell whether they changed.

    In memory are 40 bytes an item, 64 of one that has a file, and 8 to 100 a record for where it lies. Texts, ids
    and paths are read again from the manifest, which must not change meanwhile: a text of another digest is refused.
    """

    def __init__(
        self,
        records: Records,
        columns: Mapping[str, Column],
        *,
        is_trusted: Callable[[Stamp | None], bool],
    ) -> None:
        """Take what a scan of the records found."""
        self._records, self._columns = records, dict(columns)
        self._places = {modality: number for number, modality in enumerate(columns)}
        self._is_trusted = is_trusted
        self.manifest_digest = ""  # of the manifest, folder or shards, as the card records it
        self.left_out = records.left_out  # what is not encoded, in words

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities that have items, in the card's order."""
        return tuple(modality for modality, column in self._columns.items() if len(column))

    def count(self, modality: str) -> int:
        """Return how many items one modality has: 0 for one that is not in the corpus."""
        column = self._columns.get(modality)
        return 0 if column is None else len(column)

    def items(self, modality: str, start: int = 0, stop: int | None = None) -> Sequence[Item]:
        """Return items in manifest order; they are read when they are taken, so copy no more than is needed."""
        places = range(self.count(modality))[start:stop]
        return _Lazy(lambda begin, end: self._items(modality, begin, end), places)

    def ids(self, modality: str, start: int = 0, stop: int | None = None) -> Sequence[str]:
        """Return the ids of some items, read when they are taken."""
        places = range(self.count(modality))[start:stop]
        return _Lazy(lambda begin, end: [found.id for found in self._read(modality, begin, end)], places)

    def digests(self, modality: str) -> Digests:
        """Return uint8 (rows, 32): the SHA-256 of each row's raw bytes (of a text: its UTF-8); 0 where unreadable."""
        column = self._columns.get(modality)
        data = b"" if column is None else column.digests
        return np.frombuffer(data, dtype=np.uint8).reshape(-1, SHA256_BYTES)

    def record_number(self, modality: str, position: int) -> int:
        """Return which record of the manifest an item is of."""
        return self._columns[modality].numbers[position]

    def record_digests(self) -> Iterator[bytes]:
        """Yield the SHA-256 of each record's first value, where a record is a file."""
        count = sum(len(column) for column in self._columns.values())
        digests = np.zeros((count, SHA256_BYTES), dtype=np.uint8)
        for modality, column in self._columns.items():
            digests[np.frombuffer(column.numbers, dtype=np.int64)] = self.digests(modality)
        return (row.tobytes() for row in digests)

    def unreadable(self, modality: str) -> Iterator[Unreadable]:
        """Yield the items whose bytes cannot be had: missing files, pointers, texts that are none."""
        problems = self._columns[modality].problems if modality in self._columns else {}
        for position, problem in problems.items():
            record = self._read(modality, position, position + 1)[0]
            value = record.values[self._places[modality]]
            named = (value.named or value.name) if isinstance(value, Blob) else ""
            place = self._records.place(self._columns[modality].numbers[position])
            # A file's place is its name already, and that of a tar's member its key.
            is_said = place.full.endswith(named)
            yield Unreadable(
                modality=modality,
                position=position,
                id=record.id,
                place=place,
                message=f"{place.full}: {modality}{'' if is_said else f' {named}'} {problem}",
            )

    @cached_property
    def items_digest(self) -> str:
        """Return the digest of ids and raw input bytes: what the vectors depend on."""
        digest = hashlib.sha256(b"embver.corpus.v1\n")
        for modality in sorted(self.modalities):
            for name, content in zip(self.ids(modality), self.digests(modality), strict=True):
                digest.update(json.dumps([modality, name, content.tobytes().hex()]).encode())
        return f"sha256:{digest.hexdigest()}"

    def id_files(self) -> Iterator[IdFile]:
        """Yield the files of ids: one for all modalities, or one each where rows differ."""
        modalities = self.modalities
        first = self._columns[modalities[0]].numbers if modalities else array("q")
        if all(self._columns[modality].numbers == first for modality in modalities):
            yield IdFile(path="ids.txt", modality=None, ids=self.ids(modalities[0]) if modalities else ())
            return
        for modality in modalities:
            yield IdFile(path=f"ids-{modality}.txt", modality=modality, ids=self.ids(modality))

    def _items(self, modality: str, start: int, stop: int) -> list[Item]:
        records = self._read(modality, start, stop)
        return [
            self._item(modality, position, record)
            for position, record in zip(range(start, stop), records, strict=True)
        ]

    def _item(self, modality: str, position: int, record: Record) -> Item:
        column = self._columns[modality]
        digest = bytes(column.digests[SHA256_BYTES * position : SHA256_BYTES * (position + 1)])
        value = record.values[self._places[modality]]
        if isinstance(value, str):
            if hashlib.sha256(value.encode(errors="surrogatepass")).digest() != digest:
                raise self._changed(column.numbers[position])
            return Item(id=record.id, text=value)
        if value is None:
            raise self._changed(column.numbers[position])
        problem = column.problems.get(position)
        if problem is not None:
            return Item(id=record.id, blob=replace(value, problem=problem))
        stamp = column.stamp(position)
        is_sure = value.fetch is None and self._is_trusted(stamp)
        return Item(id=record.id, blob=replace(value, stamp=stamp, sha256=None if is_sure else digest))

    def _read(self, modality: str, start: int, stop: int) -> list[Record]:
        """Return the records of some items; neighbours are read at once, and what lies far between is not."""
        numbers = self._columns[modality].numbers[start:stop]
        found: list[Record] = []
        begin = 0
        while begin < len(numbers):
            end = begin + 1
            while end < len(numbers) and numbers[end] - numbers[begin] < _BLOCK_ROWS:
                end += 1
            first, last = numbers[begin], numbers[end - 1] + 1
            part = self._records.read(first, last)
            if len(part) != last - first:
                raise self._changed(first)
            found += [part[number - first] for number in numbers[begin:end]]
            begin = end
        return found

    def _changed(self, number: int) -> EncodeError:
        place = self._records.place(number)
        return EncodeError(f"{place.full}: {CHANGED}", hint="run the command again")


class _Lazy(Sequence[T], Generic[T]):
    """A part of a long list, read a block at a time; of what was read the last block is kept."""

    def __init__(self, read: Callable[[int, int], list[T]], places: range) -> None:
        self._read, self._places = read, places
        self._block: tuple[int, list[T]] = (0, [])

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            places = self._places[index]
            if places.step != 1:
                return [self._at(place) for place in places]
            return _Lazy(self._read, places)
        return self._at(self._places[index])

    def __iter__(self) -> Iterator[T]:
        return (self._at(place) for place in self._places)

    def _at(self, place: int) -> T:
        begin, block = self._block
        if not begin <= place < begin + len(block):
            begin = place
            block = self._read(begin, min(begin + _BLOCK_ROWS, max(self._places.stop, place + 1)))
            self._block = (begin, block)
        return block[place - begin]
