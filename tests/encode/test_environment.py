"""What is recorded of the machine, and the noise floor."""

from __future__ import annotations

import getpass
import json
import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_models import clip_spec, torch

from embver.encode.batches import BatchPlan, batch_record
from embver.encode.environment import _cudnn, describe_environment
from embver.encode.floor import cosine_distances, measure_floor, neighbour_overlap
from embver.encode.models import load_encoder, load_encoders
from embver.encode.runtime import load_torch, load_transformers, pick_device
from embver.errors import EncodeError, MissingExtra

pytestmark = pytest.mark.torch


def test_environment_is_read_back(clip):
    encoders = load_encoders({m: clip_spec(m, clip) for m in ("text", "image")}, device="cpu", threads=1)
    record = describe_environment(encoders.values())
    assert record["precision"] == {"weights": "float32", "compute": "float32", "pooling": "float32"}
    assert record["flags"] == {
        "deterministic_algorithms": True,
        "tf32": False,
        "cudnn_benchmark": False,
        "attention": "sdpa",
        "threads": 1,
    }
    assert record["software"]["torch"] == torch.__version__
    assert {"python", "transformers", "tokenizers", "pillow", "os"} <= set(record["software"])
    assert record["hardware"]["cores"] == os.cpu_count()
    assert record["hardware"]["cpu"]
    assert record["hardware"]["memory_ram_gib"] >= 1


def test_nothing_personal_is_recorded(clip):
    record = describe_environment([load_encoder(clip_spec("text", clip), device="cpu")])
    text = json.dumps(record)
    for secret in (platform.node(), str(clip), str(Path.home()), os.environ["PATH"]):
        assert not secret or secret not in text
    words = {str(value) for part in record.values() for value in part.values()}
    assert getpass.getuser() not in words


def test_versions_of_cudnn():
    assert [_cudnn(number) for number in (91200, 90100, 8907, None)] == ["9.12", "9.1", "8.9", None]


@pytest.mark.parametrize("modality", ["text", "image"])
def test_floor(clip, texts, images, modality):
    encoder = load_encoder(clip_spec(modality, clip), device="cpu", threads=1)
    floor = measure_floor(encoder, texts if modality == "text" else images, sample=40)
    assert list(floor) == ["measured_by", "cosine_distance_p99", "recall_at_10"]
    assert 0 < floor["cosine_distance_p99"] < 1e-11
    assert floor["recall_at_10"] > 0.97
    assert "batch 1" in floor["measured_by"]
    assert "recall_at_10" not in measure_floor(encoder, (texts if modality == "text" else images)[:5])


def test_distances_and_overlap():
    random = np.random.default_rng(0)
    rows = random.normal(size=(50, 8)).astype(np.float32)
    assert cosine_distances(rows, rows * 3).max() < 1e-14
    assert cosine_distances(rows[:1], -rows[:1])[0] == pytest.approx(2)
    assert neighbour_overlap(rows, rows * 2, 10) == 1
    assert neighbour_overlap(rows, random.normal(size=(50, 8)).astype(np.float32), 10) < 0.5


def test_batches_are_recorded():
    plans = {"image": BatchPlan(rows=256), "text": BatchPlan(rows=1024)}
    assert batch_record(plans) == {
        "size": {"image": 256, "text": 1024},
        "padding": "buckets",
        "order": "length",
    }


@pytest.mark.parametrize(("missing", "load"), [("torch", load_torch), ("transformers", load_transformers)])
def test_a_missing_part_names_the_extra(monkeypatch, missing, load):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra) as caught:
        load()
    assert caught.value.hint == "pip install 'embver[encode]'"
    assert caught.value.exit_code == 3


def test_devices():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(EncodeError, match="unknown device 'tpu'"):
        pick_device("tpu")
