"""The stamp's text: one form, read back as it was written, and refused where it is damaged or too new."""

from __future__ import annotations

import json

import pytest
from versions import a_version, an_id

from embver.errors import StampError, UsageError
from embver.guard.stamp import Stamp, StampedSpace, check_replaceable, parse_stamp

ONE = StampedSpace(space_id=an_id("a"), reference="products@1.0.0", dimensions=(4, 2), metric="cosine")
BARE = StampedSpace(space_id=an_id("b"))


def test_a_stamp_is_one_line_of_ascii_json() -> None:
    assert Stamp(spaces=(ONE,)).to_text() == (
        '{"embver_stamp":1,"spaces":[{"dimensions":[4,2],"metric":"cosine","reference":"products@1.0.0",'
        f'"space_id":"{an_id("a")}"}}]}}'
    )


@pytest.mark.parametrize("spaces", [(ONE,), (BARE,), (BARE, ONE)])
def test_what_was_written_is_read(spaces: tuple[StampedSpace, ...]) -> None:
    made = Stamp(spaces=spaces)
    found = parse_stamp(made.to_text(), store="x")
    assert set(found.spaces) == set(spaces)
    assert found.is_mixed is (len(spaces) > 1)
    assert found.to_text() == made.to_text() == Stamp(spaces=spaces[::-1]).to_text()


def test_unknown_fields_are_passed_over() -> None:
    plain = {**Stamp(spaces=(ONE,)).to_plain(), "by": "somebody"}
    plain["spaces"][0]["colour"] = "green"
    assert parse_stamp(json.dumps(plain), store="x").spaces == (ONE,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is no JSON"),
        ('{"embver_stamp": 1', "it is no JSON"),
        ("[" * 100_000, "it is no JSON"),
        ("[1]", "it names no format"),
        ('{"spaces": []}', "it names no format"),
        ('{"embver_stamp": true, "spaces": []}', "it names no format"),
        ('{"embver_stamp": 0, "spaces": []}', "it names no format"),
        ('{"embver_stamp": 1, "spaces": []}', "it names no space"),
        ('{"embver_stamp": 1, "spaces": {}}', "it names no space"),
        ('{"embver_stamp": 1, "spaces": [1]}', "a space has no fingerprint"),
        ('{"embver_stamp": 1, "spaces": [{"space_id": "space:sha256:abc"}]}', "a space has no fingerprint"),
        (
            f'{{"embver_stamp": 1, "spaces": [{{"space_id": "{an_id("a")}", "reference": 7}}]}}',
            "a field of a space has the wrong type",
        ),
        (
            f'{{"embver_stamp": 1, "spaces": [{{"space_id": "{an_id("a")}", "dimensions": [0]}}]}}',
            "a field of a space has the wrong type",
        ),
    ],
)
def test_a_damaged_stamp_says_how(text: str, why: str) -> None:
    with pytest.raises(StampError) as caught:
        parse_stamp(text, store="index.faiss")
    assert caught.value.message == f"index.faiss: its stamp is damaged: {why}"
    assert caught.value.hint == "embver guard stamp index.faiss REF --replace"
    assert caught.value.exit_code == 1


def test_a_stamp_of_the_future_asks_for_a_newer_embver() -> None:
    with pytest.raises(StampError, match="has format 2, and this embver reads up to 1") as caught:
        parse_stamp('{"embver_stamp": 2, "vectors": "in another way"}', store="x")
    assert caught.value.hint == "pip install --upgrade embver"


def test_no_stamp_is_made_of_nothing_or_of_no_fingerprint() -> None:
    with pytest.raises(UsageError, match="at least one space"):
        Stamp(spaces=())
    with pytest.raises(UsageError, match=r"'products@1\.0\.0' is no fingerprint"):
        StampedSpace(space_id="products@1.0.0")


def test_only_the_same_spaces_stand_in_for_one_another() -> None:
    old, new = (a_version(v, d).stamped_space for v, d in (("1.0.0", "a"), ("2.0.0", "b")))
    texts = [Stamp(spaces=spaces).to_text() for spaces in ((old,), (new,), (old, new))]
    check_replaceable(None, texts[0], store="x")
    check_replaceable(texts[2], texts[2], store="x")
    for other in texts[1:]:
        with pytest.raises(StampError, match=r"x is stamped already, as vectors of products@1\.0\.0 \("):
            check_replaceable(texts[0], other, store="x")
