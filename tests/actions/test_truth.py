"""Cards held against their repository: files beside them, data, weights, probe set, line; each check can fail."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from sandbox import NAME, Said, Sandbox, script

pytestmark = [pytest.mark.torch, pytest.mark.lfs]

NEXT = "embeddings/emoji/next"
FIRST = "embeddings/emoji/1.0.0"


def rules(said: Said) -> list[str]:
    return sorted({problem["rule"] for problem in said.json["problems"]})


def validate(repo: Sandbox, *arguments: str) -> list[str]:
    """Return the names of the rules that are broken, and hold the exit code to them."""
    said = repo.embver("validate", "--json", *arguments, code=None)
    found = rules(said)
    assert said.code == (1 if found else 0), said.text
    return found


def staged(repo: Sandbox, *arguments: str) -> list[str]:
    repo.git("add", "-A")
    return validate(repo, "--staged", *arguments)


def line_of(repo: Sandbox, text: str, path: str = f"{NEXT}/card.yaml") -> int:
    lines = (repo.root / path).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def only_problem(repo: Sandbox, *arguments: str) -> dict:
    (problem,) = repo.embver("validate", "--json", *arguments, code=1).json["problems"]
    return problem


# ---- what is right


@pytest.mark.parametrize(
    "how",
    [(), ("--staged",), ("--rev", "HEAD"), ("--all-history",), ("--deep",), ("--all-history", "--deep")],
)
def test_a_sound_repository_has_no_problems(story: Sandbox, how: tuple[str, ...]) -> None:
    said = story.embver("validate", *how)
    assert said.out == ""


def test_an_encoded_version_has_no_problems(encoded: Sandbox) -> None:
    assert staged(encoded) == []
    assert validate(encoded, "--deep") == []


def test_a_card_without_artifacts_is_fine(story: Sandbox) -> None:
    story.embver("new", NAME)
    assert staged(story) == []


# ---- artifacts


def test_a_pointer_that_names_other_bytes(encoded: Sandbox) -> None:
    pointer = encoded.next / "image.safetensors"
    text = pointer.read_text().replace("oid sha256:", "oid sha256:0000").splitlines()
    text[1] = text[1][: len("oid sha256:") + 64]
    pointer.write_text("\n".join(text) + "\n")
    assert validate(encoded) == ["artifact-checksum"]
    encoded.git("add", "-A")
    problem = only_problem(encoded, "--staged")
    assert problem["rule"] == "artifact-checksum"
    assert problem["line"] == line_of(encoded, "path: image.safetensors")
    assert "image.safetensors has the checksum 0000" in problem["message"]


def test_a_pointer_of_another_size(encoded: Sandbox) -> None:
    pointer = encoded.next / "text.safetensors"
    pointer.write_text(pointer.read_text().replace("\nsize ", "\nsize 1"))
    assert staged(encoded) == ["artifact-bytes"]


def test_only_the_pointer_is_staged_and_not_the_card(encoded: Sandbox) -> None:
    encoded.git("add", "-A")
    encoded.git("commit", "-q", "--no-verify", "-m", "encoded")
    pointer = encoded.next / "text.safetensors"
    pointer.write_text(pointer.read_text().replace("\nsize ", "\nsize 1"))
    assert staged(encoded) == ["artifact-bytes"]


def test_an_artifact_that_is_not_staged(encoded: Sandbox) -> None:
    encoded.git("add", "-A")
    encoded.git("rm", "-q", "--cached", f"{NEXT}/ids.txt")
    problem = only_problem(encoded, "--staged")
    assert (problem["rule"], problem["line"]) == ("artifact-missing", line_of(encoded, "path: ids.txt"))
    assert f"git add {NEXT}" in problem["hint"]
    assert validate(encoded) == []  # the work tree has it


def test_bytes_are_not_committed_in_the_place_of_a_pointer(encoded: Sandbox) -> None:
    artifact = encoded.artifacts("emoji@next")["image.safetensors"]
    shutil.copyfile(encoded.object(artifact["sha256"]), encoded.next / "image.safetensors")
    assert staged(encoded) == []  # the filter makes a pointer of them
    (encoded.root / ".gitattributes").write_text("")
    encoded.git("rm", "-qf", "--cached", f"{NEXT}/image.safetensors")
    assert staged(encoded) == ["artifact-not-in-lfs"]
    assert validate(encoded) == []  # in the work tree the bytes are no mistake


def test_ids_that_are_routed_to_lfs_are_not_committed_as_bytes(encoded: Sandbox) -> None:
    blob = encoded.git("hash-object", "-w", "--no-filters", f"{NEXT}/ids.txt").out.strip()
    with (encoded.root / ".gitattributes").open("a") as file:
        file.write(f"{NEXT}/ids.txt filter=lfs diff=lfs merge=lfs -text\n")
    encoded.git("add", "-A")
    assert validate(encoded, "--staged") == [
        "artifact-not-in-lfs"
    ]  # Git does not add anew what did not change
    encoded.git("add", "--renormalize", NEXT)
    assert validate(encoded, "--staged") == []
    encoded.git("update-index", "--cacheinfo", f"100644,{blob},{NEXT}/ids.txt")
    assert validate(encoded, "--staged") == ["artifact-not-in-lfs"]


def test_ids_that_changed(encoded: Sandbox) -> None:
    with (encoded.next / "ids.txt").open("a") as file:
        file.write("another\n")
    assert staged(encoded) == ["artifact-bytes", "artifact-checksum"]
    assert validate(encoded) == ["artifact-bytes", "artifact-checksum"]


def test_an_artifact_that_is_a_symbolic_link(encoded: Sandbox) -> None:
    ids = encoded.next / "ids.txt"
    ids.rename(encoded.root / "ids.txt")
    ids.symlink_to("../../../ids.txt")
    assert validate(encoded) == ["artifact-link"]
    assert "artifact-checksum" in staged(encoded)


def test_sums_that_differ(encoded: Sandbox) -> None:
    sums = encoded.next / "SHA256SUMS"
    good = sums.read_text()
    sums.write_text("0" * 64 + good[64:])
    assert staged(encoded) == ["sums-differ"]
    sums.write_text(good + "0" * 64 + "  stray.txt\n")
    assert "which no artifact is" in only_problem(encoded)["message"]
    sums.unlink()
    assert staged(encoded) == ["sums-missing"]


def test_shards_that_are_not_all_listed(encoded: Sandbox) -> None:
    encoded.edit(("path: image.safetensors", "path: image-00000-of-00002.safetensors"))
    sums = encoded.next / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("image.safetensors", "image-00000-of-00002.safetensors"))
    (encoded.next / "image.safetensors").rename(encoded.next / "image-00000-of-00002.safetensors")
    problem = only_problem(encoded)
    assert problem["rule"] == "shards"
    assert "image-00001-of-00002.safetensors" in problem["message"]


def test_raw_results_that_changed(encoded: Sandbox) -> None:
    files = sorted((encoded.next / "benchmarks").glob("*.json"))
    files[0].write_text(files[0].read_text() + "\n")
    assert validate(encoded) == ["benchmark-file"]
    files[0].unlink()
    assert "does not exist" in only_problem(encoded)["message"]


def test_a_probe_set_that_changed(encoded: Sandbox) -> None:
    items = encoded.root / "probes/pairs/items.jsonl"
    items.write_text(items.read_text().replace('"p000"', '"p001"'))
    assert validate(encoded) == ["probe-digest"]
    encoded.edit(("title: Emoji", "title: My emoji"))
    assert staged(encoded) == ["probe-digest"]
    items.unlink()
    assert "does not exist" in only_problem(encoded)["message"]


def test_a_release_is_held_against_the_probe_set_of_its_own_commit(story: Sandbox) -> None:
    items = story.root / "probes/pairs/items.jsonl"
    items.write_text(items.read_text().replace('"p000"', '"p001"'))
    story.git("commit", "-q", "-a", "-m", "another probe set")
    assert validate(story) == validate(story, "--all-history") == []


def test_a_minor_card_does_not_leave_the_dimension_of_its_line(story: Sandbox) -> None:
    card = story.version("1.1.0") / "card.yaml"
    story.edit(("  dimensions: 32", "  dimensions: 48"), file=card)
    said = story.embver("validate", "--only", "truth", "--json", code=1)
    assert rules(said) == ["line-dimension"]
    assert "emoji@1.0.0, whose vectors have 32" in said.json["problems"][0]["message"]


# ---- frozen


def test_a_released_card_that_is_changed(story: Sandbox) -> None:
    story.edit(("metric: cosine", "metric: dot"), file=story.version("1.0.0") / "card.yaml")
    assert validate(story, "--only", "frozen") == ["frozen"]
    assert staged(story, "--only", "frozen") == ["frozen"]
    assert validate(story, "--rev", "HEAD") == []
    story.git("commit", "-q", "--no-verify", "-m", "past the hook")
    assert validate(story, "--rev", "HEAD", "--only", "frozen") == ["frozen"]


def test_a_released_card_that_can_no_longer_be_read_by_its_schema(story: Sandbox) -> None:
    story.edit(("metric: cosine", "metric: cosin"), file=story.version("1.0.0") / "card.yaml")
    assert validate(story) == ["frozen", "not-allowed-value"]


@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_released_folder_that_goes(story: Sandbox, how: str) -> None:
    if how == "removed":
        story.git("rm", "-rq", FIRST)
    else:
        (story.root / "old").mkdir()
        story.git("mv", FIRST, "old/1.0.0")
    for arguments in ((), ("--staged",)):
        problem = only_problem(story, *arguments)
        assert problem["rule"] == "frozen-removed"
        assert problem["path"] == f"{FIRST}/card.yaml"
    command = problem["hint"].split()
    assert command[0] == "git"
    story.git(*command[1:])
    assert validate(story) == []


def test_a_released_folder_that_was_removed_past_the_hook(story: Sandbox) -> None:
    story.git("rm", "-rq", FIRST)
    story.git("commit", "-q", "--no-verify", "-m", "past the hook")
    problem = only_problem(story)
    assert problem["rule"] == "frozen-removed"
    story.git(*problem["hint"].split()[1:])
    assert validate(story) == []


def test_a_pointer_of_a_release_that_is_removed(story: Sandbox) -> None:
    story.git("rm", "-q", f"{FIRST}/image.safetensors")
    problem = only_problem(story, "--staged")
    assert (problem["rule"], problem["path"]) == ("artifact-missing", f"{FIRST}/card.yaml")
    story.git(*problem["hint"].split()[1:])
    assert validate(story, "--staged") == []


def test_releases_of_another_branch_are_not_missed(story: Sandbox) -> None:
    story.git("checkout", "-q", "-b", "side", "emoji@v1.0.0")
    assert validate(story) == []


def test_what_sparse_checkout_leaves_out_is_not_missed(story: Sandbox) -> None:
    story.git("sparse-checkout", "set", "--no-cone", "/*", f"!/{FIRST}/")
    assert not (story.root / FIRST).exists()
    assert validate(story) == []


# ---- pairing


def digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def data(repo: Sandbox, entry: str) -> None:
    """Write the one entry of training.data anew."""
    lines = repo.card.read_text().splitlines(keepends=True)
    number = line_of(repo, "{name: drawings") - 1
    lines[number] = f"    - {entry}\n"
    repo.card.write_text("".join(lines))


@pytest.fixture
def fresh(story: Sandbox) -> Sandbox:
    """Return the story with a `next/` that is not encoded."""
    story.embver("new", NAME)
    story.git("add", "-A")
    return story


def test_data_in_git(fresh: Sandbox) -> None:
    manifest = fresh.root / "data/corpus-v1.jsonl"
    entry = "{{name: drawings, uri: data/corpus-v1.jsonl, tracked_by: git, digest: '{}'}}"
    data(fresh, entry.format(digest(manifest)))
    assert staged(fresh) == validate(fresh) == []
    manifest.write_text(manifest.read_text() + "\n")
    assert validate(fresh) == ["pairing-digest"]
    assert validate(fresh, "--staged") == []  # the index still holds the pair
    assert staged(fresh) == ["pairing-digest"]
    problem = only_problem(fresh, "--staged")
    assert problem["hint"] == f"digest: {digest(manifest)}"
    assert problem["line"] == line_of(fresh, "{name: drawings")
    data(fresh, entry.format("md5:" + "0" * 32))
    assert staged(fresh) == ["pairing-algorithm"]
    data(fresh, "{name: drawings, uri: data/nowhere.jsonl, tracked_by: git}")
    assert staged(fresh) == validate(fresh) == ["pairing-missing"]


def test_data_in_git_pinned_by_its_own_id(fresh: Sandbox) -> None:
    fresh.git("commit", "-q", "-m", "begin")
    folder = fresh.git("rev-parse", "HEAD:data").out.strip()
    blob = fresh.git("rev-parse", "HEAD:data/corpus-v1.jsonl").out.strip()
    data(fresh, f"{{name: drawings, uri: data/corpus-v1.jsonl, tracked_by: git, digest: 'git:{blob}'}}")
    assert staged(fresh) == validate(fresh) == []
    data(fresh, f"{{name: drawings, uri: data, tracked_by: git, digest: 'git:{folder}'}}")
    assert staged(fresh) == validate(fresh) == []
    (fresh.root / "data/more.jsonl").write_text("{}\n")
    assert staged(fresh) == ["pairing-digest"]


def test_data_of_a_tag(fresh: Sandbox) -> None:
    manifest = fresh.root / "data/corpus-v1.jsonl"
    entry = f"{{name: drawings, version: v1.2-images, uri: data/corpus-v1.jsonl, tracked_by: git, digest: '{digest(manifest)}'}}"
    data(fresh, entry)
    fresh.git("tag", "v1.2-images", "HEAD")
    manifest.write_text(manifest.read_text() + "\n")  # moved on; the card speaks of the tag
    assert validate(fresh) == staged(fresh) == []
    fresh.git("commit", "-q", "--no-verify", "-m", "moved on")
    fresh.git("tag", "-f", "v1.2-images", "HEAD")
    assert validate(fresh) == ["pairing-digest"]
    assert "at the tag v1.2-images" in only_problem(fresh)["message"]


def test_data_in_lfs(fresh: Sandbox) -> None:
    file = fresh.root / "data/captions.parquet"
    file.write_bytes(b"captions" * 1000)
    with (fresh.root / ".gitattributes").open("a") as attributes:
        attributes.write("*.parquet filter=lfs diff=lfs merge=lfs -text\n")
    entry = "{{name: drawings, uri: data/captions.parquet, tracked_by: git-lfs, digest: '{}'}}"
    data(fresh, entry.format(digest(file)))
    assert staged(fresh) == validate(fresh) == validate(fresh, "--deep") == []
    file.write_bytes(b"Captions" * 1000)
    assert validate(fresh, "--deep") == ["pairing-digest"]  # as large as before: only read when asked
    assert staged(fresh) == ["pairing-digest"]
    data(fresh, "{name: drawings, uri: data/corpus-v1.jsonl, tracked_by: git-lfs}")
    assert staged(fresh) == ["pairing-missing"]


MD5 = "a304afb96060aad90176268345e10355"


def dvc_file(repo: Sandbox, md5: str, path: str = "images") -> None:
    text = f"outs:\n- md5: {md5}.dir\n  size: 5\n  nfiles: 2\n  hash: md5\n  path: {path}\n"
    (repo.root / f"data/{path}.dvc").write_text(text)


@pytest.mark.parametrize("uri", ["data/images.dvc", "data/images"])
def test_data_in_dvc(fresh: Sandbox, uri: str) -> None:
    dvc_file(fresh, MD5)
    entry = f"{{name: drawings, uri: {uri}, tracked_by: dvc, digest: 'md5:{MD5}.dir'}}"
    data(fresh, entry)
    assert staged(fresh) == validate(fresh) == []
    dvc_file(fresh, MD5[::-1])
    assert staged(fresh) == validate(fresh) == ["pairing-digest"]
    data(fresh, f"{{name: drawings, uri: data/other, tracked_by: dvc, digest: 'md5:{MD5}.dir'}}")
    assert staged(fresh) == ["pairing-missing"]


def test_data_of_a_dvc_stage(fresh: Sandbox) -> None:
    lock = {
        "schema": "2.0",
        "stages": {"make": {"cmd": "x", "outs": [{"path": "images", "md5": f"{MD5}.dir"}]}},
    }
    (fresh.root / "data/dvc.lock").write_text(json.dumps(lock))
    data(fresh, f"{{name: drawings, uri: data/images, tracked_by: dvc, digest: 'md5:{MD5}.dir'}}")
    assert staged(fresh) == validate(fresh) == []
    lock["stages"]["make"]["outs"][0]["md5"] = f"{MD5[::-1]}.dir"
    (fresh.root / "data/dvc.lock").write_text(json.dumps(lock))
    assert staged(fresh) == ["pairing-digest"]


def test_data_elsewhere_is_not_looked_for(fresh: Sandbox) -> None:
    data(fresh, "{name: drawings, uri: 's3://bucket/images', tracked_by: dvc, digest: 'md5:" + MD5 + "'}")
    assert staged(fresh) == []
    data(fresh, "{name: drawings, uri: e/p/run, tracked_by: wandb}")
    assert staged(fresh) == []


@pytest.mark.parametrize("uri", ["/etc/passwd", "../outside.jsonl", "/begin", ".git/config", "data/../../x"])
def test_data_outside_of_the_repository(fresh: Sandbox, uri: str) -> None:
    data(fresh, f"{{name: drawings, uri: '{uri}', tracked_by: git, digest: 'sha256:{'0' * 64}'}}")
    assert staged(fresh) == validate(fresh) == ["pairing-missing"]
    assert "lies outside of this repository" in only_problem(fresh)["message"]
    data(fresh, f"{{name: drawings, uri: '{uri}', digest: 'sha256:{'0' * 64}'}}")
    assert staged(fresh) == validate(fresh) == []


def test_data_that_is_not_staged(fresh: Sandbox) -> None:
    (fresh.root / "data/new.jsonl").write_text("{}\n")
    data(fresh, "{name: drawings, uri: data/new.jsonl, tracked_by: git}")
    fresh.git("add", "-u")
    assert only_problem(fresh, "--staged")["hint"] == "git add data/new.jsonl"
    fresh.git("add", "data/new.jsonl")
    assert validate(fresh, "--staged") == []


def test_a_folder_whose_name_is_no_text(fresh: Sandbox) -> None:
    """Git keeps names as bytes; one that is no UTF-8 is told, and not stumbled over."""
    odd = fresh.root / "embeddings" / os.fsdecode(b"caf\xe9") / "next"
    odd.mkdir(parents=True)
    shutil.copy(fresh.card, odd / "card.yaml")
    fresh.git("add", "-A")
    for arguments in (("validate",), ("validate", "--staged")):
        done = script(*arguments, cwd=fresh.root)
        assert (done.code, "[name-folder]" in done.out) == (1, True), done.text
    for form in ("json", "sarif", "github"):
        assert script("validate", "--format", form, cwd=fresh.root).code == 1


def test_weights_that_changed(encoded: Sandbox) -> None:
    weights = encoded.root / "models/clip/model.safetensors"
    encoded.git("add", "-A")
    encoded.git("commit", "-q", "--no-verify", "-m", "encoded")
    encoded.edit(("title: Emoji", "title: My emoji"))
    assert staged(encoded) == []
    weights.write_bytes(weights.read_bytes() + b"\0")
    assert validate(encoded) == ["pairing-digest"]
    encoded.git("add", "-A")
    found = encoded.embver("validate", "--staged", "--json", code=1).json["problems"]
    assert {problem["rule"] for problem in found} == {"pairing-digest"}
    assert len({problem["line"] for problem in found}) == 2  # the weights of both encoders
    encoded.edit(
        ("max_length: 32", "max_length: 16")
    )  # now the card says itself that it is to be encoded anew
    assert staged(encoded) == []


@pytest.mark.parametrize(
    "edit", [("  dimensions: 32", "  dimensions: 48"), ("  dtype: float32", "  dtype: float16")]
)
def test_a_working_card_may_ask_for_other_vectors_than_lie_there(
    encoded: Sandbox, edit: tuple[str, str]
) -> None:
    """Or `embver encode` could not read the card that it is to make them from."""
    encoded.edit(edit)
    assert staged(encoded) == validate(encoded) == []
    encoded.embver("release", NAME, code=2)


def test_a_checkpoint_by_its_tag(encoded: Sandbox) -> None:
    encoded.edit(("path: models/clip}", "path: models/clip, tag: clip-v3}"))
    assert staged(encoded) == ["pairing-tag"]
    encoded.git("commit", "-q", "--no-verify", "-m", "encoded")
    encoded.git("tag", "-a", "-m", "the encoder", "clip-v3")
    assert validate(encoded) == []
    weights = encoded.root / "models/clip/model.safetensors"
    weights.write_bytes(weights.read_bytes() + b"\0")  # another model now; the card speaks of the tag
    assert validate(encoded) == []
    encoded.git("commit", "-q", "-a", "--no-verify", "-m", "another model")
    encoded.git("tag", "-f", "clip-v3", "HEAD")
    assert validate(encoded) == ["pairing-digest"]


def test_a_corpus_that_changed(encoded: Sandbox) -> None:
    manifest = encoded.root / "data/corpus-v1.jsonl"
    manifest.write_text(manifest.read_text() + "\n")
    assert validate(encoded) == ["pairing-digest"]


def test_a_release_is_held_against_its_own_commit(story: Sandbox) -> None:
    """Data and models move on; what was released keeps its pair."""
    for path in ("data/corpus-v1.jsonl", "data/corpus-v2.jsonl", "models/clip/model.safetensors"):
        file = story.root / path
        file.write_bytes(file.read_bytes() + b"\n")
    story.git("add", "-A")
    story.git("commit", "-q", "-m", "moved on")
    assert validate(story) == validate(story, "--all-history") == validate(story, "--rev", "HEAD") == []


# ---- the bytes


def rewrite(repo: Sandbox, change, name: str = "image.safetensors") -> None:
    """Put changed vectors in the place of a version's, with card, sums and pointer that agree with them."""
    from safetensors.numpy import load_file, save

    old = repo.artifacts("emoji@next")[name]
    tensors = load_file(repo.object(old["sha256"]))
    tensors["vectors"] = change(tensors["vectors"].copy())
    bytes_ = save(tensors)
    sha256 = hashlib.sha256(bytes_).hexdigest()
    object_ = repo.object(sha256)
    object_.parent.mkdir(parents=True, exist_ok=True)
    object_.write_bytes(bytes_)
    for file in (repo.card, repo.next / "SHA256SUMS", repo.next / name):
        text = file.read_text().replace(old["sha256"], sha256)
        file.write_text(text.replace(str(old["size_bytes"]), str(len(bytes_))) if file.name == name else text)
    lines = repo.card.read_text().splitlines(keepends=True)
    number = line_of(repo, sha256) - 1
    lines[number] = lines[number].replace(f"size_bytes: {old['size_bytes']}", f"size_bytes: {len(bytes_)}")
    repo.card.write_text("".join(lines))


