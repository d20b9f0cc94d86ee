"""A version as it goes out: all that a foreign format may ask for, and what came of it. Ground floor.

An exporter of `exchange/` turns a `Subject` into an `Export`: it writes what is known, says what the format cannot
hold, and fails by name where the format requires what nobody wrote down. It never invents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.card import Card
from embver.errors import EmbverError
from embver.history import Release
from embver.intake import LeftOut, RawFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One version to be exported. `release` is None for `NAME@next`, of which commit, tag and date are not known."""

    card: Card
    reference: str
    release: Release | None = None
    previous: Card | None = None
    card_digest: str | None = None  # sha256:HEX
    card_bytes: bytes = b""
    repository: str | None = None  # a web address, of the card's links or of the settings
    page: str | None = None  # the version's page on the published site, if there is one
    tool_version: str = ""
    raw: Mapping[str, bytes] | None = (
        None  # what the card's benchmarks keep: path relative to the card -> bytes
    )

    @property
    def plain(self) -> Mapping[str, Any]:
        """Return the card's data."""
        return self.card.plain

    @property
    def name(self) -> str:
        """Return the embedding's name."""
        return str(self.card.plain["name"])

    @property
    def version(self) -> str | None:
        """Return the version's number, or None for one that is not released."""
        return str(self.release.version) if self.release else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The files of one export, and what of the version they do not hold; `notes` are for whoever reads the output."""

    files: tuple[RawFile, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


class MissingFieldsError(EmbverError):
    """A format requires fields that the card does not have: (field of the card, what the format calls it)."""

    exit_code = 1

    def __init__(self, format_: str, missing: tuple[tuple[str, str], ...]) -> None:
        told = "; ".join(f"{field} (required: {required})" for field, required in missing)
        super().__init__(
            f"{format_} cannot be written, the card does not say: {told}",
            hint="write the fields into the card of next/ and release it; nothing is invented",
        )
        self.missing = missing
