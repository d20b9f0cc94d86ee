"""`embver verify --reencode`: the same machine makes the same bytes, other weights other vectors, and all between."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest

from embver.actions.sums import SUMS, sums_of
from embver.actions.workspace import Workspace
from embver.encode.environment import fingerprint
from embver.store.cards import read_card_text, update_card
from embver.store.vectors import INPUTS, VECTORS, content_digest, map_tensors, stream_tensors, to_stored
from sandbox import NAME, Sandbox, use_model

pytestmark = [pytest.mark.torch, pytest.mark.lfs]


def again(repo: Sandbox, *arguments: str, code: int = 0) -> dict[str, Any]:
    plain = repo.embver("verify", *arguments, "--reencode", "--threads", "1", "--json", code=code).json
    (found,) = plain["reencoded"]
    return found


def tiers(found: dict[str, Any]) -> dict[str, str | None]:
    return {each["modality"]: each["tier"] for each in found["modalities"]}


def disturb(repo: Sandbox, noise: float, *, of_probe: float | None = None, **encode: Any) -> None:
    """Put other vectors in the place of those of `next/`, as if another machine had made them, and release them."""
    work = Workspace.open(repo.root)
    plain = read_card_text(repo.card.read_bytes(), path="card.yaml").plain
    random = np.random.default_rng(3)
    ids = (repo.next / "ids.txt").read_text().splitlines()
    for artifact in plain["artifacts"]:
        if artifact["role"] == "ids":
            continue
        size = of_probe if of_probe is not None and artifact["role"] == "probe" else noise
        tensors = map_tensors(work.lfs.path_of(artifact["sha256"]))
        written = {}
        for name, (rows, dtype) in tensors.items():
            if name == INPUTS:
                written[name] = (rows.shape, dtype, [rows])
                continue
            moved = rows + size * random.normal(size=rows.shape) / np.sqrt(rows.shape[1])
            moved /= np.linalg.norm(moved, axis=1, keepdims=True)
            stored = to_stored(moved.astype(np.float32), dtype)
            written |= stored.tensors(name)
            if name == VECTORS:
                artifact["content_digest"] = content_digest(ids, stored.vectors, dtype=dtype)
        metadata = None
        if artifact["role"] == "probe":
            metadata = {"probe": artifact["probe"]["digest"], "items": str(artifact["probe"]["items"])}
        pointer = work.lfs.put(stream_tensors(written, metadata=metadata))
        artifact |= {"sha256": pointer.sha256, "size_bytes": pointer.size_bytes}
        (repo.next / artifact["path"]).write_bytes(pointer.format())
    record = {**plain["encode"], **encode}
    record["environment"] = fingerprint(record)
    updates = [(("artifacts",), plain["artifacts"]), (("encode",), record), (("benchmarks",), None)]
    for entry in plain.get("benchmarks") or ():
        (repo.next / entry["source"]["path"]).unlink()
    repo.card.write_text(update_card(repo.card.read_text(), updates))
    (repo.next / SUMS).write_bytes(sums_of(plain["artifacts"]))
    repo.git("add", "-A")
    repo.git("commit", "-qm", "Made elsewhere")
    repo.embver("release", NAME)


ELSEWHERE = {"hardware": {"cpu": "AMD EPYC 9654", "cpu_flags": ["avx2"]}}


def test_the_same_machine_makes_the_same_bytes(story: Sandbox) -> None:
    found = again(story, "emoji@1.1.1")
    assert (found["reference"], found["tier"], found["why"]) == ("emoji@1.1.1", "R0", [])
    assert found["environment"]["same"] is True
    assert found["environment"]["differs"] == []
    assert found["probe"] is None  # nothing was left open
    text = next(each for each in found["modalities"] if each["modality"] == "text")
    assert (text["rows"], text["identical"], text["cosine_distance_p99"]) == (40, 40, 0)
    assert (text["missing"], text["why"]) == (0, None)
    assert text["neighbours"] == {"value": 1.0, "low": 1.0, "k": 1}


def test_what_people_see(story: Sandbox) -> None:
    said = story.embver("verify", "emoji@1.0.0", "--reencode", "--sample", "7", "--threads", "1")
    lines = said.out.splitlines()
    assert lines[1] == "emoji@1.0.0 encoded again: R0, bit-identical: this machine makes the very bytes"
    assert lines[2:4] == ["  image   7 of 7 rows bit for bit", "  text    7 of 7 rows bit for bit"]
    assert lines[4].startswith("  environment as in the card (env:sha256:")


def test_a_seed_of_the_release_draws_the_sample(story: Sandbox) -> None:
    from embver.actions.reencode_inputs import draw

    work = Workspace.open(story.root)
    source = work.source("emoji@1.1.1")
    card = work.card(source)
    drawn = [draw(work, source, card, "text", 9, seed) for seed in (5, 5, 6)]
    first, second, third = [each.places.tolist() for each in drawn]
    assert first == second != third
    assert sorted(set(first)) == first
    assert [item.id for item in drawn[0].items] == [f"p{place:03}" for place in first]
    assert len(draw(work, source, card, "text", 0, 5).items) == 40


@pytest.mark.parametrize(
    ("noise", "of_probe", "tier", "verdict"),
    [(3e-4, 3e-4, "R1", None), (0.02, 3e-4, "R2", "equivalent"), (1.0, 1.0, "none", "incompatible")],
)
def test_vectors_of_another_machine(
    encoded: Sandbox, noise: float, of_probe: float, tier: str, verdict: str | None
) -> None:
    disturb(encoded, noise, of_probe=of_probe, **ELSEWHERE)
    found = again(encoded, "emoji@1.0.0", code=1 if tier == "none" else 0)
    assert found["tier"] == tier
    assert (found["probe"] or {}).get("verdict") == verdict
    fields = [each["field"] for each in found["environment"]["differs"]]
    assert found["environment"]["same"] is False
    assert "hardware.cpu_flags" in fields
    said = encoded.embver("verify", "emoji@1.0.0", "--reencode", "--threads", "1", code=None)
    assert f"encoded again: {tier}, " in said.out
    assert "  differs hardware.cpu" in said.out
    if tier == "none":
        assert "changed emoji@1.0.0 card.yaml: encoded again these are other vectors: image 1-cos" in said.out


def test_other_bits_where_the_environment_promises_the_same(encoded: Sandbox) -> None:
    disturb(encoded, 3e-4)
    found = again(encoded, "emoji@1.0.0", code=1)
    assert (found["tier"], found["environment"]["same"]) == ("R1", True)
    said = encoded.embver("verify", "emoji@1.0.0", "--reencode", "--threads", "1", code=1)
    assert (
        "the environment is the card's own, and the bits are not: a kernel is not deterministic" in said.out
    )


def test_another_precision_of_the_computation_is_equivalent(encoded: Sandbox) -> None:
    """bfloat16 ran, and the card says float32: the kind of difference that another machine makes."""
    from embver.actions.encode import encode
    from embver.actions.encoding import EncodeRequest
    from embver.cli.open import now

    request = EncodeRequest(name=NAME, compute="bfloat16", force=True, device="cpu", threads=1)
    encode(Workspace.open(encoded.root), request, now=now(), progress=lambda *_: None)
    encoded.edit(("compute: bfloat16", "compute: float32"))
    encoded.git("commit", "-qam", "Say another thing than ran")
    encoded.embver("release", NAME)
    said = encoded.embver("verify", "emoji@1.0.0", "--reencode", "--threads", "1", code=1)
    assert "encode.environment is not the digest of what the card's encode says" in said.out
    found = again(encoded, "emoji@1.0.0", code=1)
    assert found["tier"] in ("R1", "R2")
    assert all(0 < each["cosine_distance_p99"] < 1e-2 for each in found["modalities"])


def test_a_card_that_names_other_weights_than_ran(encoded: Sandbox, models) -> None:
    """The vectors are of the first model; model folder, weights and fingerprint in the card are the second's."""
    from embver.card import space_id

    use_model(encoded, models / "retrained")
    plain = read_card_text(encoded.card.read_bytes(), path="card.yaml").plain
    from embver.encode.model_files import describe_model

    updates: list[Any] = []
    for modality, encoder in plain["encoders"].items():
        encoder["weights"] = [dict(each) for each in describe_model(models / "retrained").weights]
        updates.append((("encoders", modality, "weights"), encoder["weights"]))
    updates.append((("fingerprint",), space_id(plain)))
    encoded.card.write_text(update_card(encoded.card.read_text(), updates))
    encoded.git("add", "-A")
    encoded.git("commit", "-qm", "Not the model that ran")
    encoded.embver("release", NAME)
    found = again(encoded, "emoji@1.0.0", code=1)
    assert (found["tier"], tiers(found)) == ("none", {"image": "none", "text": "none"})
    assert all(each["identical"] == 0 for each in found["modalities"])


