"""Settings remembered in Git's folder: never another text's, never another schema's, and a loss is no harm."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from embver.errors import ConfigError
from embver.store import known_settings
from embver.store.config import load_settings
from embver.store.known_settings import NAME
from embver.store.process import run

ROOT = Path(__file__).resolve().parents[2]
TEXT = """\
remote = "upstream"
[[benchmark]]
id = "search"
items = "probes/shop"
query = "text"
document = "image"
[rule]
compatible_recall = 0.95
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "embver.toml").write_text(TEXT)
    return tmp_path


def test_what_is_remembered_is_what_was_read(home: Path) -> None:
    first = load_settings(home, git_dir=home / ".git")
    assert (home / ".git" / "embver" / NAME).is_file()
    assert load_settings(home, git_dir=home / ".git") == first == load_settings(home)


def test_the_second_time_no_toml_is_read(home: Path) -> None:
    code = (
        "import pathlib, sys\nfrom embver.store.config import load_settings\n"
        "found = load_settings(pathlib.Path(), git_dir=pathlib.Path('.git'))\n"
        "print(found.remote, 'tomllib' in sys.modules, 'embver.store.sure' in sys.modules)"
    )
    env = {"PYTHONPATH": str(ROOT)}
    said = [run([sys.executable, "-c", code], cwd=home, env=env).text.split() for _ in range(2)]
    assert said == [["upstream", "True", "True"], ["upstream", "False", "False"]]


@pytest.mark.parametrize(
    "other", [TEXT.replace("upstream", "origin"), TEXT + "\n", TEXT.replace("\n", "\r\n"), ""]
)
def test_another_text_is_read_anew(other: str, home: Path) -> None:
    load_settings(home, git_dir=home / ".git")
    (home / "embver.toml").write_bytes(other.encode())
    assert load_settings(home, git_dir=home / ".git") == load_settings(home)


def test_a_mistake_is_found_each_time(home: Path) -> None:
    (home / "embver.toml").write_text("remot = 1\n")
    for _ in range(2):
        with pytest.raises(ConfigError, match="remot"):
            load_settings(home, git_dir=home / ".git")
    assert not (home / ".git" / "embver" / NAME).exists()


def test_another_schema_or_version_begins_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_settings(home, git_dir=home / ".git")
    monkeypatch.setattr(known_settings, "_stamp", lambda: b"embver known-settings 1 9.9.9 1 1")
    assert known_settings.recall(home / ".git", TEXT.encode()) is None


@pytest.mark.parametrize("damage", [b"", b"\n", b"\n\n", b"\0" * 500, b"x\n{}\n" + TEXT.encode()])
def test_a_damaged_file_is_no_harm(damage: bytes, home: Path) -> None:
    expected = load_settings(home, git_dir=home / ".git")
    file = home / ".git" / "embver" / NAME
    file.write_bytes(damage)
    assert load_settings(home, git_dir=home / ".git") == expected
    half = file.read_bytes()
    file.write_bytes(half[: len(half) // 2])
    assert load_settings(home, git_dir=home / ".git") == expected
    file.write_bytes(half.replace(b'"upstream"', b'"upstre', 1))
    assert load_settings(home, git_dir=home / ".git") == expected


def test_a_folder_that_takes_no_file_is_no_harm(home: Path) -> None:
    (home / ".git").mkdir()
    (home / ".git" / "embver").write_text("a file where the folder should be")
    assert load_settings(home, git_dir=home / ".git").remote == "upstream"


def test_settings_in_both_places_are_still_refused(home: Path) -> None:
    load_settings(home, git_dir=home / ".git")
    (home / "pyproject.toml").write_text("[tool.embver]\n")
    with pytest.raises(ConfigError, match="both"):
        load_settings(home, git_dir=home / ".git")
