"""The card's typed view, its digest and its fingerprint."""

from __future__ import annotations

from typing import Any

import pytest

from embver.card import Card, card_digest, encoder_id, frozen_part, space_id
from embver.version import Version
from sample_card import a_card, edited, sha


def test_a_card_in_full() -> None:
    card = Card.from_plain(a_card())
    assert (card.name, card.title, card.status) == ("products", "Product search embeddings", "active")
    assert card.version == Version.parse("2.1.0")
    assert card.space.served_dimensions == (512, 256)
    assert [artifact.path for artifact in card.artifacts] == [
        "image.safetensors",
        "ids.txt",
        "probe.safetensors",
    ]
    assert card.probe is not None
    assert (card.probe.probe_name, card.probe.probe_digest) == ("shop-1k", "sha256:0d1e")
    record = card.against("products@2.0.0")
    assert record is not None
    assert record.strata[0]["n"] == 1024
    assert card.against("products@1.0.0") is None


def test_a_card_that_says_the_least() -> None:
    card = Card.from_plain(
        {"name": "tiny", "space": {"dimensions": 8, "metric": "dot", "normalized": False}, "encoders": {}}
    )
    assert card.version is None
    assert (card.title, card.status, card.space.kind, card.space.dtype) == (
        "tiny",
        "active",
        "dense",
        "float32",
    )
    assert (card.probe, card.main_metric, card.artifacts) == (None, None, ())


def test_main_metric_is_the_marked_one_else_the_first() -> None:
    marked = Card.from_plain(a_card()).main_metric
    assert marked is not None
    assert marked[1].key == "hit@1"
    assert (marked[1].low, marked[1].high) == (0.4176, 0.4451)
    first = Card.from_plain(edited("benchmarks/0/metrics/1/main", False)).main_metric
    assert first is not None
    assert first[1].key == "ndcg@10"


@pytest.mark.parametrize(
    "path", ["dataset/id", "dataset/revision", "dataset/split", "dataset/sha256", "harness/name", "id"]
)
def test_numbers_are_comparable_only_on_the_same_data_and_harness(path: str) -> None:
    before, after = Card.from_plain(a_card()), Card.from_plain(edited(f"benchmarks/0/{path}", "other"))
    assert before.benchmarks[0].comparable != after.benchmarks[0].comparable


def test_a_later_harness_version_stays_comparable() -> None:
    before, after = (
        Card.from_plain(a_card()),
        Card.from_plain(edited("benchmarks/0/harness/version", "0.2.0")),
    )
    assert before.benchmarks[0].comparable == after.benchmarks[0].comparable


# ---- Card-Digest


@pytest.mark.parametrize(
    "grown",
    [
        edited("benchmarks", []),
        edited("benchmarks"),
        edited("compatibility/0/verdict", "identical"),
        edited("status", {"state": "deprecated", "reason": "slow"}),
        edited("notes/-", "found out later"),
        edited("encode/started", "2027-01-01T00:00:00Z"),
        edited("encode/elapsed_s", 1.0),
        edited("encode/items_per_s"),
        edited("encode/energy_j", 1.0),
        edited("encode/copied/image", 1),
        edited("encode/stages_s/forward", 1.0),
        edited("encode/tuned/text", 256),
        edited("override"),
        edited("allowed_regressions"),
        dict(reversed(a_card().items())),
    ],
)
def test_what_may_grow_is_outside_the_digest(grown: dict[str, Any]) -> None:
    assert card_digest(grown) == card_digest(a_card())


@pytest.mark.parametrize(
    "changed",
    [
        edited("name", "shop"),
        edited("version", "2.1.1"),
        edited("description", ""),
        edited("license", "MIT"),
        edited("space/dtype", "float16"),
        edited("encoders/text/prompts/query", "query: "),
        edited("training/hyperparameters/seed", 8),
        edited("encode/hardware/driver", "581.1"),
        edited("encode/floor/recall_at_10", 0.9),
        edited("artifacts/0/sha256", sha("b")),
        edited("changes/0/text", "Adds nothing."),
        edited("override", {"computed": "major", "chosen": "minor"}),
        edited("allowed_regressions", {"reason": "Worth it.", "gates": []}),
    ],
)
def test_everything_else_is_inside_the_digest(changed: dict[str, Any]) -> None:
    assert card_digest(changed) != card_digest(a_card())


