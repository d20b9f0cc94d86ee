"""Small repositories with real tags, made in no time: what `benchmarks.site_history` makes, a few releases of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from benchmarks.site_history import add_releases, make_repository


def repository(folder: Path, versions: int, *, names: int = 1) -> Path:
    """Make a repository of so many releases."""
    return make_repository(folder, versions, os.environ, names=names)


def release(root: Path, *, have: int, names: int = 1) -> None:
    """Add one release to a repository that has some."""
    add_releases(root, 1, os.environ, names=names, start=have)


def git(root: Path, *words: str, stdin: bytes = b"") -> str:
    done = subprocess.run(["git", *words], cwd=root, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit_card(root: Path, path: str, text: str) -> None:
    """Commit another card, without touching the work tree."""
    blob = git(root, "hash-object", "-w", "--stdin", stdin=text.encode())
    git(root, "read-tree", "HEAD")
    git(root, "update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tree = git(root, "write-tree")
    commit = git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit-tree", tree, "-p", "HEAD", "-m", "Grow a card")  # fmt: skip
    git(root, "update-ref", "refs/heads/main", commit)


def files_below(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder with their bytes."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
