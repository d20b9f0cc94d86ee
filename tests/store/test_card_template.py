"""The first card that `embver new` writes: every field that people may write stands in it, with what it is for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from embver.store.cards import read_card_text
from embver.store.resources import resource_folder
from embver.store.schemas import check_card
from embver.store.templates import render_template

SCHEMA = json.loads((resource_folder("schemas") / "card" / "v1.json").read_text(encoding="utf-8"))
CARD = render_template("card.yaml.j2", {"name": "products", "title": "Products"})
# What commands write: `release`, `new --from`, `encode`, `bench` and imports, `compat`.
WRITTEN = (
    "version",
    "previous",
    "override",
    "allowed_regressions",
    "fingerprint",
    "encode",
    "artifacts",
    "reconstructed",
    "imported",
    "benchmarks",
    "compatibility",
)
WRITTEN_OF_ENCODER = ("weights", "files", "tokenizer_sha256", "processor_sha256")
WRITTEN_OF_CORPUS = ("digest", "items")  # by `encode` too
_OPTION = re.compile(r"(?P<indent> *)# (?P<line> *(?:- )?(?P<key>[a-z_]+):.*)")


def fields(node: dict[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield every path that the schema names, entries of lists without a number; free names are left out."""
    node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    for key, inner in node.get("properties", {}).items():
        if at == () and key in WRITTEN:
            continue
        if at[:1] == ("encoders",) and (key in WRITTEN_OF_ENCODER or key == "preprocessing"):
            continue
        if (at == ("corpus",) and key in WRITTEN_OF_CORPUS) or (
            at == ("encoders",) and key in ("audio", "video")
        ):
            continue
        yield (*at, key)
        yield from fields(inner, (*at, key))
    if "items" in node:
        yield from fields(node["items"], at)


def paths(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*at, key)
            yield from paths(inner, (*at, key))
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, at)


def filled_in(choice: int) -> str:
    """Return the template with its options taken: of several lines for one field the first, second or third."""
    fields_of_lines: list[
        tuple[str, list[str]]
    ] = []  # a field's name with its indentation, and the lines for it
    for line in CARD.splitlines()[3:]:
        option = _OPTION.fullmatch(line)
        text = option["indent"] + option["line"] if option else line
        key = re.match(r" *(?:- )?[a-z_]+:", text)
        if key and fields_of_lines and fields_of_lines[-1][0] == key[0]:
            fields_of_lines[-1][1].append(text)
        else:
            fields_of_lines.append((key[0] if key else "", [text]))
    return "".join(f"{lines[min(choice, len(lines) - 1)]}\n" for _, lines in fields_of_lines)


@pytest.mark.parametrize("choice", [0, 1, 2])
def test_with_every_option_taken_it_is_a_card(choice: int) -> None:
    card = read_card_text(filled_in(choice), path="card.yaml")
    assert check_card(card, folder="next") == ()


def test_every_field_that_people_write_is_in_it() -> None:
    found = {
        path for choice in (0, 1, 2) for path in paths(read_card_text(filled_in(choice), path="x").plain)
    }
    # What all modalities have stands at the first one.
    found |= {("encoders", "text", *path[2:]) for path in found if path[:2] == ("encoders", "image")}
    found |= {("encoders", "image", *path[2:]) for path in found if path[:2] == ("encoders", "text")}
    assert set(fields(SCHEMA)) - found == set()


def test_and_every_line_says_what_it_is_for() -> None:
    silent = [
        line
        for line in CARD.splitlines()
        if re.match(r" *#? *[a-z_]+:", line)
        and "  # " not in line
        and not re.match(r"(schema|name|title|# description|  (image|text|dimensions)):", line)
    ]
    assert silent == []


@pytest.mark.parametrize("modality", ["text", "image", "audio", "video"])
def test_the_steps_of_a_modality_are_named(modality: str) -> None:
    text = render_template("card.yaml.j2", {"name": "a", "modalities": [modality]})
    listed = re.search(r"# The steps there are: (.*)\n", text)
    assert listed is not None
    kind = {"video": "image"}.get(modality, modality)
    steps = SCHEMA["$defs"][f"{kind}_step"]["properties"]["step"]["enum"]
    assert listed[1].split(", ") == steps
