"""Repositories for other people's programs to read."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from embver.store.repo import Repository


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with one commit, in an environment with one identity and nothing else."""
    (tmp_path / "home" / "template").mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in {
        "HOME": tmp_path / "home",
        "XDG_CONFIG_HOME": tmp_path / "home" / "config",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TEMPLATE_DIR": tmp_path / "home" / "template",
    }.items():
        monkeypatch.setenv(name, str(value))
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")
        monkeypatch.setenv(f"GIT_{who}_DATE", "2026-11-02T09:30:00+0000")
    folder = tmp_path / "repo"
    subprocess.run(["git", "init", "--quiet", "-b", "main", str(folder)], check=True)
    subprocess.run(["git", "commit", "--quiet", "--allow-empty", "-m", "First"], cwd=folder, check=True)
    return folder


@pytest.fixture
def repo(top: Path) -> Repository:
    return Repository.discover(top)
