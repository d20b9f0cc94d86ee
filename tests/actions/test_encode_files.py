"""`embver encode` writes files: shards, number formats, what is left out; and in the work tree pointers or the files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embver
from embver.store.rows import Rows
from embver.store.vectors import INPUTS, map_tensors
from sandbox import NAME, Sandbox, write_lines

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def rows_of(repo: Sandbox, modality: str) -> np.ndarray:
    artifacts = repo.artifacts("emoji@next").values()
    mine = sorted(
        each["path"] for each in artifacts if each.get("modality") == modality and each["role"] == "vectors"
    )
    by_path = {each["path"]: each["sha256"] for each in artifacts}
    return np.asarray(Rows.open([repo.object(by_path[path]) for path in mine]))


def card_of(repo: Sandbox) -> dict:
    return repo.embver("show", "emoji@next", "--json").json["card"]


def without_probe(repo: Sandbox) -> None:
    """Leave out what takes most of the time."""
    repo.edit(('probe = "probes/pairs"', ""), file=repo.root / "embver.toml")


# ---- shards


def test_shards_hold_the_rows_of_one_file(encoded: Sandbox) -> None:
    whole = {modality: rows_of(encoded, modality) for modality in ("image", "text")}
    without_probe(encoded)
    encoded.embver("encode", NAME, "--shard-rows", "8", "--full")
    artifacts = encoded.artifacts("emoji@next")
    assert [(path, each["rows"]) for path, each in artifacts.items()] == [
        ("image-00000-of-00004.safetensors", 8),
        ("image-00001-of-00004.safetensors", 8),
        ("image-00002-of-00004.safetensors", 8),
        ("image-00003-of-00004.safetensors", 6),
        ("text-00000-of-00004.safetensors", 8),
        ("text-00001-of-00004.safetensors", 8),
        ("text-00002-of-00004.safetensors", 8),
        ("text-00003-of-00004.safetensors", 6),
        ("ids.txt", 30),
    ]
    for modality, rows in whole.items():
        assert np.array_equal(rows_of(encoded, modality), rows)
    assert card_of(encoded)["encode"]["shard_rows"] == 8
    assert encoded.embver("validate", "--deep").code == 0
    # What was one file is gone from the index too, and the work folder was swept.
    assert encoded.git("diff", "--name-only", "--", "embeddings").out == ""
    assert [path.name for path in (encoded.root / ".git/embver/encode").glob("*/")] == []
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0
    assert encoded.git("lfs", "fsck").code == 0
    vectors = embver.open("emoji@1.0.0", encoded.root).vectors["image"]
    assert isinstance(vectors, Rows)
    assert np.array_equal(np.asarray(vectors), whole["image"])


def test_each_row_names_the_bytes_it_was_made_from(encoded: Sandbox) -> None:
    lines = [json.loads(line) for line in (encoded.root / "data/corpus-v1.jsonl").read_text().splitlines()]
    artifacts = encoded.artifacts("emoji@next")
    for modality, data in (
        ("text", [line["text"].encode() for line in lines]),
        ("image", [(encoded.root / "data" / line["image"]).read_bytes() for line in lines]),
    ):
        inputs, dtype = map_tensors(encoded.object(artifacts[f"{modality}.safetensors"]["sha256"]))[INPUTS]
        assert (dtype, inputs.shape) == ("uint8", (30, 32))
        assert [row.tobytes() for row in inputs] == [hashlib.sha256(each).digest() for each in data]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 1e-3), ("bfloat16", 5e-3), ("int8", 5e-3)])
def test_number_formats(encoded: Sandbox, dtype: str, tolerance: float) -> None:
    whole = rows_of(encoded, "image")
    encoded.edit(("dtype: float32", f"dtype: {dtype}"))
    said = encoded.embver("encode", NAME, "--shard-rows", "16")
    assert "copied" not in card_of(encoded)["encode"], said.text  # what the old files hold is another format
    assert np.allclose(rows_of(encoded, "image"), whole, atol=tolerance)
    assert encoded.embver("validate", "--deep").code == 0
    encoded.embver("bench", NAME)
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0
    version = embver.open("emoji@1.0.0", encoded.root)
    assert np.allclose(np.asarray(version.vectors["image"]), whole, atol=tolerance)
    assert np.allclose(np.linalg.norm(version.probe["text.query"].astype("float64"), axis=1), 1, atol=1e-2)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_the_lines_that_the_site_shows_read_every_format(
    encoded: Sandbox, dtype: str, monkeypatch, tmp_path
) -> None:
    from types import SimpleNamespace

    from embver.card import Card
    from embver.site.version_facts import loading

    without_probe(encoded)
    encoded.edit(("dtype: float32", f"dtype: {dtype}"))
    encoded.embver("encode", NAME, "--shard-rows", "16", "--full", "--force")
    whole = rows_of(encoded, "text")
    encoded.embver("release", NAME)
    encoded.embver("pull", "emoji@1.0.0", "--out", str(tmp_path / "emoji-1.0.0"))
    card = Card.from_plain(encoded.embver("show", "emoji@1.0.0", "--json").json["card"])
    release = SimpleNamespace(name=NAME)
    lines = loading(SimpleNamespace(card=card, release=release, number="1.0.0"))  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(str(lines), names)
    text = names["text"]
    assert np.array_equal(np.asarray(text if dtype != "bfloat16" else text.float()), whole)
    assert len(names["ids"]) == 30


# ---- items that cannot be encoded


def break_picture(repo: Sandbox) -> str:
    """Let one item's picture be cut off, under a name of its own: the probe set stays whole."""
    rows = [json.loads(line) for line in (repo.root / "data/corpus-v1.jsonl").read_text().splitlines()]
    picture = repo.root / "data" / rows[4]["image"]
    (repo.root / "data/broken.png").write_bytes(picture.read_bytes()[:-40])
    rows[4]["image"] = "broken.png"
    write_lines(repo.root / "data/corpus-v1.jsonl", rows)
    return str(rows[4]["id"])


