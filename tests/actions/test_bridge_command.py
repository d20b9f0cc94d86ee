"""`embver bridge` and what `embver compat` makes of it, on a real repository."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from embver.actions.bridge import load_bridges
from embver.errors import IntegrityError
from embver.store.vectors import read_metadata
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def test_a_bridge_is_learned_judged_and_saved_into_the_working_version(retrained: Sandbox) -> None:
    said = retrained.embver("bridge", "emoji@1.1.1", "emoji@next", "--save", "--json", code=None)
    assert said.code in (0, 1)
    found = said.json
    assert {
        "a",
        "b",
        "verdict",
        "without_bridge",
        "bridges",
        "strata",
        "reasons",
        "missing",
        "probe",
        "file",
    } == set(found)
    assert (found["a"], found["without_bridge"]) == ("emoji@1.1.1", "incompatible")
    assert {each["modality"] for each in found["bridges"]} == {"image", "text"}
    assert {(each["query"], each["document"]) for each in found["strata"]} >= {
        ("text", "image"),
        ("image", "text"),
    }
    file = retrained.root / found["file"]
    assert found["file"] == "embeddings/emoji/next/bridges/1.1.1.safetensors"
    assert b"git-lfs" in file.read_bytes()
    entry = retrained.artifacts("emoji@next")["bridges/1.1.1.safetensors"]
    assert entry["role"] == "bridge"
    stored = retrained.object(entry["sha256"])
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == entry["sha256"]
    bridges, metadata = load_bridges(stored)
    assert metadata["to"] == "emoji@1.1.1"
    assert metadata["from_space"] != metadata["to_space"]
    assert metadata["text.fitted"] != metadata["text.held_out"]
    before, after = bridges["text"].dimensions
    assert bridges["text"].apply(np.ones((3, before))).shape == (3, after)
    # Once more: the same bytes, and one entry.
    retrained.embver("bridge", "emoji@1.1.1", "emoji@next", "--save", code=None)
    assert retrained.artifacts("emoji@next")["bridges/1.1.1.safetensors"] == entry
    retrained.embver("validate", "--deep")


def test_a_saved_bridge_is_released_and_verified(retrained: Sandbox) -> None:
    retrained.embver("bridge", "emoji@1.1.1", "emoji@next", "--save", code=None)
    retrained.git("add", "-A")
    retrained.git("commit", "-qm", "A retrained model, with a bridge")
    retrained.embver("release", "emoji")
    assert "bridges/1.1.1.safetensors" in retrained.artifacts("emoji@2.0.0")
    assert (retrained.version("2.0.0") / "bridges/1.1.1.safetensors").is_file()
    retrained.embver("verify", "emoji@2.0.0")
    said = retrained.embver("bridge", "emoji@1.1.1", "emoji@2.0.0", "--save", code=2)
    assert "emoji@2.0.0 is released, and a released folder is frozen" in said.err
    # The next version begins without it, and its going is no change of what was served.
    retrained.embver("new", "emoji")
    assert "bridges/" not in (retrained.next / "card.yaml").read_text()
    retrained.embver("encode", "emoji")
    assert "bridges/" not in retrained.embver("diff", "emoji@2.0.0", "emoji@next").text


def test_a_bridge_is_written_to_a_file(retrained: Sandbox, tmp_path: Path) -> None:
    out = tmp_path / "map.safetensors"
    before = retrained.state()
    said = retrained.embver(
        "bridge", "emoji@1.1.1", "emoji@next", "--method", "procrustes", "--out", str(out), code=None
    )
    assert "procrustes" in said.out
    assert "keep the old encoder" in said.out
    assert read_metadata(out)["text.method"] == "procrustes"
    assert retrained.state() == before
    refused = retrained.embver("bridge", "emoji@1.1.1", "emoji@next", "--out", str(out), code=2)
    assert "exists already" in refused.err
    lost = retrained.embver(
        "bridge", "emoji@1.1.1", "emoji@next", "--out", str(tmp_path / "no" / "x"), code=2
    )
    assert "is no folder" in lost.err


def test_versions_that_meet_need_no_bridge(story: Sandbox) -> None:
    said = story.embver("bridge", "emoji@1.0.0", "emoji@1.1.1")
    assert "no bridge is needed: the versions are" in said.out


def test_compat_of_an_incompatible_version_tries_a_bridge_and_shows_all_measures(retrained: Sandbox) -> None:
    said = retrained.embver("compat", "emoji@1.1.1", "emoji@next", "--all", code=1)
    for words in (
        "keep the old encoder",
        "recovered (ARR)",
        "modality_gap.old",
        "recall_at_1.mixed",
        "floor:",
    ):
        assert words in said.out
    found = retrained.embver("compat", "emoji@1.1.1", "emoji@next", "--json", code=1).json
    bridged = [stratum["measures"] for stratum in found["strata"] if "bridge" in stratum["measures"]]
    assert bridged
    assert {"method", "queries", "neighbours"} <= set(bridged[0]["bridge"])
    assert "pools" in bridged[0]
    assert set(found["floor"]) == {"old", "new"}


def test_what_is_no_bridge_is_refused(story: Sandbox) -> None:
    entry = story.artifacts("emoji@1.0.0")["probe.safetensors"]
    with pytest.raises(IntegrityError, match="is no bridge of embver"):
        load_bridges(story.object(entry["sha256"]))
