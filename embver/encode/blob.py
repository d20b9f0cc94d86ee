"""Bytes of one input, wherever they lie: a file, a range of a file (a member of a tar), or a URL."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from embver.encode.meter import stage

# (size, modification time in ns, inode): what Git, too, takes as "the same file, not touched since".
Stamp = tuple[int, int, int]

CHANGED: Final = "changed while the corpus was read"
_BLOCK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """The raw bytes of one item, and how a message calls them.

    `offset` and `size_bytes` name a range of the file; without them it is the whole file. `stamp` is what the file
    looked like when it was digested: a file that changed since is refused, because the card would record other bytes
    than were encoded; `sha256` (32 bytes) says the same where a stamp would not do. `fetch` reads bytes that are no
    local file, and `look` gives the stamp of what has none yet. `problem` is why there is nothing to read: the corpus
    knows it since the plan. `chunks` reads the same bytes piece by piece.
    """

    name: str = ""
    named: str = ""  # as its manifest says it
    path: Path | None = None
    offset: int = 0
    size_bytes: int | None = None
    stamp: Stamp | None = None
    sha256: bytes | None = None
    fetch: Callable[[], bytes] | None = None
    chunks: Callable[[], Iterator[bytes]] | None = None
    look: Callable[[], Stamp | None] | None = None
    problem: str | None = None

    @classmethod
    def of(cls, path: Path) -> Blob:
        """Return the whole of a local file, called by its path."""
        return cls(name=str(path), path=path)

    def read(self) -> bytes:
        """Return the bytes; raise ValueError saying what is wrong with them."""
        if self.problem is not None:
            raise ValueError(self.problem)
        with stage("read"):
            data = self._file_bytes() if self.fetch is None else self.fetch()
            if self.size_bytes is not None and len(data) != self.size_bytes:
                raise ValueError("ends before its last byte")
            if self.sha256 is not None and hashlib.sha256(data).digest() != self.sha256:
                raise ValueError(CHANGED)
        return data

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Yield the bytes as a file that can be sought in, for who needs a part of them; raise as `read` does."""
        is_file = self.path is not None and self.fetch is None and self.problem is None
        if self.path is None or not is_file or self.sha256 is not None or self.size_bytes is not None:
            yield io.BytesIO(self.read())
            return
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise ValueError(reason_of(error)) from error
        with file:
            self._check(file.fileno())
            yield file
            self._check(file.fileno())

    def digest(self) -> bytes:
        """Return the SHA-256 (32 bytes) without holding more than a block of a whole file; raise as `read` does."""
        digest = hashlib.sha256()
        if self.chunks is not None and self.problem is None and self.size_bytes is None:
            for block in self.chunks():
                digest.update(block)
            return digest.digest()
        if self.path is None or self.problem is not None or self.size_bytes is not None:
            return hashlib.sha256(self.read()).digest()
        try:
            with self.path.open("rb", buffering=0) as file:
                self._check(file.fileno())
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
                self._check(file.fileno())
        except OSError as error:
            raise ValueError(reason_of(error)) from error
        return digest.digest()

    def _file_bytes(self) -> bytes:
        if self.path is None:
            raise ValueError("has no file")
        try:
            # A file object would cost as much again as the reading: 10 to 25 us an image.
            handle = os.open(self.path, os.O_RDONLY)
            try:
                status = self._check(handle)
                size_bytes = status.st_size - self.offset if self.size_bytes is None else self.size_bytes
                return _read(handle, self.offset, size_bytes)
            finally:
                os.close(handle)
        except OSError as error:
            raise ValueError(reason_of(error)) from error

    def _check(self, handle: int) -> os.stat_result:
        status = os.fstat(handle)
        if self.stamp is not None and stamp_of(status) != self.stamp:
            raise ValueError(CHANGED)
        return status


def _read(handle: int, offset: int, size_bytes: int) -> bytes:
    data = os.pread(handle, max(0, size_bytes), offset)
    if len(data) >= size_bytes:
        return data
    parts = [data]
    size_bytes -= len(data)
    while size_bytes > 0 and data:  # one call gives 2 GiB at most
        offset += len(data)
        data = os.pread(handle, size_bytes, offset)
        parts.append(data)
        size_bytes -= len(data)
    return b"".join(parts)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what a file looks like from outside."""
    return (status.st_size, status.st_mtime_ns, status.st_ino)


def reason_of(error: OSError) -> str:
    """Return what keeps a file from being read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "does not exist"
    return f"cannot be read: {error.strerror or error}"


def decoded(data: bytes) -> str:
    """Return a file's text: UTF-8, without the byte order mark that some editors put first.

    Raises ValueError naming the first byte that is none.
    """
    try:
        return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        at = error.start + len(data) - len(error.object)
        raise ValueError(f"not UTF-8 at byte {at}: {data[at]:#04x}") from error
