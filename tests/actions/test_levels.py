"""Levels end to end: what the card presumes, what was measured, what is asked for, and what is refused."""

from __future__ import annotations

import pytest

from sandbox import NAME, Sandbox, collapse_spaces, more_corpus, use_model, write_lines

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def begin_next(repo: Sandbox, *edits: tuple[str, str]) -> None:
    repo.embver("new", NAME)
    if edits:
        repo.edit(*edits)


def release_refused(repo: Sandbox, *arguments: str, code: int = 1) -> str:
    before = repo.state()
    said = repo.embver("release", NAME, *arguments, code=code)
    assert repo.state() == before
    assert "released" not in said.out
    return said.err


def test_a_retrained_model_is_refused_as_minor(retrained: Sandbox) -> None:
    for arguments in (
        ("--level", "minor"),
        ("--level", "minor", "--reason", "it is better"),
        ("--level", "patch"),
    ):
        said = release_refused(retrained, *arguments)
        assert "refused: emoji cannot be released as" in said
        assert "it breaks what users of emoji@1.1.1 have, measured incompatible" in said
        assert "of their neighbours again" in said
        assert "next: embver release emoji    (as MAJOR, 2.0.0)" in said


def test_and_is_released_as_major_without_asking(retrained: Sandbox) -> None:
    retrained.embver("release", NAME)
    last = retrained.embver("list", "--json").json[-1]
    assert (last["version"], last["level"], last["verdict"]) == ("2.0.0", "major", "incompatible")
    assert retrained.embver("verify").code == 0
    records = retrained.embver("show", NAME, "--json").json["card"]["compatibility"]
    assert [(record["against"], record["verdict"]) for record in records] == [
        ("emoji@1.1.1", "incompatible"),
        ("emoji@1.0.0", "incompatible"),
    ]


def test_another_dimension_is_major_whatever_is_said(story: Sandbox, models) -> None:
    begin_next(story, ("dimensions: 32", "dimensions: 48"))
    use_model(story, models / "wide")
    story.embver("encode", NAME)
    story.git("add", "-A")
    story.git("commit", "-q", "-m", "A wider model")
    said = release_refused(story, "--level", "minor", "--reason", "we know")
    assert "cannot be released as MINOR" in said
    assert "space.dimensions: another dimension" in said
    assert "2.0.0" in story.embver("release", NAME).out


def test_nothing_changed(story: Sandbox) -> None:
    begin_next(story)
    story.embver("encode", NAME)
    assert "nothing changed" in story.embver("status").out
    assert "nothing changed since emoji@1.1.1" in release_refused(story)
    assert "nothing changed since emoji@1.1.1" in release_refused(story, "--level", "major")


def test_words_alone_are_released_only_if_asked_for(story: Sandbox) -> None:
    begin_next(story, ("title: Emoji search embeddings", "title: Emoji embeddings"))
    story.embver("encode", NAME)
    said = release_refused(story)
    assert "or embver release emoji --level patch" in said
    assert "emoji@1.1.2" in story.embver("release", NAME, "--level", "patch").out


SOFT = ("id: tiny-clip", "id: other-clip")


@pytest.fixture
def softly(story: Sandbox) -> Sandbox:
    """Return the story with a change that usually breaks and here does not: the model has another name."""
    begin_next(story, SOFT)
    story.embver("encode", NAME)
    return story


def test_a_soft_change_needs_a_written_reason(softly: Sandbox) -> None:
    said = release_refused(softly)
    assert "a minor release needs a written reason: encoders.image.model.id usually breaks" in said
    assert "measured identical" in said
    assert (
        "embver release emoji --reason TEXT, or words with `area: encoders.image.model.id` and `area: encoders.text.model.id`"
        in said
    )
    softly.embver("release", NAME, "--reason", "only the name is new")
    card = softly.embver("show", NAME, "--json").json["card"]
    assert card["version"] == "1.2.0"
    override = card["override"]
    assert "measured identical to emoji@1.1.1; identical to emoji@1.0.0; probe sha256:" in override.pop(
        "evidence"
    )
    assert override == {
        "computed": "minor",
        "chosen": "minor",
        "reason": "only the name is new",
        "by": "Search team",  # never the address
    }
    message = softly.git("tag", "-l", "emoji@v1.2.0", "--format=%(contents)").out
    assert "Released as minor by Search team: only the name is new\nEvidence: measured identical" in message
    assert "shop.example" not in message


@pytest.mark.parametrize(
    ("area", "is_enough"), [("encoders", True), ("enc", False), ("encoders.text", False)]
)
def test_or_words_in_the_card_that_speak_of_it(softly: Sandbox, area: str, is_enough: bool) -> None:
    words = f"changes:\n  - {{area: {area}, text: Only the name is new.}}\n\n# ---- written by"
    softly.edit(("# ---- written by", words))
    if not is_enough:
        assert "needs a written reason" in release_refused(softly)
        return
    softly.embver("release", NAME)
    assert "Only the name is new." in softly.git("tag", "-l", "emoji@v1.2.0", "--format=%(contents)").out


