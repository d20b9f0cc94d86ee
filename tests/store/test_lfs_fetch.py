"""Git LFS between machines: one path brings that path, and the remote is never taken at its word."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from embver.errors import IntegrityError, LfsError
from embver.pointer import Pointer
from embver.store.lfs import LfsStore

Git = Callable[..., str]
pytestmark = [
    pytest.mark.lfs,
    pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed"),
]

PLAIN = "embeddings/p/1.0.0/image.safetensors"
ODD_PATHS = ["e/a,b", "e/a[1]", "e/with space", "e/ünï 日本", "e/st*r", "e/!bang", "e/#hash", "-dash", "e/back\\slash",
             "e/{a}", "e/quo'te\"", "e/:colon"]  # fmt: skip


def data_of(name: str) -> bytes:
    return name.encode() * 1000


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


def test_a_clone_is_small_and_one_path_brings_that_path(
    commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]], bare: Path
) -> None:
    nested = f"copy/{PLAIN}"  # ends as the wanted one does
    first, second, third = commit(PLAIN, "embeddings/p/1.0.0/text.safetensors", nested)
    there, folder = cloned()
    assert files_below(bare / "lfs" / "objects") == sorted(p.sha256 for p in (first, second, third))
    assert files_below(folder / ".git" / "lfs" / "objects") == []
    assert there.fetch("origin", "t", [PLAIN], [first]) == first.size_bytes
    assert files_below(there.objects) == [first.sha256]
    assert there.read(first) == data_of(PLAIN)
    assert there.fetch("origin", "t", [PLAIN], [first]) == 0
    assert (folder / PLAIN).read_bytes() == first.format()


@pytest.mark.parametrize("path", ODD_PATHS)
def test_a_path_of_any_name_is_fetched_and_no_other(
    path: str, commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]]
) -> None:
    wanted, *_ = commit(path, "e/a", "e/a1", "e/star", "b", "hash", "bang")
    there, _ = cloned()
    assert there.fetch("origin", "t", [path], [wanted]) == wanted.size_bytes
    assert files_below(there.objects) == [wanted.sha256]


def test_a_clone_without_blobs_fetches_too(
    commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]], bare: Path, git: Git
) -> None:
    git(bare, "config", "uploadpack.allowFilter", "true")
    first, _ = commit(PLAIN, "other")
    there, _ = cloned("--filter=blob:none", "--no-checkout")
    assert there.fetch("origin", "t", [PLAIN], [first]) == first.size_bytes
    assert files_below(there.objects) == [first.sha256]


def test_many_paths_are_more_than_one_argument_holds(
    commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]]
) -> None:
    paths = [f"{'deep/' * 40}{number:04d}" for number in range(160)]
    pointers = commit(*paths, "other")[:-1]
    there, _ = cloned()
    assert there.fetch("origin", "t", paths, pointers) == sum(pointer.size_bytes for pointer in pointers)
    assert files_below(there.objects) == sorted(pointer.sha256 for pointer in pointers)


def test_equal_files_are_fetched_and_counted_once(
    lfs: LfsStore, commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]]
) -> None:
    (pointer,) = commit("a")
    there, _ = cloned()
    assert there.fetch("origin", "t", ["a", "b"], [pointer, pointer]) == pointer.size_bytes


def test_the_remote_that_is_named_is_asked(
    commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]], git: Git, bare: Path
) -> None:
    pointers = commit("plain", "odd,name")
    there, folder = cloned()
    git(folder, "remote", "rename", "origin", "upstream")
    git(folder, "remote", "add", "origin", "file:///nowhere.git")
    there.fetch("upstream", "t", ["plain", "odd,name"], pointers)
    assert len(files_below(there.objects)) == 2


@pytest.mark.parametrize("path", ["plain", "odd,name"])
def test_what_the_remote_lacks_is_told(
    path: str, commit: Callable[..., list[Pointer]], cloned: Callable[..., tuple[LfsStore, Path]], bare: Path
) -> None:
    first, second = commit(path, "other")
    there, _ = cloned()
    (bare / "lfs" / "objects" / first.sha256[:2] / first.sha256[2:4] / first.sha256).unlink()
    with pytest.raises(
        LfsError, match=f"{path}: origin does not have the object {first.sha256[:12]}"
    ) as caught:
        there.fetch("origin", "t", ["other", path], [second, first])
    assert caught.value.hint == "where the version was made: git lfs push --all origin"
    assert there.holds(second)


@pytest.mark.parametrize("path", ["plain", "odd,name"])
@pytest.mark.parametrize("is_same_size", [True, False])
def test_other_bytes_than_the_name_says_are_refused(
    path: str,
    is_same_size: bool,
    commit: Callable[..., list[Pointer]],
    cloned: Callable[..., tuple[LfsStore, Path]],
    bare: Path,
) -> None:
    (pointer,) = commit(path)
    there, _ = cloned()
    kept = bare / "lfs" / "objects" / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256
    kept.unlink()
    kept.write_bytes(b"z" * (pointer.size_bytes if is_same_size else 7))
    with pytest.raises((IntegrityError, LfsError)) as caught:
        there.fetch("origin", "t", [path], [pointer])
    assert path in caught.value.message
    assert not there.holds(pointer)
    assert kept.exists()
