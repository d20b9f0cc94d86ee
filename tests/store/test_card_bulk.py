"""Many entries of a list changed at once come out as if each had been changed alone."""

from __future__ import annotations

import pytest

from embver.store.card_bulk import edit_entries
from embver.store.cards import read_card_text, update_card

HEAD = "schema: 1\nname: shop\n"
CARDS = {
    "open": HEAD + "benchmarks:\n  # first\n  - id: a   # the old one\n    metrics:\n      - {key: k, value: 1}\n  # second\n  - id: b\n    metrics: [{key: k, value: 2}]\nnotes: end\n",
    "short": HEAD + "benchmarks:\n- {id: a, metrics: [{key: k, value: 1}]}   # here\n- {id: b, metrics: [{key: k, value: 2}]}\n",
    "wrapped": HEAD + "benchmarks:\n  - {id: a,  # one\n     metrics: [{key: k, value: 1}]}\n  - {id: b,\n     metrics: [{key: k, value: 2}]}\n",
    "on one line": HEAD + "benchmarks: [{id: a, metrics: [{key: k, value: 1}]}, {id: b, metrics: [{key: k, value: 2}]}]\n",
    "no line break at the end": HEAD + "benchmarks:\n  - {id: a, metrics: [{key: k, value: 1}]}\n  - {id: b, metrics: [{key: k, value: 2}]}",
}  # fmt: skip
NEW = {
    0: {"id": "a", "metrics": [{"key": "k", "value": 7}], "run": {"date": "2026-11-02"}},
    1: {"id": "b", "metrics": [{"key": "k", "value": 8}]},
}


@pytest.mark.parametrize("way", [str, lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text])
@pytest.mark.parametrize("name", CARDS)
def test_it_is_what_one_after_the_other_gives(name: str, way: object) -> None:
    assert callable(way)
    text = way(CARDS[name])
    wanted = update_card(text, [(("benchmarks", number), value) for number, value in NEW.items()])
    edited = edit_entries(read_card_text(text, path="card.yaml"), "benchmarks", NEW)
    assert edited.text == wanted
    assert edited.plain["benchmarks"] == list(NEW.values())
    assert edited.text.count("#") == text.count("#")


def test_the_others_are_not_touched() -> None:
    text = CARDS["short"]
    edited = edit_entries(read_card_text(text, path="card.yaml"), "benchmarks", {1: NEW[1]})
    assert edited.text == text.replace("value: 2", "value: 8")
