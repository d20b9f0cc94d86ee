"""`embver verify`: every way in which a version can stop being what was released, and growth that is none."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from embver.pointer import Pointer
from embver.store.cards import update_card
from embver.store.files import write_atomic
from embver.store.vectors import stream_tensors
from sandbox import NAME, Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def flip(path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)


def found(repo: Sandbox, *arguments: str, code: int = 1) -> dict[str, list[tuple[str, str]]]:
    plain = repo.embver("verify", *arguments, "--json", code=code).json
    assert plain["ok"] is (code == 0)
    kinds = ("missing", "changed", "extra", "unverified")
    return {kind: [(e["reference"], e["path"]) for e in plain[kind]] for kind in kinds if plain[kind]}


def test_one_byte_of_an_object(story: Sandbox) -> None:
    flip(story.object(story.artifacts("emoji@1.0.0")["image.safetensors"]["sha256"]))
    assert found(story) == {"changed": [("emoji@1.0.0", "image.safetensors")]}
    assert found(story, "emoji@1.1.1", code=0) == {}
    assert found(story, "--quick", code=0) == {}
    said = story.embver("verify", code=1)
    assert "changed emoji@1.0.0 image.safetensors: in the LFS store it has the checksum" in said.out
    assert said.out.endswith("they do not agree\n")


def test_one_byte_of_a_pointer(story: Sandbox) -> None:
    flip(story.version("1.0.0") / "image.safetensors", at=60)
    assert found(story) == {"changed": [("emoji@1.0.0", "image.safetensors")]}


def test_another_size_in_a_pointer(story: Sandbox) -> None:
    flip(story.version("1.0.0") / "image.safetensors", at=-2)
    assert found(story) == {"changed": [("emoji@1.0.0", "image.safetensors")]}


def test_one_byte_of_a_file_in_the_place_of_its_pointer(story: Sandbox) -> None:
    story.embver("pull", "emoji@1.1.0", "--materialise")
    file = story.version("1.1.0") / "image.safetensors"
    assert file.stat().st_size > 1000
    assert found(story, code=0) == {}
    flip(file)
    assert found(story) == {"changed": [("emoji@1.1.0", "image.safetensors")]}


def test_ids_and_sums_in_the_work_tree(story: Sandbox) -> None:
    flip(story.version("1.1.0") / "ids.txt")
    flip(story.version("1.1.1") / "SHA256SUMS", at=0)
    assert found(story) == {"changed": [("emoji@1.1.0", "ids.txt"), ("emoji@1.1.1", "SHA256SUMS")]}


def test_files_that_are_gone(story: Sandbox) -> None:
    (story.version("1.1.0") / "ids.txt").unlink()
    (story.version("1.1.1") / "card.yaml").unlink()
    assert found(story) == {"missing": [("emoji@1.1.0", "ids.txt"), ("emoji@1.1.1", "card.yaml")]}


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_frozen_field(story: Sandbox, is_committed: bool) -> None:
    story.edit(("metric: cosine", "metric: dot"), file=story.version("1.0.0") / "card.yaml")
    if is_committed:
        story.git("commit", "-qam", "better", "--no-verify")
    paths = found(story)["changed"]
    assert set(paths) == {("emoji@1.0.0", "card.yaml")}
    said = story.embver("verify", code=1).out
    assert ("its frozen part differs in HEAD" in said) is is_committed


def test_what_may_grow_does(story: Sandbox) -> None:
    story.edit(
        (
            "status: {state: active}",
            "status: {state: deprecated, reason: blurred}\nnotes: [{text: see 1.1.0}]",
        ),
        file=story.version("1.0.0") / "card.yaml",
    )
    text = story.embver("validate", code=None).text
    if "notes" in text:  # whatever the shape of a note is, the state may change
        story.edit(("\nnotes: [{text: see 1.1.0}]", ""), file=story.version("1.0.0") / "card.yaml")
    story.embver("validate")
    story.git("commit", "-qam", "Deprecate emoji 1.0.0")
    assert found(story, code=0) == {}
    # Words in a card alone have no force: that is the tag's, which `embver deprecate` writes with them.
    listed = story.embver("list", "--json").json
    assert [entry["status"] for entry in listed] == ["active", "active", "active"]
    assert "emoji@1.0.0: its card says deprecated, its tags active\n" in story.embver("verify").err


def test_benchmarks_added_later(story: Sandbox) -> None:
    shown = story.embver("show", "emoji@1.1.0", "--json").json["card"]["benchmarks"]
    card = story.version("1.1.1") / "card.yaml"
    card.write_text(card.read_text() + f"\nbenchmarks: {json.dumps(shown)}\n")
    (story.version("1.1.1") / "benchmarks").mkdir()
    source = story.version("1.1.0") / "benchmarks/search.json"
    (story.version("1.1.1") / "benchmarks/search.json").write_bytes(source.read_bytes())
    story.git("add", "-A")
    story.git("commit", "-qm", "Bench emoji 1.1.1")
    assert found(story, code=0) == {}


def test_a_tag_moved_to_an_older_commit(story: Sandbox) -> None:
    message = story.git("tag", "-l", "emoji@v1.1.1", "--format=%(contents)").out
    story.git("tag", "-f", "-a", "-m", message, "emoji@v1.1.1", "emoji@v1.0.0^{}")
    assert found(story) == {"missing": [("emoji@1.1.1", "card.yaml")]}


def test_a_tag_moved_to_a_commit_with_another_card(story: Sandbox) -> None:
    message = story.git("tag", "-l", "emoji@v1.1.1", "--format=%(contents)").out
    story.edit(
        ("{step: collapse_whitespace}", "{step: lowercase}"), file=story.version("1.1.1") / "card.yaml"
    )
    story.git("commit", "-qam", "quietly", "--no-verify")
    story.git("tag", "-f", "-a", "-m", message, "emoji@v1.1.1")
    assert ("emoji@1.1.1", "card.yaml") in found(story)["changed"]


def test_a_lightweight_tag_carries_no_record(story: Sandbox) -> None:
    story.git("tag", "-f", "emoji@v1.1.1", "emoji@v1.1.1^{}")
    assert ("emoji@1.1.1", "emoji@v1.1.1") in found(story)["changed"]
    assert "the tag is not annotated" in story.embver("verify", "emoji@1.1.1", code=1).out


def test_a_file_that_no_field_names(story: Sandbox) -> None:
    message = story.git("tag", "-l", "emoji@v1.1.1", "--format=%(contents)").out
    (story.version("1.1.1") / "more.txt").write_text("?")
    story.git("add", "-A")
    story.git("commit", "-qm", "more")
    story.git("tag", "-f", "-a", "-m", message, "emoji@v1.1.1")
    assert found(story) == {"extra": [("emoji@1.1.1", "more.txt")]}


def test_bytes_that_are_not_here_are_no_finding(story: Sandbox) -> None:
    sha256 = story.artifacts("emoji@1.0.0")["image.safetensors"]["sha256"]
    story.object(sha256).unlink()
    assert found(story, code=0) == {"unverified": [("emoji@1.0.0", "image.safetensors")]}
    assert found(story, "--deep", code=0) == {"unverified": [("emoji@1.0.0", "image.safetensors")]}
    said = story.embver("verify")
    assert "unverified emoji@1.0.0 image.safetensors: its bytes are not on this machine" in said.out
    assert "(embver pull emoji@1.0.0)" in said.out


def test_another_branch_has_nothing_to_hold(story: Sandbox) -> None:
    story.git("switch", "-q", "--detach", "emoji@v1.0.0^{}")
    assert found(story, code=0) == {}


# ---- --deep: bytes that agree with their checksum, and are not what a card says of them


def replaced(repo: Sandbox, rows: np.ndarray) -> None:
    """Put other vectors into `next/`, with checksums that agree, as a broken script would."""
    old = repo.artifacts("emoji@next")["image.safetensors"]
    data = b"".join(stream_tensors({"vectors": (rows.shape, str(rows.dtype), [np.nan_to_num(rows)])}))
    data = data[: -rows.nbytes] + rows.tobytes()
    pointer = Pointer(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    write_atomic(repo.object(pointer.sha256), data)
    (repo.next / "image.safetensors").write_bytes(pointer.format())
    artifacts = list(repo.artifacts("emoji@next").values())
    new = [{**e, "sha256": pointer.sha256, "size_bytes": len(data)} if e == old else e for e in artifacts]
    repo.card.write_text(update_card(repo.card.read_text(), [(("artifacts",), new)]))
    repo.edit((old["sha256"], pointer.sha256), file=repo.next / "SHA256SUMS")
    repo.embver("release", NAME)


def unit(rows: int, dimensions: int) -> np.ndarray:
    made = np.random.default_rng(3).normal(size=(rows, dimensions)).astype("float32")
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: unit(30, 32), "its content digest is not the card's"),
        (lambda: np.where(np.arange(32) == 3, np.nan, unit(30, 32)).astype("float32"), "NaN"),
        (lambda: unit(31, 32), "it holds 31 rows of 32, the card says 30 of 32"),
        (lambda: 2 * unit(30, 32), "its rows are not of unit length"),
        (lambda: unit(61, 32).astype("float16"), "it holds float16, the card says float32"),
    ],
)
def test_deep_reads_the_vectors(encoded: Sandbox, make, says: str) -> None:
    assert found(encoded, code=0) == {}
    replaced(encoded, make())
    assert found(encoded, code=0) == {}
    said = encoded.embver("verify", "--deep", code=1).out
    assert says in said


def test_deep_of_what_is_right(story: Sandbox) -> None:
    assert found(story, "--deep", code=0) == {}