# ---- what is not here any more


def test_a_model_that_moved_on_is_taken_from_the_release(story: Sandbox, models) -> None:
    use_model(story, models / "retrained")
    assert again(story, "emoji@1.1.1")["tier"] == "R0"


def test_a_model_that_lies_elsewhere_is_found_by_its_digests(story: Sandbox, models) -> None:
    weights = story.artifacts("emoji@1.1.1") and story.embver("show", "emoji@1.1.1", "--json").json["card"]
    sha256 = weights["encoders"]["image"]["weights"][0]["sha256"]
    shutil.copytree(story.root / "models/clip", story.root / "models/kept")
    use_model(story, models / "retrained")
    story.git("add", "-A")
    story.object(sha256).unlink()
    assert again(story, "emoji@1.1.1")["tier"] == "R0"


def test_a_model_that_is_gone(story: Sandbox, models) -> None:
    card = story.embver("show", "emoji@1.1.1", "--json").json["card"]
    story.object(card["encoders"]["image"]["weights"][0]["sha256"]).unlink()
    use_model(story, models / "retrained")
    found = again(story, "emoji@1.1.1", code=3)
    assert found["tier"] is None
    assert (
        "the model of encoders.image is not here: models/clip holds other files than the card names"
        in found["why"][0]
    )
    assert "models/clip/model.safetensors of the release's commit is not on this machine" in found["why"][0]
    said = story.embver("verify", "emoji@1.1.1", "--reencode", code=3)
    assert "emoji@1.1.1 could not be encoded again" in said.out


