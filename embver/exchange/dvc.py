"""DVC's pointers, as plain data: what an output is pinned by. DVC itself is not needed to read them.

A `.dvc` file lists `outs`, a `dvc.lock` (schema 2.0) `stages.NAME.outs`; a folder's md5 ends with `.dir`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SUFFIX = ".dvc"
LOCK = "dvc.lock"


def pointer_paths(uri: str) -> tuple[str, ...]:
    """Return where DVC keeps the pointer of an output, or of `uri` if that is a pointer itself."""
    if uri.endswith(SUFFIX):
        return (uri,)
    folder = uri.rpartition("/")[0]
    locks = dict.fromkeys((f"{folder}/{LOCK}" if folder else LOCK, LOCK))
    return (f"{uri}{SUFFIX}", *locks)


def digests(plain: Mapping[str, Any], pointer: str, uri: str) -> tuple[str, ...]:
    """Return the digests (`md5:HEX` or `md5:HEX.dir`) that a pointer gives for an output."""
    if pointer.endswith(SUFFIX):
        found = _entries(plain.get("outs"))
        name = uri.rpartition("/")[2]
        named = [entry for entry in found if entry.get("path") in (name, uri)]
        chosen = found if uri == pointer else named
    else:
        folder = pointer.removesuffix(LOCK)
        stages = plain.get("stages")
        outs = [
            entry
            for stage in (stages.values() if isinstance(stages, Mapping) else ())
            if isinstance(stage, Mapping)
            for entry in _entries(stage.get("outs"))
        ]
        chosen = [entry for entry in outs if f"{folder}{entry.get('path')}" == uri]
    return tuple(f"md5:{entry['md5']}" for entry in chosen if isinstance(entry.get("md5"), str))


def _entries(outs: Any) -> list[Mapping[str, Any]]:
    return list(_mappings(outs)) if isinstance(outs, list) else []


def _mappings(outs: list[Any]) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in outs if isinstance(entry, Mapping))
