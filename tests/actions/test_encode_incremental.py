"""`embver encode` copies rows whose bytes, encoder and environment are equal, and encodes all others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embver.actions.incremental import match
from embver.card import card_digest
from sandbox import NAME, Sandbox, use_model, write_lines

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

LARGER = ("uri: data/corpus-v1.jsonl\n  digest", "uri: data/corpus-v2.jsonl\n  digest")


def card_of(repo: Sandbox) -> dict:
    return repo.embver("show", "emoji@next", "--json").json["card"]


def copied(repo: Sandbox) -> dict:
    return card_of(repo)["encode"].get("copied", {})


def corpus(repo: Sandbox, version: int = 1) -> list[dict]:
    text = (repo.root / f"data/corpus-v{version}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def bare(encoded: Sandbox) -> Sandbox:
    """Return the encoded version without a probe set, which takes most of the time, in shards of 16 rows."""
    encoded.edit(('probe = "probes/pairs"', ""), file=encoded.root / "embver.toml")
    encoded.embver("encode", NAME, "--shard-rows", "16")
    return encoded


def test_a_larger_corpus_costs_what_is_new(bare: Sandbox) -> None:
    bare.edit(LARGER)
    said = bare.embver("encode", NAME, "--shard-rows", "16")
    assert copied(bare) == {"image": 30, "text": 30}, said.text
    incremental, card = bare.artifacts("emoji@next"), card_of(bare)
    bare.embver("encode", NAME, "--shard-rows", "16", "--full", "--force")
    assert copied(bare) == {}
    assert bare.artifacts("emoji@next") == incremental
    # How a row came to be is no part of a version: two runs that give the same bytes have one digest.
    assert card_digest(card_of(bare)) == card_digest(card)


def test_rows_follow_their_items(bare: Sandbox) -> None:
    """Turned round, one text changed, one item gone, one twice: every row is that of its own bytes."""
    rows = corpus(bare)[::-1]
    rows[3]["text"] = "a red sun on the house"
    rows = [*rows[:7], *rows[8:], {**rows[10], "id": "again"}]
    write_lines(bare.root / "data/corpus-v1.jsonl", rows)
    bare.embver("encode", NAME, "--shard-rows", "16")
    assert copied(bare) == {"image": 30, "text": 29}
    incremental = bare.artifacts("emoji@next")
    bare.embver("encode", NAME, "--shard-rows", "16", "--force")
    assert copied(bare) == {}
    assert bare.artifacts("emoji@next") == incremental


def test_the_version_before_is_looked_at(story: Sandbox) -> None:
    """1.1.1 has 40 items; its text encoder collapses spaces. A new text step leaves the pictures alone."""
    story.embver("new", NAME)
    story.edit(("      - {step: tokenize", "      - {step: strip}\n      - {step: tokenize"))
    story.embver("encode", NAME)
    assert copied(story) == {"image": 40}
    before = story.artifacts("emoji@1.1.1")["image.safetensors"]
    assert story.artifacts("emoji@next")["image.safetensors"] == before


def test_the_same_once_more_is_wholly_copied(story: Sandbox) -> None:
    story.embver("new", NAME)
    said = story.embver("encode", NAME)
    assert copied(story) == {"image": 40, "text": 40}, said.text
    card, before = card_of(story), story.embver("show", "emoji@1.1.1", "--json").json["card"]
    assert card["artifacts"] == before["artifacts"]  # the probe's file too
    assert card["encode"]["floor"] == before["encode"]["floor"]


def test_another_model_is_encoded_anew(bare: Sandbox, models) -> None:
    use_model(bare, models / "retrained")
    bare.embver("encode", NAME, "--shard-rows", "16")
    assert copied(bare) == {}


def other_torch(repo: Sandbox) -> None:
    software = card_of(repo)["encode"]["software"]
    repo.edit((f"torch: {software['torch']}", "torch: 1.0.0"))


def test_another_environment_is_told_and_encoded_anew(bare: Sandbox) -> None:
    other_torch(bare)
    bare.edit(LARGER)
    said = bare.embver("encode", NAME, "--shard-rows", "16")
    assert "emoji@next was encoded in another environment (software.torch 1.0.0 -> " in said.err
    assert "--reuse-across-environments copies them" in said.err
    assert copied(bare) == {}


def test_unless_that_is_wanted(bare: Sandbox) -> None:
    other_torch(bare)
    bare.edit(LARGER)
    bare.embver("encode", NAME, "--shard-rows", "16", "--reuse-across-environments")
    assert copied(bare) == {"image": 30, "text": 30}


def test_damaged_rows_are_not_handed_on(bare: Sandbox) -> None:
    sha256 = bare.artifacts("emoji@next")["image-00001-of-00002.safetensors"]["sha256"]
    file = bare.object(sha256)
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.chmod(0o644)
    file.write_bytes(bytes(data))
    bare.edit(LARGER)
    said = bare.embver("encode", NAME, "--shard-rows", "16")
    assert "the image vectors of emoji@next are damaged here" in said.err
    assert copied(bare) == {"text": 30}


def test_rows_that_are_elsewhere(story: Sandbox) -> None:
    for entry in story.artifacts("emoji@1.1.1").values():
        story.object(entry["sha256"]).unlink(missing_ok=True)
    story.embver("new", NAME)
    said = story.embver("encode", NAME)
    assert copied(story) == {}
    assert "embver pull emoji@1.1.1" in said.err


# ---- matching by digest


@given(st.lists(st.integers(0, 9), max_size=12), st.lists(st.integers(-1, 12), max_size=12))
def test_match_finds_equal_digests_and_no_others(known: list[int], wanted: list[int]) -> None:
    def digests(numbers: list[int]) -> np.ndarray:
        # -1 is all zeros; others differ in their last byte alone, or end in a zero
        made = [bytes(32) if n < 0 else bytes([7] * 31 + [n % 11]) for n in numbers]
        return np.frombuffer(b"".join(made), np.uint8).reshape(-1, 32)

    before, now = digests(known), digests(wanted)
    places = match(before, now)
    assert len(places) == len(now)
    for digest, place, number in zip(now, places, wanted, strict=True):
        if place >= 0:
            assert np.array_equal(before[place], digest)
            assert number >= 0
        else:
            assert number < 0 or number % 11 not in {n % 11 for n in known}
