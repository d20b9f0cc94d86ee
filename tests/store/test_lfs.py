"""Git LFS, the real one: written once, fetched one path at a time, and never taken at its word."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from embver.errors import LfsError
from embver.pointer import Pointer
from embver.store.lfs import INSTALL_HINT, LfsStore
from embver.store.repo import Repository

Git = Callable[..., str]
pytestmark = [
    pytest.mark.lfs,
    pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed"),
]

PLAIN = "embeddings/p/1.0.0/image.safetensors"


def data_of(name: str) -> bytes:
    return name.encode() * 1000


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file()) if folder.exists() else []


# ---- writing


@pytest.mark.parametrize("size_bytes", [0, 1, 130, 1_000_000])
def test_an_object_is_what_came(size_bytes: int, lfs: LfsStore) -> None:
    data = os.urandom(size_bytes)
    pointer = lfs.put([data[:100], data[100:]])
    assert pointer == Pointer(sha256=hashlib.sha256(data).hexdigest(), size_bytes=size_bytes)
    path = lfs.path_of(pointer.sha256)
    assert path.parent.parent.parent == lfs._repo.git_dir / "lfs" / "objects"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, 0o444)
    assert lfs.holds(pointer)
    assert lfs.read(pointer) == data


def test_rows_of_numbers_are_counted_in_bytes(lfs: LfsStore) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert lfs.put([memoryview(rows)]).size_bytes == rows.nbytes


def test_bytes_are_taken_once_as_they_come(lfs: LfsStore) -> None:
    def chunks() -> Iterator[bytes]:
        for number in range(50):
            # What came before is on its way to the disk and nothing is kept back.
            made = sum(path.stat().st_size for path in (lfs.objects.parent / "tmp").iterdir())
            assert made >= (number - 1) * 100_000
            yield bytes(100_000)

    assert lfs.put(chunks()).size_bytes == 5_000_000


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_nothing(error: type[BaseException], lfs: LfsStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise error

    with pytest.raises(error):
        lfs.put(chunks())
    assert files_below(lfs.objects.parent) == []
    assert files_below(lfs._repo.git_dir / "embver") == []


def test_the_same_bytes_twice_are_one_object_and_heal_it(lfs: LfsStore) -> None:
    pointer = lfs.put([b"x" * 500])
    path = lfs.path_of(pointer.sha256)
    path.chmod(0o644)
    path.write_bytes(b"y" * 500)
    assert lfs.put([b"x" * 500]) == pointer
    assert lfs.read(pointer) == b"x" * 500


def test_another_size_is_not_the_object(lfs: LfsStore) -> None:
    pointer = lfs.put([b"whole"])
    assert not lfs.holds(Pointer(sha256=pointer.sha256, size_bytes=4))
    absent = Pointer(sha256="0" * 64, size_bytes=4)
    with pytest.raises(LfsError, match="1 of 2 objects are not on this machine") as caught:
        lfs.need([pointer, absent])
    assert caught.value.hint == "embver pull REF"


def test_the_folder_is_where_the_configuration_puts_it(
    lfs: LfsStore, top: Path, tmp_path: Path, git: Git
) -> None:
    git(top, "config", "lfs.storage", str(tmp_path / "big disk"))
    moved = LfsStore(Repository.discover(top))
    pointer = moved.put([b"x"])
    assert moved.path_of(pointer.sha256).is_relative_to(tmp_path / "big disk")
    assert git(top, "-c", "lfs.fetchexclude=", "lfs", "smudge", stdin=pointer.format()) == "x"


def test_work_trees_share_the_objects(lfs: LfsStore, top: Path, tmp_path: Path, git: Git) -> None:
    git(top, "worktree", "add", "--quiet", str(tmp_path / "other"))
    pointer = LfsStore(Repository.discover(tmp_path / "other")).put([b"x"])
    assert lfs.read(pointer) == b"x"
    assert (top / ".git" / "embver" / "pending" / pointer.sha256).is_file()


# ---- with git


def test_git_takes_the_pointer_as_if_it_had_filtered_the_file(
    commit: Callable[..., list[Pointer]], top: Path, git: Git
) -> None:
    (pointer,) = commit(PLAIN)
    assert git(top, "status", "--porcelain") == ""
    assert git(top, "cat-file", "blob", f"HEAD:{PLAIN}") + "\n" == pointer.format().decode()
    assert "Git LFS fsck OK" in git(top, "-c", "lfs.fetchexclude=", "lfs", "fsck")
    assert git(top, "lfs", "ls-files", "--long", "--name-only") == PLAIN
    git(top, "-c", "lfs.fetchexclude=", "lfs", "checkout")
    assert (top / PLAIN).read_bytes() == data_of(PLAIN)
    assert git(top, "status", "--porcelain") == ""


def test_what_is_only_staged_survives_prune(lfs: LfsStore, top: Path, git: Git) -> None:
    pointer = lfs.put([b"precious"])
    (top / "x").write_bytes(pointer.format())
    git(top, "add", "x")
    git(top, "lfs", "prune")
    assert not lfs.path_of(pointer.sha256).exists()  # else this test proves nothing
    assert lfs.holds(pointer)
    assert lfs.read(pointer) == b"precious"
    assert lfs.path_of(pointer.sha256).stat().st_mode & 0o777 == 0o444
    lfs.release_pending([pointer, pointer])
    assert files_below(lfs._repo.git_dir / "embver") == []
    git(top, "lfs", "prune")
    assert not lfs.holds(pointer)


# ---- git-lfs itself


def test_the_version_is_told(top: Path) -> None:
    assert str(LfsStore.version(top)).startswith("git-lfs/")


def test_filters_and_hook_are_this_repositorys_alone(
    lfs: LfsStore, top: Path, git: Git, isolated_git: Path
) -> None:
    before = (isolated_git / ".gitconfig").read_bytes()
    lfs.install_local()
    assert git(top, "config", "--local", "filter.lfs.process") == "git-lfs filter-process"
    assert "git lfs pre-push" in (top / ".git" / "hooks" / "pre-push").read_text()
    assert (isolated_git / ".gitconfig").read_bytes() == before


def test_a_failure_says_what_git_lfs_said(lfs: LfsStore) -> None:
    with pytest.raises(LfsError, match=r"git lfs push failed: .*nowhere"):
        lfs.push("nowhere", "main")


def test_a_missing_git_lfs_says_how_to_install_it(
    lfs: LfsStore, top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert LfsStore.version(top) is None
    for act in (
        lambda: lfs.objects,
        lambda: lfs.push("origin", "main"),
        lambda: lfs.put([b"x"]),
    ):
        with pytest.raises(LfsError, match="git-lfs is not installed") as caught:
            act()
        assert caught.value.hint == INSTALL_HINT
