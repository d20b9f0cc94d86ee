"""embver.Card and embver.compare: cards from files and texts, without a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

import embver
from embver.errors import CardError, UsageError
from embver.levels import Level
from sample_card import a_card

TEXT = """\
schema: 1
name: tiny
space: {dimensions: 8, metric: cosine, normalized: true}
encoders:
  text:
    model: {id: tiny, path: models/tiny}
    preprocessing:
      - {step: tokenize, tokenizer: CLIPTokenizerFast, max_length: 16, truncation: end}
"""


def test_a_card_from_a_file_a_folder_and_a_text(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(TEXT, encoding="utf-8")
    cards = [
        embver.Card.load(tmp_path / "card.yaml"),
        embver.Card.load(str(tmp_path)),
        embver.Card.from_text(TEXT),
    ]
    assert cards[0] == cards[1] == cards[2]
    card = cards[0]
    assert (card.name, card.version, card.space.dimensions, list(card.encoders)) == (
        "tiny",
        None,
        8,
        ["text"],
    )
    assert card.space_id.startswith("space:sha256:")
    plain = card.to_plain()
    plain["space"]["dimensions"] = 9
    assert card.plain["space"]["dimensions"] == 8
    assert embver.Card.validate(tmp_path) == ()


def test_every_problem_is_told_with_its_line(tmp_path: Path) -> None:
    wrong = TEXT.replace("normalized", "normalised").replace("dimensions: 8", "dimensions: 0")
    with pytest.raises(CardError, match=r"card\.yaml is not valid") as caught:
        embver.Card.from_text(wrong)
    assert len(caught.value.problems) >= 2
    assert {problem.line for problem in caught.value.problems} == {3}
    (tmp_path / "mine.yaml").write_text(wrong, encoding="utf-8")
    assert [each.rule for each in embver.Card.validate(tmp_path / "mine.yaml")] == [
        each.rule for each in caught.value.problems
    ]
    assert embver.Card.validate(tmp_path / "mine.yaml")[0].path == str(tmp_path / "mine.yaml")


@pytest.mark.parametrize("text", ["", "[1", "\udcff", "- a\n- b\n", "schema: 2\n"])
def test_what_is_no_card(text: str) -> None:
    with pytest.raises(CardError) as caught:
        embver.Card.from_text(text)
    assert caught.value.problems


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.yaml"):
        with pytest.raises(UsageError, match="cannot be read: No such file"):
            embver.Card.load(path)


def test_cards_are_compared_without_a_repository(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(TEXT.replace("dimensions: 8", "dimensions: 16"), encoding="utf-8")
    found = embver.compare(embver.Card.from_text(TEXT), tmp_path / "card.yaml")
    assert [(change.path, change.before, change.after) for change in found.changes] == [
        ("space.dimensions", 8, 16)
    ]
    assert found.level is Level.MAJOR
    assert found.to_plain()["changes"][0]["level"] == "major"
    assert (
        str(found)
        == "tiny@next -> tiny@next: the card alone calls for major\n    major  space.dimensions: 8 -> 16"
    )
    assert repr(found) == "<CardDiff tiny@next -> tiny@next: 1 changes, major>"
    same = embver.compare(embver.Card.from_plain(a_card()), embver.Card.from_plain(a_card()))
    assert (same.changes, same.level) == ((), Level.NONE)
