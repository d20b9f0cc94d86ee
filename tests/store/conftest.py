"""Real repositories in an environment that nothing of this machine's owner reaches."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.pointer import Pointer
from embver.store.lfs import LfsStore
from embver.store.repo import Repository

Git = Callable[..., str]

LFS_CONFIG = """\
[filter "lfs"]
\tclean = git-lfs clean -- %f
\tsmudge = git-lfs smudge -- %f
\tprocess = git-lfs filter-process
\trequired = true
"""


@pytest.fixture(autouse=True)
def isolated_git(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give git an empty home, no system settings, one identity and one date; return the home."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    (home / "template").mkdir()
    (home / ".gitconfig").write_text(
        f"[init]\n\tdefaultBranch = main\n\ttemplateDir = {home}/template\n{LFS_CONFIG}"
    )
    for name, value in {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": home.parent,
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_AUTHOR_DATE": "2026-11-02T09:30:00+0000",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
        "GIT_COMMITTER_DATE": "2026-11-02T09:30:00+0000",
        "TZ": "UTC",
    }.items():
        monkeypatch.setenv(name, str(value))
    return home


@pytest.fixture
def git() -> Git:
    """Run git as a person would and return what it prints; its failure is the test's."""

    def run(folder: Path, *arguments: str, stdin: str | bytes = b"", **env: str) -> str:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        argv = ["git", *arguments]
        done = subprocess.run(
            argv, cwd=folder, input=data, capture_output=True, env={**os.environ, **env}, check=False
        )
        assert done.returncode == 0, f"{argv}: {done.stderr.decode()}"
        return done.stdout.decode(errors="surrogateescape").removesuffix("\n")

    return run


@pytest.fixture
def top(tmp_path: Path, git: Git) -> Path:
    """Return the folder of a repository with one commit."""
    folder = tmp_path / "repo"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "a.txt").write_text("a\n")
    git(folder, "add", "a.txt")
    git(folder, "commit", "--quiet", "-m", "First")
    return folder


@pytest.fixture
def repo(top: Path) -> Repository:
    return Repository.discover(top)


@pytest.fixture
def git_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Put a git on the PATH that notes how it is called; return what lists the calls."""
    real, log = shutil.which("git"), tmp_path / "calls.log"
    folder = tmp_path / "noting"
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\necho "$*" >> "{log}"\nexec "{real}" "$@"\n')
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    log.touch()
    return lambda: log.read_text().splitlines()


@pytest.fixture
def lfs(top: Path, git: Git) -> LfsStore:
    git(top, "rm", "--quiet", "a.txt")
    (top / ".gitattributes").write_text(
        "* filter=lfs diff=lfs merge=lfs -text\n.* !filter !diff !merge text\n"
    )
    (top / ".lfsconfig").write_text("[lfs]\n\tfetchexclude = *\n")
    git(top, "add", ".gitattributes", ".lfsconfig")
    git(top, "commit", "--quiet", "-m", "Set up")
    return LfsStore(Repository.discover(top))


@pytest.fixture
def commit(lfs: LfsStore, top: Path, git: Git) -> Callable[..., list[Pointer]]:
    """Commit files by their pointers alone; return these."""

    def make(*paths: str) -> list[Pointer]:
        pointers = []
        for path in paths:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            pointers.append(lfs.put([path.encode() * 1000]))
            (top / path).write_bytes(pointers[-1].format())
        Repository.discover(top).stage(paths)
        git(top, "commit", "--quiet", "-m", "Add")
        git(top, "tag", "t")
        return pointers

    return make


@pytest.fixture
def bare(tmp_path: Path, top: Path, git: Git) -> Path:
    git(tmp_path, "init", "--quiet", "--bare", "bare.git")
    git(top, "remote", "add", "origin", f"file://{tmp_path / 'bare.git'}")
    return tmp_path / "bare.git"


@pytest.fixture
def cloned(lfs: LfsStore, bare: Path, tmp_path: Path, git: Git) -> Callable[..., tuple[LfsStore, Path]]:
    """Push everything and clone it elsewhere."""

    def make(*options: str) -> tuple[LfsStore, Path]:
        lfs.push("origin", "refs/heads/main", "refs/tags/t")
        git(lfs._repo.root, "push", "--quiet", "origin", "main", "t")
        git(tmp_path, "clone", "--quiet", *options, f"file://{bare}", "clone")
        return LfsStore(Repository.discover(tmp_path / "clone")), tmp_path / "clone"

    return make
