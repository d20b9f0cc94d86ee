"""Small pictures of a benchmark's items for the site: within the page itself, so that nothing has to be fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from embver.actions.lost import QueryReport, documents_of
from embver.actions.trace_choice import modalities_of
from embver.actions.workspace import Workspace
from embver.probe import ProbeItem
from embver.tracing import TracedVersion

LARGEST_BYTES: Final = 3_000  # of one picture; larger items are told by name
MOST_BYTES: Final = 40_000
"""Of all pictures of an embedding's page, each counted once: a page has to open at once."""

_KINDS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def pictures_of(
    work: Workspace, report: QueryReport, version: TracedVersion, ids: Iterable[str]
) -> Mapping[str, str]:
    """Return pictures as `data:` addresses by query id: of the query, else of what it should find.

    Only small ones that Git itself holds at HEAD with the digest that the item names; one git process reads them all.
    """
    record = next((each for each in version.card.benchmarks if each.id == report.benchmark), None)
    if record is None:
        return {}
    _, document = modalities_of(work, report.name, record, version.card)
    wanted = documents_of(record, report.items, document)
    chosen = {id_: item for id_ in ids if (item := _pictured(report.items.get(id_), wanted)) is not None}
    names = [f"HEAD:{report.folder}/{item.path}" for item in chosen.values()]
    made = {}
    for (id_, item), data in zip(chosen.items(), work.repo.read_many(names), strict=True):
        address = _address(data, item.sha256) if data is not None else None
        if address is not None:
            made[id_] = address
    return made


def _pictured(item: ProbeItem | None, wanted: Mapping[str, list[ProbeItem]]) -> ProbeItem | None:
    """Return the item whose picture stands for a query, or None."""
    if item is None:
        return None
    candidates = (item, *sorted(wanted.get(item.pair, ()), key=lambda each: each.id))
    return next((each for each in candidates if each.modality == "image" and each.path is not None), None)


def _address(data: bytes, sha256: str) -> str | None:
    """Return a picture as a `data:` address; None for what is large, of another kind, or not the item's own bytes."""
    kind = next((kind for start, kind in _KINDS if data.startswith(start)), None)
    if kind is None or len(data) > LARGEST_BYTES or hashlib.sha256(data).hexdigest() != sha256:
        return None
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
