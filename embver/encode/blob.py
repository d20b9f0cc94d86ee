"""Bytes of one input, wherever they lie: a file, a range of a file (a member of a tar), or a URL."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# (size, modification time in ns, inode): what Git, too, takes as "the same file, not touched since".
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """The raw bytes of one item, and how a message calls them.

    `offset` and `size_bytes` name a range of the file; without them it is the whole file. `stamp` is what the file
    looked like when it was digested: a file that changed since is refused, because the card would record other bytes
    than were encoded. `fetch` reads bytes that are no local file.
    """

    name: str = ""
    path: Path | None = None
    offset: int = 0
    size_bytes: int | None = None
    stamp: Stamp | None = None
    fetch: Callable[[], bytes] | None = None

    @classmethod
    def of(cls, path: Path) -> Blob:
        """Return the whole of a local file, called by its path."""
        return cls(name=str(path), path=path)

    def read(self) -> bytes:
        """Return the bytes; raise ValueError saying what is wrong with them."""
        if self.fetch is not None:
            return self.fetch()
        if self.path is None:
            raise ValueError("has no file")
        try:
            with self.path.open("rb") as file:
                if self.stamp is not None and stamp_of(os.fstat(file.fileno())) != self.stamp:
                    raise ValueError("changed while the corpus was read")
                if not self.offset and self.size_bytes is None:
                    return file.read()
                file.seek(self.offset)
                data = file.read(-1 if self.size_bytes is None else self.size_bytes)
        except FileNotFoundError:
            raise ValueError("no such file") from None
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from error
        if self.size_bytes is not None and len(data) != self.size_bytes:
            raise ValueError("ends before its last byte")
        return data


def stamp_of(status: os.stat_result) -> Stamp:
    """Return what a file looks like from outside."""
    return (status.st_size, status.st_mtime_ns, status.st_ino)
