"""The hook that `embver init` writes, in real commits: what it lets through and what it stops."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sandbox import NAME, Sandbox, more_corpus

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

ON_PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def commit(repo: Sandbox, *arguments: str, code: int | None = 0, env: dict[str, str] | None = None):
    return repo.git("commit", "-q", "-m", "by hand", *arguments, code=code, env=env or ON_PATH)


@pytest.mark.parametrize(
    "env", [ON_PATH, {"PATH": "/usr/bin:/bin"}], ids=["on the PATH", "by its interpreter"]
)
def test_a_malformed_card_is_not_committed(encoded: Sandbox, env: dict[str, str]) -> None:
    encoded.edit(("  metric: cosine", "  metric: cosin"))
    encoded.git("add", "-A")
    before = encoded.refs()
    said = commit(encoded, code=1, env=env)
    assert "embeddings/emoji/next/card.yaml:9:" in said.text
    assert "space.metric is cosin, not one of cosine, dot" in said.text
    assert encoded.refs() == before


@pytest.mark.parametrize("how", [("-a",), ("--", "embeddings/emoji/1.0.0/card.yaml")], ids=["all", "by path"])
def test_a_released_card_is_not_changed(story: Sandbox, how: tuple[str, ...]) -> None:
    story.edit(("normalized: true", "normalized: false"), file=story.version("1.0.0") / "card.yaml")
    said = commit(story, *how, code=1)
    assert (
        "emoji@1.0.0 is released, and its frozen part no longer has the digest that its tag carries"
        in said.text
    )
    assert "[frozen]" in said.text


def test_growth_is_committed(story: Sandbox) -> None:
    story.edit(
        ("status: {state: active}", "status: {state: deprecated, reason: blurred}"),
        file=story.version("1.0.0") / "card.yaml",
    )
    commit(story, "-a")
    assert story.embver("verify").code == 0


def test_what_is_staged_counts(encoded: Sandbox) -> None:
    good = encoded.card.read_text()
    encoded.edit(("  metric: cosine", "  metric: cosin"))
    encoded.git("add", "-A")
    encoded.card.write_text(good)  # mended, and not staged
    assert commit(encoded, code=1).code == 1
    encoded.git("add", "-A")
    encoded.edit(("  metric: cosine", "  metric: cosin"))  # broken, and not staged
    commit(encoded)
    assert "cosin\n" not in encoded.git("show", "HEAD:embeddings/emoji/next/card.yaml").out


def test_a_released_card_in_the_folder_of_another_embedding(story: Sandbox) -> None:
    story.edit(("name: emoji\n", "name: emojis\n"), file=story.version("1.0.0") / "card.yaml")
    said = commit(story, "-a", code=1)
    assert "name is emojis, and the card lies in embeddings/emoji/ [name-folder]" in said.text


def test_every_problem_of_every_card(story: Sandbox) -> None:
    story.embver("new", NAME)
    story.edit(("  metric: cosine", "  metric: cosin"), ("schema: 1", "schema: 9"))
    story.edit(("dtype: float32", "dtype: float31"), file=story.version("1.0.0") / "card.yaml")
    story.git("add", "-A")
    found = story.embver("validate", "--staged", "--json", code=1).json["problems"]
    assert {(entry["path"], entry["line"]) for entry in found} >= {
        ("embeddings/emoji/1.0.0/card.yaml", 13),
        ("embeddings/emoji/next/card.yaml", 2),
    }
    assert all(set(entry) == {"path", "line", "column", "rule", "message", "hint"} for entry in found)


def test_commits_without_a_card_are_not_slowed(story: Sandbox) -> None:
    (story.root / "notes.txt").write_text("x")
    story.git("add", "-A")
    assert "checked" not in commit(story).text


def test_a_card_that_is_edited_and_not_encoded_yet_is_committed(sandbox) -> None:
    repo: Sandbox = sandbox("first")
    repo.embver("new", NAME)
    more_corpus(repo)
    repo.git("add", "-A")
    commit(repo)
    repo.embver("encode", NAME)
    repo.git("add", "-A")
    commit(repo)
    repo.embver("release", NAME)
    assert repo.git("status", "--porcelain").out == ""


def test_a_merge_without_conflicts_is_checked_too(encoded: Sandbox) -> None:
    encoded.git("add", "-A")
    commit(encoded)
    encoded.git("switch", "-q", "-c", "side")
    encoded.edit(("license: CC-BY-SA-4.0", "license: Nobody-Knows"))
    commit(encoded, "-a", "--no-verify")
    encoded.git("switch", "-q", "main")
    encoded.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "Meanwhile")
    before = encoded.refs()
    said = encoded.git("merge", "-q", "--no-edit", "side", code=None, env=ON_PATH)
    assert said.code != 0
    assert "embeddings/emoji/next/card.yaml:5:" in said.text
    assert "[licence]" in said.text
    assert encoded.refs() == before
    encoded.edit(("license: Nobody-Knows", "license: CC0-1.0"))
    encoded.git("add", "-A")
    commit(encoded)
    assert encoded.git("log", "-1", "--format=%P").out.count(" ") == 1


def test_a_release_that_was_changed_is_not_pushed(story: Sandbox) -> None:
    there = story.git("ls-remote", "origin").out
    file = story.version("1.1.1") / "card.yaml"
    story.edit(("normalized: true", "normalized: false"), file=file)
    commit(story, "-a", "--no-verify")
    story.git("tag", "another")
    said = story.git("push", "-q", "origin", "main", "another", code=None, env=ON_PATH)
    assert said.code != 0
    assert "emoji@1.1.1" in said.text
    assert story.git("ls-remote", "origin").out == there
    story.git("push", "-q", "origin", "main", env=ON_PATH)  # a branch alone is nobody's version


def test_and_what_is_pushed_brings_its_vectors(encoded: Sandbox, tmp_path: Path) -> None:
    encoded.embver("release", NAME)
    remote = tmp_path / "elsewhere.git"
    encoded.git("init", "-q", "--bare", "-b", "main", str(remote))
    encoded.git("remote", "add", "origin", remote.as_uri())
    encoded.git("push", "-q", "origin", "main", "emoji@v1.0.0", env=ON_PATH)
    for artifact in encoded.artifacts("emoji@1.0.0").values():
        if artifact["path"].endswith(".safetensors"):
            sha256 = artifact["sha256"]
            assert (remote / "lfs/objects" / sha256[:2] / sha256[2:4] / sha256).is_file()
