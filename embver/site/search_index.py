"""The search index that MkDocs leaves: made whole again after a build of some pages, and readable from a folder."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from embver.errors import EmbverError

INDEX = "search/search_index.json"
SCRIPT = "search/search_index.js"


def merge_index(before: bytes, after: bytes, *, order: Iterable[str], built: frozenset[str]) -> bytes:
    """Return the index of all pages, from that of an earlier build and that of the pages which were built since.

    `order` are the addresses of all pages in MkDocs' order, `built` those that were built now. The bytes are those of a
    whole build: the theme writes JSON without spaces. Raises EmbverError where the two were not made alike.
    """
    old, new = json.loads(before), json.loads(after)
    if set(old) != {"config", "docs"} or old["config"] != new["config"]:
        raise EmbverError("the search index of the last build has another form")
    found: dict[str, list[object]] = {}
    for docs, is_new in ((old["docs"], False), (new["docs"], True)):
        for entry in docs:
            page = entry["location"].partition("#")[0]
            if (page in built) == is_new:
                found.setdefault(page, []).append(entry)
    docs = [entry for page in order for entry in found.get(page, ())]
    return json.dumps({"config": new["config"], "docs": docs}, separators=(",", ":")).encode()


def write_script(folder: Path) -> None:
    """Write the search index as a script as well: a page opened from a folder may load no JSON.

    Material looks for this very file there. Its own offline plugin would write it too, but adds a script from
    another host to every page.
    """
    index = folder / INDEX
    if index.is_file():
        (folder / SCRIPT).write_bytes(b"var __index = " + index.read_bytes())