def set_row(value: float):
    def change(rows: np.ndarray) -> np.ndarray:
        rows[7] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "rule", "said"),
    [
        (set_row(np.nan), "artifact-not-finite", "row 7 holds NaN"),
        (set_row(np.inf), "artifact-not-finite", "row 7 holds NaN or infinity"),
        (set_row(0.0), "artifact-zero-row", "row 7 is all zeros"),
        (set_row(0.5), "artifact-not-normalized", "row 7 has the length 2.8284"),
        (lambda rows: rows[:-1], "artifact-rows", "has 29 rows, the card says 30"),
        (
            lambda rows: rows.astype(np.float16),
            "artifact-dtype",
            "is stored as float16, the card says float32",
        ),
        (lambda rows: rows[:, :16], "artifact-dimensions", "of 16 dimensions, the card says 32"),
    ],
    ids=["NaN", "infinity", "zeros", "length", "rows", "dtype", "dimensions"],
)
def test_vectors_that_the_card_does_not_describe(encoded: Sandbox, change, rule: str, said: str) -> None:
    rewrite(encoded, change)
    encoded.git("add", "-A")
    assert validate(encoded, "--staged", "--only", "truth") == []  # pointers, sums and card agree
    found = encoded.embver("validate", "--deep", "--only", "truth", "--json", code=1).json["problems"]
    assert rule in {problem["rule"] for problem in found}
    assert said in str(found)


