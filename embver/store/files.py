"""Files on disk: hashed in one pass, written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

_BLOCK_BYTES = 1 << 20


def hash_file(path: Path) -> tuple[str, int]:
    """Return a file's SHA-256 (64 hexadecimal digits) and its size in bytes."""
    digest, size_bytes = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
            size_bytes += len(block)
    return digest.hexdigest(), size_bytes


def write_atomic(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file whole or not at all: to a neighbour, to disk, then renamed over it.

    A symbolic link stays one: what it points to is written. A new file gets the mode that open() would give it.
    """
    if path.is_symlink():
        path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".embver-")  # a long name may not grow
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is None:
            # mkstemp makes 0600; a new file gets what open() would have given it, an old one keeps its mode.
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_if_changed(path: Path, data: bytes) -> bool:
    """Write a file only if its bytes differ, so that its time tells the truth; tell whether it was written."""
    with contextlib.suppress(OSError):
        if path.read_bytes() == data:
            return False
    write_atomic(path, data)
    return True


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
