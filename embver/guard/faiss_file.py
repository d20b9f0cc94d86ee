"""The stamp of a FAISS index file: appended to it, so that it is copied, moved and uploaded with the index.

FAISS keeps no metadata, and its readers stop where the index ends, also those that map the file (held by a test with
the real ones). A file beside the index would be left behind by the first `cp`. Behind the index follow the stamp's
JSON, its length in 8 bytes, little-endian, and 8 bytes of magic. The JSON holds the index's size and SHA-256: who
changes the index in place is found out, and who writes it anew with FAISS writes it without a stamp.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Literal

from embver.errors import EmbverError, StampError
from embver.guard.stamp import MAX_STAMP_BYTES, check_replaceable, damaged

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: two who stamp at once are not kept apart
    fcntl = None

_MAGIC = b"embvstmp"
_TAIL_BYTES = 8 + len(_MAGIC)
_BLOCK_BYTES = 1 << 20
# faiss/impl/index_write.cpp, write_index_header: fourcc, int d, int64 ntotal, and twice the constant 1 << 20.
_HEADER_BYTES = 32
_DUMMIES = (1 << 20).to_bytes(8, "little") * 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FaissFile:
    """A FAISS index in a file."""

    path: Path

    @property
    def name(self) -> str:
        """Return the path."""
        return str(self.path)

    def read_stamp(self, *, quick: bool = False) -> str | None:
        """Return the stamp; raise StampError if the index is not the one that was stamped.

        `quick` compares the size only, and not the content's SHA-256.
        """
        with _opened(self.path, "rb") as file:
            return self._read(file, quick=quick)

    def write_stamp(self, text: str, *, replace: bool = False) -> None:
        """Append the stamp, or put it where the last one stands; no byte of the index is written.

        Raises StampError where another stamp stands, unless it is to be replaced, and EmbverError while another
        process stamps the file. What a kill leaves is an index without a stamp.
        """
        with _opened(self.path, "r+b") as file, _alone(file, self.name):
            if not replace:
                check_replaceable(self._read(file, quick=False), text, store=self.name)
            size_bytes = _content_bytes(file)
            content = {"size_bytes": size_bytes, "sha256": _digest(file, size_bytes)}
            data = json.dumps({**json.loads(text), "content": content}, sort_keys=True, separators=(",", ":"))
            file.seek(size_bytes)
            file.write(data.encode() + len(data.encode()).to_bytes(8, "little") + _MAGIC)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())

    def _read(self, file: BinaryIO, *, quick: bool) -> str | None:
        """Return the stamp of an open file, held against the index in front of it."""
        found = _tail(file)
        if found is None:
            return None
        start, data = found
        plain = _parsed(data)
        if plain is None:
            raise damaged(self.name, "it cannot be read")
        content = plain["content"]
        if content.get("size_bytes") != start or (
            not quick and content.get("sha256") != _digest(file, start)
        ):
            raise StampError(
                f"{self.name} was changed since it was stamped",
                hint=f"embver guard stamp {self.name} REF --replace",
            )
        return json.dumps({key: value for key, value in plain.items() if key != "content"})

    def dimensions(self) -> int | None:
        """Return the dimensions that the index's header names."""
        with _opened(self.path, "rb") as file:
            header = file.read(_HEADER_BYTES)
        found = int.from_bytes(header[4:8], "little", signed=True)
        return found if found > 0 else None


def is_faiss_file(path: Path) -> bool:
    """Tell whether a file begins as FAISS writes an index, a binary one or an inverted list's too."""
    with _opened(path, "rb") as file:
        header = file.read(_HEADER_BYTES)
    is_index = header[:1] == b"I" and header[:4].isalnum()
    return is_index and (header[:2] == b"IB" or header[16:32] == _DUMMIES)


def _tail(file: BinaryIO) -> tuple[int, bytes] | None:
    """Return where the stamp behind an index begins, and its JSON as it stands; None where there is none."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    if tail[8:] != _MAGIC:
        return None
    length = int.from_bytes(tail[:8], "little")
    if not 0 < length <= min(MAX_STAMP_BYTES, end - _TAIL_BYTES):
        return end, b""
    start = end - _TAIL_BYTES - length
    file.seek(start)
    return start, file.read(length)


def _parsed(data: bytes) -> dict[str, Any] | None:
    """Return a stamp's JSON as data, or None where it is not what `write_stamp` writes."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return None
    is_whole = isinstance(plain, dict) and "embver_stamp" in plain and isinstance(plain.get("content"), dict)
    return plain if is_whole else None


def _content_bytes(file: BinaryIO) -> int:
    """Return the size of the index: a stamp is cut off only where it can be read, and damage stays behind it."""
    found = _tail(file)
    if found is not None and _parsed(found[1]) is not None:
        return found[0]
    return file.seek(0, os.SEEK_END)


def _digest(file: BinaryIO, size_bytes: int) -> str:
    """Return the SHA-256 of the first bytes of a file."""
    file.seek(0)
    digest, left = hashlib.sha256(), size_bytes
    while left and (block := file.read(min(left, _BLOCK_BYTES))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _opened(path: Path, mode: Literal["rb", "r+b"]) -> Iterator[BinaryIO]:
    """Open a file; raise EmbverError where that is not allowed."""
    try:
        file = path.open(mode)
    except OSError as error:
        verb = "read" if mode == "rb" else "written"
        raise EmbverError(f"{path} cannot be {verb}: {error.strerror}") from error
    with file:
        yield file


@contextlib.contextmanager
def _alone(file: BinaryIO, name: str) -> Iterator[None]:
    """Hold the file's lock; raise EmbverError if another process stamps it now."""
    if fcntl is None:
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise EmbverError(f"{name} is being stamped by another process", hint="try again") from error
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
