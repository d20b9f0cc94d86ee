"""One `git cat-file --batch` that stays open: what is to be read next may be known only once the first has been read."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from embver.errors import RepoError
from embver.store.process import clean_environment

# Git answers while we still ask: what is asked at once must fit into a pipe, or each would wait for the other.
_AT_ONCE_BYTES: Final = 8192


class CatFile:
    """Answers names of blobs (`REVISION:PATH` or ids) with their bytes, as often as asked, until it is left."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["git", "cat-file", "--batch", "-z"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(environment),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(
                BrokenPipeError
            ):  # it ended early, and what was asked is still to be sent
                assert stream is not None
                stream.close()
        self._process.wait()

    def read(self, names: Sequence[bytes]) -> tuple[bytes | None, ...]:
        """Return blobs in the order of their names, None for each that is missing; a name holds no line break."""
        found: list[bytes | None] = []
        asked: list[bytes] = []
        for n, name in enumerate(names):
            asked.append(name)
            if n == len(names) - 1 or sum(map(len, asked)) + len(names[n + 1]) > _AT_ONCE_BYTES:
                found += self._answers(asked)
                asked = []
        return tuple(found)

    def _answers(self, asked: Sequence[bytes]) -> list[bytes | None]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(b"".join(name + b"\0" for name in asked))
            stdin.flush()
        except BrokenPipeError:
            raise RepoError("git cat-file ended early", hint="git fsck") from None
        found: list[bytes | None] = []
        for name in asked:
            header = stdout.readline()
            if header in (name + b" missing\n", name + b" ambiguous\n"):
                found.append(None)
                continue
            fields = header.split()
            if len(fields) != 3 or not fields[2].isdigit():
                raise RepoError(f"git cat-file answered {header[:200]!r}", hint="git fsck")
            data = stdout.read(int(fields[2]) + 1)
            if len(data) != int(fields[2]) + 1:
                raise RepoError(f"git cat-file ended within {fields[0].decode()}", hint="git fsck")
            found.append(data[:-1] if fields[1] == b"blob" else None)
        return found
