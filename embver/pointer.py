"""Pointers: the text that stands in Git for a large file that Git LFS, or DVC, keeps. Ground floor.

The format is Git LFS's specification, docs/spec.md: less than 1,024 bytes, `version` first, other keys sorted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_POINTER_BYTES = 1023
_VERSION_LINE = "version https://git-lfs.github.com/spec/v1"
DVC_SUFFIX = ".dvc"
_PLAIN_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*[A-Za-z0-9]")
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]*)\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """A large file's identity: its SHA-256 and its size in bytes."""

    sha256: str
    size_bytes: int

    @classmethod
    def parse(cls, data: bytes) -> Pointer | None:
        """Return the pointer that the bytes are, or None if they are anything else."""
        if len(data) > MAX_POINTER_BYTES:
            return None
        match = _POINTER.fullmatch(data)
        return cls(sha256=match[1].decode(), size_bytes=int(match[2])) if match else None

    def format(self) -> bytes:
        """Return the pointer's one valid text."""
        return f"{_VERSION_LINE}\noid sha256:{self.sha256}\nsize {self.size_bytes}\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class DvcPointer:
    """The text of a `.dvc` file for one file beside it, as `dvc add` writes it (DVC 3)."""

    md5: str
    size_bytes: int
    path: str  # relative to the `.dvc` file

    def format(self) -> bytes:
        """Return the pointer's text; a path that YAML could take for anything else is quoted."""
        name = self.path if _PLAIN_PATH.fullmatch(self.path) else "'" + self.path.replace("'", "''") + "'"
        return f"outs:\n- md5: {self.md5}\n  size: {self.size_bytes}\n  hash: md5\n  path: {name}\n".encode()