def test_a_bad_item_stops_or_is_left_out(encoded: Sandbox) -> None:
    without_probe(encoded)
    name = break_picture(encoded)
    encoded.git("add", "-f", "data")
    encoded.git("commit", "-qnm", "A picture that is cut off", "--", "data")
    before = encoded.state()
    said = encoded.embver("encode", NAME, code=3)
    assert f"  {name}: " in said.err
    assert "broken.png" in said.err
    assert encoded.state() == before
    encoded.embver("encode", NAME, "--on-error", "skip")
    lines = [json.loads(line) for line in (encoded.next / "skipped.jsonl").read_text().splitlines()]
    assert [(line["id"], line["modality"]) for line in lines] == [(name, "image")]
    card = card_of(encoded)
    assert (card["encode"]["skipped"], card["corpus"]["items"]) == ({"image": 1}, {"image": 30, "text": 30})
    artifacts = encoded.artifacts("emoji@next")
    assert {path: each["rows"] for path, each in artifacts.items()} == {
        "image.safetensors": 29, "text.safetensors": 30, "ids-image.txt": 29, "ids-text.txt": 30, "skipped.jsonl": 1,
    }  # fmt: skip
    assert name not in (encoded.next / "ids-image.txt").read_text().split()
    assert name in (encoded.next / "ids-text.txt").read_text().split()
    assert encoded.embver("validate", "--deep").code == 0
    assert "nothing to encode" in encoded.embver("encode", NAME, "--on-error", "skip").out
    encoded.embver("encode", NAME, code=3)  # who does not allow it is told, though nothing changed
    encoded.embver("release", NAME)
    assert encoded.embver("verify", "--deep").code == 0


def test_a_missing_file_stops_or_is_left_out(encoded: Sandbox) -> None:
    without_probe(encoded)
    rows = [json.loads(line) for line in (encoded.root / "data/corpus-v1.jsonl").read_text().splitlines()]
    name, rows[4]["image"] = str(rows[4]["id"]), "nowhere.png"
    write_lines(encoded.root / "data/corpus-v1.jsonl", rows)
    encoded.git("commit", "-qanm", "A picture that is not there")
    before = encoded.state()
    assert "nowhere.png" in encoded.embver("encode", NAME, code=3).err
    assert encoded.state() == before
    encoded.embver("encode", NAME, "--on-error", "skip")
    (line,) = [json.loads(line) for line in (encoded.next / "skipped.jsonl").read_text().splitlines()]
    assert (line["id"], line["modality"]) == (name, "image")
    assert line["reason"] == "does not exist (nowhere.png)"
    assert encoded.embver("validate", "--deep").code == 0


def test_a_number_too_large_for_its_format_is_named(encoded: Sandbox) -> None:
    """Weights that make vectors of 1e5 and more: float16 ends at 65,504."""
    from safetensors.numpy import load_file, save_file

    without_probe(encoded)
    file = encoded.root / "models/clip/model.safetensors"
    weights = load_file(file)
    weights["visual_projection.weight"] = weights["visual_projection.weight"] * 1e6
    save_file(weights, file, metadata={"format": "pt"})
    encoded.edit(("normalized: true", "normalized: false"), ("dtype: float32", "dtype: float16"))
    before = encoded.state()
    said = encoded.embver("encode", NAME, code=3)
    assert "error: the vector of p000 holds a number that float16 cannot\n" in said.err
    assert encoded.state() == before


