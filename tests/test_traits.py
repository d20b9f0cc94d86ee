"""What is looked at in a query: its attributes, its text, its file, and what the card's steps do to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from embver.probe import ProbeItem
from embver.text_steps import changes_no_text, step_traits, text_function
from embver.traits import Trait, script_of, traits_of


def texts(*given: str, **attributes: Sequence[str | None]) -> list[ProbeItem]:
    """Return queries of these texts; an attribute is a list of one value a text."""
    return [
        ProbeItem(
            id=f"q{n}",
            modality="text",
            pair=f"p{n}",
            sha256="0" * 64,
            text=text,
            attributes={key: str(values[n]) for key, values in attributes.items() if values[n] is not None},
        )
        for n, text in enumerate(given)
    ]


def places(traits: Sequence[Trait], clause: str) -> list[int]:
    """Return which queries a clause is true of."""
    found = next(trait for trait in traits if trait.clause == clause)
    return [n for n in range(found.members.bit_length()) if found.members >> n & 1]


FIVE = ["a b", "c d", "e f", "g h", "i j"]


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("Red Heart", "contain upper-case letters"),
        ("Red Heart", "begin each word with an upper-case letter"),
        ("RED HEART", "are written in upper case throughout"),
        ("route 66", "contain digits"),
        ("what?", "contain punctuation"),
        (":red_heart:", "contain underscores"),
        (":red_heart:", "contain :"),
        ("tea \N{HOT BEVERAGE}", "contain symbols or emoji"),
        ("café", "contain signs beyond ASCII"),
        ("café", "contain accented letters"),
        ("cafe\N{COMBINING ACUTE ACCENT}", "are not in Unicode's form NFC"),
        ("\N{LATIN SMALL LIGATURE FI}sh", "contain signs that NFKC replaces"),
        (" tea", "begin or end with white space"),
        ("hot  tea", "contain line breaks, tabs or double spaces"),
        ("горячий чай", "are written in Cyrillic letters"),
    ],
)
def test_a_text_shows_what_it_is_made_of(text: str, clause: str) -> None:
    found = traits_of(texts(*[text] * 5, *FIVE))
    assert places(found, clause) == [0, 1, 2, 3, 4]


def test_what_a_text_does_not_hold_is_looked_at_as_well() -> None:
    found = traits_of(texts(*["Red Heart"] * 5, *FIVE))
    assert places(found, "contain no upper-case letters") == [5, 6, 7, 8, 9]


def test_lengths_are_cut_between_their_tenths_and_said_of_both_sides() -> None:
    found = traits_of(texts(*("word " * n + "x" for n in range(20))))
    assert places(found, "have at least 11 words") == list(range(10, 20))
    assert places(found, "have at most 10 words") == list(range(10))
    assert all(trait.is_nested for trait in found if trait.column == "words")


def test_every_attribute_is_a_column_and_a_missing_value_is_one_as_well() -> None:
    found = traits_of(texts(*FIVE, *FIVE, *FIVE, language=["de"] * 5 + ["en"] * 5 + [None] * 5))
    assert places(found, "have language de") == [0, 1, 2, 3, 4]
    assert places(found, "have no language") == [10, 11, 12, 13, 14]


def test_an_attribute_of_numbers_is_cut_and_one_of_names_for_each_query_says_nothing() -> None:
    many = [f"text {n}" for n in range(300)]
    found = traits_of(texts(*many, price=[str(n) for n in range(300)], key=[f"k{n}" for n in range(300)]))
    assert places(found, "have price of at least 150") == list(range(150, 300))
    assert not [trait for trait in found if trait.column == "key"]


def test_a_query_has_the_attributes_that_all_of_its_documents_share() -> None:
    asked = texts(*FIVE, *FIVE)
    documents = {
        item.pair: [
            ProbeItem(id=f"{item.id}-{side}", modality="image", pair=item.pair, sha256="0" * 64, path="x.png",
                      attributes={"style": "flat" if n < 5 else side, "side": side})
            for side in ("a", "b")
        ]
        for n, item in enumerate(asked)
    }  # fmt: skip
    found = traits_of(asked, documents)
    assert places(found, "look for something with style flat") == [0, 1, 2, 3, 4]
    assert not [trait for trait in found if trait.clause.startswith("look for something with side")]


def test_files_have_a_type_and_a_folder() -> None:
    items = [
        ProbeItem(id=f"q{n}", modality="image", pair=f"p{n}", sha256="0" * 64, path=f"{'new' if n < 5 else 'old'}/{n}.png")
        for n in range(10)
    ]  # fmt: skip
    found = traits_of(items)
    assert places(found, "lie in new") == [0, 1, 2, 3, 4]
    assert places(found, "are .png files") == list(range(10))


def test_what_is_true_of_fewer_than_five_is_left_out() -> None:
    found = traits_of(texts("Red", "Blue", "Green", "Black", *FIVE))
    assert "contain upper-case letters" not in {trait.clause for trait in found}


def test_scripts() -> None:
    assert [script_of(text) for text in ("tea", "чай", "茶", "tea чай", "123")] == [
        "Latin",
        "Cyrillic",
        "CJK",
        "several scripts'",
        None,
    ]


# ---- the card's steps


def encoder(*steps: dict[str, Any]) -> dict[str, Any]:
    tokenize = {"step": "tokenize", "tokenizer": "T", "max_length": 16, "truncation": "end"}
    return {"preprocessing": [*steps, tokenize]}


LOWER = {"step": "lowercase"}
MARKS = {"step": "replace", "pattern": "[:_]+", "with": " "}


def test_a_step_that_is_gone_touched_the_texts_that_it_changed() -> None:
    asked = ["Red"] * 5 + ["red"] * 5
    (found,) = step_traits(asked, encoder(LOWER), encoder())
    assert found.clause == "were changed by the step lowercase, which is gone"
    assert places([found], found.clause) == [0, 1, 2, 3, 4]


def test_new_and_changed_steps_and_all_of_them_together() -> None:
    asked = ["Red"] * 5 + ["a_b"] * 5 + ["red"] * 5
    other = MARKS | {"with": "-"}
    found = step_traits(asked, encoder(MARKS), encoder(other, LOWER))
    assert places(found, "are changed otherwise by the step replace") == [5, 6, 7, 8, 9]
    assert places(found, "are changed by the new step lowercase") == [0, 1, 2, 3, 4]
    assert places(found, "reach the tokenizer as another text than before") == list(range(10))


def test_equal_steps_and_the_tokenizer_itself_touch_nothing() -> None:
    after = encoder(LOWER)
    after["preprocessing"][-1]["max_length"] = 8
    assert step_traits(["Red"] * 9, encoder(LOWER), after) == ()
    assert text_function("tokenize", {}) is None


@pytest.mark.parametrize(
    "broken", [{"step": "replace", "pattern": "[", "with": ""}, {"step": "replace", "pattern": "a"}]
)
def test_a_step_that_cannot_run_says_nothing_of_any_text(broken: dict[str, Any]) -> None:
    assert step_traits(["Red"] * 9, encoder(LOWER), encoder(broken)) == ()
    assert not changes_no_text("[replace]", ["red"], encoder(), encoder(broken))
