"""Digests of corpora that are several files: as a commit holds them, and as they lie in the work tree."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from embver.corpusfiles import all_files, counted_files, expanded, listing_digest
from embver.pointer import Pointer
from embver.store.folders import read_folders
from embver.store.objects import GitObject, read_objects
from embver.store.repo import Repository

if TYPE_CHECKING:
    from embver.encode.digesting import KnownDigests
    from embver.encode.records.shelf import Shelf


def committed_digest(repo: Repository, revision: str, uri: str, modalities: tuple[str, ...]) -> str | None:
    """Return the digest of a folder, or of the files of a pattern, in a commit; None where it is not there.

    Without modalities, as of training data, every file of a folder counts that is not hidden. A Git LFS pointer counts as the file that it stands for.
    """
    paths = expanded(uri)
    if len(paths) > 1:
        found = read_objects(repo, [f"{revision}:{path}" for path in paths])
        names: tuple[str, ...] = paths
    else:
        folder = paths[0].rstrip("/")
        files = read_folders(repo, [f"{revision}:{folder}"])[0]
        if files is None:
            return None
        names = counted_files(tuple(files), modalities) if modalities else all_files(tuple(files))
        found = read_objects(repo, [files[name].id for name in names])
    if not names or any(each is None for each in found):
        return None
    contents = [_sha256(each) for each in found if each is not None]
    return listing_digest(zip(names, contents, strict=True))


def _sha256(found: GitObject) -> str:
    pointer = Pointer.parse(found.data) if found.data else None
    return pointer.sha256 if pointer is not None else found.sha256


def digest_here(shelf: Shelf, uri: str, modalities: tuple[str, ...], known: KnownDigests) -> str | None:
    """Return the digest of a corpus as it lies here; None for what is not here, or not whole."""
    with contextlib.suppress(ValueError):
        paths = expanded(uri)
        kinds = [shelf.kind(path) for path in paths]
        if not all(kinds):
            return None
        if kinds == ["file"]:
            seen = known.look(shelf.blob(paths[0]))
            return None if seen.problem else f"sha256:{seen.digest.hex()}"
        files = list(_files(shelf, paths, modalities))
        digests = [(name, known.look(shelf.blob(path))) for name, path in files]
        if not any(seen.problem for _, seen in digests):
            return listing_digest((name, seen.digest.hex()) for name, seen in digests)
    return None


def _files(shelf: Shelf, paths: tuple[str, ...], modalities: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the files of a folder or a pattern, by the name that the listing has for them and by path."""
    if len(paths) > 1:
        yield from ((path, path) for path in paths)
        return
    folder = paths[0].rstrip("/")
    names, _ = shelf.listing(folder)
    for name in counted_files(tuple(names), modalities):
        yield name, f"{folder}/{name}"
