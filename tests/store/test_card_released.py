"""A card of any schema that was in a release of embver is valid forever."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from embver import __version__
from embver.card import SCHEMA_VERSION, Card
from embver.store.cards import read_card_text
from embver.store.resources import resource_folder
from embver.store.schemas import check_card

RELEASED = Path(__file__).resolve().parent.parent / "data" / "released"
FILES = sorted(RELEASED.rglob("*.yaml"))
# Schema -> the first release of embver that has it, and the SHA-256 of its file from then on. The file of a schema
# that no release had yet may change; the release that has it fills in the digest, and it is frozen.
FROZEN: dict[int, tuple[str, str | None]] = {1: ("0.1.0", None)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_card_of_a_released_schema_is_still_valid(file: Path) -> None:
    card = read_card_text(file.read_bytes(), path=file.name)
    assert [problem.format() for problem in check_card(card, folder=None)] == []
    assert f"v{card.plain['schema']}" == file.parent.name
    assert Card.from_plain(card.plain).plain == card.plain


def test_each_schema_has_its_cards() -> None:
    versions = {int(folder.name.removeprefix("v")) for folder in RELEASED.iterdir()}
    assert versions == set(FROZEN) == set(range(1, SCHEMA_VERSION + 1))
    assert all(len(list((RELEASED / f"v{version}").glob("*.yaml"))) >= 5 for version in versions)


@pytest.mark.parametrize("version", FROZEN)
def test_a_released_schema_never_changes(version: int) -> None:
    first, digest = FROZEN[version]
    data = (resource_folder("schemas") / "card" / f"v{version}.json").read_bytes()
    assert json.loads(data)["$id"].endswith(f"/card/v{version}.json")
    if digest is None:
        is_released = tuple(map(int, __version__.split(".")[:3])) > tuple(map(int, first.split(".")))
        assert not is_released, (
            f"{first} is out: write down what its schema is, {hashlib.sha256(data).hexdigest()}"
        )
    else:
        assert hashlib.sha256(data).hexdigest() == digest
