"""Git objects made in memory and stored by one git process: a blob and a tree cost no process of their own.

`git hash-object`, `read-tree`, `update-index` and `write-tree` are a process each, and the middle two read every
tree of the repository; here only the folders on the way to a changed file are read.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from embver.errors import RepoError
from embver.store.folders import FOLDER_MODE, read_trees
from embver.store.git_reader import GitReader

_PACK_KINDS: Final = {"tree": 2, "blob": 3}


@dataclass(slots=True)
class _Folder:
    """What changes in one folder: files that come, names that go, and folders below."""

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    below: dict[str, _Folder] = field(default_factory=dict)

    def at(self, folders: Sequence[str]) -> _Folder:
        """Return a folder below, made if need be."""
        found = self
        for name in folders:
            found = found.below.setdefault(name, _Folder())
        return found

    def paths(self, path: str = "") -> list[str]:
        """Return every folder's path, this one's first."""
        return [path, *(p for name, each in self.below.items() for p in each.paths(_join(path, name)))]


class NewObjects:
    """Blobs and trees for one repository; nothing is stored before `store`."""

    def __init__(self, repo: GitReader) -> None:
        self._repo = repo
        self._made: dict[str, tuple[str, bytes]] = {}

    def blob(self, data: bytes, *, stored: Container[str] = ()) -> str:
        """Add a file's bytes, as they are, and return the blob's id; one of the `stored` ids is not written again."""
        return self._add("blob", data, stored)

    def tree(self, base: str | None, *, files: Mapping[str, tuple[str, str]], removed: Iterable[str]) -> str:
        """Add the trees of commit `base` with `files` (path -> mode, blob id) put in and `removed` taken out.

        Returns the id of the outermost. A path that is removed may be a folder; an empty folder vanishes; a path that
        is both put in and removed is put in.
        """
        top = _Folder()
        for path in removed:
            *folders, name = path.split("/")
            top.at(folders).removed.add(name)
        for path, found in files.items():
            *folders, name = path.split("/")
            top.at(folders).files[name] = found
        before = self._read(base, top.paths()) if base is not None else {}
        made = self._folder(top, "", before)
        return made if made is not None else self._add("tree", b"")

    def store(self) -> None:
        """Write all of them, by one process; objects that exist already are left alone."""
        if not self._made:
            return
        pack = [b"PACK", (2).to_bytes(4, "big"), len(self._made).to_bytes(4, "big")]
        for kind, data in self._made.values():
            pack += [_pack_header(_PACK_KINDS[kind], len(data)), zlib.compress(data, 1)]
        whole = b"".join(pack)
        self._repo.git("unpack-objects", "-q", stdin=whole + self._hash(whole).digest())
        self._made.clear()

    def _folder(
        self, changes: _Folder, path: str, before: Mapping[str, dict[str, tuple[str, str]]]
    ) -> str | None:
        entries = dict(before.get(path, {}))
        for name in changes.removed:
            entries.pop(name, None)
        for name, below in changes.below.items():
            made = self._folder(below, _join(path, name), before if name not in changes.removed else {})
            if made is not None:
                entries[name] = (FOLDER_MODE, made)
            elif entries.get(name, ("", ""))[0] == FOLDER_MODE:
                del entries[name]
        entries.update(changes.files)
        return self._add("tree", _format_tree(entries)) if entries else None

    def _add(self, kind: str, data: bytes, stored: Container[str] = ()) -> str:
        digest = self._hash(f"{kind} {len(data)}\0".encode())
        digest.update(data)
        found = digest.hexdigest()
        if found not in stored:
            self._made[found] = (kind, data)
        return found

    def _hash(self, data: bytes) -> hashlib._Hash:
        return hashlib.new(self._repo.object_format, data, usedforsecurity=False)

    def _read(self, base: str, paths: Sequence[str]) -> dict[str, dict[str, tuple[str, str]]]:
        """Return the entries of folders in a commit (name -> mode, id), by one process; none for what is not there."""
        trees = read_trees(self._repo, [f"{base}:{path}" for path in paths])
        if trees[0] is None:
            raise RepoError(f"the files of commit {base[:12]} are not in this clone", hint="git fsck")
        return {path: tree for path, tree in zip(paths, trees, strict=True) if tree is not None}


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _format_tree(entries: Mapping[str, tuple[str, str]]) -> bytes:
    """Return a tree's bytes: Git sorts a folder as if its name ended with a slash."""
    named = {name.encode(errors="surrogateescape"): found for name, found in entries.items()}

    def order(name: bytes) -> bytes:
        return name + b"/" if named[name][0] == FOLDER_MODE else name

    return b"".join(
        named[name][0].encode() + b" " + name + b"\0" + bytes.fromhex(named[name][1])
        for name in sorted(named, key=order)
    )


def _pack_header(kind: int, size_bytes: int) -> bytes:
    """Return what stands before an object in a pack: its kind and size in groups of 4, then 7 bits (gitformat-pack)."""
    byte, rest = kind << 4 | size_bytes & 15, size_bytes >> 4
    out = bytearray()
    while rest:
        out.append(byte | 128)
        byte, rest = rest & 127, rest >> 7
    out.append(byte)
    return bytes(out)
