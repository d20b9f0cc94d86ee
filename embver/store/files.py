"""Files on disk: hashed in one pass, written whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path

_BLOCK_BYTES = 1 << 20
_WRITERS = 8


def hash_file(path: Path) -> tuple[str, int]:
    """Return a file's SHA-256 (64 hexadecimal digits) and its size in bytes."""
    import hashlib  # loads OpenSSL, and to write a file takes no digest

    digest, size_bytes = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
            size_bytes += len(block)
    return digest.hexdigest(), size_bytes


def write_atomic(path: Path, data: bytes, *, mode: int | None = None, is_cache: bool = False) -> None:
    """Write a file whole or not at all: to a neighbour, to disk, then renamed over it.

    A symbolic link stays one: what it points to is written. A new file gets the mode that open() would give it. For
    a cache, which may be lost or damaged when the machine stops, the disk is not waited for.
    """
    if path.is_symlink():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = _new_file(path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            if not is_cache:
                os.fsync(stream.fileno())
        if mode is None:
            # It was made 0600; a new file gets what open() would have given it, an old one keeps its mode.
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_many(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files, each whole or not at all; several wait for the disk at once, which takes a tenth of the time."""
    if len(files) < 2:
        for path, data in files:
            write_atomic(path, data)
        return
    from concurrent.futures import ThreadPoolExecutor

    new_mode = 0o666 & ~_umask()  # asked once: to ask it changes it for a moment, for all threads

    def write(file: tuple[Path, bytes]) -> None:
        path, data = file
        write_atomic(path, data, mode=path.stat().st_mode & 0o777 if path.exists() else new_mode)

    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(write, file) for file in files]:
            done.result()


def write_if_changed(path: Path, data: bytes, *, is_cache: bool = False) -> bool:
    """Write a file only if its bytes differ, so that its time tells the truth; tell whether it was written."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return False
    write_atomic(path, data, is_cache=is_cache)
    return True


def _new_file(folder: Path) -> tuple[int, Path]:
    """Make a file that nobody else has, and return it open; its name does not grow with that of the file to be."""
    for number in itertools.count():  # `tempfile` would load a tenth of what it takes to check a card
        with contextlib.suppress(FileExistsError):
            made = folder / f".embver-{os.getpid()}-{number}"
            return os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), made
    raise AssertionError


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
