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
from tiny_models import IMAGE_STEPS, clip_spec, torch

from embver.encode.batches import BatchPlan, batch_record
from embver.encode.energy import Counters, read_energy
from embver.encode.environment import deciding, describe_environment, differences, fingerprint
from embver.encode.floor import cosine_distances, measure_floor, neighbour_overlap
from embver.encode.machine import CPU_FLAGS, cpu, cpu_flags, cudnn, driver, math_libraries
from embver.encode.models import load_encoder, load_encoders
from embver.encode.runtime import load_torch, load_transformers, pick_device
from embver.errors import EncodeError, MissingExtra
from sandbox import CARD

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def record(clip):
    encoders = load_encoders({m: clip_spec(m, clip) for m in ("text", "image")}, device="cpu", threads=1)
    return describe_environment(encoders.values())


def test_environment_is_read_back(record):
    assert list(record) == ["precision", "flags", "hardware", "software", "environment"]
    assert record["precision"] == {"weights": "float32", "compute": "float32", "pooling": "float32"}
    assert record["flags"] == {
        "deterministic_algorithms": True,
        "tf32": False,
        "cudnn_benchmark": False,
        "attention": "sdpa",
        "sdpa": "cudnn and efficient and flash and math",  # what torch may choose between
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "onednn": True,
        "threads": 1,
    }
    assert record["hardware"]["cores"] == os.cpu_count()
    assert record["hardware"]["cpu"]
    assert set(record["hardware"]["cpu_flags"]) <= set(CPU_FLAGS)
    assert record["hardware"]["memory_ram_gib"] >= 1


def test_the_packages_are_those_that_take_part(clip):
    def packages(modality, **encoder):
        described = describe_environment([load_encoder(clip_spec(modality, clip, **encoder), device="cpu")])
        return set(described["software"]) - {"embver", "python", "os", "mkl", "onednn"}

    common = {"torch", "transformers", "numpy"}
    assert packages("text") == common | {"tokenizers"}
    assert packages("image") == common | {"pillow", "libjpeg_turbo"}
    turbo = [{**IMAGE_STEPS[0], "library": "simplejpeg"}, *IMAGE_STEPS[1:]]
    assert packages("image", preprocessing=turbo) == common | {"pillow", "libjpeg_turbo", "simplejpeg"}


def test_versions_are_those_of_the_packages(record):
    assert record["software"]["torch"] == torch.__version__
    assert record["software"]["python"] == platform.python_version()
    assert record["software"]["onednn"] in torch.__config__.show()
    assert not {"cuda", "cudnn"} & set(record["software"])


def test_the_record_fits_the_card(record, tmp_path):
    from embver.store.cards import read_card_text
    from embver.store.schemas import check_card

    plain = read_card_text(CARD.encode(), path="card.yaml").plain
    plain |= {"encode": {"profile": "strict", "energy_j": 12.5, **record}}
    text = read_card_text(json.dumps(plain).encode(), path="card.yaml")
    assert [problem.message for problem in check_card(text, folder=None)] == []


def test_nothing_personal_is_recorded(record, clip, monkeypatch):
    text = json.dumps(record)
    for secret in (platform.node(), str(clip), str(Path.home()), os.environ["PATH"], "/proc", "/usr"):
        assert not secret or secret not in text
    words = {str(value) for part in record.values() if isinstance(part, dict) for value in part.values()}
    assert getpass.getuser() not in words
    monkeypatch.setenv("EMBVER_SECRET", "a-word-that-is-nowhere-else")
    encoder = load_encoder(clip_spec("text", clip), device="cpu")
    assert "a-word-that-is-nowhere-else" not in json.dumps(describe_environment([encoder]))


def test_no_value_of_the_environment_is_recorded(record):
    words = {word for part in record.values() if isinstance(part, dict) for word in map(str, part.values())}
    long = {value for value in os.environ.values() if len(value) > 8}
    assert not [word for word in words if any(value in word for value in long)]


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("precision", "compute", "bfloat16"),
        ("flags", "tf32", True),
        ("flags", "cpu_capability", "AVX2"),
        ("hardware", "cpu", "another"),
        ("hardware", "cpu_flags", ["avx2"]),
        ("hardware", "accelerator", "NVIDIA H200"),
        ("hardware", "driver", "580.1"),
        ("software", "torch", "2.11.0+cu130"),
        ("software", "simplejpeg", "1.9.0"),
    ],
)
def test_what_decides_bits_is_in_the_fingerprint(record, part, key, value):
    other = {**record, part: {**record[part], key: value}}
    assert fingerprint(other) != record["environment"]
    (found,) = differences(record, other)
    assert (found.field, found.before, found.after) == (f"{part}.{key}", record[part].get(key), value)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [("software", "embver", "9.9.9"), ("flags", "threads", 8), ("hardware", "cores", 96), ("hardware", "memory_ram_gib", 512),
     ("hardware", "count", 8), ("hardware", "memory_gib", 139.8)],
)  # fmt: skip
def test_what_decides_no_bit_is_not(record, part, key, value):
    other = {**record, part: {**record[part], key: value}, "elapsed_s": 3.0, "energy_j": 4.0}
    assert fingerprint(other) == record["environment"]
    assert differences(record, other) == ()


