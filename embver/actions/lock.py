"""Let one command at a time change what a release changes; a killed one holds nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from embver.actions.workspace import Workspace
from embver.errors import RepoError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: two releases at the same moment are then left to Git's own locks
    fcntl = None


@contextlib.contextmanager
def release_lock(work: Workspace) -> Iterator[None]:
    """Hold the repository's release lock; raise RepoError if another process holds it.

    The lock is the kernel's and not a file's existence, so that nothing is left to clear after a kill.
    """
    path = work.repo.git_dir / "embver" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RepoError(
                    "another embver is releasing in this repository", hint="wait for it, then try again"
                ) from None
        yield


@contextlib.contextmanager
def wait_for(path: Path) -> Iterator[None]:
    """Hold a lock on a file, and wait for it while another process does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