def test_frozen_part_leaves_the_card_alone() -> None:
    card = a_card()
    assert "benchmarks" not in frozen_part(card)
    assert "started" not in frozen_part(card)["encode"]
    assert card == a_card()


# ---- fingerprint


@pytest.mark.parametrize(
    "path",
    [
        "space/dimensions",
        "space/metric",
        "space/normalized",
        "space/kind",
        "encoders/image/weights/0/sha256",
        "encoders/image/pooling",
        "encoders/image/projection",
        "encoders/image/preprocessing/1/size",
        "encoders/image/preprocessing/1/interpolation",
        "encoders/image/preprocessing/4/mean/2",
        "encoders/text/model/revision",  # its weights are not listed
        "encoders/text/tokenizer_sha256",
        "encoders/text/prompts/document",
        "encoders/text/prompts/query",
        "encoders/text/preprocessing/1/max_length",
    ],
)
def test_fingerprint_covers_what_decides_where_a_vector_lands(path: str) -> None:
    assert space_id(edited(path, "other")) != space_id(a_card())


def test_fingerprint_covers_encoders_and_the_order_of_steps() -> None:
    steps = a_card()["encoders"]["image"]["preprocessing"]
    assert space_id(edited("encoders/image/preprocessing", steps[::-1])) != space_id(a_card())
    assert space_id(edited("encoders/image")) != space_id(a_card())
    assert space_id(edited("encoders/audio", {"pooling": "mean"})) != space_id(a_card())


@pytest.mark.parametrize(
    "same",
    [
        edited("name", "shop"),
        edited("license", "MIT"),
        edited("version"),
        edited("encoders/image/model/id", "example/renamed"),
        edited("encoders/image/model/tag", "v4"),
        edited("encoders/image/model/license", "Apache-2.0"),
        edited("encoders/image/weights/0/path", "pytorch.safetensors"),
        edited("encoders/image/processor_sha256", sha("8")),
        edited("encoders/text/languages/-", "fr"),
        edited("encoders/text/prompts", {"document": "a picture of "}),
        edited("space/dtype", "float16"),
        edited("space/served_dimensions"),
        edited("space/kind"),
        edited("training"),
        edited("encode"),
        edited("artifacts"),
    ],
)
def test_fingerprint_ignores_names_licences_and_storage(same: dict[str, Any]) -> None:
    assert space_id(same) == space_id(a_card())


def test_fingerprint_says_what_it_is() -> None:
    assert space_id(a_card()).startswith("space:sha256:")
    assert space_id(a_card()) == space_id(a_card())


@pytest.mark.parametrize(
    ("path", "value", "moves"),
    [
        ("encoders/image/files/0/sha256", "f" * 64, {"image"}),
        ("encoders/image/pooling", "mean", {"image"}),
        ("encoders/text/prompts/query", "query: ", {"text"}),
        ("encoders/text/truncate_dimensions", 512, {"text"}),
        ("encoders/text/dense", [{"path": "2_Dense", "activation": "tanh"}], {"text"}),
        ("space/normalized", False, {"image", "text"}),
        ("space/dtype", "float16", set()),
        ("encoders/image/model/tag", "other", set()),
    ],
)
def test_an_encoders_id_moves_with_what_its_rows_depend_on(path: str, value: Any, moves: set[str]) -> None:
    before, after = a_card(), edited(path, value)
    ids = {m: (encoder_id(before, m), encoder_id(after, m)) for m in ("image", "text")}
    assert {modality for modality, (old, new) in ids.items() if old != new} == moves
    assert all(old.startswith("encoder:sha256:") for old, _ in ids.values())
