"""A second run has little to do and says the same; nothing that changed is taken for what was known."""

from __future__ import annotations

from pathlib import Path

import pytest

import embver.actions.evidence as evidence_module
import embver.actions.validate as validate_module
from embver.actions.checked import Checked
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def rules(repo: Sandbox, *arguments: str) -> list[str]:
    found = repo.embver("validate", "--json", *arguments, code=None).json["problems"]
    return sorted({problem["rule"] for problem in found})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Count the cards whose text is read and the pins that are held against the repository."""
    counts = {"texts": 0, "pins": 0}

    def count(module: object, name: str, key: str) -> None:
        inner = getattr(module, name)

        def counting(*arguments: object, **named: object) -> object:
            counts[key] += 1
            return inner(*arguments, **named)

        monkeypatch.setattr(module, name, counting)

    count(validate_module, "read_card_text", "texts")
    count(evidence_module, "check_pin", "pins")
    return counts


@pytest.mark.parametrize("how", [(), ("--all-history",), ("--rev", "HEAD")])
def test_a_second_run_reads_no_card_again(
    story: Sandbox, how: tuple[str, ...], counted: dict[str, int]
) -> None:
    assert rules(story, *how) == []
    assert counted["texts"] == 3
    assert counted["pins"] > 0
    counted.update(texts=0, pins=0)
    said = story.embver("validate", *how)
    assert said.text == "3 cards checked\n"
    assert counted == {"texts": 0, "pins": 0}


def test_what_is_wrong_is_told_again(story: Sandbox) -> None:
    story.edit(("metric: cosine", "metric: dot"), file=story.version("1.0.0") / "card.yaml")
    assert rules(story, "--only", "frozen") == rules(story, "--only", "frozen") == ["frozen"]
    assert rules(story) == rules(story)


def test_a_known_card_whose_files_change(story: Sandbox) -> None:
    assert rules(story) == []
    (story.version("1.0.0") / "ids.txt").write_text("x\n")
    assert rules(story) == ["artifact-bytes", "artifact-checksum"]


def test_a_known_release_whose_tag_moves(story: Sandbox) -> None:
    assert rules(story, "--all-history") == []
    message = story.git("tag", "-l", "--format=%(contents)", "emoji@v1.1.0").out
    head, _, rest = message.partition("Card-Digest: sha256:")
    forged = f"{head}Card-Digest: sha256:{'0' * 64}{rest[64:]}"
    story.git("tag", "-f", "-a", "-m", forged, "emoji@v1.1.0", "emoji@v1.1.0^{commit}")
    assert rules(story, "--all-history") == ["frozen"]
    assert rules(story) == ["frozen"]


def test_a_known_pair_whose_tag_moves(story: Sandbox) -> None:
    """What another tag points to is no part of a commit, so a tag that moves makes all of it new."""
    story.embver("new", "emoji")
    story.edit(('{name: drawings, version: "1",', "{name: drawings, version: v1-data,"))
    story.git("tag", "v1-data", "emoji@v1.0.0^{commit}")
    assert rules(story) == []
    (story.root / "data/corpus-v2.jsonl").unlink()
    story.git("commit", "-q", "-a", "--no-verify", "-m", "gone")
    assert rules(story) == []
    story.git("tag", "-f", "v1-data", "HEAD")
    assert rules(story) == ["pairing-missing"]


def test_a_damaged_list_is_no_list(story: Sandbox) -> None:
    assert rules(story, "--all-history") == []
    for name in ("known-true", "known-valid"):
        file = story.root / ".git/embver" / name
        assert file.is_file()
        file.write_bytes(file.read_bytes()[:-7] + b"\xff\0{")
    assert rules(story, "--all-history") == []
    (story.root / ".git/embver/known-true").write_bytes(b"embver known-true 0\nrelease\n")
    assert rules(story, "--all-history") == []


def test_other_facts_make_another_list(tmp_path: Path) -> None:
    first = Checked.open(tmp_path, "settings")
    first.add("one")
    first.save()
    assert Checked.open(tmp_path, "settings").holds("one")
    assert not Checked.open(tmp_path, "other settings").holds("one")
    second = Checked.open(tmp_path, "settings")
    second.add("two")
    second.save()
    assert [Checked.open(tmp_path, "settings").holds(entry) for entry in ("one", "two", "")] == [
        True,
        True,
        False,
    ]


def test_a_list_that_cannot_be_written_is_no_loss(tmp_path: Path) -> None:
    (tmp_path / "embver").write_text("a file in the place of the folder")
    checked = Checked.open(tmp_path)
    checked.add("one")
    checked.save()
    assert not Checked.open(tmp_path).holds("one")