def test_a_model_that_gives_no_numbers(encoded: Sandbox) -> None:
    from safetensors.numpy import load_file, save_file

    without_probe(encoded)
    file = encoded.root / "models/clip/model.safetensors"
    weights = load_file(file)
    weights["visual_projection.weight"][0, 0] = np.nan
    save_file(weights, file, metadata={"format": "pt"})
    before = encoded.state()
    said = encoded.embver("encode", NAME, code=3)
    assert "its vector is zero or not finite" in said.err
    assert encoded.state() == before


def test_a_picture_that_changes_after_the_plan(encoded: Sandbox) -> None:
    from datetime import UTC, datetime

    from embver.actions.encode import encode
    from embver.actions.encoding import EncodeRequest
    from embver.actions.workspace import Workspace
    from embver.errors import EncodeError

    without_probe(encoded)
    picture = encoded.root / "probes/pairs/images/003.png"
    before = encoded.tree()

    def change(_: object) -> None:
        picture.write_bytes((encoded.root / "probes/pairs/images/004.png").read_bytes())

    with pytest.raises(EncodeError, match="changed while the corpus was read"):
        encode(
            Workspace.open(encoded.root),
            EncodeRequest(name=NAME, force=True),
            now=datetime(2026, 11, 2, tzinfo=UTC),
            progress=lambda *_: None,
            on_plan=change,
        )
    after = encoded.tree()
    assert {path for path in before if before[path] != after[path]} == {"probes/pairs/images/003.png"}


# ---- the work tree


def break_filter(repo: Sandbox) -> None:
    """Let Git fail whenever it wants to know what a large file is: whoever reads one is found out."""
    for key in ("clean", "process", "smudge"):
        repo.git("config", f"filter.lfs.{key}", "false")
    repo.git("config", "filter.lfs.required", "true")


@pytest.mark.parametrize("way", ["copy", "link"])
def test_files_in_the_work_tree_are_staged_unread(encoded: Sandbox, way: str) -> None:
    encoded.embver("encode", NAME, "--force", "--materialise", way)
    artifacts = encoded.artifacts("emoji@next")
    for path in ("image.safetensors", "text.safetensors", "probe.safetensors"):
        file, held = encoded.next / path, encoded.object(artifacts[path]["sha256"])
        assert hashlib.sha256(file.read_bytes()).hexdigest() == artifacts[path]["sha256"]
        assert file.samefile(held) is (way == "link")
        assert encoded.git("cat-file", "blob", f":embeddings/emoji/next/{path}").out.startswith(
            "version https://git-lfs"
        )
    config = (encoded.root / ".git/config").read_text()
    break_filter(encoded)
    assert encoded.git("diff", "--name-only").out == ""
    assert "modified" not in encoded.git("status").out
    assert "nothing to encode" in encoded.embver("encode", NAME).out
    (encoded.root / ".git/config").write_text(config)
    encoded.embver("bench", NAME)
    encoded.embver("release", NAME)
    assert encoded.git("cat-file", "blob", "HEAD:embeddings/emoji/1.0.0/image.safetensors").out.startswith(
        "version https"
    )
    assert encoded.git("status", "--porcelain").out == ""
    assert encoded.git("lfs", "fsck").code == 0
    assert encoded.embver("verify", "--deep").code == 0
    remote = encoded.root.parent / "pushed.git"
    encoded.git("init", "-q", "--bare", str(remote))
    encoded.git("push", "-q", remote.as_uri(), "main")
    assert len(list((remote / "lfs/objects").rglob("*"))) > 3


def test_pointers_are_staged_unread(encoded: Sandbox) -> None:
    break_filter(encoded)
    assert encoded.git("diff", "--name-only", "--", "embeddings").out == ""


def test_materialise_of_what_is_encoded_already(encoded: Sandbox) -> None:
    said = encoded.embver("encode", NAME, "--materialise", "copy")
    assert "nothing to encode" in said.out
    assert (encoded.next / "image.safetensors").stat().st_size > 1000
    assert encoded.git("diff", "--name-only").out == ""


def test_a_split_index_is_told_and_taken(encoded: Sandbox) -> None:
    encoded.git("update-index", "--split-index")
    said = encoded.embver("encode", NAME, "--force", "--materialise", "copy")
    assert "note: Git's index is split" in said.err
    assert encoded.git("diff", "--name-only").out == ""
    assert encoded.git("cat-file", "blob", ":embeddings/emoji/next/text.safetensors").out.startswith(
        "version https"
    )


def test_paths_that_attributes_find_odd(encoded: Sandbox) -> None:
    from embver.pointer import Pointer
    from embver.store.materialise import stage_known
    from embver.store.repo import Repository

    files = {}
    for name in ("a b.safetensors", "c[1].safetensors", "d*'ä.safetensors", 'e"f.safetensors'):
        data = name.encode() * 500
        (encoded.root / name).write_bytes(data)
        files[name] = Pointer(sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))
    repo = Repository.discover(encoded.root)
    assert stage_known(repo, files)
    assert [repo.read("", name) for name in files] == [pointer.format() for pointer in files.values()]
    assert encoded.git("diff", "--cached", "--name-only", "--", ".gitattributes").out == ""


