"""Where files lie that a corpus names: a folder of this machine, or whatever fsspec reaches by a URL."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Final, Protocol

from embver.encode.blob import Blob, Stamp, reason_of, stamp_of
from embver.encode.records.names import Names
from embver.encode.records.record import Flawed
from embver.encode.records.remote import is_url, remote_blob

_ABSOLUTE: Final = re.compile(r"/|[A-Za-z]:[\\/]")


class Shelf(Protocol):
    """A place that holds files by name; names have `/` between their parts."""

    def kind(self, path: str) -> str:
        """Return "file", "folder" or "" for what is not there."""

    def listing(self, folder: str) -> tuple[Names, Sequence[Flawed]]:
        """Return the files below a folder, relative to it and sorted by bytes, without hidden ones; and what is odd."""

    def blob(self, path: str) -> Blob:
        """Return a file, not looked at yet."""

    def beside(self, path: str, named: str) -> Blob:
        """Return the file that a manifest at `path` names; raise ValueError where it must not."""


class LocalShelf:
    """Files below one folder. A corpus reads nothing else: what it names by links or `..` has to stay below it."""

    def __init__(self, root: Path, *, corpus: str) -> None:
        """Take the folder; `corpus` is the file or folder in it that is read, which may as well lie outside."""
        self._root = root
        self._corpus = corpus
        self._is_allowed: dict[str, bool] = {}

    def kind(self, path: str) -> str:
        """Return what lies at a path."""
        file = self._root / path
        return "folder" if file.is_dir() else "file" if file.exists() else ""

    def blob(self, path: str) -> Blob:
        """Return a file, not looked at yet."""
        file = self._root / path
        return Blob(name=path, path=file, look=partial(self._look, file))

    def beside(self, path: str, named: str) -> Blob:
        """Return the file that a manifest names relative to itself."""
        if is_url(named):
            return remote_blob(named)
        if _ABSOLUTE.match(named):
            raise ValueError(f"{named} is an absolute path: no other machine has it")
        if "\0" in named:
            raise ValueError(f"{named!r} is no path")
        folder = posixpath.dirname(path)
        own = posixpath.normpath(named)
        joined = posixpath.normpath(posixpath.join(folder, named))
        # A repository's manifest may name what lies elsewhere in it; one from outside has its own folder only.
        if own.startswith("..") and (joined.startswith("..") or folder.startswith(("/", ".."))):
            raise ValueError(f"{named} leads out of the repository")
        return self.blob(joined)

    def listing(self, folder: str) -> tuple[Names, Sequence[Flawed]]:
        """Return the files below a folder; links to folders are odd, because they may lead in circles."""
        odd: list[Flawed] = []
        found = sorted(self._walk(os.fsencode(self._root / folder), b"", folder, odd))
        return Names(found), odd

    def _walk(self, folder: bytes, prefix: bytes, name: str, odd: list[Flawed]) -> Iterator[bytes]:
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            odd.append(Flawed(f"{name}/{os.fsdecode(prefix)}: {reason_of(error)}"))
            return
        for entry in entries:
            path = prefix + entry.name
            if entry.name.startswith(b"."):  # see corpusfiles.is_hidden
                continue
            shown = f"{name}/{os.fsencode(path).decode(errors='backslashreplace')}"
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(entry.path, path + b"/", name, odd)
            elif entry.is_symlink() and entry.is_dir():
                odd.append(Flawed(f"{shown} is a symbolic link to a folder, which is not followed"))
            else:
                try:
                    path.decode()
                except UnicodeDecodeError:
                    odd.append(Flawed(f"{shown}: its name is not UTF-8"))
                else:
                    yield path

    def _look(self, file: Path) -> Stamp:
        """Return a file's stamp; raise ValueError for what is no file, or lies elsewhere."""
        try:
            status = os.lstat(file)
            is_link = stat.S_ISLNK(status.st_mode)
            folder = str(file.parent)
            if folder not in self._is_allowed:
                self._is_allowed[folder] = self._stays(os.path.realpath(folder))
            if not self._is_allowed[folder] or (is_link and not self._stays(os.path.realpath(file))):
                raise ValueError("is a symbolic link that leads out of the repository")
            if is_link:
                status = file.stat()
        except OSError as error:
            raise ValueError(reason_of(error)) from error
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("is a folder" if stat.S_ISDIR(status.st_mode) else "is no regular file")
        return stamp_of(status)

    def _stays(self, real: str) -> bool:
        return any(real == root or real.startswith(f"{root}/") for root in self._roots)

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        own = self._root / self._corpus
        return (os.path.realpath(self._root), os.path.realpath(own if own.is_dir() else own.parent))
