"""A manifest of lines, JSON Lines and CSV alike: where each record begins, and how it is read again."""

from __future__ import annotations

import io
import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from embver.encode.blob import CHANGED, Blob, reason_of, stamp_of
from embver.errors import EncodeError

MAX_LINE_BYTES: Final = 64 << 20


class Manifest:
    """A manifest's bytes, which any part may be read of at any time; those behind a URL are fetched once.

    The file is opened once: one that is replaced meanwhile goes on being read as it was, one that is changed in
    place is refused.
    """

    def __init__(self, blob: Blob, *, scratch: Path | None) -> None:
        """Open it; `scratch` is the folder for what comes from elsewhere. Raise EncodeError where it cannot be."""
        self.name = blob.name
        try:
            if blob.path is not None:
                self._handle = os.open(blob.path, os.O_RDONLY)
            else:
                data = blob.read()
                with tempfile.TemporaryFile(dir=scratch) as file:
                    file.write(data)
                    file.flush()
                    self._handle = os.dup(file.fileno())
        except OSError as error:
            raise EncodeError(f"{self.name} {reason_of(error)}") from error
        except ValueError as error:
            raise EncodeError(f"{self.name} {error}") from error
        weakref.finalize(self, os.close, self._handle)
        self._stamp = stamp_of(os.fstat(self._handle))
        if blob.path is None:
            self.blob = Blob(name=self.name, fetch=lambda: self.read(0, self.size_bytes))
        else:
            self.blob = replace(blob, stamp=self._stamp)

    @property
    def size_bytes(self) -> int:
        """Return how long it is."""
        return self._stamp[0]

    def open(self) -> BinaryIO:
        """Return the file at its begin; each that is open has a position of its own."""
        return io.BufferedReader(_Positioned(self, self._handle), 1 << 18)

    def read(self, start: int, stop: int) -> bytes:
        """Return a range of its bytes; raise EncodeError where the file was changed."""
        data = os.pread(self._handle, stop - start, start)
        self.check()
        return data

    def check(self) -> None:
        """Raise EncodeError where the file is not the one that was opened."""
        if stamp_of(os.fstat(self._handle)) != self._stamp:
            raise EncodeError(f"{self.name} {CHANGED}", hint="run the command again")

    def line_at(self, offset: int) -> int:
        """Return the number of the line that begins at an offset."""
        lines, done = 1, 0
        while done < offset:
            block = os.pread(self._handle, min(1 << 20, offset - done), done)
            if not block:
                break
            lines, done = lines + block.count(b"\n"), done + len(block)
        return lines


class _Positioned(io.RawIOBase):
    """One reader of an open file. It keeps the manifest, and with it the file, alive."""

    def __init__(self, manifest: Manifest, handle: int) -> None:
        self._manifest, self._handle, self._position = manifest, handle, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._manifest.size_bytes}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        count = os.preadv(self._handle, [buffer], self._position)
        self._position += count
        return count


class Offsets:
    """Where each record of a manifest begins, and where the last one ends."""

    def __init__(self) -> None:
        self._begins = array("q")
        self._end = 0

    def __len__(self) -> int:
        return len(self._begins)

    def __getitem__(self, number: int) -> int:
        return self._begins[number]

    def append(self, begin: int, end: int) -> None:
        """Add a record."""
        self._begins.append(begin)
        self._end = end

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Return where some consecutive records begin and end."""
        return self._begins[start], self._begins[stop] if stop < len(self._begins) else self._end


def lines_of(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield every line with its offset. A line ends at a line feed alone: U+2028 and others may stand in a text."""
    offset = 0
    while line := file.readline(MAX_LINE_BYTES):
        yield offset, line
        offset += len(line)
