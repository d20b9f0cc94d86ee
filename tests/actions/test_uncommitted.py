"""What a release stands on is in its commit, or kept by somebody whom the card names; or there is no release."""

from __future__ import annotations

import subprocess

import pytest

from sandbox import NAME, Sandbox, git, use_model

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

CARD = "embeddings/emoji/next/card.yaml"


def refused(repo: Sandbox) -> str:
    before = repo.state()
    said = repo.embver("release", NAME, code=1)
    assert repo.state() == before
    assert "error: emoji@next is not what its card says" in said.err
    assert "next: mend the lines above, then embver release emoji" in said.err
    return said.err


def ignore(repo: Sandbox, *paths: str) -> None:
    """Take some paths out of Git, as a team does that keeps them elsewhere."""
    repo.git("rm", "-r", "-q", "--cached", *paths)
    with (repo.root / ".gitignore").open("a", encoding="utf-8") as file:
        file.writelines(f"/{path}\n" for path in paths)
    repo.git("add", ".gitignore")
    repo.git("commit", "-q", "--no-verify", "-m", "Keep it elsewhere")


def test_a_model_that_was_trained_on_and_not_committed(encoded: Sandbox, models) -> None:
    use_model(encoded, models / "retrained")
    encoded.embver("encode", NAME)
    said = refused(encoded)
    assert (
        f"{CARD}:16:28: models/clip/model.safetensors is not committed as it was encoded [uncommitted] -> "
        "git add models/clip && git commit\n" in said
    )
    assert said.count("models/clip/model.safetensors") == 1  # told once, of two encoders
    encoded.git("add", "-A")
    encoded.git("commit", "-q", "-m", "The model")
    encoded.embver("release", NAME)
    assert encoded.embver("validate", "--rev", "HEAD").code == 0


def test_a_corpus_that_is_ignored_is_committed_or_named_as_kept_elsewhere(encoded: Sandbox) -> None:
    ignore(encoded, "data/corpus-v1.jsonl")
    said = refused(encoded)
    assert (
        "data/corpus-v1.jsonl is not committed: a clone of this release would lack it [uncommitted] -> "
        "git add data/corpus-v1.jsonl && git commit, or say in the card who keeps it: `tracked_by: other`"
        in said
    )
    encoded.edit(("tracked_by: git", "tracked_by: other"), ("corpus:\n", "corpus:\n  tracked_by: other\n"))
    encoded.embver("release", NAME)
    assert encoded.embver("validate").code == 0


@pytest.mark.parametrize(
    "words", ["tracked_by: other", "revision: 3f1c0c6e5d0b4e6f8a9b7c6d5e4f3a2b1c0d9e8f"], ids=["other", "hub"]
)
def test_a_model_that_is_kept_elsewhere(encoded: Sandbox, words: str) -> None:
    ignore(encoded, "models")
    assert "models/clip is not committed" in refused(encoded)
    encoded.edit(("path: models/clip}", f"path: models/clip, {words}}}"))
    encoded.embver("release", NAME)


def test_a_model_of_a_tag_that_does_not_hold_it(encoded: Sandbox) -> None:
    ignore(encoded, "models")
    encoded.git("tag", "clip-v1")
    encoded.edit(("path: models/clip}", "path: models/clip, tag: clip-v1}"))
    assert "models/clip is not in the commit of the tag clip-v1" in refused(encoded)
    encoded.git("tag", "-f", "clip-v1", "HEAD~1")
    encoded.embver("release", NAME)


def test_data_outside_of_the_repository(encoded: Sandbox) -> None:
    encoded.edit(("tracked_by: git", "tracked_by: other"))
    encoded.edit(("uri: data/corpus-v1.jsonl, tracked_by: other", "uri: ../raw/images"))
    assert "../raw/images lies outside of this repository: a clone would lack it" in refused(encoded)
    encoded.edit(("uri: ../raw/images", "uri: s3://bucket/raw/images"))
    encoded.embver("release", NAME)


def test_data_that_dvc_keeps(encoded: Sandbox) -> None:
    pointer = encoded.root / "data/raw.dvc"
    (encoded.root / ".gitignore").write_text("/data/raw\n/build\n")
    (encoded.root / "data/raw").mkdir()
    encoded.edit(("uri: data/corpus-v1.jsonl, tracked_by: git", "uri: data/raw"))
    assert "data/raw is not committed" in refused(encoded)
    pointer.write_text("outs:\n- md5: a304afb96060aad90176268345e10355.dir\n  path: raw\n")
    assert "data/raw.dvc is not committed as it was encoded" in refused(encoded)
    encoded.git("add", "-A")
    encoded.git("commit", "-q", "-m", "Track it with DVC")
    encoded.embver("release", NAME)


def test_a_picture_of_the_probe_set(encoded: Sandbox) -> None:
    (encoded.root / "probes/pairs/notes.txt").write_text("nothing that counts\n")
    encoded.git("rm", "-q", "--cached", "probes/pairs/images/007.png")
    assert "probes/pairs/images/007.png is not committed as it was encoded [uncommitted]" in refused(encoded)
    encoded.git("reset", "-q")
    encoded.embver("release", NAME)


def test_what_validate_says_of_next_is_said_before_its_release(encoded: Sandbox) -> None:
    (encoded.next / "benchmarks/search.json").write_text("{}\n")
    assert f"{CARD}:" in (said := refused(encoded))
    assert "benchmarks/search.json has the checksum" in said
    assert "[benchmark-file]" in said


def test_a_clone_of_a_release_holds_what_its_card_names(encoded: Sandbox, tmp_path) -> None:
    encoded.embver("release", NAME)
    git(tmp_path, "clone", "-q", "--no-local", encoded.root.as_uri(), "clone")
    there = subprocess.run(
        ["ls", "-R", str(tmp_path / "clone")], capture_output=True, text=True, check=True
    ).stdout
    for name in ("corpus-v1.jsonl", "model.safetensors", "tokenizer.json", "items.jsonl", "007.png"):
        assert name in there


@pytest.mark.parametrize("command", ["encode", "bench", "status", "release"])
def test_a_card_in_the_folder_of_another_embedding(encoded: Sandbox, command: str) -> None:
    encoded.edit(("name: emoji", "name: icons"))
    said = encoded.embver(command, NAME, code=None)
    assert said.code in (0, 1)  # `status` tells it, and has done what it was asked for
    assert f"{CARD}:3:1: name is icons, and the card lies in embeddings/emoji/ [name-folder]" in said.text
