"""One record of a corpus: an id and what it has of each modality; and what is asked of a format that holds records."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from embver.encode.blob import Blob

Value = str | Blob  # a text, or where the bytes of one lie

# Every reader of ids.txt takes one line for one id; some break lines at these two as well.
_BREAKS: Final = ("\u2028", "\u2029")


@dataclass(frozen=True, slots=True)
class Record:
    """An id and a value for each wanted modality, None where it has none."""

    id: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True, slots=True)
class Flawed:
    """A record that cannot be used: where it stands, and what is wrong with it."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record stands: `words` within its file, and `full` with the file's name."""

    file: str
    words: str
    full: str

    def seen_from(self, other: Place) -> str:
        """Return how a message about another record calls this one."""
        return self.words if self.file == other.file else self.full


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The modalities that a card encodes, in its order, and the columns that hold them."""

    modalities: tuple[str, ...]
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def id_column(self) -> str:
        """Return the name of the column of ids."""
        return self.columns.get("id", "id")

    def column(self, modality: str) -> str:
        """Return the name of a modality's column: its own, unless the card says another."""
        return self.columns.get(modality, modality)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every modality with its column."""
        return tuple((modality, self.column(modality)) for modality in self.modalities)


class Records(Protocol):
    """A format's records, in order. `scan` comes first, and once: it learns where each of them lies."""

    kept_in: str  # "file", "files", or "items": each of them is a file
    left_out: tuple[str, ...]  # what it holds and is not wanted, in words, after the scan

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record; only those that are not flawed have a number."""

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more; raise EncodeError where they changed. Called from several threads."""

    def place(self, number: int) -> Place:
        """Return where a record stands, for messages."""

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the files that the corpus is kept in, by their name in it."""


def id_flaw(name: object, column: str = "id") -> str | None:
    """Return why a value cannot be the id of an item, or None."""
    if name is None or name == "":
        return f"`{column}` is missing"
    if not isinstance(name, str):
        return f"`{column}` is not a text: {name!r}"
    if name.isascii() and name.isprintable():
        return None
    if any(unicodedata.category(sign) == "Cc" or sign in _BREAKS for sign in name):
        return f"`{column}` holds a line break or a control character: {name!r}"
    if any("\ud800" <= sign <= "\udfff" for sign in name):
        return f"`{column}` is not Unicode: {name!r}"
    return None
