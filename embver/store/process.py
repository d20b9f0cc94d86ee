"""Run other programs: clean environment, nothing swallowed."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from embver.errors import EmbverError

# A hook runs with GIT_DIR, GIT_INDEX_FILE and more set; handed on to `git -C elsewhere` they make it work on the
# wrong repository (pre-commit's git.py lists the accidents). Kept: what says how to reach other hosts, and who
# commits, which decides no path.
_KEPT_GIT: tuple[str, ...] = (
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_",
    "GIT_ASKPASS",
    "GIT_TERMINAL_PROMPT",
    "GIT_AUTHOR_",
)
_KEPT_GIT += ("GIT_COMMITTER_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM", "GIT_TRACE")


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


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> Finished:
    """Run a program to its end; raise ProcessError if it fails and `check` is set, FileNotFoundError if absent."""
    done = subprocess.run(
        list(argv), cwd=cwd, input=stdin, capture_output=True, env=clean_environment(env), check=False
    )
    if check and done.returncode != 0:
        raise ProcessError(argv, status=done.returncode, stdout=done.stdout, stderr=done.stderr)
    return Finished(status=done.returncode, stdout=done.stdout, stderr=done.stderr)
