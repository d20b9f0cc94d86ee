"""What a commit holds below a path, by Git LFS's pointers and Git's own files."""

from __future__ import annotations

import posixpath

from embver.exchange.lfs_pointers import Kept, Tree
from embver.pointer import Pointer
from embver.store.folders import read_folders
from embver.store.objects import GitObject, read_objects
from embver.store.repo import Repository

_LINK = "120000"


def read_tree(repo: Repository, revision: str, path: str) -> Tree | None:
    """Return a file or a folder of a revision, by three Git processes and one a level; None where there is neither."""
    named = f"{revision}:{path}"
    found = read_objects(repo, [named])[0]
    if found is None:
        return None
    if not found.is_tree:
        return Tree(files=(_kept(posixpath.basename(path), found),), is_folder=False)
    folder = read_folders(repo, [named])[0] or {}
    names = tuple(folder)
    read = zip(names, read_objects(repo, [folder[name].id for name in names]), strict=True)
    return Tree(
        # A submodule's commit is in another repository.
        files=tuple(_kept(name, each) for name, each in read if each is not None),
        links=tuple(name for name, blob in folder.items() if blob.mode == _LINK),
    )


def _kept(name: str, found: GitObject) -> Kept:
    pointer = Pointer.parse(found.data) if found.data else None
    meant = pointer or Pointer(sha256=found.sha256, size_bytes=found.size_bytes)
    return Kept(path=name, sha256=meant.sha256, size_bytes=meant.size_bytes, is_pointer=pointer is not None)
