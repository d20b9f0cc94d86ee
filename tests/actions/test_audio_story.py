"""A life with sounds, by the commands themselves: a CLAP, text finds audio, a resampler is mended, a clip breaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from audio_shop import NAME, SOUNDS, begin
from sandbox import Sandbox

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a repository whose first version was made from a CLAP and released."""
    pytest.importorskip("soundfile")
    pytest.importorskip("torch")
    repo = begin(tmp_path_factory.mktemp("shop") / "repository")
    said = repo.embver("new", NAME, "--from-model", "models/clap")
    assert "ClapFeatureExtractor cuts at a random place, the card keeps the start" in said.err
    repo.embver("encode", NAME)
    repo.embver("bench", NAME)
    repo.embver("release", NAME)
    return repo.root


@pytest.fixture
def shop(released: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(released, tmp_path / "repository", symlinks=True)
    repo = Sandbox(root=tmp_path / "repository")
    repo.git("update-index", "-q", "--refresh", code=None)
    return repo


def at_next(repo: Sandbox) -> Path:
    return repo.root / f"embeddings/{NAME}/next/card.yaml"


def edit(repo: Sandbox, before: str, after: str) -> None:
    repo.edit((before, after), file=at_next(repo))


def test_a_version_of_sounds_is_a_version(shop: Sandbox) -> None:
    card = shop.embver("show", f"{NAME}@1.0.0", "--json").json["card"]
    assert card["encoders"]["audio"]["architecture"]["class"] == "ClapModel"
    assert card["encoders"]["audio"]["processor_sha256"]
    rows = {entry["path"]: entry.get("rows") for entry in card["artifacts"]}
    assert rows["audio.safetensors"] == rows["text.safetensors"] == SOUNDS
    found = {metric["key"]: metric["value"] for metric in card["benchmarks"][0]["metrics"]}
    assert found["hit@1"] >= 0.9  # the texts were taught to lie where their sounds do
    assert {"libsndfile", "soundfile", "soxr"} <= set(card["encode"]["software"])
    assert shop.embver("verify").code == 0
    assert shop.git("status", "--porcelain").out == ""


def test_an_unchanged_encode_does_nothing_and_a_changed_sound_does(shop: Sandbox) -> None:
    shop.embver("new", NAME)
    shop.embver("encode", NAME)
    before = at_next(shop).read_text()
    said = shop.embver("encode", NAME)
    assert at_next(shop).read_text() == before
    assert "unchanged" in said.text or "nothing" in said.text
    sound = (shop.root / "probes/pairs/sounds/003.wav").read_bytes()
    (shop.root / "data/new.wav").write_bytes(sound[:-2000] + bytes(2000))
    lines = (shop.root / "data/corpus.jsonl").read_text().replace("../probes/pairs/sounds/003.wav", "new.wav")
    (shop.root / "data/corpus.jsonl").write_text(lines)
    shop.embver("encode", NAME)
    card = shop.embver("show", f"{NAME}@next", "--json").json["card"]
    assert card["encode"]["copied"] == {"audio": SOUNDS - 1, "text": SOUNDS}


def test_another_resampler_is_a_patch_that_is_measured_by_stratum(shop: Sandbox) -> None:
    shop.embver("new", NAME)
    edit(shop, "method: soxr_hq", "method: soxr_vhq")
    status = shop.embver("status", NAME, "--json").json
    assert [(reason["level"], reason["why"]) for reason in status["reasons"]][:1] == [
        ("patch", "the resampler is corrected")
    ]
    shop.embver("encode", NAME)
    found = shop.embver("compat", f"{NAME}@1.0.0", f"{NAME}@next", "--json", code=None).json
    strata = {(stratum["query"], stratum["document"]): stratum["verdict"] for stratum in found["strata"]}
    assert set(strata) == {(a, b) for a in ("audio", "text") for b in ("audio", "text")}
    assert strata["text", "text"] == "identical"  # only sounds moved
    assert strata["text", "audio"] != "identical"
    shop.embver("bench", NAME)
    shop.embver("release", NAME, "--level", "patch", "--reason", "The resampler was mended.")
    said = shop.embver("diff", f"{NAME}@1.0.0", f"{NAME}@1.0.1").out
    assert "encoders.audio.preprocessing[resample].method: soxr_hq -> soxr_vhq" in said
    assert shop.embver("verify", "--deep").code == 0


def test_clips_that_are_cut_earlier_break_until_measured(shop: Sandbox) -> None:
    """Every clip is shorter than a second and a bit: nothing moves, which the measurement tells."""
    shop.embver("new", NAME)
    edit(shop, "seconds: 2, keep: start", "seconds: 1.5, keep: start")
    status = shop.embver("status", NAME, "--json").json
    assert [(reason["level"], reason["why"]) for reason in status["reasons"]][:1] == [
        ("major", "clips are cut earlier")
    ]
    shop.embver("encode", NAME)
    found = shop.embver("compat", f"{NAME}@1.0.0", f"{NAME}@next", "--json", code=None).json
    assert found["verdict"] == "identical"


def test_a_broken_sound_stops_or_is_left_out(shop: Sandbox) -> None:
    shop.embver("new", NAME)
    lines = (shop.root / "data/corpus.jsonl").read_text().splitlines()
    (shop.root / "data/cut.wav").write_bytes((shop.root / "probes/pairs/sounds/000.wav").read_bytes()[:5000])
    lines.insert(4, json.dumps({"id": "cut", "audio": "cut.wav", "text": "cut"}))
    (shop.root / "data/corpus.jsonl").write_text("".join(f"{line}\n" for line in lines))
    said = shop.embver("encode", NAME, code=3)
    assert "cut: ends after 4956 of" in said.err
    shop.embver("encode", NAME, "--on-error", "skip")
    rows = {entry["path"]: entry.get("rows") for entry in shop.artifacts(f"{NAME}@next").values()}
    assert (rows["audio.safetensors"], rows["text.safetensors"]) == (SOUNDS, SOUNDS + 1)
    assert "cut" not in (at_next(shop).parent / "ids-audio.txt").read_text().split()
