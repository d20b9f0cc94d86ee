"""Comparing versions in a repository: other probe sets, bytes that are no vectors, thresholds of the repository."""

from __future__ import annotations

import json

import pytest

from embver.actions.comparing import in_short
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def probe_lines(repo: Sandbox) -> list[dict]:
    text = (repo.root / "probes/pairs/items.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def encode_with_probe(repo: Sandbox, lines: list[dict]) -> None:
    """Begin the next version and encode it with another probe set."""
    repo.embver("new", "emoji")
    repo.edit(("uri: data/corpus-v2.jsonl", "uri: data/corpus-v1.jsonl"))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (repo.root / "probes/pairs/items.jsonl").write_text(text)
    repo.embver("encode", "emoji")


def test_an_open_verdict_says_how_many_queries_would_settle_it() -> None:
    stratum = {"verdict": "inconclusive", "reasons": ["too wide"], "needed": 1234, "k": 10}
    assert in_short(stratum) == "too wide; about 1,234 queries would settle it"
    assert in_short({**stratum, "needed": None}) == "too wide"


def text_line(number: int) -> dict:
    return {
        "id": f"zz-{number:03}",
        "modality": "text",
        "text": f"a new caption {number}",
        "pair": f"zz-{number}",
    }


def test_versions_of_different_probe_sets_are_compared_on_the_common_part(story: Sandbox) -> None:
    lines = probe_lines(story)
    encode_with_probe(story, [*lines[10:], text_line(0), text_line(1)])
    said = story.embver("compat", "emoji@1.1.1", "emoji@next")
    assert "those that both versions encoded, of two different sets" in said.err
    found = story.embver("compat", "emoji@1.1.1", "emoji@next", "--json").json
    assert found["verdict"] == "identical"
    assert found["probe"]["items"] == len(lines) - 10
    assert set(found["probe"]["sets"]) == {"old", "new"}
    assert found["probe"]["digest"] not in found["probe"]["sets"].values()
    # What is recorded of it is a valid card.
    story.git("add", "-A")
    story.git("commit", "-qm", "Another probe set, more data")
    story.embver("release", "emoji")
    story.embver("validate")
    assert "sets:" in (story.version("1.2.0") / "card.yaml").read_text()


def test_a_small_common_part_is_inconclusive_and_none_is_refused(story: Sandbox) -> None:
    lines = probe_lines(story)
    encode_with_probe(story, lines[:40] + [text_line(number) for number in range(5)])
    found = story.embver("compat", "emoji@1.1.1", "emoji@next", "--json", code=None).json
    assert found["probe"]["items"] == 40
    (story.root / "probes/pairs/items.jsonl").write_text(
        "".join(json.dumps(text_line(number)) + "\n" for number in range(9))
    )
    story.embver("encode", "emoji")
    said = story.embver("compat", "emoji@1.1.1", "emoji@next", code=3)
    assert "have no item in common" in said.err
    assert "embver encode emoji" in said.err
    assert "no item in common" in story.embver("status", "emoji", "--json", code=None).json["unmeasured"]


def test_probe_vectors_that_are_no_vectors_are_a_finding_that_names_the_row(retrained: Sandbox) -> None:
    entry = retrained.artifacts("emoji@next")["probe.safetensors"]
    stored = retrained.object(entry["sha256"])
    data = bytearray(stored.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])["text.query"]
    row_bytes = 4 * header["shape"][1]
    begin = start + header["data_offsets"][0] + 4 * row_bytes
    data[begin : begin + row_bytes] = bytes(row_bytes)
    stored.chmod(0o644)
    stored.write_bytes(data)
    said = retrained.embver("compat", "emoji@1.1.1", "emoji@next", code=1)
    assert "is all zeros; it has no direction" in said.err
    assert "embver encode emoji --force" in said.err


def test_a_repositorys_own_thresholds_are_said_and_recorded(story: Sandbox) -> None:
    settings = story.root / "embver.toml"
    settings.write_text(settings.read_text().replace("[rule]\n", "[rule]\ncompatible_recall = 0.5\n"))
    found = story.embver("compat", "emoji@1.0.0", "emoji@1.1.1", "--json", code=None).json
    assert found["rule"] == {"compatible_recall": 0.5, "draws": 200, "splits": 2}
    said = story.embver("compat", "emoji@1.0.0", "emoji@1.1.1", code=None)
    assert "rule version 1 with splits, draws, compatible_recall of this repository" in said.err
