"""Cards that were found right before: a list in the repository's own Git folder, so that a second run has little to do.

A card's shape and sense follow from its bytes, the name of its folder, the schema and embver's own code. So what was
valid once stays valid as long as these stay: the bytes are named by their Git blob id, the rest by a stamp at the head
of the list. Only valid cards are listed, with their data as JSON, which is read 20 times as fast as YAML; a card that
is not listed, or a list that is damaged, is just checked. For the checks against the files beside a card the data is
enough; for the line of a problem read the card's text.

    known = KnownCards.open(git_dir)
    found = known.get(blob_id(data), folder)
    if found is None: ... check; if there is no problem: known.add(blob_id(data), folder, plain)
    known.save()
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.store.resources import resource_folder

NAME: Final = "known-valid"
SHAPED: Final = (
    "known-shaped"  # of the right shape; what they say was not looked at, so no folder belongs to them
)
MAX_BYTES: Final = 128 << 20
_FORMAT: Final = "embver known-valid 1"
# Whoever works on embver itself changes the rules without a new version.
_RULES: Final = (
    (".", ("sense", "spdx", "language", "dates", "levels", "problem")),
    ("store", ("card", "schema")),
)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9.+_]+")


def blob_id(data: bytes) -> str:
    """Return the name that Git has for these bytes (SHA-1; in a repository with SHA-256 ids use Git's own)."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class KnownCards:
    """The list of one repository; `get` and `add` need no file to be there, `save` appends what was added."""

    def __init__(self, file: Path, stamp: str, lines: dict[bytes, bytes], *, is_current: bool) -> None:
        self._file, self._stamp, self._lines, self._is_current = file, stamp, lines, is_current
        self._added: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()

    @classmethod
    def open(cls, git_dir: Path, name: str = NAME) -> KnownCards:
        """Read the list of a repository; one that cannot be read, or was made by other rules, counts as empty."""
        file, stamp = git_dir / "embver" / name, rules_stamp()
        head, lines = b"", {}
        with contextlib.suppress(OSError):
            if file.stat().st_size <= MAX_BYTES:
                head, *rest = file.read_bytes().split(b"\n")
                lines = {line[: line.find(b" {")]: line for line in rest if line.endswith(b"}")}
        is_current = head == f"{_FORMAT} {stamp}".encode()
        return cls(file, stamp, lines if is_current else {}, is_current=is_current)

    def get(self, blob: str, folder: str | None) -> dict[str, Any] | None:
        """Return the data of a card that is known to be right in a folder of that name, or None."""
        key = _key(blob, folder)
        line = self._added.get(key) or self._lines.get(key)
        if line is None:
            return None
        try:
            plain = json.loads(line[len(key) + 1 :])
        except ValueError:
            return None
        self._used.add(key)
        return plain if isinstance(plain, dict) else None

    def holds(self, blob: str, folder: str | None) -> bool:
        """Tell whether a card is known to be right, where its data is not needed."""
        key = _key(blob, folder)
        is_known = key in self._lines or key in self._added
        if is_known:
            self._used.add(key)
        return is_known

    def add(self, blob: str, folder: str | None, plain: Mapping[str, Any]) -> None:
        """Remember a card in which no check of text, shape and sense found anything."""
        key = _key(blob, folder)
        if key not in self._lines:
            text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            self._added[key] = key + b" " + text.encode()

    def save(self) -> None:
        """Append what is new; begin anew, with what was of use, where the rules are others or the list is too long.

        A list that cannot be written is only a lost hour of some machine: nothing is raised.
        """
        if not self._added:
            return
        new = b"".join(line + b"\n" for line in self._added.values())
        with contextlib.suppress(OSError):
            if self._is_current and self._file.stat().st_size + len(new) <= MAX_BYTES:
                # One write at the end of the file: what another process appends stays whole.
                handle = os.open(self._file, os.O_WRONLY | os.O_APPEND)
                try:
                    os.write(handle, b"\n" + new)
                finally:
                    os.close(handle)
            else:
                kept = b"".join(line + b"\n" for key, line in self._lines.items() if key in self._used)
                body = f"{_FORMAT} {self._stamp}\n".encode() + (kept + new)[-MAX_BYTES // 2 :]
                from embver.store.files import write_atomic  # it loads much that reading does not need

                write_atomic(self._file, body, is_cache=True)
                self._is_current = True
            self._lines |= self._added
            self._added = {}


def rules_stamp() -> str:
    """Return a digest of all that a verdict depends on but the card: embver's version, its schema and its code."""
    from embver import __version__

    digest = hashlib.sha256(__version__.encode())
    digest.update((resource_folder("schemas") / "card" / "v1.json").read_bytes())
    package = Path(__file__).resolve().parent.parent
    for folder, names in _RULES:
        for entry in sorted(os.scandir(package / folder), key=lambda entry: entry.name):
            if entry.name.startswith(names) and entry.name.endswith(".py"):
                state = entry.stat()
                digest.update(f"{entry.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _key(blob: str, folder: str | None) -> bytes:
    if folder is None:
        return f"{blob} ~".encode()
    # A folder's name may hold anything, a line break too.
    name = folder if _PLAIN_NAME.fullmatch(folder) else f"-{folder.encode('utf-8', 'surrogateescape').hex()}"
    return f"{blob} {name}".encode()