def test_major_is_free(softly: Sandbox) -> None:
    softly.embver("release", NAME, "--level", "major")
    card = softly.embver("show", NAME, "--json").json["card"]
    assert card["version"] == "2.0.0"
    assert card["override"]["computed"] == "minor"
    assert card["override"]["chosen"] == "major"


def test_without_a_probe_set_a_reason_is_needed(story: Sandbox) -> None:
    story.edit(('probe = "probes/pairs"', ""), file=story.root / "embver.toml")
    begin_next(story, ("uri: data/corpus-v2.jsonl\n  digest", "uri: data/corpus-v1.jsonl\n  digest"))
    story.embver("encode", NAME)
    said = story.embver("status")
    assert "unmeasured: emoji@next has no probe vectors" in said.out
    assert "needs a written reason: nothing was measured" in said.out
    said = release_refused(story)
    assert "next: embver release emoji --reason TEXT\n" in said
    story.embver("release", NAME, "--reason", "the corpus shrank")
    last = story.embver("list", "--json").json[-1]
    assert (last["version"], last["verdict"]) == ("1.2.0", "unmeasured")


def test_another_probe_set_measures_on_what_both_hold_and_one_with_nothing_in_common_measures_nothing(
    story: Sandbox,
) -> None:
    items = story.root / "probes/pairs/items.jsonl"
    lines = items.read_text().splitlines()
    items.write_text("\n".join(lines[:-2]) + "\n")
    begin_next(story, ("uri: data/corpus-v2.jsonl\n  digest", "uri: data/corpus-v1.jsonl\n  digest"))
    story.embver("encode", NAME)
    assert "measured identical" in story.embver("status").out
    items.write_text("\n".join(line.replace('"pair": "p', '"pair": "q') for line in lines) + "\n")
    story.embver("encode", NAME)
    assert "have no item in common" in story.embver("status").out


def test_a_lower_level_that_only_a_presumption_forbids_takes_a_reason(story: Sandbox) -> None:
    begin_next(story)
    story.edit(("uri: data/corpus-v2.jsonl\n  digest", "uri: data/corpus-v1.jsonl\n  digest"))
    story.embver("encode", NAME)
    assert "calls for MINOR, not PATCH" in release_refused(story, "--level", "patch")
    story.embver("release", NAME, "--level", "patch", "--reason", "the new pictures were never served")
    assert story.embver("show", NAME, "--json").json["card"]["override"]["chosen"] == "patch"


# ---- pre-releases


def test_pre_releases_count_on_and_are_finished(sandbox) -> None:
    repo: Sandbox = sandbox("first")
    begin_next(repo)
    more_corpus(repo)
    repo.edit(("# ---- written by", "changes:\n  - {area: corpus, text: Ten more.}\n\n# ---- written by"))
    repo.embver("encode", NAME)
    assert "emoji@1.1.0-rc.1" in repo.embver("release", NAME, "--pre", "rc").out
    # `new` goes on from the candidate, and keeps the words that led to it.
    said = repo.embver("new", NAME)
    assert "from emoji@1.1.0-rc.1" in said.out
    text = repo.card.read_text()
    assert "corpus-v2.jsonl" in text
    assert "Ten more." in text
    collapse_spaces(repo)
    repo.embver("encode", NAME)
    assert "emoji@1.1.0-rc.2" in repo.embver("release", NAME, "--pre", "rc").out
    repo.embver("new", NAME)
    repo.embver("encode", NAME)
    said = release_refused(repo, "--pre", "beta", code=2)
    assert "would sort below" in said
    assert "emoji@1.0.0 -> emoji@1.1.0  minor" in repo.embver("release", NAME).out
    versions = [entry["version"] for entry in repo.embver("list", "--json").json]
    assert versions == ["1.0.0", "1.1.0-rc.1", "1.1.0-rc.2", "1.1.0"]
    assert "from emoji@1.1.0)" in repo.embver("new", NAME).out
    assert "Ten more." not in repo.card.read_text()
    assert repo.embver("verify").code == 0


def test_a_first_version_may_be_a_candidate(encoded: Sandbox) -> None:
    assert "emoji@1.0.0-rc.1" in encoded.embver("release", NAME, "--pre", "rc").out
    encoded.embver("new", NAME)
    encoded.embver("encode", NAME)
    assert "emoji@1.0.0-rc.2" in encoded.embver("release", NAME, "--pre", "rc").out
    encoded.embver("new", NAME)
    encoded.embver("encode", NAME)
    said = encoded.embver("release", NAME)
    assert "released emoji@1.0.0 " in said.out


def test_a_hotfix_measures_against_the_first_of_its_line(story: Sandbox) -> None:
    write_lines(story.root / "data/corpus-v1.jsonl", [])
    begin_next(story)
    story.edit(("{step: unicode_normalize, form: NFC}", "{step: unicode_normalize, form: NFKC}"))
    story.embver("encode", NAME)
    told = story.embver("status", NAME).out
    assert "1.1.1 -> 1.1.2  PATCH" in told
    assert "measured against emoji@1.0.0: identical" in told
