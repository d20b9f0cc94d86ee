"""The stamp: which spaces the vectors of a store are in, as text that any store can keep."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.errors import StampError, UsageError

FORMAT = 1
KEY = "embver"  # under which a store with metadata keeps the stamp
MAX_STAMP_BYTES = 1 << 20  # a damaged length must not make anybody read a whole index as text

_SPACE_ID = re.compile(r"space:sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StampedSpace:
    """One space of a store; `reference` is the release that its vectors are of, if it was one.

    `dimensions` are those that its vectors may have: the whole vector's first, then served prefixes; empty where
    nobody said.
    """

    space_id: str
    reference: str | None = None
    dimensions: tuple[int, ...] = ()
    metric: str | None = None

    def __post_init__(self) -> None:
        if not is_space_id(self.space_id):
            raise UsageError(
                f"{self.space_id!r} is no fingerprint: space:sha256: and 64 hexadecimal digits",
                hint="embver fingerprint REF",
            )

    @property
    def label(self) -> str:
        """Return the space as messages name it: the version, and enough of the fingerprint to tell it apart."""
        short = f"{self.space_id[:25]}…"
        return f"{self.reference} ({short})" if self.reference else short

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a stamp's `spaces`."""
        plain: dict[str, Any] = {"space_id": self.space_id, "reference": self.reference}
        plain |= {"dimensions": list(self.dimensions) or None, "metric": self.metric}
        return {key: value for key, value in plain.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a store says of its vectors: one space, or several while it is filled anew."""

    spaces: tuple[StampedSpace, ...]

    def __post_init__(self) -> None:
        if not self.spaces:
            raise UsageError("a stamp names at least one space")

    @property
    def is_mixed(self) -> bool:
        """Tell whether vectors of several spaces lie in the store."""
        return len(self.spaces) > 1

    def to_plain(self) -> dict[str, Any]:
        """Return the stamp as plain data; the order of the spaces says nothing."""
        ordered = sorted(self.spaces, key=lambda space: (space.reference or "", space.space_id))
        return {"embver_stamp": FORMAT, "spaces": [space.to_plain() for space in ordered]}

    def to_text(self) -> str:
        """Return the stamp as the one line of ASCII JSON that a store keeps."""
        return json.dumps(self.to_plain(), sort_keys=True, separators=(",", ":"))


def is_space_id(text: object) -> bool:
    """Tell whether a value is a fingerprint."""
    return isinstance(text, str) and _SPACE_ID.fullmatch(text) is not None


def parse_stamp(text: str | bytes, *, store: str) -> Stamp:
    """Read a stamp; raise StampError for one that is damaged or that a newer embver wrote.

    Unknown fields are passed over: they may be added without a new format.
    """
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(store, "it is no JSON") from error
    number = plain.get("embver_stamp") if isinstance(plain, Mapping) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise damaged(store, "it names no format")
    if number > FORMAT:
        raise StampError(
            f"{store}: its stamp has format {number}, and this embver reads up to {FORMAT}",
            hint="pip install --upgrade embver",
        )
    listed = plain.get("spaces")
    if not isinstance(listed, list) or not listed:
        raise damaged(store, "it names no space")
    return Stamp(spaces=tuple(_space(entry, store) for entry in listed))


def damaged(store: str, why: str) -> StampError:
    """Return the error for a stamp that cannot be read."""
    return StampError(
        f"{store}: its stamp is damaged: {why}", hint=f"embver guard stamp {store} REF --replace"
    )


def check_replaceable(current: str | None, text: str, *, store: str) -> None:
    """Raise StampError where a store has a stamp of other spaces than the new one names."""
    if current is None:
        return
    before, after = parse_stamp(current, store=store), parse_stamp(text, store=store)
    if {space.space_id for space in before.spaces} != {space.space_id for space in after.spaces}:
        labels = " and ".join(space.label for space in before.spaces)
        raise StampError(
            f"{store} is stamped already, as vectors of {labels}",
            hint="--replace if they were all encoded anew; name every version if vectors of several lie in it",
        )


def _space(entry: Any, store: str) -> StampedSpace:
    if not isinstance(entry, Mapping) or not is_space_id(entry.get("space_id")):
        raise damaged(store, "a space has no fingerprint")
    reference, metric = entry.get("reference"), entry.get("metric")
    dimensions = entry.get("dimensions", [])
    are_counts = isinstance(dimensions, list) and all(
        isinstance(count, int) and not isinstance(count, bool) and count > 0 for count in dimensions
    )
    if not are_counts or not all(value is None or isinstance(value, str) for value in (reference, metric)):
        raise damaged(store, "a field of a space has the wrong type")
    return StampedSpace(
        space_id=entry["space_id"], reference=reference, dimensions=tuple(dimensions), metric=metric
    )
