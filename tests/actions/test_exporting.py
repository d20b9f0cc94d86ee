"""`embver export` on real repositories: what is written, what is refused, and vectors that read back bit by bit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embver
from sandbox import Sandbox

VALIDATORS = Path(__file__).parents[1] / "exchange" / "validators.py"
STORED = ("npy", "parquet", "lance", "faiss")

pytestmark = [pytest.mark.lfs, pytest.mark.xdist_group("standards")]


def test_files_are_written_and_what_the_format_cannot_hold_is_said(story: Sandbox) -> None:
    said = story.embver("export", "emoji@1.1.0", "--format", "cyclonedx", "--out", "out")
    path = story.root / "out" / "bom.cdx.json"
    assert said.out.strip() == str(path)
    assert "left out preprocessing of each encoder: " in said.err
    assert json.loads(path.read_text(encoding="utf-8"))["metadata"]["component"]["version"] == "1.1.0"
    again = story.embver("export", "emoji@1.1.0", "--format", "cyclonedx", "--out", "out")
    assert again.out == said.out


def test_a_file_of_somebody_else_is_not_written_over(story: Sandbox) -> None:
    path = story.root / "out" / "config.json"
    path.parent.mkdir()
    path.write_text("mine", encoding="utf-8")
    said = story.embver("export", "emoji@1.1.0", "--format", "modelpack", "--out", "out", code=2)
    assert "config.json is there already, with other content" in said.err
    assert path.read_text(encoding="utf-8") == "mine"
    assert not (path.parent / "manifest.json").exists()
    story.embver("export", "emoji@1.1.0", "--format", "modelpack", "--out", "out", "--force")
    assert json.loads(path.read_text(encoding="utf-8"))["descriptor"]["version"] == "1.1.0"


def test_the_manifest_is_that_of_the_folder_that_is_pulled(story: Sandbox) -> None:
    story.embver("pull", "emoji@1.1.0", "--out", "out/emoji-1.1.0")
    story.embver("export", "emoji@1.1.0", "--format", "model-signing", "--out", "out")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(VALIDATORS)],
        input=json.dumps([["model-signing", str(story.root / "out" / "model-signing.json")]]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert json.loads(done.stdout) == [None]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("emoji@1.1.0", "--format", "word"), 2, "there is no format word"),
        (("emoji@9.9.9", "--format", "spdx"), 2, "9.9.9"),
        (("emoji@1.1.0", "--format", "spdx"), 1, "supplier (required: AIPackage.suppliedBy)"),
        (("emoji@1.1.0", "--format", "spdx", "--set", "spec=1.6"), 2, "spdx has no option spec"),
        (("emoji@1.1.0", "--format", "npy", "--set", "spec=1.6"), 2, "npy has no option spec"),
        (("emoji@1.1.0", "--format", "cyclonedx", "--set", "spec"), 2, "--set spec is not OPTION=VALUE"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(
    story: Sandbox, arguments: tuple[str, ...], code: int, message: str
) -> None:
    said = story.embver("export", *arguments, "--out", "out", code=code)
    assert message in said.err
    assert not (story.root / "out").exists()


def test_json_tells_the_same(story: Sandbox) -> None:
    said = story.embver("export", "emoji@1.1.0", "--format", "in-toto", "--out", "out", "--json").json
    assert set(said) == {"reference", "format", "files", "left_out", "notes"}
    assert said["reference"] == "emoji@1.1.0"
    assert all(Path(path).is_file() for path in said["files"])
    assert len(said["files"]) >= 2


def read_back(path: Path) -> tuple[list[str], Any]:
    """Return (ids, vectors) of an exported file as another program reads it."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        return table["id"].to_pylist(), np.array(table["vector"].to_pylist(), dtype=np.float32)
    if path.suffix == ".lance":
        import lancedb

        table = lancedb.connect(path.parent).open_table(path.stem).to_arrow()
        return table["id"].to_pylist(), np.array(table["vector"].to_pylist(), dtype=np.float32)
    ids = path.with_name(f"{path.stem}.ids.txt").read_text(encoding="utf-8").splitlines()
    if path.suffix == ".faiss":
        import faiss

        index = faiss.read_index(str(path))
        return ids, index.reconstruct_n(0, index.ntotal)
    return ids, np.load(path)


@pytest.mark.parametrize("kind", STORED)
def test_vectors_read_back_bit_by_bit_in_the_order_of_their_ids(story: Sandbox, kind: str) -> None:
    story.embver("export", "emoji@1.1.1", "--format", kind, "--out", "out")
    version = embver.open("emoji@1.1.1", story.root)
    for modality, vectors in version.vectors.items():
        ids, rows = read_back(story.root / "out" / f"{modality}.{kind}")
        assert tuple(ids) == version.ids_of(modality)
        assert np.array_equal(np.asarray(rows), np.asarray(vectors))


@pytest.mark.parametrize("kind", ["parquet", "lance", "faiss"])
def test_a_store_carries_its_stamp(story: Sandbox, kind: str) -> None:
    story.embver("export", "emoji@1.0.0", "--format", kind, "--out", "out")
    path = f"out/image.{kind}"
    assert "emoji@1.0.0" in story.embver("guard", "show", path).out
    story.embver("guard", "check", path, "emoji@1.0.0")


@pytest.mark.parametrize("kind", STORED)
def test_a_store_that_is_there_is_not_written_over(story: Sandbox, kind: str) -> None:
    story.embver("export", "emoji@1.0.0", "--format", kind, "--out", "out")
    said = story.embver("export", "emoji@1.1.1", "--format", kind, "--out", "out", code=2)
    assert "is there already" in said.err
    story.embver("export", "emoji@1.1.1", "--format", kind, "--out", "out", "--force")
    version = embver.open("emoji@1.1.1", story.root)
    _, rows = read_back(story.root / "out" / f"image.{kind}")
    assert np.array_equal(np.asarray(rows), np.asarray(version.vectors["image"]))
    assert not list((story.root / "out").glob(".embver-*"))


def test_bytes_that_are_not_here_are_named_with_the_command_that_brings_them(story: Sandbox) -> None:
    artifacts = story.artifacts("emoji@1.0.0")
    story.object(artifacts["image.safetensors"]["sha256"]).unlink()
    said = story.embver("export", "emoji@1.0.0", "--format", "npy", "--out", "out", code=3)
    assert "embver pull emoji@1.0.0" in said.err
    assert not (story.root / "out").exists()


@pytest.mark.parametrize("kind", ["cyclonedx", "npy"])
def test_a_file_where_the_folder_should_be_is_named(story: Sandbox, kind: str) -> None:
    (story.root / "taken").write_text("mine", encoding="utf-8")
    (story.root / "link").symlink_to(story.root / "nowhere")
    for out in ("taken", "taken/below", "link"):
        said = story.embver("export", "emoji@1.1.0", "--format", kind, "--out", out, code=2)
        assert f"{out.partition('/')[0]} is there, and is no folder" in said.err
    assert (story.root / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("kind", ["cyclonedx", "npy"])
def test_a_yanked_version_goes_out_only_if_it_is_asked_for(story: Sandbox, kind: str) -> None:
    story.embver("yank", "emoji@1.1.0", "--reason", "leaked pictures")
    said = story.embver("export", "emoji@1.1.0", "--format", kind, "--out", "out", code=1)
    assert "refused: emoji@1.1.0 is yanked" in said.err
    assert not (story.root / "out").exists()
    said = story.embver("export", "emoji@1.1.0", "--format", kind, "--out", "out", "--yanked")
    assert "note: emoji@1.1.0 is yanked" in said.err
