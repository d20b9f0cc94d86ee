"""`embver status`: at a glance, as JSON for CI, as Markdown for a bot; whatever state `next/` is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from embver.actions.readiness import KINDS
from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

CARDS = Path(__file__).resolve().parents[1] / "data" / "cards"
KEYS = {
    "name", "current", "proposed", "level", "verdict", "measured", "unmeasured", "stale", "reasons", "flags",
    "presumed", "comparisons", "changes", "ready", "problems", "missing",
}  # fmt: skip


def missing(repo: Sandbox) -> dict[str, tuple[str, str, bool]]:
    found = repo.embver("status", NAME, "--json", code=None).json
    assert set(found) == KEYS
    assert {entry["kind"] for entry in found["missing"]} <= set(KINDS)
    return {entry["kind"]: (entry["what"], entry["hint"], entry["blocks"]) for entry in found["missing"]}


def test_the_way_to_a_release_one_missing_thing_after_the_other(story: Sandbox) -> None:
    story.embver("new", NAME)
    said = story.embver("status")
    assert said.out.startswith("emoji: 1.1.1, nothing to release yet\n")
    assert "field" not in said.out  # what is not encoded yet is no change
    assert said.err == "next: embver encode emoji\n"
    assert missing(story)["vectors"] == ("not encoded: it has no vectors yet", "embver encode emoji", True)
    story.edit(("{step: collapse_whitespace}", "{step: collapse_whitespace}\n      - {step: lowercase}"))
    assert story.embver("status").out.startswith(
        "emoji: 1.1.1 -> 1.1.2  PATCH\n  the card presumes PATCH, nothing"
    )
    story.embver("encode", NAME)
    said = story.embver("status")
    assert "  the card presumes PATCH, measured identical\n" in said.out
    assert (
        "  PATCH  text preprocessing is corrected\n    + encoders.text.preprocessing[lowercase]: lowercase\n"
        in said.out
    )
    assert "and so the bytes of" not in said.out
    assert missing(story) == {
        "benchmark": ("benchmarks that were not run: search", "embver bench emoji", False),
        "words": (
            "no words about what changed",
            "say it under changes: in embeddings/emoji/next/card.yaml",
            False,
        ),
    }
    assert said.err == "next: embver release emoji\n"
    story.edit(("form: NFC", "form: NFKC"))
    what, hint, blocks = missing(story)["vectors"]
    assert what.startswith("stale: the card was changed after its vectors were encoded")
    assert (hint, blocks) == ("embver encode emoji", True)
    assert "measured against emoji@1.1.1: identical (the vectors are stale)" in story.embver("status").out
    story.edit(("form: NFKC", "form: NFC"))
    story.edit(
        ("# ---- written by", "changes:\n  - {area: encoders.text, text: Lower case.}\n\n# ---- written by")
    )
    story.embver("bench", NAME)
    found = story.embver("status", NAME, "--json").json
    assert (found["missing"], found["ready"], found["presumed"]) == ([], True, "patch")
    assert [entry["against"] for entry in found["comparisons"]] == ["emoji@1.1.1", "emoji@1.0.0"]
    assert "still missing" not in story.embver("status").out
    story.embver("release", NAME)


def test_what_a_release_would_refuse_is_missing(story: Sandbox) -> None:
    story.embver("new", NAME)
    story.edit(("id: tiny-clip", "id: other-clip"))
    story.embver("encode", NAME)
    (story.next / "stray.txt").write_text("left behind")
    (story.next / "ids.txt").write_text("other\n")
    story.git("checkout", "-q", "--detach")
    found = missing(story)
    assert found["vectors"][0] == "ids.txt is not what the card says"
    assert found["reason"][0].startswith("a minor release needs a written reason: encoders.image.model.id")
    assert found["reason"][1].startswith("embver release emoji --reason TEXT")
    assert found["number"][0] == "embeddings/emoji/next holds what the card does not name: stray.txt"
    assert found["repository"] == (
        "HEAD is detached: a release needs a branch to stand on",
        "git switch BRANCH",
        True,
    )
    assert story.embver("status").code == 0  # work in progress is no finding


def test_what_is_not_committed_is_told_with_its_line(story: Sandbox) -> None:
    story.embver("new", NAME)
    story.edit(("uri: data/corpus-v2.jsonl\n  digest", "uri: data/other.jsonl\n  digest"))
    (story.root / "data/other.jsonl").write_bytes((story.root / "data/corpus-v1.jsonl").read_bytes())
    story.embver("encode", NAME)
    said = story.embver("status")
    assert "data/other.jsonl is not committed" in said.out
    assert "embeddings/emoji/next/card.yaml:" in said.out
    assert missing(story)["commit"][2] is True


def test_a_measurement_that_is_not_here_names_the_command(retrained: Sandbox) -> None:
    retrained.object(retrained.artifacts("emoji@1.1.1")["probe.safetensors"]["sha256"]).unlink()
    what, hint, blocks = missing(retrained)["measurement"]
    assert what.startswith("not measured: the bytes of emoji@1.1.1 probe.safetensors are not on this machine")
    assert (hint, blocks) == ("embver pull emoji@1.1.1", False)


def test_own_rules_decide_and_stay_in_the_tag(story: Sandbox) -> None:
    with (story.root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write('\n[[policy]]\npath = "title"\nlevel = "minor"\nwhy = "the shop shows it"\n')
    story.git("commit", "-q", "-a", "-m", "Titles count")
    story.embver("new", NAME)
    story.edit(("title: Emoji search embeddings", "title: Emoji embeddings"))
    story.embver("encode", NAME)
    why = "the shop shows it (this repository's rule; embver presumes NONE)"
    assert (
        f"  MINOR  {why}\n    ~ title: Emoji search embeddings -> Emoji embeddings\n"
        in story.embver("status").out
    )
    story.embver("release", NAME)
    message = story.git("tag", "-l", "emoji@v1.2.0", "--format=%(contents)").out
    assert f"- minor: title: {why}\n" in message
    story.git("checkout", "-q", "HEAD~2", "--", "embver.toml")  # the rule goes, what was released stays
    assert f"title: {why}" in story.embver("log", NAME).out


# ---- whatever lies in next/


def test_no_card_of_the_corpus_is_an_error(story: Sandbox) -> None:
    story.next.mkdir()
    for file in sorted((CARDS / "invalid").rglob("*.yaml")):
        story.card.write_bytes(file.read_bytes())
        found = story.embver("status", "--json", code=None)
        (state,) = found.json
        if found.code == 0:
            assert state["problems"] == []  # wrong only in a released folder
            continue
        assert found.code == 1, file.name
        assert (state["level"], state["ready"]) == (None, False)
        assert all(problem["path"].endswith("next/card.yaml") for problem in state["problems"])
        assert state["missing"][0]["kind"] == "card"


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"[]", b"a: &a [*a]", b"schema: 9\nname: emoji\n"])
def test_a_half_written_card_is_a_state(story: Sandbox, data: bytes) -> None:
    story.next.mkdir()
    story.card.write_bytes(data)
    said = story.embver("status", code=1)
    assert said.out.startswith("emoji: cannot be released yet\n  embeddings/emoji/next/card.yaml:1:1: ")
    assert said.err.startswith("next: mend the lines above, then embver validate")
    assert "⛔ `emoji`: the card is not valid" in story.embver("status", "--md", code=1).out


def test_a_folder_without_a_card_is_a_state(story: Sandbox) -> None:
    story.next.mkdir()
    story.embver("status", code=2)
    (story.next / "image.safetensors").write_bytes(b"")
    said = story.embver("status", code=1)
    assert "✗ embeddings/emoji/next/card.yaml does not exist  -> embver new emoji" in said.out


def test_nothing_begun_and_unknown_names_are_asked_wrongly(story: Sandbox) -> None:
    assert story.embver("status", code=2).err.endswith("next: embver new emoji\n")
    story.embver("status", NAME, code=2)
    story.embver("status", "nobody", code=2)
    assert story.embver("status", "--json").json == []
    assert story.embver("status", "--md").out == "No embedding has a working version.\n"


def test_a_comment_for_a_pull_request(retrained: Sandbox) -> None:
    retrained.edit(("title: Emoji search embeddings", "title: '@all | <b>new</b>'"))
    text = retrained.embver("status", "--md").out
    blocks = text.split("\n\n")
    assert blocks[0] == "### 🔴 `emoji` 1.1.1 → 2.0.0: **MAJOR**"
    assert blocks[1] == "The card presumes MINOR, measured **incompatible**."
    assert blocks[2] == "**Still missing before a release**"
    assert "| should | no words about what changed |" in blocks[3]
    assert "<code>@all &#124; &#60;b&#62;new&#60;/b&#62;</code>" in text
    assert "<details><summary>Measured against emoji@&#8203;1.1.1: incompatible</summary>" in text


def test_colours_only_where_they_are_asked_for(retrained: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in retrained.embver("status").text
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = retrained.embver("status").out
    assert "2.0.0  \x1b[31mMAJOR\x1b[0m" in said
    assert "measured \x1b[31mincompatible\x1b[0m" in said
    assert "\x1b[33m·\x1b[0m no words" in said


def test_a_fix_of_an_older_line_is_compared_with_that_line(retrained: Sandbox) -> None:
    retrained.embver("release", NAME)
    retrained.embver("new", NAME, "--from", f"{NAME}@1.1.1")
    found = retrained.embver("status", NAME, "--json").json
    assert found["current"] == "1.1.1"
    assert retrained.embver("diff", NAME, "--json").json["a"] == "emoji@1.1.1"
