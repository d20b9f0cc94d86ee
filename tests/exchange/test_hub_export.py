"""The model card that is written: the Hub's own reader takes it, and nothing in it is markup that nobody wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st
from subjects import HOSTILE, a_subject, full, hostile, least

from embver.exchange.hub_card import split_front_matter
from embver.exchange.hub_export import front_matter, readme, to_yaml, words
from embver.exchange.hub_results import results_of
from embver.outgoing import Subject
from embver.store.cards import read_card_text
from sample_card import a_card


def written(subject: Subject) -> tuple[str, dict[str, Any]]:
    front, _ = front_matter(subject)
    return readme(subject, front), front


@pytest.mark.parametrize("subject", [full, hostile, least])
def test_the_hubs_own_reader_and_ours_find_what_was_written(subject: Callable[[], Subject]) -> None:
    text, front = written(subject())
    theirs = ModelCard(text, ignore_metadata_errors=False)
    assert yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n")) == front
    parts = split_front_matter(text)
    assert parts is not None
    assert read_card_text(parts[0], path="README.md").plain == front
    assert theirs.data.to_dict()["embver"] == front["embver"]


def test_the_hubs_own_reader_finds_every_number() -> None:
    subject = full()
    theirs = ModelCard(written(subject)[0]).data.eval_results or []
    assert [(result.metric_name, result.metric_value) for result in theirs] == [
        (metric["key"], metric["value"]) for b in subject.card.benchmarks for metric in b.plain["metrics"]
    ]
    assert len(theirs) > 0


def test_what_is_written_reads_back_as_the_same_numbers() -> None:
    _, front = written(full())
    records, left, _ = results_of(
        front["model-index"], place="README.md", source={"format": "hf.model-index"}
    )
    told = {
        (record.value["dataset"]["id"], m["key"], m["value"])
        for record in records
        for m in record.value["metrics"]
    }
    assert {
        (e["dataset"]["type"], m["type"], m["value"])
        for e in front["model-index"][0]["results"]
        for m in e["metrics"]
    } == told
    assert left == ()


def test_norwegian_and_other_words_that_yaml_1_1_reads_otherwise_stay_words() -> None:
    plain = {
        "language": ["no", "en", "y", "null", "on"],
        "a": "1e3",
        "b": "12:30",
        "c": "0o7",
        "d": "",
        "e": "- x",
        "f": "\u00e9\u2028",
    }
    assert yaml.safe_load(to_yaml(plain)) == plain


@given(
    st.recursive(
        st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(min_size=1), inner, min_size=1),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
def test_any_plain_data_reads_back(plain: Any) -> None:
    text = to_yaml(plain)
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in text):
        return  # no UTF-8 holds them, and no card does
    assert yaml.safe_load(text) == plain


@pytest.mark.parametrize(
    ("licence", "front"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("LicenseRef-internal", {"license": "other", "license_name": "internal"}),
        ("MIT OR Apache-2.0", {"license": "other", "license_name": "mit or apache-2.0"}),
    ],
)
def test_a_licence_that_the_hub_does_not_know_is_other_with_its_name(
    licence: str, front: dict[str, str]
) -> None:
    found, _ = front_matter(a_subject(a_card(license=licence)))
    assert {key: value for key, value in found.items() if key.startswith("license")} == front


def test_what_the_hub_requires_and_the_card_lacks_is_named() -> None:
    plain = a_card()
    assert "task" not in plain["benchmarks"][0]
    found, left = front_matter(a_subject(plain))
    assert "model-index" not in found
    assert any(entry.why == "the Hub requires task.type, the card has none" for entry in left)


def test_text_of_a_card_is_text_in_the_readme() -> None:
    text, _ = written(hostile())
    body = text.split("\n---\n", 1)[1]
    assert "<img" not in body
    assert "</script>" not in body
    assert "\x1b" not in body
    assert not re.search(r"^\s*(?:>|\+|=)", body, flags=re.MULTILINE)
    assert words(HOSTILE) in body
