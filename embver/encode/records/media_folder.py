"""A folder of images, sounds or text files: a file is an item, and its path from the folder is its id."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from typing import Final

from embver.corpusfiles import SUFFIXES, modality_of
from embver.encode.blob import Blob
from embver.encode.records.names import Names
from embver.encode.records.record import Flawed, Place, Record, Wanted, id_flaw
from embver.encode.records.shelf import Shelf
from embver.errors import EncodeError

_MOST_LISTED: Final = 10


class MediaFolder:
    """The files of a folder, sorted by the bytes of their paths; what begins with a dot is nobody's item."""

    left_out: tuple[str, ...] = ()
    kept_in = "items"

    def __init__(self, shelf: Shelf, path: str, wanted: Wanted) -> None:
        self._shelf, self._path, self._wanted = shelf, path.rstrip("/"), wanted
        self._names = Names()

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every file of a wanted modality; raise EncodeError for suffixes that say nothing."""
        if self._wanted.columns:
            raise EncodeError(f"{self._path} is a folder, which has no columns", hint="remove corpus.columns")
        names, odd = self._shelf.listing(self._path)
        yield from odd
        unknown: dict[str, str] = {}
        others: Counter[str] = Counter()
        for name in names:
            modality = modality_of(name)
            if modality is None:
                unknown.setdefault(posixpath.splitext(name)[1].lower(), name)
            elif modality not in self._wanted.modalities:
                others[modality] += 1
            else:
                flaw = id_flaw(name, "id")
                if flaw is not None:
                    yield Flawed(f"{self._path}: {flaw}")
                    continue
                self._names.append(name.encode())
                yield self._record(name)
        self._check_suffixes(unknown)
        self.left_out = tuple(
            f"{count} {modality} file{'s' if count > 1 else ''} in {self._path}: the card has no "
            f"encoders.{modality}"
            for modality, count in sorted(others.items())
        )

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some files."""
        return [self._record(self._names[number]) for number in range(start, stop)]

    def place(self, number: int) -> Place:
        """Return a file's path."""
        path = f"{self._path}/{self._names[number]}"
        return Place(file=path, words=path, full=path)

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the files."""
        return ((name, self._shelf.blob(f"{self._path}/{name}")) for name in self._names)

    def _record(self, name: str) -> Record:
        modality = modality_of(name)
        blob = self._shelf.blob(f"{self._path}/{name}")
        return Record(name, tuple(blob if each == modality else None for each in self._wanted.modalities))

    def _check_suffixes(self, unknown: dict[str, str]) -> None:
        if not unknown:
            return
        listed = [f"{suffix or 'no suffix'} ({name})" for suffix, name in sorted(unknown.items())]
        more = "" if len(listed) <= _MOST_LISTED else f" and {len(listed) - _MOST_LISTED} more"
        raise EncodeError(
            f"{self._path} holds files that are neither image, audio nor text: "
            + ", ".join(listed[:_MOST_LISTED])
            + more,
            hint=f"take them out, or name what is to be encoded in a manifest (known: {' '.join(SUFFIXES)})",
        )
