"""Files: whole or not at all, with the mode they should have."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from embver.store.files import hash_file, write_atomic, write_if_changed, write_many


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("size_bytes", [0, 1, (1 << 20) - 1, 1 << 20, (2 << 20) + 3])
def test_the_hash_is_that_of_all_bytes(size_bytes: int, tmp_path: Path) -> None:
    data = bytes(range(251)) * (size_bytes // 251 + 1)
    (tmp_path / "f").write_bytes(data[:size_bytes])
    assert hash_file(tmp_path / "f") == (hashlib.sha256(data[:size_bytes]).hexdigest(), size_bytes)


def test_a_failed_write_leaves_the_old_bytes_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_atomic(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(tmp_path / "taken", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_disk_that_fills_up_leaves_the_old_bytes(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "f"
    path.write_bytes(b"old")
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomic(path, b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_new_file_obeys_the_umask(umask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "f", b"")
        assert os.umask(umask) == umask  # looking at it has not changed it
    finally:
        os.umask(before)
    assert mode_of(tmp_path / "f") == mode


def test_a_file_keeps_its_mode_unless_another_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "hook"
    path.touch()
    path.chmod(0o750)
    write_atomic(path, b"1")
    assert mode_of(path) == 0o750
    write_atomic(path, b"2", mode=0o755)
    assert mode_of(path) == 0o755


def test_folders_are_made_and_long_names_work(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / ("é" * 127)  # 254 bytes, one less than may be
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    write_atomic(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_only_other_bytes_are_written(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    assert write_if_changed(path, b"1")
    os.utime(path, ns=(0, 0))
    inode = path.stat().st_ino
    assert not write_if_changed(path, b"1")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (0, inode)
    assert write_if_changed(path, b"2")
    assert path.read_bytes() == b"2"


def test_a_neighbour_that_a_killed_process_left_is_not_overwritten(tmp_path: Path) -> None:
    left = tmp_path / f".embver-{os.getpid()}-0"
    left.write_text("of a process that had this number")
    write_atomic(tmp_path / "card.yaml", b"new")
    assert ((tmp_path / "card.yaml").read_bytes(), left.read_text()) == (
        b"new", "of a process that had this number")  # fmt: skip
    assert {file.name for file in tmp_path.iterdir()} == {"card.yaml", left.name}


def test_a_cache_is_written_whole_as_well(tmp_path: Path) -> None:
    write_atomic(tmp_path / "known", b"1" * 100_000, is_cache=True)
    assert (tmp_path / "known").read_bytes() == b"1" * 100_000
    assert [file.name for file in tmp_path.iterdir()] == ["known"]


@pytest.mark.parametrize("count", [0, 1, 40])
def test_many_files_are_written_like_one(count: int, tmp_path: Path) -> None:
    """Several at once: what was there keeps its mode, what is new gets the usual one, and nothing is left beside them."""
    files = [(tmp_path / f"deep-{n % 3}" / f"{n}.json", str(n).encode()) for n in range(count)]
    for path, _ in files[:1]:
        path.parent.mkdir()
        path.write_bytes(b"old")
        path.chmod(0o640)
    plain = tmp_path / "plain"
    plain.touch()
    write_many(files)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == dict(files)
    modes = [path.stat().st_mode & 0o777 for path, _ in files]
    assert modes == [0o640, *[plain.stat().st_mode & 0o777] * (count - 1)][:count]
    assert list(tmp_path.rglob(".embver-*")) == []


def test_one_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_many([(tmp_path / f"{n}", b"") for n in range(9)] + [(tmp_path / "folder", b"")])