def test_the_fingerprint_can_be_taken_of_a_card(record):
    """What stands in a card is enough to check the digest beside it."""
    stored = json.loads(json.dumps({**record, "started": "2026-11-02T09:14:07Z"}))
    assert fingerprint(stored) == stored["environment"]
    assert record["environment"].startswith("env:sha256:")
    assert "flags.tf32" in deciding(stored)


def test_differences_are_said_in_words(record):
    other = {**record, "hardware": {**record["hardware"], "cpu_flags": ["avx2", "fma"], "driver": "580.1"}}
    said = [str(each) for each in differences(record, other)]
    assert said[0].endswith(" -> avx2 fma")
    assert said[1] == "hardware.driver not known -> 580.1"


def test_versions_of_cudnn():
    assert [cudnn(number) for number in (91200, 90100, 8907, None)] == ["9.12", "9.1", "8.9", None]


ARM = "processor\t: 0\nFeatures\t: fp asimd evtstrm aes sve bf16 i8mm\n"
X86 = "processor\t: 0\nmodel name\t: AMD  EPYC 9654\nflags\t\t: fpu sse sse4_2 avx avx2 hypervisor fma\n"


def test_the_processor():
    assert cpu(X86) == "AMD EPYC 9654"
    assert cpu_flags(X86) == ["sse4_2", "avx", "avx2", "fma"]
    assert cpu_flags(ARM) == ["asimd", "bf16", "i8mm", "sve"]
    assert cpu_flags("") == []
    assert cpu("") in (platform.processor(), platform.machine())


def test_the_driver_and_the_libraries():
    said = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.03  Release Build"
    assert driver(said) == "580.159.03"
    assert driver("") is None
    show = "  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 2024\n  - Intel(R) MKL-DNN v3.12.0 (Git"
    assert math_libraries(show) == {"mkl": "2024.2", "onednn": "3.12.0"}
    assert math_libraries("PyTorch built with:\n  - GCC 13.3") == {"mkl": None, "onednn": None}


def rapl(folder: Path, zones: dict[str, tuple[str, int]]) -> Path:
    for zone, (name, microjoules) in zones.items():
        (folder / zone).mkdir(parents=True, exist_ok=True)
        for file, value in (("name", name), ("energy_uj", microjoules), ("max_energy_range_uj", 1_000_000)):
            (folder / zone / file).write_text(f"{value}\n")
    return folder


def test_energy(tmp_path):
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:0:1": "dram",
        "intel-rapl:1": "psys",
    }
    before = read_energy(powercap=rapl(tmp_path, {zone: (name, 900_000) for zone, name in zones.items()}))
    after = read_energy(powercap=rapl(tmp_path, {zone: (name, 950_000) for zone, name in zones.items()}))
    assert before.joules_until(after) == 0.1  # package and memory; not the parts, nor the whole, once more
    begun_again = read_energy(powercap=rapl(tmp_path, {"intel-rapl:0": ("package-0", 150_000)}))
    assert before.joules_until(begun_again) == 0.3  # 0.25 of the package, whose counter is full at one joule


def test_a_machine_that_does_not_tell_its_energy(tmp_path):
    assert read_energy(powercap=tmp_path / "absent").joules_until(Counters()) is None
    (tmp_path / "intel-rapl:0").mkdir()
    (tmp_path / "intel-rapl:0/name").write_text("package-0\n")  # and the counter is for root alone
    assert read_energy(powercap=tmp_path).microjoules == {}
    read_energy(powercap=tmp_path, accelerators=1)  # no NVIDIA library, or one: it must not fail


@pytest.mark.parametrize("modality", ["text", "image"])
def test_floor(clip, texts, images, modality):
    encoder = load_encoder(clip_spec(modality, clip), device="cpu", threads=1)
    floor = measure_floor(encoder, texts if modality == "text" else images, sample=40)
    parts = ["batch_1", "max_length"] if modality == "text" else ["batch_1"]
    assert list(floor) == ["measured_by", "cosine_distance_p99", "recall_at_10", *parts]
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
