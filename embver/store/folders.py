"""Folders of many commits at once: what each holds, by a few git processes for any number of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from embver.store.git_reader import GitReader
from embver.store.process import run

FOLDER_MODE = "40000"  # as a tree holds it: without a leading zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file in a folder: its mode and blob id."""

    mode: str
    id: str


def read_folders(repo: GitReader, names: Sequence[str]) -> tuple[dict[str, Blob] | None, ...]:
    """Return every file below each folder (`REVISION:PATH`), by its path in it; None for a folder that is not there.

    One process a level of folders, however many names there are; equal folders are read once.
    """
    tops = read_trees(repo, names)
    known: dict[str, dict[str, tuple[str, str]]] = {}
    missing = {entry for top in tops if top is not None for entry in _folders_in(top)}
    while missing:
        asked = sorted(missing)
        for found_id, found in zip(asked, read_trees(repo, asked), strict=True):
            known[found_id] = found or {}
        missing = {entry for each in asked for entry in _folders_in(known[each])} - set(known)
    return tuple(None if top is None else dict(_files(top, known)) for top in tops)


def sizes_of(repo: GitReader, ids: Iterable[str]) -> dict[str, int]:
    """Return the sizes of blobs in bytes, by one process; those that are not here are left out."""
    asked = sorted(set(ids))
    if not asked:
        return {}
    argv = ["git", "cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer"]
    said = run(argv, cwd=repo.root, stdin="\n".join(asked).encode() + b"\n", env=repo.environment).text
    pairs = (line.split(" ") for line in said.splitlines())
    return {name: int(size) for name, size in pairs if size.isdigit()}


def _parse_tree(data: bytes, width: int) -> dict[str, tuple[str, str]]:
    """Return a tree's entries, name -> (mode, id); an id has `width` bytes."""
    entries, position = {}, 0
    while position < len(data):
        space = data.index(b" ", position)
        end = data.index(b"\0", space)
        name = data[space + 1 : end].decode(errors="surrogateescape")
        entries[name] = (data[position:space].decode(), data[end + 1 : end + 1 + width].hex())
        position = end + 1 + width
    return entries


def read_trees(repo: GitReader, names: Sequence[str]) -> list[dict[str, tuple[str, str]] | None]:
    """Return the entries of folders, by one process; None for what is not there, or is a file."""
    if not names:
        return []
    asked = [name.encode(errors="surrogateescape") for name in names]
    argv = ["git", "cat-file", "--batch", "-z", "--buffer"]
    stdin = b"".join(name + b"\0" for name in asked)
    data = run(argv, cwd=repo.root, stdin=stdin, env=repo.environment).stdout
    width = hashlib.new(repo.object_format, usedforsecurity=False).digest_size
    found: list[dict[str, tuple[str, str]] | None] = []
    position = 0
    for name in asked:
        # What is not there is answered with its name, and a name may hold spaces and line breaks.
        if data.startswith((name + b" missing\n", name + b" ambiguous\n"), position):
            found.append(None)
            position = data.index(b"\n", position + len(name)) + 1
            continue
        end = data.index(b"\n", position)
        _, kind, size = data[position:end].split(b" ")
        body = data[end + 1 : end + 1 + int(size)]
        position = end + 2 + int(size)
        found.append(_parse_tree(body, width) if kind == b"tree" else None)
    return found


def _folders_in(entries: Mapping[str, tuple[str, str]]) -> list[str]:
    return [found for mode, found in entries.values() if mode == FOLDER_MODE]


def _files(
    entries: Mapping[str, tuple[str, str]], known: Mapping[str, dict[str, tuple[str, str]]]
) -> Iterable[tuple[str, Blob]]:
    for name, (mode, found) in entries.items():
        if mode == FOLDER_MODE:
            yield from ((f"{name}/{path}", blob) for path, blob in _files(known[found], known))
        else:
            yield name, Blob(mode=mode, id=found)
