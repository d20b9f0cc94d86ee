"""embver.Repository: the commands' answers as values, and how they show themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

import embver
from embver.errors import EmbverError, UsageError
from embver.levels import Level, Verdict
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def test_a_list_is_the_commands_list(story: Sandbox, repository: embver.Repository) -> None:
    listed = repository.releases()
    plain = story.embver("list", "--json").json
    keys = ("name", "version", "tag", "commit", "date", "level", "verdict", "status")
    assert [{key: getattr(entry, key) for key in keys} for entry in listed] == [
        {key: entry[key] for key in keys} for entry in plain
    ]
    assert [entry.reference for entry in listed[1:]] == ["emoji@1.1.0", "emoji@1.1.1"]
    assert len(repository.releases("emoji")) == len(listed) == 3
    assert repository.embeddings() == ("emoji",)
    assert repository.root == story.root
    with pytest.raises(UsageError, match="there is no embedding 'others'"):
        repository.releases("others")


def test_a_comparison_is_the_commands_diff(story: Sandbox, repository: embver.Repository) -> None:
    found = repository.compare("emoji@1.0.0", repository.open("emoji@1.1.0"))
    told = story.embver("diff", "emoji@1.0.0", "emoji@1.1.0", "--json").json
    assert found.to_plain() == told
    assert found.level is Level.MINOR
    assert "training.data[drawings].uri" in str(found)
    with pytest.raises(UsageError, match="is neither a reference nor a version"):
        repository.compare("emoji@1.0.0", 3)  # type: ignore[arg-type]


def test_a_measurement_is_the_commands(story: Sandbox, repository: embver.Repository) -> None:
    old, new = repository.open("emoji@1.0.0"), repository.open("emoji@1.1.1")
    found = repository.measure(old, new)
    told = story.embver("compat", "emoji@1.0.0", "emoji@1.1.1", "--json").json
    assert found.to_plain() == told
    assert found.verdict is Verdict(told["verdict"])
    assert embver.measure(old, new) == old.measure(new) == found
    assert found.stratum("text", "image")["verdict"] == told["strata"][2]["verdict"]
    with pytest.raises(KeyError, match="there is no stratum text -> audio: image -> image"):
        found.stratum("text", "audio")


def test_versions_of_two_repositories_are_not_measured(
    sandbox, repository: embver.Repository, tmp_path: Path
) -> None:
    other = embver.open("emoji@1.0.0", path=sandbox("first").root)
    with pytest.raises(UsageError, match="both versions must be of one repository"):
        embver.measure(repository.open("emoji@1.0.0"), other)
    with pytest.raises(ValueError, match="one version is of a repository and one is arrays"):
        embver.measure({"text": [[1.0]]}, other)  # type: ignore[dict-item]


def test_what_cannot_be_measured_says_why(encoded: Sandbox) -> None:
    encoded.embver("release", "emoji")
    encoded.embver("new", "emoji")
    with pytest.raises(EmbverError, match="has no probe vectors"):
        embver.Repository(encoded.root).measure("emoji@1.0.0", "emoji@next")


def test_recorded_verdicts_are_found_from_both_sides(repository: embver.Repository) -> None:
    old, new = repository.open("emoji@1.1.0"), repository.open("emoji@1.1.1")
    recorded = new.card.against("emoji@1.1.0")
    assert recorded is not None
    assert new.verdict_with("emoji@1.1.0") is old.verdict_with("emoji@1.1.1") is Verdict(recorded.verdict)
    assert new.verdict_with("emoji@1.1.0", modalities=("image", "image")) is Verdict.IDENTICAL
    assert new.verdict_with("emoji@1.1.0", modalities=("image", "audio")) is None
    assert new.verdict_with("others@1.0.0") is None
    assert old.verdict_with("emoji@1.1.0", measure=True) is Verdict.IDENTICAL


def test_everything_shows_itself_escaped(story: Sandbox) -> None:
    title = '<script>alert("1")</script>'
    story.embver("new", "emoji")
    story.edit(("title: Emoji search embeddings", f"title: '{title}'"))
    repository = embver.Repository(story.root)
    version, old = repository.open("emoji@next"), repository.open("emoji@1.0.0")
    shown = [version, version.card, version.vectors, repository, repository.releases()]
    shown += [repository.compare(old, version), repository.measure(old, repository.open("emoji@1.1.0"))]
    texts = [each._repr_html_() for each in shown]
    assert all(text.count("<table>") == text.count("</table>") == 1 for text in texts)
    assert not [text for text in texts if "<script>" in text]
    assert sum("&lt;script&gt;alert(&quot;1&quot;)" in text for text in texts) == 3
    assert repr(old) == "<Version emoji@1.0.0: first>"
    assert repr(repository.releases()) == "<Releases: emoji@1.0.0, emoji@1.1.0, emoji@1.1.1>"
    assert repr(old.vectors) == "<Vectors of emoji@1.0.0: image 30 × 32, text 30 × 32>"
    assert repr(old.probe) == "<Probe pairs of emoji@1.0.0>"
    assert repr(old.card).startswith("<Card emoji@1.0.0: image, text, 32 dimensions, cosine, unit length")
    assert repr(repository) == f"<Repository {story.root}: emoji>"
