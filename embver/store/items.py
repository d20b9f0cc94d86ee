"""The items of a benchmark as a release had them: in its own commit, wherever the digest says that they are those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from embver.errors import LfsError
from embver.pointer import Pointer
from embver.probe import ProbeSet, parse_items
from embver.store.lfs import LfsStore
from embver.store.repo import Repository

ITEMS: Final = "items.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A benchmark's items and the folder that paths of files are relative to; or why they are not there."""

    folder: str = ""  # from the repository's root, POSIX
    items: ProbeSet | None = None
    lacking: str | None = None


def read_items(repo: Repository, record: Mapping[str, Any], revisions: Sequence[str]) -> Items:
    """Return the items that a benchmark's record names by its digest: of the first revision that has them, else of HEAD.

    Else those of the work tree. Items of another digest are none: what they say of a query may be wrong.
    """
    dataset = record.get("dataset") or {}
    uri, digest = str(dataset.get("uri") or ""), str(dataset.get("sha256") or "")
    if not uri or not digest:
        return Items(lacking="the card does not say where the benchmark's items lie, or their digest")
    path = PurePosixPath(uri)
    if path.is_absolute() or ".." in path.parts or ":" in uri:
        return Items(lacking=f"the benchmark's items {uri} do not lie in this repository")
    places = list(dict.fromkeys((str(path / ITEMS), str(path))))
    names = [f"{revision}:{place}" for revision in (*dict.fromkeys(revisions), "HEAD") for place in places]
    seen: list[str] = []
    for name, data in zip(names, repo.read_many(names), strict=True):
        found = _parsed(repo, name.partition(":")[2], data, digest, seen)
        if found is not None:
            return found
    for place in places:
        file = repo.root / place
        found = _parsed(repo, place, file.read_bytes() if file.is_file() else None, digest, seen)
        if found is not None:
            return found
    other = f"; what lies there has {', '.join(sorted(set(seen)))}" if seen else ""
    return Items(lacking=f"the benchmark's items {uri} with the digest {digest[:12]}… are not there{other}")


def _parsed(repo: Repository, place: str, data: bytes | None, digest: str, seen: list[str]) -> Items | None:
    """Return the items of a file if they are those that are wanted; what it has instead is added to `seen`."""
    pointer = Pointer.parse(data) if data is not None else None
    if pointer is not None:
        data = _large(repo, pointer)
        if data is None:
            seen.append(f"a Git LFS pointer to {pointer.sha256[:12]}…, whose bytes are not on this machine")
    if data is None or not place.endswith(".jsonl"):
        return None
    folder = str(PurePosixPath(place).parent)
    try:
        items = parse_items(data.decode().split("\n"), name=PurePosixPath(folder).name)
    except (ValueError, UnicodeDecodeError) as error:
        seen.append(f"an error in {error}")
        return None
    if items.digest.removeprefix("sha256:") != digest:
        seen.append(f"the digest {items.digest.removeprefix('sha256:')[:12]}…")
        return None
    return Items(folder=folder, items=items)


def _large(repo: Repository, pointer: Pointer) -> bytes | None:
    store = LfsStore(repo)
    try:
        return store.path_of(pointer.sha256).read_bytes() if store.holds(pointer) else None
    except LfsError:
        return None  # git-lfs is not installed: the bytes are as far away
