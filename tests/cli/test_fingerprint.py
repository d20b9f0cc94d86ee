"""`embver fingerprint`: of releases, of the working version, of any card, and what it says where a card contradicts itself."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from embver.card import space_id
from sandbox import Sandbox, embver

CARD = """\
schema: 1
name: tiny
space: {dimensions: 8, metric: cosine, normalized: true}
encoders:
  text:
    model: {id: vendor/embed}
    prompts: {query: "sök\\u007f\\u202e: "}
    preprocessing: []
"""


def write(folder: Path, text: str = CARD) -> Path:
    (folder / "card.yaml").write_text(text, encoding="utf-8")
    return folder / "card.yaml"


def test_a_card_needs_no_repository(tmp_path: Path) -> None:
    path = write(tmp_path)
    said = [embver("-C", str(tmp_path), "fingerprint", asked) for asked in ("card.yaml", ".", str(path))]
    assert {(each.code, each.err) for each in said} == {(0, "")}
    assert len({each.out for each in said}) == 1
    assert said[0].out.startswith("space:sha256:")


def test_explain_prints_what_is_hashed_to_the_byte(tmp_path: Path) -> None:
    path = str(write(tmp_path))
    found, told = embver("fingerprint", path).out, embver("fingerprint", path, "--explain").out
    assert told.startswith('{"encoders":{"text":{"pooling":null,')
    assert f"space:sha256:{hashlib.sha256(told.removesuffix(chr(10)).encode()).hexdigest()}\n" == found
    plain = embver("fingerprint", path, "--json").json
    assert plain == {
        "of": path,
        "space_id": found.strip(),
        "recorded": None,
        "recipe": 1,
        "canonical": told[:-1],
    }


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ("gone.yaml", 2, "gone.yaml cannot be read: No such file or directory"),
        ("emoji", 2, "is no Git repository"),
        ("wrong/card.yaml", 1, "wrong/card.yaml:3:9: "),
    ],
)
def test_what_has_no_fingerprint(asked: str, code: int, said: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").mkdir()
    write(tmp_path / "wrong", CARD.replace("dimensions", "dimension"))
    found = embver("-C", str(tmp_path), "fingerprint", asked)
    assert (found.code, found.out) == (code, "")
    assert said in found.err


@pytest.mark.torch
@pytest.mark.lfs
def test_releases_and_the_working_version(story: Sandbox) -> None:
    recorded = story.embver("show", "emoji@1.1.0", "--json").json["card"]["fingerprint"]
    assert story.embver("fingerprint", "emoji@1.1.0").out == f"{recorded}\n"
    story.embver("new", "emoji")
    said = story.embver("fingerprint", "emoji@next")
    assert "note: the weights of image and text are not in the card yet" in said.err
    assert "next: embver encode emoji" in said.err
    path = "embeddings/emoji/next/card.yaml"
    story.edit(("max_length: 32", "max_length: 16"))
    assert story.embver("fingerprint", path).out == story.embver("fingerprint", "emoji@next").out
    assert story.embver("fingerprint", path).out != story.embver("fingerprint", "emoji").out


@pytest.mark.torch
@pytest.mark.lfs
def test_vectors_of_another_space_are_noted_and_in_a_release_a_finding(encoded: Sandbox) -> None:
    before = encoded.embver("fingerprint", "emoji@next").out.strip()
    encoded.edit(("max_length: 32", "max_length: 16"))
    said = encoded.embver("fingerprint", "emoji@next")
    assert f"note: emoji@next holds vectors of another space, {before}" in said.err
    assert "next: embver encode emoji" in said.err
    assert said.out.strip() != before
    encoded.edit(("max_length: 16", "max_length: 32"))
    encoded.embver("release", "emoji")
    forged = encoded.version("1.0.0") / "card.yaml"
    encoded.edit(("max_length: 32", "max_length: 8"), file=forged)
    encoded.git("commit", "-qam", "Forge", "--no-verify")
    encoded.git("tag", "-f", "-a", "-m", "1.0.0", "emoji@v1.0.0")
    found = encoded.embver("fingerprint", "emoji@1.0.0", code=1)
    assert f"the card of emoji@1.0.0 names another one: {before}" in found.err


def test_space_id_is_what_the_command_prints(tmp_path: Path) -> None:
    from embver.store.cards import read_card_text

    plain = read_card_text(CARD, path="card.yaml").plain
    assert embver("fingerprint", str(write(tmp_path))).out == f"{space_id(plain)}\n"
