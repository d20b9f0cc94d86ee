"""Our pointers are git-lfs' own: byte for byte, whatever the size."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from embver.pointer import Pointer

pytestmark = [
    pytest.mark.lfs,
    pytest.mark.skipif(not shutil.which("git-lfs"), reason="git-lfs is not installed"),
]

SIZES = [0, 1, 9, 10, 99, 127, 128, 1023, 1024, 1025, 4096, 65_535, 65_536, 1_000_000]
HUGE = [2**31 - 1, 2**31, 2**32, 2**40, 2**53 + 1, 2**63 - 1]


def lfs(top: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes]:
    done = subprocess.run(["git", "lfs", *arguments], cwd=top, input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout


def of(data: bytes) -> Pointer:
    return Pointer(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


@pytest.mark.parametrize("size_bytes", SIZES)
def test_the_pointer_is_what_git_lfs_makes_of_the_file(size_bytes: int, top: Path) -> None:
    data = b"\x00\xff\n" * (size_bytes // 3 + 1)
    data = data[:size_bytes]
    (top / "x").write_bytes(data)
    _, said = lfs(top, "pointer", "--file", "x")
    assert said == (of(data).format() if data else b"")  # an empty file stands for itself
    assert lfs(top, "clean", stdin=data)[1] == (of(data).format() if data else b"")


@pytest.mark.parametrize("size_bytes", [1, *HUGE])
def test_git_lfs_calls_it_a_canonical_pointer(size_bytes: int, top: Path) -> None:
    (top / "x").write_bytes(Pointer(sha256="ab" * 32, size_bytes=size_bytes).format())
    assert lfs(top, "pointer", "--check", "--strict", "--file", "x")[0] == 0


@pytest.mark.parametrize(
    "data",
    [b"version https://git-lfs.github.com/spec/v1\n", b"\x89PNG\r\n", b"version x\noid sha256:00\nsize 1\n",
     of(b"x").format().replace(b"size 1", b"size -1"), of(b"x").format().replace(b"oid sha256:", b"oid md5:")],
)  # fmt: skip
def test_what_git_lfs_takes_for_no_pointer_is_none_of_ours(data: bytes, top: Path) -> None:
    (top / "x").write_bytes(data)
    assert lfs(top, "pointer", "--check", "--file", "x")[0] != 0
    assert Pointer.parse(data) is None


def test_a_pointer_with_windows_line_ends_is_not_canonical_for_either(top: Path) -> None:
    data = of(b"x").format().replace(b"\n", b"\r\n")
    (top / "x").write_bytes(data)
    assert lfs(top, "pointer", "--check", "--strict", "--file", "x")[0] != 0
    assert Pointer.parse(data) is None
