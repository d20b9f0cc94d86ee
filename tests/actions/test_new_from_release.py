"""`embver new NAME --from REF`: a fix of an older line, from its card to its tag."""

from __future__ import annotations

import pytest

from sandbox import NAME, Sandbox, collapse_spaces, more_corpus, use_model

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def versions(repo: Sandbox) -> list[str]:
    return [entry["version"] for entry in repo.embver("list", NAME, "--json").json]


def trailer(repo: Sandbox, tag: str, key: str) -> str:
    asked = f"--format=%(contents:trailers:key={key},valueonly)"
    return repo.git("for-each-ref", asked, f"refs/tags/{tag}").out.strip()


def test_a_fix_of_an_older_line_is_measured_against_it_and_counts_on_from_it(story: Sandbox) -> None:
    said = story.embver("new", NAME, "--from", "emoji@1.0.0")
    assert "wrote embeddings/emoji/next/card.yaml (from emoji@1.0.0)" in said.out
    assert "compared with the line of emoji@1.0.0, and not with the latest release" in said.err
    assert "\nprevious: emoji@1.0.0\n" in story.card.read_text()
    assert "uri: data/corpus-v1.jsonl" in story.card.read_text()  # the card of 1.0.0, not the latest one's
    collapse_spaces(story)
    story.embver("encode", NAME)
    found = story.embver("status", NAME, "--json").json
    found = found[0] if isinstance(found, list) else found
    assert (found["current"], found["level"], found["proposed"]) == ("1.0.0", "patch", "1.0.1")
    assert found["measured"]
    story.embver("release", NAME)
    assert versions(story) == ["1.0.0", "1.0.1", "1.1.0", "1.1.1"]
    assert trailer(story, "emoji@v1.0.1", "Previous") == "emoji@1.0.0"
    card = story.embver("show", "emoji@1.0.1", "--json").json["card"]
    assert card["previous"] == "emoji@1.0.0"
    assert [record["against"] for record in card["compatibility"]] == ["emoji@1.0.0"]
    assert story.embver("show", "emoji@latest", "--json").json["reference"] == "emoji@1.1.1"
    assert story.embver("verify").code == 0
    assert story.embver("validate").code == 0
    # The next version goes on from the latest again, and forgets what the last one was begun from.
    story.embver("new", NAME)
    assert "previous:" not in story.card.read_text()
    assert "uri: data/corpus-v2.jsonl" in story.card.read_text()


def test_what_an_old_line_has_no_number_for_is_refused(story: Sandbox, models) -> None:
    story.embver("new", NAME, "--from", "1.0.0")
    more_corpus(story)
    story.embver("encode", NAME)
    before = story.state()
    said = story.embver("release", NAME, code=1)
    assert (
        "refused: emoji@next was begun from emoji@1.0.0 and calls for MINOR, 1.1.0, and emoji@1.1.0 is out"
        in said.err
    )
    assert "an old line takes fixes only" in said.err
    assert story.state() == before
    use_model(story, models / "retrained")
    story.embver("encode", NAME)
    story.git("add", "-A")
    story.git("commit", "-q", "-m", "Another model")
    said = story.embver("release", NAME, code=1)
    assert "calls for MAJOR, 2.0.0, and emoji@1.1.0 is out already" in said.err


def test_a_pre_release_of_an_older_line_is_finished_from_it(story: Sandbox) -> None:
    story.embver("new", NAME, "--from", "1.0.0")
    collapse_spaces(story)
    story.embver("encode", NAME)
    story.embver("release", NAME, "--pre", "rc")
    assert versions(story) == ["1.0.0", "1.0.1-rc.1", "1.1.0", "1.1.1"]
    story.embver("new", NAME, "--from", "1.0.1-rc.1")
    assert "\nprevious: emoji@1.0.1-rc.1\n" in story.card.read_text()
    story.embver("encode", NAME)
    story.embver("release", NAME)
    assert versions(story) == ["1.0.0", "1.0.1-rc.1", "1.0.1", "1.1.0", "1.1.1"]
    assert trailer(story, "emoji@v1.0.1", "Previous") == "emoji@1.0.0"
    assert story.embver("verify").code == 0


def test_two_fixes_of_one_version_follow_one_another(story: Sandbox) -> None:
    story.embver("new", NAME, "--from", "1.0.0")
    collapse_spaces(story)
    story.embver("encode", NAME)
    story.embver("release", NAME)
    # Somebody else has begun from 1.0.0 too, and comes second.
    story.embver("new", NAME, "--from", "1.0.0")
    story.edit(("      - {step: tokenize", "      - {step: lowercase}\n      - {step: tokenize"))
    story.embver("encode", NAME)
    story.embver("release", NAME)
    assert versions(story) == ["1.0.0", "1.0.1", "1.0.2", "1.1.0", "1.1.1"]
    assert trailer(story, "emoji@v1.0.2", "Previous") == "emoji@1.0.1"


def test_the_newest_needs_no_word_of_it(story: Sandbox) -> None:
    story.embver("new", NAME, "--from", "emoji@latest")
    assert "previous:" not in story.card.read_text()


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("emoji@9.0.0", "emoji has no version 9.0.0"),
        ("9.0.0", "emoji has no version 9.0.0"),
        ("other@1.0.0", "there is no embedding 'other'"),
        ("emoji@", "is not a reference"),
    ],
)
def test_a_release_that_there_is_not(story: Sandbox, origin: str, message: str) -> None:
    said = story.embver("new", NAME, "--from", origin, code=2)
    assert message in said.err
    assert not story.next.exists()


def test_a_card_that_names_no_release_is_told(story: Sandbox) -> None:
    story.embver("new", NAME, "--from", "1.0.0")
    story.edit(("previous: emoji@1.0.0", "previous: emoji@1.0.7"))
    said = story.embver("validate", code=1)
    assert (
        "embeddings/emoji/next/card.yaml:4:1: emoji@1.0.7 is no release of this repository [previous-unknown] -> "
        "embver list emoji, or git fetch --tags" in said.out
    )
    said = story.embver("release", NAME, code=2)
    assert "emoji has no version 1.0.7" in said.err