def test_reflinks_or_an_error_that_says_what_instead(encoded: Sandbox) -> None:
    before = encoded.state()
    said = encoded.embver("encode", NAME, "--force", "--materialise", "reflink", code=None)
    if said.code == 0:  # XFS, btrfs
        assert encoded.git("diff", "--name-only").out == ""
        return
    assert said.code == 2
    assert "--materialise reflink: this file system cannot share the bytes of two files" in said.err
    assert said.err.endswith("next: --materialise copy\n")
    assert encoded.state() == before


def test_vectors_that_no_attribute_hands_to_lfs(encoded: Sandbox) -> None:
    (encoded.root / ".gitattributes").write_text("")
    said = encoded.embver("encode", NAME, "--force", "--materialise", "copy", code=2)
    assert "Git itself would store the bytes" in said.err
    said = encoded.embver("encode", NAME, "--force")
    assert "note: .gitattributes does not hand embeddings/emoji/next/*.safetensors to Git LFS" in said.err


# ---- one at a time, and room on the disk


def test_two_encodes_of_one_embedding(encoded: Sandbox) -> None:
    folder = encoded.root / ".git/embver/encode"
    (lock,) = folder.glob("*.lock")
    before = encoded.state()
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = encoded.embver("encode", NAME, "--force", code=3)
    assert said.err.startswith("error: another embver is encoding emoji in this repository\n")
    assert encoded.state() == before


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
from embver.cli import run
run()
"""


def test_a_disk_that_runs_full(encoded: Sandbox) -> None:
    without_probe(encoded)
    before, files = encoded.state(), sorted((encoded.root / ".git/lfs").rglob("*"))
    # A limit of a file's size stands for the disk: receipts fit, a shard of 24 rows does not.
    argv = [
        sys.executable,
        "-c",
        LIMITED,
        "3500",
        "-C",
        str(encoded.root),
        "encode",
        NAME,
        "--full",
        "--shard-rows",
        "24",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 3, done.stderr
    assert (
        "image-00000-of-00002.safetensors cannot be written: File too large; 0 of 4 files are done"
        in done.stderr
    )
    assert "embver encode emoji" in done.stderr
    assert encoded.state() == before
    assert [path for path in sorted((encoded.root / ".git/lfs").rglob("*")) if path not in files] == []
    encoded.embver("encode", NAME, "--full", "--shard-rows", "24")
    assert encoded.embver("validate", "--deep").code == 0


def test_the_work_of_other_plans_is_kept_for_a_while(encoded: Sandbox) -> None:
    import os

    without_probe(encoded)
    folder = encoded.root / ".git/embver/encode"
    for name, days in (("old", 4), ("young", 2)):
        (folder / name).mkdir(parents=True)
        (folder / name / "plan.json").write_text('{"name": "emoji"}')
        for path in (folder / name / "plan.json", folder / name):
            when = path.stat().st_mtime - days * 86_400
            os.utime(path, (when, when))
    encoded.embver("encode", NAME)
    assert [path.name for path in folder.glob("*/")] == ["young"]
    encoded.embver("encode", NAME, "--restart", "--force")
    assert list(folder.glob("*/")) == []


def test_no_room_is_told_before_anything_is_loaded(encoded: Sandbox) -> None:
    without_probe(encoded)
    encoded.edit(("dimensions: 32", "dimensions: 1000000000000"))
    said = encoded.embver("encode", NAME, code=3)
    assert "more, and the disk of" in said.err
    assert "git config lfs.storage FOLDER" in said.err


def test_what_cannot_be_asked(encoded: Sandbox) -> None:
    said = encoded.embver("encode", NAME, "--shard-rows", "0", code=2)
    assert said.err == "error: --shard-rows 0: at least 1\n"


def test_what_killed_writers_left_is_swept(encoded: Sandbox, tmp_path: Path) -> None:
    import os

    from embver.actions.workspace import Workspace

    lfs = Workspace.open(encoded.root).lfs
    folder = encoded.root / ".git/lfs/tmp"
    dead, alive, young = (folder / f"embver-{name}" for name in ("dead", "alive", "young"))
    for file in (dead, alive, young):
        file.write_bytes(b"half")
    for file in (dead, alive):
        os.utime(file, (0, 0))
    with alive.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lfs.sweep(now_s=young.stat().st_mtime) == 1
    assert sorted(file.name for file in folder.glob("embver-*")) == ["embver-alive", "embver-young"]
