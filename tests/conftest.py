"""What every test shares: an isolated home and Git, and copies of one small repository with a history.

Each stage of the history is made once a run (`sandbox.make_stages`), and a test gets a copy of the one it needs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Read once, when the hub's library is imported: no network, and no cache but one for tests.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HOME"] = str(Path(tempfile.gettempdir()) / f"embver-tests-hub-{os.getuid()}")

from sandbox import NAME, Said, Sandbox, embver, git, make_stages

__all__ = [
    "NAME",
    "Said",
    "Sandbox",
    "embver",
    "git",
]  # for `from conftest import`; `from sandbox import` is surer

# Fixed examples, and no deadline: how long one takes says something of the machine, not of the code.
settings.register_profile("embver", deadline=None, derandomize=True, database=None)
settings.load_profile("embver")

DATE = "2026-11-02T09:14:07Z"


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the whole run a home of its own, without Git's global and system settings, and one fixed time."""
    home = tmp_path_factory.mktemp("home")
    (home / "git-template").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for key in [key for key in os.environ if key.startswith(("GIT_", "EMBVER_", "XDG_"))]:
            patch.delenv(key)
        for key in (
            "NO_COLOR",
            "FORCE_COLOR",
            "TERM",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "https_proxy",
            "http_proxy",
        ):
            patch.delenv(key, raising=False)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("GIT_TEMPLATE_DIR", str(home / "git-template"))
        patch.setenv("GIT_TERMINAL_PROMPT", "0")
        for key in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            patch.setenv(key, DATE)
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("OMP_WAIT_POLICY", "passive")
        yield home


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder of all stages; the first worker that asks makes it, the others wait."""
    pytest.importorskip("torch")
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "stages"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "done").is_file():
            shutil.rmtree(shared, ignore_errors=True)
            shared.mkdir()
            make_stages(shared)
            (shared / "done").touch()
    return shared


@pytest.fixture(scope="session")
def models(stages: Path) -> Path:
    """Return the folder of the model files: `first`, `retrained` (another seed), `wide` (48 dimensions)."""
    return stages / "models"


@pytest.fixture
def sandbox(stages: Path, tmp_path: Path):
    """Return a function that gives a copy of a stage of the history, with its remote."""

    def at(stage: str) -> Sandbox:
        shutil.copytree(stages / stage, tmp_path / stage, symlinks=True)
        found = Sandbox(root=tmp_path / stage / "repository")
        if found.remote.is_dir():
            found.git("remote", "set-url", "origin", found.remote.as_uri())
        # Copies have other inodes and times: let the index learn them, so that a test sees changes only.
        found.git("update-index", "-q", "--refresh", code=None)
        return found

    return at


@pytest.fixture
def story(sandbox) -> Sandbox:
    """Return a repository with 1.0.0, 1.1.0 (MINOR) and 1.1.1 (PATCH), pushed, and no `next/`."""
    return sandbox("story")


@pytest.fixture
def encoded(sandbox) -> Sandbox:
    """Return a repository whose first version is encoded and benched, and not released."""
    return sandbox("encoded")


@pytest.fixture
def retrained(sandbox) -> Sandbox:
    """Return the story and a `next/` whose model was trained anew: the same dimension, another space."""
    return sandbox("retrained")