def rewrite_ids(repo: Sandbox, text: str) -> None:
    old = repo.artifacts("emoji@next")["ids.txt"]
    file = repo.next / "ids.txt"
    file.write_text(text)
    for other in (repo.card, repo.next / "SHA256SUMS"):
        other.write_text(other.read_text().replace(old["sha256"], digest(file).removeprefix("sha256:")))
    repo.edit((f"size_bytes: {old['size_bytes']}", f"size_bytes: {file.stat().st_size}"))


def test_ids_that_name_two_rows_or_none(encoded: Sandbox) -> None:
    ids = (encoded.next / "ids.txt").read_text()
    rewrite_ids(encoded, ids.replace("p001", "p000"))
    assert validate(encoded) == []
    assert "ids-twice" in validate(encoded, "--deep")
    assert "ids-twice" in staged(encoded, "--deep")
    rewrite_ids(encoded, "".join(ids.splitlines(keepends=True)[:-1]))
    assert "ids-rows" in validate(encoded, "--deep")


def test_bytes_that_are_not_here_are_passed_over(encoded: Sandbox) -> None:
    shutil.rmtree(encoded.root / ".git/lfs/objects")
    shutil.rmtree(encoded.root / ".git/embver", ignore_errors=True)
    assert validate(encoded, "--deep") == []
