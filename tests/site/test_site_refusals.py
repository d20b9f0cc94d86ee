"""`embver site` where it cannot do what was asked: it says what is wrong and where, and ends with the right code."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from histories import git, repository

from embver.cli import main


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return repository(tmp_path_factory.mktemp("refusals") / "origin", 3)


def cloned(origin: Path, folder: Path, *words: str) -> Path:
    subprocess.run(["git", "clone", "-q", *words, origin.as_uri(), folder], env=os.environ, check=True)
    return folder


def test_a_shallow_clone_without_tags_is_told_how_to_get_them(
    origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = cloned(origin, tmp_path / "clone", "--depth", "1", "--no-tags")
    assert main(["-C", str(clone), "site"]) == 2
    said = capsys.readouterr().err
    assert "this clone is shallow and lacks its tags" in said
    assert "git fetch --unshallow --tags" in said
    assert not (clone / "site").exists()


def test_a_shallow_clone_with_a_part_of_the_tags_shows_what_it_has_and_says_so(
    origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = cloned(origin, tmp_path / "clone", "--depth", "1", "--branch", "shop-0@v1.1.0")
    assert main(["-C", str(clone), "site"]) == 0
    told = capsys.readouterr()
    assert "1 version" in told.out
    assert "this clone is shallow: it may lack tags (git fetch --unshallow --tags)" in told.err
    git(clone, "fetch", "-q", "--unshallow", "--tags")
    assert main(["-C", str(clone), "site"]) == 0
    told = capsys.readouterr()
    assert "3 versions" in told.out
    assert "shallow" not in told.err


def test_a_place_that_cannot_be_written_is_named_and_is_no_bug(
    origin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = cloned(origin, tmp_path / "clone")
    (clone / "site").mkdir()
    (clone / "site" / "changelog").write_text("a file of mine", encoding="utf-8")
    assert main(["-C", str(clone), "site"]) == 3
    said = capsys.readouterr().err
    assert f"the site could not be written: {clone}/site/changelog" in said
    assert "bug" not in said
    assert (clone / "site" / "changelog").read_text(encoding="utf-8") == "a file of mine"


def test_a_repository_without_a_release_is_told_how_to_make_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    git(tmp_path, "init", "-q")
    assert main(["-C", str(tmp_path), "init"]) == 0
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "site"]) == 2
    assert "no release to show yet\nnext: embver new NAME" in capsys.readouterr().err
    assert main(["-C", str(tmp_path), "new", "shop/images"]) == 0
    capsys.readouterr()
    assert main(["-C", str(tmp_path), "site"]) == 2
    assert "next: embver release shop/images\n" in capsys.readouterr().err
