"""The probe set: its lines, its rows and its identity."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from embver.probe import ProbeSet, parse_items

CAT = {"id": "cat-name", "modality": "text", "pair": "cat", "text": "cat", "roles": ["query"]}
CAT_IMAGE = {
    "id": "cat-image",
    "modality": "image",
    "pair": "cat",
    "path": "images/cat.png",
    "sha256": "a" * 64,
}
DOG = {"id": "dog-name", "modality": "text", "pair": "dog", "text": "dog", "attributes": {"style": "clean"}}
ITEMS = [CAT, CAT_IMAGE, DOG]


def probe(*items: dict[str, Any]) -> ProbeSet:
    return parse_items([json.dumps(item) for item in items], name="shop-1k")


def test_rows_are_in_the_order_of_ids_whatever_the_order_of_lines() -> None:
    read = parse_items("\n\n".join(map(json.dumps, ITEMS)).splitlines(), name="shop-1k")
    assert [item.id for item in read.items] == ["cat-image", "cat-name", "dog-name"]
    assert read == probe(*reversed(ITEMS))
    assert [item.id for item in read.rows("text", "query")] == ["cat-name", "dog-name"]
    assert [item.id for item in read.rows("text", "document")] == ["dog-name"]
    assert read.items[2].attributes == {"style": "clean"}


def test_strata_are_what_has_queries_and_documents() -> None:
    assert probe(*ITEMS).modalities == ("image", "text")
    assert probe(*ITEMS).strata() == (
        ("image", "image"),
        ("image", "text"),
        ("text", "image"),
        ("text", "text"),
    )
    assert probe(CAT, {**CAT_IMAGE, "roles": ["document"]}).strata() == (("text", "image"),)


def test_a_texts_digest_is_of_its_bytes() -> None:
    assert probe({**CAT, "text": "Käse"}).items[0].sha256 == hashlib.sha256("Käse".encode()).hexdigest()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "other"),
        ("modality", "audio"),
        ("pair", "other"),
        ("path", "images/other.png"),
        ("sha256", "b" * 64),
        ("roles", ["document"]),
        ("attributes", {"style": "flat"}),
    ],
)
def test_identity_is_what_was_encoded_and_how_it_is_labelled(field: str, value: Any) -> None:
    before, after = probe(*ITEMS), probe(CAT, {**CAT_IMAGE, field: value}, DOG)
    assert (before.digest != after.digest) is (field not in ("path", "attributes"))


def test_identity_ignores_name_and_order_of_lines_and_roles() -> None:
    same = parse_items([json.dumps(item) for item in reversed(ITEMS)], name="other")
    assert same.digest == probe(*ITEMS).digest
    both = {**DOG, "roles": ["document", "query", "query"]}
    assert probe(CAT, CAT_IMAGE, both).digest == probe(*ITEMS).digest


def test_identity_of_two_items_is_not_that_of_one_with_their_text() -> None:
    assert probe(CAT, DOG).digest != probe({**CAT, "text": "catdog"}).digest


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "Expecting property name"),
        ("[]", "an item is a JSON object"),
        ("{}", "'id' is missing or is not a text"),
        ('{"id": 1, "modality": "text", "pair": "a", "text": "x"}', "'id' is missing or is not a text"),
        ('{"id": "", "modality": "text", "pair": "a", "text": "x"}', "'id' is missing or is not a text"),
        ('{"id": "a", "modality": "text", "text": "x"}', "'pair' is missing or is not a text"),
        ('{"id": "a", "modality": "text", "pair": "a", "txt": "x"}', "unknown field 'txt'"),
        ('{"id": "a", "modality": "text", "pair": "a"}', "either 'text' or 'path'"),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "x", "path": "y"}', "either 'text' or 'path'"),
        ('{"id": "a", "modality": "text", "pair": "a", "text": 5}', "'text' is not a text"),
        ('{"id": "a", "modality": "image", "pair": "a", "path": ["y"]}', "'path' is not a text"),
        ('{"id": "a", "modality": "image", "pair": "a", "path": "y"}', "'sha256' of the file is missing"),
        (
            '{"id": "a", "modality": "image", "pair": "a", "path": "y", "sha256": "A"}',
            "not 64 hexadecimal digits",
        ),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "x", "roles": []}', "'roles' holds"),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "x", "roles": "query"}', "'roles' holds"),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "x", "roles": null}', "'roles' holds"),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "x", "roles": [["query"]]}', "'roles' holds"),
        (
            '{"id": "a", "modality": "text", "pair": "a", "text": "x", "attributes": [1]}',
            "'attributes' is not an object",
        ),
        ('{"id": "a", "modality": "text", "pair": "a", "text": "\\ud800"}', "surrogates not allowed"),
        (json.dumps(CAT), "the id 'cat-name' was used in line 1 already"),
    ],
)
def test_a_bad_line_is_named_with_its_number(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^line 3: ") as caught:
        parse_items([json.dumps(CAT), "", line], name="shop-1k")
    assert why in str(caught.value)


def test_an_empty_probe_set_is_refused() -> None:
    with pytest.raises(ValueError, match="line 1: no items"):
        parse_items(["", "  "], name="shop-1k")
