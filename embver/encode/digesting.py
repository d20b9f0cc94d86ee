"""Digests of items: taken by a few threads ahead of the encode, and remembered by the stamps of their files."""

from __future__ import annotations

import hashlib
import os
import threading
from array import array
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt

from embver.encode.blob import Blob, Stamp, decoded
from embver.pointer import MAX_POINTER_BYTES, Pointer

SHA256_BYTES: Final = 32
UNREADABLE: Final = bytes(SHA256_BYTES)
# A file written in the last moments may be written once more without looking any different.
RACY_NS: Final = 2_000_000_000

_FORMAT: Final = b"embver digests 1\n"
_KEY_BYTES: Final = 16
_ITEMS_A_TASK: Final = 64


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found of one item's bytes: their stamp, their SHA-256, and what is wrong with them."""

    stamp: Stamp | None
    digest: bytes
    problem: str | None = None


class KnownDigests:
    """Digests by name, range and stamp; what was asked for is kept, the rest forgotten.

    It is a cache: damaged or lost, everything is read once more.
    """

    def __init__(self, data: bytes = b"", *, now_ns: int) -> None:
        """Read what `to_bytes` gave; `now_ns` is the present moment, near which no stamp is trusted."""
        self._racy_ns = now_ns - RACY_NS
        self._keys, self._digests = _parsed(data)
        self._kept_keys, self._kept = bytearray(), bytearray()
        self._lock = threading.Lock()
        self.taken = 0  # how many digests were not known and had to be taken

    def is_trusted(self, stamp: Stamp | None) -> bool:
        """Tell whether a stamp says that bytes are the same."""
        return stamp is not None and stamp[1] < self._racy_ns

    def look(self, blob: Blob, *, is_text: bool = False) -> Seen:
        """Return the digest of an item's bytes; a problem in words for what cannot be read, or is no text."""
        try:
            stamp = blob.stamp or (blob.look() if blob.look is not None else None)
            key = _key(blob, stamp, is_text=is_text)
            digest = self._get(key) if self.is_trusted(stamp) else None
            if digest is None:
                digest = _digest(replace(blob, stamp=stamp), stamp, is_text=is_text)
                with self._lock:
                    self.taken += 1
            if self.is_trusted(stamp):
                with self._lock:
                    self._kept_keys += key
                    self._kept += digest
        except ValueError as error:
            return Seen(None, UNREADABLE, str(error))
        return Seen(stamp, digest)

    def to_bytes(self, *, is_whole: bool = True) -> bytes:
        """Return what was asked for, to be kept; with what was known before, unless the corpus was read whole."""
        keys = np.frombuffer(bytes(self._kept_keys), dtype=f"S{_KEY_BYTES}")
        digests = np.frombuffer(bytes(self._kept), dtype=np.uint8).reshape(-1, SHA256_BYTES)
        if not is_whole:
            keys, digests = np.concatenate([keys, self._keys]), np.concatenate([digests, self._digests])
        keys, order = np.unique(keys, return_index=True)
        order, keys = np.asarray(order), np.asarray(keys, dtype=f"S{_KEY_BYTES}")
        body = keys.tobytes() + digests[order].tobytes()
        return _FORMAT + hashlib.sha256(body).digest() + body

    def _get(self, key: bytes) -> bytes | None:
        place = int(np.searchsorted(self._keys, np.bytes_(key)))
        if place < len(self._keys) and self._keys[place].ljust(_KEY_BYTES, b"\0") == key:
            return bytes(self._digests[place])
        return None


def _parsed(data: bytes) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.uint8]]:
    head, body = data[: len(_FORMAT) + SHA256_BYTES], data[len(_FORMAT) + SHA256_BYTES :]
    count, rest = divmod(len(body), _KEY_BYTES + SHA256_BYTES)
    if head != _FORMAT + hashlib.sha256(body).digest() or rest:
        count, body = 0, b""
    keys = np.frombuffer(body, dtype=f"S{_KEY_BYTES}", count=count)
    digests = (
        np.frombuffer(body, dtype=np.uint8, offset=count * _KEY_BYTES) if count else np.zeros(0, np.uint8)
    )
    return keys, digests.reshape(count, SHA256_BYTES)


