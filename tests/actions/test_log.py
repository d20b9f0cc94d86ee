"""The log and `show`: hundreds of cards by one process, as HEAD has them, else as their own commits do."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import Said, embver, git

CARD = """\
schema: 1
name: {name}
version: {version}
space: {{dimensions: 64, metric: cosine, normalized: true, kind: dense, dtype: float32}}
encoders: {{text: {{model: {{path: models/{version}}}, preprocessing: []}}}}
changes: [{{kind: added, text: "{version} came"}}]
"""
WHO = "Ada <ada@example.org> 1795000000 +0000"


def registry(folder: Path, names: int, versions: int) -> Path:
    """Make a repository with a commit, a card and a tag a release."""
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main", ".")
    git(folder, "config", "user.name", "Ada")
    git(folder, "config", "user.email", "ada@example.org")
    stream = ""
    for number in range(names * versions):
        name, version = f"family-{number // versions}", f"1.{number % versions}.0"
        card = CARD.format(name=name, version=version)
        stream += f"commit refs/heads/main\nmark :{number + 1}\ncommitter {WHO}\ndata 1\nx\n"
        stream += f"M 100644 inline embeddings/{name}/{version}/card.yaml\ndata {len(card)}\n{card}\n"
        said = f"{name} {version}\n\nLevel: minor\nVerdict: compatible\n"
        said += f"Previous: {name}@1.{number % versions - 1}.0\n" if number % versions else ""
        stream += f"tag {name}@v{version}\nfrom :{number + 1}\ntagger {WHO}\ndata {len(said)}\n{said}\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream.encode(), check=True)
    git(folder, "reset", "--quiet", "--hard")
    return folder


def say(folder: Path, *arguments: str) -> Said:
    said = embver("-C", str(folder), *arguments)
    assert said.code == 0, said.text
    return said


@pytest.fixture
def git_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], list[str]]:
    trace = tmp_path / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    return lambda: [
        line.partition("built-in: git ")[2].split()[0]
        for line in (trace.read_text().splitlines() if trace.is_file() else [])
        if "built-in: git " in line
    ]


def test_the_log_of_hundreds_is_four_processes(tmp_path: Path, git_calls: Callable[[], list[str]]) -> None:
    home = registry(tmp_path / "registry", 3, 100)
    before = len(git_calls())
    entries = say(home, "log", "--json").json
    assert git_calls()[before:] == ["rev-parse", "for-each-ref", "ls-tree", "cat-file"]
    assert [entry["reference"] for entry in entries] == [
        f"family-{name}@1.{version}.0" for name in (2, 1, 0) for version in reversed(range(100))
    ]
    assert entries[0]["words"] == [{"kind": "added", "text": "1.99.0 came"}]
    assert [change["path"] for change in entries[0]["changes"]] == ["encoders.text.model.path"]


def test_show_is_three_processes(tmp_path: Path, git_calls: Callable[[], list[str]]) -> None:
    home = registry(tmp_path / "registry", 2, 5)
    before = len(git_calls())
    shown = say(home, "show", "family-1", "--json").json
    assert git_calls()[before:] == ["rev-parse", "for-each-ref", "cat-file"]
    assert (shown["reference"], shown["card"]["version"]) == ("family-1@1.4.0", "1.4.0")


def test_a_card_is_read_as_head_has_it_else_in_its_own_commit(tmp_path: Path) -> None:
    home = registry(tmp_path / "registry", 1, 4)
    grown, gone = (home / "embeddings/family-0" / version / "card.yaml" for version in ("1.1.0", "1.2.0"))
    grown.write_text(grown.read_text() + "notes: [seen again]\n")
    gone.unlink()
    git(home, "commit", "--quiet", "-a", "-m", "Note one, lose one")
    grown.write_text("not even a card, and not committed")
    cards = {
        v: say(home, "show", f"family-0@{v}", "--json").json["card"] for v in ("1.1.0", "1.2.0", "1.3.0")
    }
    assert [cards["1.1.0"].get("notes"), cards["1.2.0"].get("notes")] == [["seen again"], None]
    assert [cards[version]["version"] for version in cards] == ["1.1.0", "1.2.0", "1.3.0"]
    assert [entry["words"][0]["text"] for entry in say(home, "log", "--json").json] == [
        "1.3.0 came", "1.2.0 came", "1.1.0 came", "1.0.0 came"]  # fmt: skip


def test_a_release_without_a_card_is_told(tmp_path: Path) -> None:
    home = registry(tmp_path / "registry", 1, 2)
    git(home, "tag", "-a", "family-0@v9.0.0", "-m", "By hand", "HEAD")
    for command in (("log",), ("show", "family-0")):
        said = embver("-C", str(home), *command)
        assert said.code == 1
        assert said.err == (
            "error: family-0@9.0.0 has no card\nnext: embver verify family-0@9.0.0\n"
        )  # fmt: skip
