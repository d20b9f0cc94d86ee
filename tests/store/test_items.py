"""Where a benchmark's items are found: the release's commit first, by digest, and what is said where they are not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from embver.pointer import Pointer
from embver.probe import parse_items
from embver.store.items import read_items
from embver.store.repo import Repository
from sandbox import git

LINES = [
    json.dumps({"id": f"q{n}", "modality": "text", "text": f"text {n}", "pair": f"p{n}"}) for n in range(3)
]
TEXT = "".join(f"{line}\n" for line in LINES)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Return a repository whose one commit holds three items."""
    git(tmp_path, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Team"), ("user.email", "team@shop.example")):
        git(tmp_path, "config", key, value)
    write(tmp_path, TEXT)
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Items")
    return Repository.discover(tmp_path)


def write(root: Path, text: str) -> None:
    (root / "probes/pairs").mkdir(parents=True, exist_ok=True)
    (root / "probes/pairs/items.jsonl").write_text(text, encoding="utf-8")


def record(uri: str = "probes/pairs", text: str = TEXT) -> dict[str, Any]:
    digest = parse_items(text.split("\n"), name="pairs").digest.removeprefix("sha256:")
    return {"dataset": {"id": "pairs", "uri": uri, "sha256": digest}}


@pytest.mark.parametrize("uri", ["probes/pairs", "probes/pairs/items.jsonl"])
def test_items_are_those_of_the_commit_whatever_lies_there_now(repo: Repository, uri: str) -> None:
    commit = git(repo.root, "rev-parse", "HEAD").out.strip()
    write(repo.root, TEXT + json.dumps({"id": "q9", "modality": "text", "text": "more", "pair": "p9"}) + "\n")
    git(repo.root, "commit", "-qam", "More")
    found = read_items(repo, record(uri), [commit])
    assert found.items is not None
    assert [item.id for item in found.items.items] == ["q0", "q1", "q2"]
    assert (found.folder, found.lacking) == ("probes/pairs", None)


def test_items_that_were_never_committed_are_read_where_the_digest_is_theirs(repo: Repository) -> None:
    other = TEXT.replace("text 0", "other")
    write(repo.root, other)
    assert read_items(repo, record(text=other), []).items is not None


def test_other_items_are_none_and_both_digests_are_said(repo: Repository) -> None:
    wanted = record(text=TEXT.replace("text 0", "other"))
    found = read_items(repo, wanted, [])
    assert found.items is None
    assert found.lacking is not None
    for digest in (wanted, record()):
        assert digest["dataset"]["sha256"][:12] in found.lacking


def test_items_that_cannot_be_read_say_the_line(repo: Repository) -> None:
    write(repo.root, LINES[0] + "\n{\n")
    git(repo.root, "commit", "-qam", "Spoil")
    assert "line 2" in str(read_items(repo, record(), []).lacking)


@pytest.mark.parametrize("uri", ["../elsewhere", "/data/pairs", "https://example.org/pairs"])
def test_items_outside_of_the_repository_are_not_looked_for(repo: Repository, uri: str) -> None:
    assert "do not lie in this repository" in str(
        read_items(repo, {"dataset": {"uri": uri, "sha256": "0" * 64}}, []).lacking
    )


def test_a_card_that_does_not_say_where_they_lie_is_told(repo: Repository) -> None:
    assert "does not say" in str(read_items(repo, {"dataset": {"id": "pairs"}}, []).lacking)


@pytest.mark.lfs
def test_items_kept_by_git_lfs_are_read_where_their_bytes_are_here(repo: Repository) -> None:
    pointer = Pointer(sha256=hashlib.sha256(TEXT.encode()).hexdigest(), size_bytes=len(TEXT.encode()))
    write(repo.root, pointer.format().decode())
    git(repo.root, "commit", "-qam", "Large now")
    commit = git(repo.root, "rev-parse", "HEAD").out.strip()
    missing = read_items(repo, record(text=TEXT), [commit])
    assert f"a Git LFS pointer to {pointer.sha256[:12]}" in str(missing.lacking)
    place = repo.root / ".git/lfs/objects" / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256
    place.parent.mkdir(parents=True)
    place.write_text(TEXT, encoding="utf-8")
    assert read_items(repo, record(text=TEXT), [commit]).items is not None
