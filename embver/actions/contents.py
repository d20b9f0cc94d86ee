"""What lies at a path: in the work tree, in the index or in a commit, asked for in bulk."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from embver.pointer import Pointer
from embver.store.objects import KEPT_BYTES, GitObject, read_objects
from embver.store.repo import Repository

WORK_TREE = None
INDEX = ""
Place = str | None  # WORK_TREE, INDEX or a revision
Key = tuple[Place, str]  # a place, and a path from the repository's root


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What was found: the digest and size of the file as it lies there, and the pointer if it is one."""

    sha256: str
    size_bytes: int
    id: str | None = None  # Git's own, unless it was read in the work tree
    data: bytes | None = None
    pointer: Pointer | None = None
    is_link: bool = False
    is_tree: bool = False

    @property
    def bytes_meant(self) -> Pointer:
        """Return digest and size of the bytes meant: those that a pointer stands for, or the file's own."""
        return self.pointer or Pointer(sha256=self.sha256, size_bytes=self.size_bytes)


class Contents:
    """Reads many places of one repository; `deep` hashes large files of the work tree that Git LFS knows already."""

    def __init__(self, repo: Repository, *, deep: bool = False) -> None:
        self._repo, self._deep = repo, deep
        self._root = str(repo.root)
        self._known: dict[str, GitObject] = {}
        self._linked: dict[str, bool] = {}

    def look(self, keys: Iterable[Key], *, whole: Iterable[Key] = ()) -> dict[Key, Content]:
        """Return what there is; keys without a file are left out. `whole` are those whose data is needed."""
        wanted, needed = dict.fromkeys([*keys, *whole]), frozenset(whole)
        found: dict[Key, Content] = {}
        unsure: list[Key] = []  # large files of the work tree: Git LFS may know them
        for key in wanted:
            if key[0] is not WORK_TREE:
                continue
            content, is_large = self._in_work_tree(key[1], is_needed=key in needed)
            if content is not None:
                found[key] = content
            elif is_large:
                unsure.append(key)
        in_git = [key for key in wanted if key[0] is not WORK_TREE]
        in_git += [(INDEX, path) for _, path in unsure if (INDEX, path) not in wanted]
        names = {f"{place}:{path}": (place, path) for place, path in in_git}
        wholes = frozenset(f"{place}:{path}" for place, path in needed if place is not WORK_TREE)
        read_all = read_objects(self._repo, list(names), whole=wholes, known=self._known)
        for key, read in zip(names.values(), read_all, strict=True):
            if read is not None:
                found[key] = Content(
                    sha256=read.sha256,
                    size_bytes=read.size_bytes,
                    id=read.id,
                    data=read.data,
                    pointer=Pointer.parse(read.data) if read.data else None,
                    is_tree=read.is_tree,
                )
        for key in unsure:
            found[key] = self._large(key[1], found.get((INDEX, key[1])))
        return found

    def staged_folder(self, path: str) -> Content | None:
        """Return what the index would commit for a folder: its id as a tree, which names all that is below it."""
        said = self._repo.git("write-tree", f"--prefix={path}/", status_ok=(0, 128)).strip()
        return Content(sha256="", size_bytes=0, id=said, is_tree=True) if said else None

    def _in_work_tree(self, path: str, *, is_needed: bool) -> tuple[Content | None, bool]:
        """Return what a file holds, and whether it is a large one that is not read yet."""
        file = f"{self._root}/{path}"
        try:
            status = os.lstat(file)
            is_link = stat.S_ISLNK(status.st_mode) or self._is_linked(path.rpartition("/")[0])
            if stat.S_ISLNK(status.st_mode):
                status = os.stat(file)  # noqa: PTH116  (thousands of files: pathlib takes longer than the disk)
        except (OSError, ValueError):
            return (Content(sha256="", size_bytes=0, is_link=True) if os.path.islink(file) else None), False  # noqa: PTH114
        if not stat.S_ISREG(status.st_mode):
            is_tree = stat.S_ISDIR(status.st_mode)
            return Content(sha256="", size_bytes=0, is_link=is_link, is_tree=is_tree), False
        if status.st_size > KEPT_BYTES and not is_needed:
            if not self._deep:
                return None, True
            from embver.store.files import hash_file

            return Content(sha256=hash_file(Path(file))[0], size_bytes=status.st_size, is_link=is_link), False
        with open(file, "rb") as stream:  # noqa: PTH123  (as above)
            data = stream.read()
        sha256 = hashlib.sha256(data).hexdigest()
        pointer = Pointer.parse(data)
        return Content(
            sha256=sha256, size_bytes=len(data), data=data, pointer=pointer, is_link=is_link
        ), False

    def _is_linked(self, folder: str) -> bool:
        """Tell whether a folder of the work tree is reached through a symbolic link."""
        if folder and folder not in self._linked:
            is_own = os.path.islink(f"{self._root}/{folder}")  # noqa: PTH114
            self._linked[folder] = is_own or self._is_linked(folder.rpartition("/")[0])
        return bool(folder) and self._linked[folder]

    def _large(self, path: str, staged: Content | None) -> Content:
        from embver.store.files import hash_file

        # Bytes in the place of a pointer, of the pointer's size: not read again without --deep, they may be many.
        file = Path(self._root, path)
        size_bytes, is_link = (
            file.stat().st_size,
            self._is_linked(path.rpartition("/")[0]) or file.is_symlink(),
        )
        if staged is not None and staged.pointer and staged.pointer.size_bytes == size_bytes:
            return Content(sha256=staged.pointer.sha256, size_bytes=size_bytes, is_link=is_link)
        return Content(sha256=hash_file(file)[0], size_bytes=size_bytes, is_link=is_link)
