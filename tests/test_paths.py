"""Places in a card, and patterns of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.paths import covers, format_path, may_meet, parse_path, part_fits

names = st.text(
    st.characters(codec="ascii", categories=("L", "N"), include_characters="_-"), min_size=1, max_size=6
)
parts = st.one_of(names, names.map(lambda name: f"[{name}]"))


@given(names, st.lists(parts, max_size=4))
def test_what_is_written_is_read_back(first: str, rest: list[str]) -> None:
    place = (first, *rest)
    assert parse_path(format_path(place)) == place


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("space.dimensions", ("space", "dimensions")),
        ("training.data[openmoji].rows", ("training", "data", "[openmoji]", "rows")),
        ("training.data.[openmoji]", ("training", "data", "[openmoji]")),
        ("artifacts[image.safetensors].sha256", ("artifacts", "[image.safetensors]", "sha256")),
        ("limitations[one art style]", ("limitations", "[one art style]")),
        ("encoders.*.prompts", ("encoders", "*", "prompts")),
    ],
)
def test_places_are_read_as_people_write_them(text: str, expected: tuple[str, ...]) -> None:
    assert parse_path(text) == expected


@pytest.mark.parametrize("text", ["", ".", "a..b", "a.", ".a", "a[", "a[]", "a]b", "a[b]c"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no path of a card"):
        parse_path(text)


@pytest.mark.parametrize(
    ("have", "want", "fits"),
    [
        ("text", "*", True),
        ("[a]", "*", True),
        ("text", "text", True),
        ("text", "image", False),
        ("[a]", "[*]", True),
        ("text", "[*]", False),
        ("[shop-images]", "[shop-*]", True),
        ("[images]", "[shop-*]", False),
        ("[replace:2]", "[replace]", True),
        ("[replace]", "[replace:2]", False),
        ("[lowercase]", "[a-z]", False),
    ],
)
def test_parts(have: str, want: str, fits: bool) -> None:
    assert part_fits(have, want) is fits


def test_a_pattern_speaks_also_of_what_lies_below() -> None:
    pattern = ("encoders", "*", "prompts")
    assert covers(pattern, ("encoders", "text", "prompts"))
    assert covers(pattern, ("encoders", "text", "prompts", "query"))
    assert not covers(pattern, ("encoders", "text"))


def test_two_patterns_meet_where_one_place_is_both() -> None:
    assert may_meet(("encoders", "*"), ("encoders", "text", "languages"))
    assert may_meet(
        ("encoders", "text", "preprocessing", "[*]"), ("encoders", "*", "preprocessing", "[decode]")
    )
    assert not may_meet(("encoders", "text", "pooling"), ("encoders", "*", "prompts"))