def _key(blob: Blob, stamp: Stamp | None, *, is_text: bool) -> bytes:
    place = blob.name if blob.path is None else str(blob.path)
    said = repr((place, blob.offset, blob.size_bytes, stamp, is_text)).encode(errors="surrogateescape")
    return hashlib.blake2b(said, digest_size=_KEY_BYTES).digest()


def _digest(blob: Blob, stamp: Stamp | None, *, is_text: bool) -> bytes:
    size_bytes = blob.size_bytes if blob.size_bytes is not None else stamp[0] if stamp else None
    is_small = size_bytes is not None and size_bytes <= MAX_POINTER_BYTES
    if not is_text and not is_small and (blob.fetch is None or blob.chunks is not None):
        return blob.digest()
    data = blob.read()
    if len(data) <= MAX_POINTER_BYTES and Pointer.parse(data) is not None:
        raise ValueError("is a Git LFS pointer, not the bytes")
    if is_text:
        decoded(data)
    return hashlib.sha256(data).digest()


class Column:
    """What is known of one modality's items: which records they are of, their digests, stamps and problems.

    8 bytes, 32, and 24 for an item that has a file.
    """

    def __init__(self, modality: str) -> None:
        self.modality = modality
        self.numbers, self.stamps = array("q"), array("q")
        self.digests = bytearray()
        self.problems: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.numbers)

    def add(self, number: int, seen: Seen) -> None:
        """Add the next item."""
        if seen.problem is not None:
            self.problems[len(self)] = seen.problem
        if seen.stamp is not None and not self.stamps:
            self.stamps.frombytes(bytes(24 * len(self)))
        self.numbers.append(number)
        self.digests += seen.digest
        if self.stamps or seen.stamp is not None:
            self.stamps.extend(seen.stamp or (0, 0, 0))

    def stamp(self, position: int) -> Stamp | None:
        """Return an item's stamp, if it has one."""
        size, time, inode = self.stamps[3 * position : 3 * position + 3] or (0, 0, 0)
        return (size, time, inode) if size or time or inode else None


class Digesting:
    """Takes the digests of items in order, those of files by a few threads."""

    def __init__(self, known: KnownDigests, columns: list[Column], *, threads: int | None = None) -> None:
        self._known, self._columns = known, columns
        self._pool = ThreadPoolExecutor(
            threads or min(8, os.cpu_count() or 1), thread_name_prefix="embver-digest"
        )
        self._most = 4 * (threads or 8)
        self._mixed: set[int] = set()  # columns with files
        self._waiting: list[tuple[int, int, Blob]] = []  # column, record, bytes
        self._running: deque[tuple[list[tuple[int, int, Blob]], Future[list[Seen]]]] = deque()

    def __enter__(self) -> Digesting:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def add_text(self, column: int, number: int, data: bytes) -> None:
        """Take the digest of a text that is at hand; after a file of the same modality it waits for its turn."""
        if column in self._mixed:
            self.add(column, number, Blob(fetch=partial(bytes, data)))
        else:
            self._columns[column].add(number, Seen(None, hashlib.sha256(data).digest()))

    def add(self, column: int, number: int, blob: Blob) -> None:
        """Take the digest of a file's bytes, some time."""
        self._mixed.add(column)
        self._waiting.append((column, number, blob))
        if len(self._waiting) >= _ITEMS_A_TASK:
            self._start()

    def finish(self) -> None:
        """Wait for what is under way."""
        self._start()
        while self._running:
            self._collect()

    def _start(self) -> None:
        tasks, self._waiting = self._waiting, []
        if tasks:
            self._running.append((tasks, self._pool.submit(self._look, tasks)))
        while len(self._running) > self._most:
            self._collect()

    def _collect(self) -> None:
        tasks, future = self._running.popleft()
        for (column, number, _), seen in zip(tasks, future.result(), strict=True):
            self._columns[column].add(number, seen)

    def _look(self, tasks: list[tuple[int, int, Blob]]) -> list[Seen]:
        return [
            self._known.look(blob, is_text=self._columns[column].modality == "text")
            for column, _, blob in tasks
        ]
