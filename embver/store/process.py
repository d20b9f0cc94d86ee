"""Run other programs: clean environment, nothing swallowed."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embver.errors import EmbverError

# A hook runs with GIT_DIR, GIT_INDEX_FILE and more set; handed on to `git -C elsewhere` they make it work on the
# wrong repository (pre-commit's git.py lists the accidents). Kept: how to reach other hosts, who commits, a
# person's own configuration, and how far up to look for a repository; none of them names one.
_KEPT_GIT: tuple[str, ...] = (
    *("GIT_SSH", "GIT_SSL_", "GIT_PROXY_SSL_", "GIT_HTTP_", "GIT_ALLOW_PROTOCOL", "GIT_PROTOCOL"),
    *("GIT_ASKPASS", "GIT_TERMINAL_PROMPT", "GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_TRACE", "GIT_EXEC_PATH"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM"),
    *("GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_"),
    *("GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM"),
)
_PIECE_BYTES = (
    1 << 18
)  # read at a time: little enough that a long answer is taken up while the rest is written


class ProcessError(EmbverError):
    """A program failed; carries what it was asked and all that it said."""

    def __init__(self, argv: Sequence[str], *, status: int, stdout: bytes, stderr: bytes) -> None:
        self.argv, self.status, self.stdout, self.stderr = tuple(argv), status, stdout, stderr
        said = stderr.decode(errors="replace").strip() or stdout.decode(errors="replace").strip()
        super().__init__(f"`{shlex.join(argv)}` ended with {status}: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a program said, and its exit status."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        """Return the output as text."""
        return self.stdout.decode(errors="surrogateescape")


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without what ties git to another repository, in plain English."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith(_KEPT_GIT)
    }
    return {**kept, "LC_ALL": "C.UTF-8", **(extra or {})}


@contextmanager
def cleaned(extra: Mapping[str, str] | None = None) -> Iterator[None]:
    """Clean this process's own environment for a while: for a library that starts git by itself."""
    before, wanted = dict(os.environ), clean_environment(extra)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def inherited_index() -> Path | None:
    """Return the index that a hook is told to look at: in `git commit -a` it is not the usual one."""
    named = os.environ.get("GIT_INDEX_FILE")
    return Path(named).absolute() if named else None


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    check: bool = True,
    keep_output: bool = True,
) -> Finished:
    """Run a program to its end; raise ProcessError if it fails and `check` is set, FileNotFoundError if absent.

    Without `keep_output` what it prints is thrown away unread, however much it is.
    """
    done = subprocess.run(
        list(argv),
        cwd=cwd,
        input=stdin,
        stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=clean_environment(env),
        check=False,
    )
    stdout = done.stdout or b""
    if check and done.returncode != 0:
        raise ProcessError(argv, status=done.returncode, stdout=stdout, stderr=done.stderr)
    return Finished(status=done.returncode, stdout=stdout, stderr=done.stderr)


def stream(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """Start a program at once and yield what it prints as it comes, in large pieces, to be read while it still runs.

    Raises ProcessError at the end if it failed, FileNotFoundError if it is absent.
    """
    process = subprocess.Popen(
        list(argv),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a second pipe would have to be read at the same time
        env=clean_environment(env),
    )
    return _pieces(process, argv, cwd, env)


def _pieces(
    process: subprocess.Popen[bytes], argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None
) -> Iterator[bytes]:
    with process:
        assert process.stdout is not None
        while piece := process.stdout.read(_PIECE_BYTES):
            yield piece
    if process.returncode != 0:
        run(argv, cwd=cwd, env=env)  # once more, to hear why
        raise ProcessError(argv, status=process.returncode, stdout=b"", stderr=b"")
