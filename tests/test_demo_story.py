"""The demo's story, without its trainings: every edit finds its line, and the last version changes just three things."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embver.diff import compare
from embver.store.config import read_settings

EMOJI = Path(__file__).resolve().parent.parent / "examples" / "emoji"


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Find the demo's modules as its script does."""
    monkeypatch.syspath_prepend(EMOJI)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(EMOJI)):
            del sys.modules[name]


def written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Return the card of each version as people write it, in the order of the story."""
    import edits
    import yaml
    from recipes import TRAIN_V1, TRAIN_V2
    from story import CHAPTERS, IN_A_HURRY

    monkeypatch.setattr(edits, "REPOSITORY", folder)
    card = folder / edits.CARD
    for file in (folder / TRAIN_V1, folder / TRAIN_V2, card):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{file.name}\n", encoding="utf-8")
    cards = {}
    for chapter in (*CHAPTERS, IN_A_HURRY):
        edits.write_card(chapter)
        cards[chapter.version] = yaml.safe_load(card.read_text(encoding="utf-8"))
    return cards


def test_every_chapter_edits_the_card_of_the_one_before(
    demo: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = written(tmp_path, monkeypatch)
    assert list(cards) == ["1.0.0", "1.1.0", "1.1.1", "1.2.0", "2.0.0", "3.0.0"]
    tags = [card["encoders"]["text"]["model"]["tag"][-2:] for card in cards.values()]
    assert tags == ["v1", "v2", "v2", "v3", "v4", "v5"]
    assert all("@" not in card["training"]["data"][0]["digest"] for card in cards.values())


def test_the_last_version_changes_three_things_and_words(
    demo: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = written(tmp_path, monkeypatch)
    changes = {each.path: (each.before, each.after) for each in compare(cards["2.0.0"], cards["3.0.0"])}
    words = {path for path in changes if path.startswith("changes") or path.endswith("model.tag")}
    assert sorted(set(changes) - words) == [
        "encoders.text.preprocessing[lowercase]",
        "encoders.text.preprocessing[strip]",
        "training.hyperparameters.steps",
    ]
    assert changes["training.hyperparameters.steps"] == (700, 1200)


def test_the_gate_of_the_story_is_a_setting_that_embver_reads(demo: None, tmp_path: Path) -> None:
    from story import GATE

    file = tmp_path / "embver.toml"
    file.write_text((EMOJI / "settings.toml").read_text(encoding="utf-8") + GATE, encoding="utf-8")
    (gate,) = read_settings(file).gates_for("emoji")
    assert (gate.benchmark, gate.metric) == ("emoji-as-typed", "hit@10")
