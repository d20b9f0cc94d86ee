"""Bridges in Python: learned, kept, read again, and applied to rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embver
from embver.errors import EmbverError, IntegrityError
from embver.levels import Verdict
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def test_a_bridge_maps_new_queries_into_the_old_space(retrained: Sandbox, tmp_path: Path) -> None:
    repository = embver.Repository(retrained.root)
    old, new = repository.open("emoji@1.1.1"), repository.open("emoji@next")
    bridges = repository.bridge(old, new, method="procrustes", out=tmp_path / "maps.safetensors")
    assert set(bridges) == {"image", "text"}
    assert bridges.verdict in (Verdict.INCOMPATIBLE, Verdict.INCONCLUSIVE, Verdict.BRIDGEABLE)
    assert bridges.to_plain() is not None
    assert bridges.reasons
    rows, target = new.probe["text.query"], old.probe["text.query"]
    mapped = bridges["text"].apply(rows)
    cosine = [float((unit * target).sum(axis=1).mean()) for unit in (rows, mapped)]
    assert cosine[1] > cosine[0] + 0.2
    again = embver.load_bridges(tmp_path / "maps.safetensors")
    assert np.allclose(again["text"].apply(rows), mapped, atol=1e-5)
    assert repr(bridges).startswith("<Bridges emoji@next -> emoji@1.1.1: ")
    assert "procrustes" in bridges._repr_html_()
    with pytest.raises(KeyError, match="there is no bridge for audio queries: image, text"):
        bridges["audio"]


def test_a_file_that_is_no_bridge(story: Sandbox) -> None:
    artifact = story.artifacts("emoji@1.0.0")["text.safetensors"]
    with pytest.raises(IntegrityError, match="is no bridge of embver"):
        embver.load_bridges(story.object(artifact["sha256"]))
    story.embver("new", "emoji")
    repository = embver.Repository(story.root)
    with pytest.raises(EmbverError, match="no bridge can be learned"):
        repository.bridge("emoji@1.1.1", "emoji@next")
