"""What was found right before, beside single cards: a list of what need not be looked at again, in Git's own folder.

Each entry names content by its ids (a commit, a blob, a digest), so it stays true as long as the rules are the same.
The rules are named by the stamp at the head of the list; under another stamp the list begins anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final

from embver.store.known import rules_stamp

NAME: Final = "known-true"
_MAX_BYTES: Final = 64 << 20
_FORMAT: Final = "embver known-true 1"


class Checked:
    """The list of one repository; one that cannot be read counts as empty, one that cannot be written is no loss."""

    def __init__(self, file: Path, head: bytes, entries: set[bytes], *, is_current: bool) -> None:
        self._file, self._head, self._entries, self._is_current = file, head, entries, is_current
        self._added: dict[bytes, None] = {}

    @classmethod
    def open(cls, git_dir: Path, *facts: str) -> Checked:
        """Read the list; `facts` are what verdicts depend on but content and code: settings and tags."""
        file, head = git_dir / "embver" / NAME, f"{_FORMAT} {_stamp(facts)}".encode()
        lines: list[bytes] = []
        with contextlib.suppress(OSError):
            if file.stat().st_size <= _MAX_BYTES:
                lines = file.read_bytes().split(b"\n")
        is_current = lines[:1] == [head]
        # Without its line break at the end an entry may be the half of one that was being written.
        return cls(file, head, set(lines[1:-1]) if is_current else set(), is_current=is_current)

    def holds(self, entry: str) -> bool:
        """Tell whether something was found right before."""
        return entry.encode() in self._entries

    def add(self, entry: str) -> None:
        """Remember something in which nothing is wrong."""
        if not self.holds(entry):
            self._added[entry.encode()] = None

    def save(self) -> None:
        """Append what is new; begin anew where the stamp is another one."""
        if not self._added:
            return
        new = b"".join(entry + b"\n" for entry in self._added)
        with contextlib.suppress(OSError):
            if not self._is_current:
                from embver.store.files import write_atomic

                write_atomic(self._file, self._head + b"\n" + new, is_cache=True)
                return
            # One write at the end of the file: what another process appends stays whole.
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(handle, new)
            finally:
                os.close(handle)


def _stamp(facts: tuple[str, ...]) -> str:
    digest = hashlib.sha256(rules_stamp().encode())
    # Whoever works on embver itself changes the rules without a new version.
    for entry in sorted(os.scandir(Path(__file__).parent), key=lambda entry: entry.name):
        if entry.name.endswith(".py"):
            state = entry.stat()
            digest.update(f"{entry.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    for fact in facts:
        digest.update(f"{len(fact)} {fact}\n".encode())
    return digest.hexdigest()
