"""One git process for many reads: the same answers as from a process each."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.errors import RepoError
from embver.store.cat_file import CatFile
from embver.store.git_reader import GitReader
from sandbox import git

FILES = {
    "small.txt": b"a\n",
    "empty": b"",
    "large.bin": bytes(range(256)) * 8192,
    "a folder/with spaces.txt": b"b",
    "a\nbreak": b"c",
    "missing missing": b"d",
}


@pytest.fixture
def reader(tmp_path: Path) -> GitReader:
    git(tmp_path, "init", "-q", "-b", "main")
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    git(tmp_path, "add", "-A")
    git(tmp_path, "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", "Start")
    return GitReader(tmp_path, tmp_path / ".git")


def test_every_kind_of_name(reader: GitReader) -> None:
    blob = reader.git("rev-parse", "HEAD:small.txt").strip()
    names = [
        *(f"HEAD:{name}" for name in FILES),
        "HEAD:none",
        "HEAD:a folder",
        blob,
        blob,
        "HEAD~9:x",
        "main:empty",
    ]
    alone = reader.read_many(names)
    with reader.kept_open():
        assert reader.read_many(names) == alone
        assert [reader.read_many([name])[0] for name in names] == list(alone)
        assert reader.read("HEAD", "small.txt") == b"a\n"
        assert reader.read_many([]) == ()
    assert reader.read_many(names) == alone
    assert alone[: len(FILES)] == tuple(FILES.values())
    assert alone[len(FILES) :] == (None, None, b"a\n", b"a\n", None, b"")


def test_thousands_of_names_and_megabytes_of_answers_do_not_wait_for_each_other(reader: GitReader) -> None:
    names = [
        "HEAD:large.bin",
        f"HEAD:{'x' * 9000}",
        *(f"HEAD:a folder/{n:0200}" for n in range(300)),
        "HEAD:large.bin",
    ] * 3
    with reader.kept_open():
        found = reader.read_many(names)
    assert found == reader.read_many(names)
    assert sum(len(each or b"") for each in found) == 6 * len(FILES["large.bin"])


def test_one_process_answers_all(reader: GitReader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("GIT_TRACE2", str(told))
    with reader.kept_open(), reader.kept_open():
        for _ in range(5):
            reader.read_many(["HEAD:small.txt", "HEAD:empty"])
    started = [line for line in told.read_text().splitlines() if " start " in line]
    assert len(started) == 1


def test_an_error_within_ends_the_process(reader: GitReader) -> None:
    def fail() -> None:
        with reader.kept_open():
            reader.read_many(["HEAD:small.txt"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert reader.read_many(["HEAD:small.txt"]) == (b"a\n",)


def test_a_process_that_ended_is_an_error_and_no_answer(tmp_path: Path) -> None:
    # Outside of a repository git ends at once.
    environment = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    with CatFile(tmp_path, environment) as opened:
        for _ in range(2):
            with pytest.raises(RepoError):
                opened.read([b"HEAD:x"])
