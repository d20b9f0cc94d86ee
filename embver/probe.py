"""The probe set: a small fixed set of labelled items, encoded anew for every version. Ground floor.

It is a JSON Lines file, `items.jsonl`, one item a line; benchmarks use the same form. Two items with the same
`pair` are relevant to each other: that is what makes old/new recall measurable with no benchmark at hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from embver.digest import is_sha256, sha256_of

ROLES = ("query", "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeItem:
    """One text or file with its label; `sha256` is of the raw input bytes (UTF-8 for a text)."""

    id: str
    modality: str
    pair: str
    sha256: str
    roles: tuple[str, ...] = ROLES
    text: str | None = None
    path: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSet:
    """The items by id, which is the row order of the probe vectors: a file's line order says nothing."""

    name: str
    items: tuple[ProbeItem, ...]

    @property
    def digest(self) -> str:
        """Return the probe set's identity: a digest over id, modality, roles, input digest and pair, by id.

        compat.md section 8. Versions of different digests are compared on the items that both have, whose own
        digest is recorded.
        """
        rows = sorted(
            json.dumps(
                [item.id, item.modality, sorted(item.roles), item.sha256, item.pair], ensure_ascii=False
            )
            for item in self.items
        )
        return sha256_of("\n".join(["embver.probe.v1", *rows]).encode())

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the modalities that occur, in a fixed order."""
        return tuple(sorted({item.modality for item in self.items}))

    def rows(self, modality: str, role: str) -> tuple[ProbeItem, ...]:
        """Return the items of one modality and role, in row order."""
        return tuple(item for item in self.items if item.modality == modality and role in item.roles)

    def strata(self) -> tuple[tuple[str, str], ...]:
        """Return every (query modality, document modality) for which there are queries and documents."""
        return tuple(
            (query, document)
            for query in self.modalities
            for document in self.modalities
            if self.rows(query, "query") and self.rows(document, "document")
        )

    def common(self, other: ProbeSet) -> ProbeSet:
        """Return the items that another set holds as well: the same id, modality, roles, input and pair.

        A set of the same digest gives this one. Its own digest says which part it is (compat.md section 8).
        """
        known = {(item.id, item.modality, item.roles, item.sha256, item.pair) for item in other.items}
        items = tuple(
            item
            for item in self.items
            if (item.id, item.modality, item.roles, item.sha256, item.pair) in known
        )
        return self if len(items) == len(self.items) else ProbeSet(name=self.name, items=items)


def parse_items(lines: Iterable[str], *, name: str) -> ProbeSet:
    """Read a probe set or benchmark from JSON Lines; raise ValueError as `line N: what is wrong`."""
    items, seen = [], dict[str, int]()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = _parse_item(json.loads(line))
        except (json.JSONDecodeError, TypeError, ValueError) as error:
            raise ValueError(f"line {number}: {error}") from error
        if item.id in seen:
            raise ValueError(f"line {number}: the id {item.id!r} was used in line {seen[item.id]} already")
        seen[item.id] = number
        items.append(item)
    if not items:
        raise ValueError("line 1: no items")
    # The digest does not depend on the order of the lines, so the rows must not either: reordered lines would pair
    # the old rows of one item with the new rows of another.
    return ProbeSet(name=name, items=tuple(sorted(items, key=lambda item: item.id)))


def _parse_item(plain: Any) -> ProbeItem:
    if not isinstance(plain, dict):
        raise TypeError("an item is a JSON object")
    for key in ("id", "modality", "pair"):
        if not isinstance(plain.get(key), str) or not plain[key]:
            raise ValueError(f"{key!r} is missing or is not a text")
    unknown = sorted(set(plain) - {"id", "modality", "pair", "roles", "text", "path", "sha256", "attributes"})
    if unknown:
        raise ValueError(f"unknown field {unknown[0]!r}")
    text, path, attributes = plain.get("text"), plain.get("path"), plain.get("attributes") or {}
    if (text is None) == (path is None):
        raise ValueError("an item has either 'text' or 'path'")
    if not isinstance(text if path is None else path, str):
        raise ValueError(f"'{'text' if path is None else 'path'}' is not a text")
    if not isinstance(attributes, dict):
        raise ValueError("'attributes' is not an object")
    sha256 = hashlib.sha256(text.encode()).hexdigest() if text is not None else plain.get("sha256")
    if not isinstance(sha256, str) or not is_sha256(sha256):
        raise ValueError("'sha256' of the file is missing or is not 64 hexadecimal digits")
    roles = plain.get("roles", list(ROLES))
    if not isinstance(roles, list) or not roles or any(role not in ROLES for role in roles):
        raise ValueError("'roles' holds 'query', 'document' or both")
    return ProbeItem(
        id=plain["id"],
        modality=plain["modality"],
        pair=plain["pair"],
        sha256=sha256,
        roles=tuple(role for role in ROLES if role in roles),
        text=text,
        path=path,
        attributes={str(key): str(value) for key, value in attributes.items()},
    )