def test_items_that_changed_are_left_out_and_counted(story: Sandbox) -> None:
    file = story.root / "data/corpus-v2.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    for row in rows[:10]:
        row["text"] += " more"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in reversed(rows)))  # and in another order
    found = again(story, "emoji@1.1.1")
    assert (found["tier"], tiers(found)) == ("R0", {"image": "R0", "text": "R0"})
    text = next(each for each in found["modalities"] if each["modality"] == "text")
    assert (text["rows"], text["missing"]) == (30, 10)
    assert text["why"] == (
        "30 of the 40 texts that were drawn can be encoded again: their bytes are in today's corpus no longer"
    )


def test_where_the_corpus_is_gone_the_probe_set_speaks(story: Sandbox) -> None:
    (story.root / "data/corpus-v2.jsonl").unlink()
    found = again(story, "emoji@1.1.1")
    assert (found["tier"], tiers(found)) == ("R0", {"image": None, "text": None})
    assert found["probe"] == {"name": "pairs", "items": 600, "verdict": "identical"}
    assert found["why"][0].startswith("the corpus cannot be read: ")


def test_nothing_is_left_to_encode_again(story: Sandbox) -> None:
    (story.root / "data/corpus-v2.jsonl").unlink()
    shutil.rmtree(story.root / "probes/pairs/images")
    found = again(story, "emoji@1.1.1", code=3)
    assert found["tier"] is None
    assert any(why.startswith("the probe set cannot be encoded again: ") for why in found["why"])


# ---- asked wrongly


def test_a_version_has_to_be_named(story: Sandbox) -> None:
    said = story.embver("verify", "--reencode", code=2)
    assert "--reencode: name a version" in said.err
    assert "next: embver verify NAME@VERSION --reencode" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sample", "3"], "--sample needs --reencode"),
        (["--device", "cpu"], "--device needs --reencode"),
        (["--reencode", "--sample", "-1"], "--sample -1: a number of rows, or 0 for all"),
        (["--reencode", "--threads", "0"], "--threads 0: at least 1"),
    ],
)
def test_options_that_say_nothing(story: Sandbox, arguments: list[str], said: str) -> None:
    assert said in story.embver("verify", "emoji@1.1.1", *arguments, code=2).err
