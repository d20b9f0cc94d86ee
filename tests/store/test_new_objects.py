"""Objects that are made here are those that git would make; folders of many commits are read at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from embver.errors import RepoError
from embver.store.folders import read_folders, sizes_of
from embver.store.new_objects import NewObjects
from embver.store.repo import Repository

Git = Callable[..., str]
MODE = "100644"


@pytest.fixture(params=["sha1", "sha256"])
def either(request: pytest.FixtureRequest, tmp_path: Path, git: Git) -> Repository:
    """Return a repository of either object format with folders, a program and a symbolic link."""
    top = tmp_path / request.param
    (top / "a/b").mkdir(parents=True)
    git(top, "init", "--quiet", f"--object-format={request.param}")
    for name in ("a/b/x", "a/b.txt", "a-c", "a0"):
        (top / name).write_text(name)
    (top / "a/b/x").chmod(0o755)
    (top / "link").symlink_to("a0")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "First")
    return Repository.discover(top)


@pytest.mark.parametrize("size_bytes", [0, 1, 15, 16, 2047, 2048, 300_000])
def test_a_blob_is_what_git_would_make(size_bytes: int, either: Repository, git: Git) -> None:
    data = bytes(range(256)) * (size_bytes // 256) + bytes(size_bytes % 256)
    objects = NewObjects(either)
    made = objects.blob(data)
    objects.store()
    assert made == git(either.root, "hash-object", "--stdin", stdin=data)
    assert either.read_many([made]) == (data,)


def test_trees_are_sorted_as_git_sorts_them(either: Repository, git: Git) -> None:
    """A folder `a` sorts as `a/`: behind `a-c`, before `a0`."""
    objects = NewObjects(either)
    blob = objects.blob(b"new")
    tree = objects.tree("HEAD", files={"a/b/y": (MODE, blob), "a.d/z": (MODE, blob)}, removed=["a/b.txt"])
    objects.store()
    names = git(either.root, "ls-tree", "-r", "--name-only", tree).splitlines()
    assert names == ["a-c", "a.d/z", "a/b/x", "a/b/y", "a0", "link"]
    git(either.root, "read-tree", tree)
    assert git(either.root, "write-tree") == tree
    assert "100755" in git(either.root, "ls-tree", tree, "a/b/x")
    assert "120000" in git(either.root, "ls-tree", tree, "link")
    git(either.root, "fsck", "--strict")


def test_a_removed_folder_goes_whole_and_an_empty_one_vanishes(either: Repository, git: Git) -> None:
    objects = NewObjects(either)
    for removed, names in ((["a"], ["a-c", "a0", "link"]), (["a/b/x", "a/b.txt"], ["a-c", "a0", "link"])):
        tree = objects.tree("HEAD", files={}, removed=removed)
        objects.store()
        assert git(either.root, "ls-tree", "-r", "--name-only", tree).splitlines() == names


def test_what_is_stored_already_is_not_written_again(either: Repository) -> None:
    objects = NewObjects(either)
    known = objects.blob(b"known elsewhere", stored=())
    other = NewObjects(either)
    assert other.blob(b"known elsewhere", stored={known}) == known
    other.store()
    assert either.read_many([known]) == (None,)


def test_a_base_that_is_not_here(either: Repository) -> None:
    with pytest.raises(RepoError, match="are not in this clone"):
        NewObjects(either).tree("1" * len(either.zero), files={}, removed=["a"])


def test_folders_of_many_commits(either: Repository, git: Git) -> None:
    first = str(either.head())
    git(either.root, "rm", "-rq", "a/b")
    git(either.root, "commit", "--quiet", "-m", "Second")
    found = read_folders(
        either, [f"{first}:a", "HEAD:a", "HEAD:no where\nat all", f"{first}:a", "HEAD:a0", f"{first}^:a"]
    )
    assert [None if each is None else sorted(each) for each in found] == [
        ["b.txt", "b/x"], ["b.txt"], None, ["b.txt", "b/x"], None, None]  # fmt: skip
    assert found[0] is not None
    blob = found[0]["b/x"]
    assert (blob.mode, blob.id) == ("100755", git(either.root, "rev-parse", f"{first}:a/b/x"))
    assert sizes_of(either, [blob.id, either.zero]) == {blob.id: 5}
    assert read_folders(either, []) == ()
    assert sizes_of(either, []) == {}
