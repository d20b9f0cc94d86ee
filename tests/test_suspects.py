"""Which changed fields are suspected, in which order, and which cannot have done it."""

from __future__ import annotations

from typing import Any

import pytest

from embver.card import Card
from embver.diff import compare
from embver.levels import Level
from embver.presumption import OwnRule
from embver.suspects import Suspect, rank_suspects, suspects_between, told_together
from sample_card import a_card, edited, sha

LOWERCASE = {"step": "lowercase"}


def base(**changed: Any) -> dict[str, Any]:
    """Return the sample card with a floor that says how far a batch moves vectors, and weights on both sides."""
    card = a_card(**changed)
    card["encoders"]["text"]["weights"] = [{"path": "model.safetensors", "sha256": sha("0"), "size_bytes": 9}]
    card["encode"]["floor"] = {"measured_by": "batch 1", "cosine_distance_p99": 7e-14, "recall_at_10": 1.0}
    card["encoders"]["text"]["preprocessing"].insert(1, dict(LOWERCASE))
    return card


def between(
    before: dict[str, Any], after: dict[str, Any], query: str = "text", document: str = "image"
) -> tuple[Suspect, ...]:
    return suspects_between(Card.from_plain(before), Card.from_plain(after), query=query, document=document)


def guilty(before: dict[str, Any], after: dict[str, Any], **modalities: str) -> list[str]:
    return [each.path for each in between(before, after, **modalities) if each.can_matter]


def why(path: str, before: dict[str, Any], after: dict[str, Any], **modalities: str) -> str:
    found = next(each for each in between(before, after, **modalities) if each.path.startswith(path))
    assert not found.can_matter
    assert found.rank == 0
    return found.why


def test_a_lost_step_is_the_only_change_with_its_place() -> None:
    old = base()
    new = edited("encoders/text/preprocessing/1", card=old)
    (found,) = between(old, new)
    assert (found.path, found.block, found.rank) == (
        "encoders.text.preprocessing[lowercase]",
        "text.preprocessing[lowercase]",
        1,
    )
    assert told_together([found]) == "only change: lowercase removed at 2"
    assert found.to_plain()["before"] == {"step": "lowercase"}
    assert found.to_plain()["after"] is None


def test_what_reaches_the_model_comes_before_the_model_and_the_model_before_its_surroundings() -> None:
    old = base()
    new = edited("encoders/text/preprocessing/1", card=old)
    new["encoders"]["image"]["preprocessing"][2]["size"] = 200
    new["encoders"]["text"]["tokenizer_sha256"] = sha("a")
    new["encoders"]["text"]["preprocessing"][-1]["max_length"] = 16
    new["encoders"]["text"]["prompts"]["query"] = "find "
    new["encoders"]["text"]["pooling"] = "mean"
    new["encoders"]["image"]["projection"] = False
    new["encoders"]["text"]["weights"][0]["sha256"] = sha("b")
    new["encode"]["precision"]["compute"] = "bfloat16"
    new["encode"]["software"]["pillow"] = "13.0.0"
    assert [each.block for each in between(old, new) if each.can_matter] == [
        "text.preprocessing[lowercase]",
        "image.preprocessing[center_crop]",
        "text.tokenizer",
        "text.max_length",
        "text.prompts",
        "text.pooling",
        "image.projection",
        "weights",
        "compute",
        None,
    ]
    assert [each.rank for each in between(old, new) if each.can_matter] == list(range(1, 11))


def test_how_a_picture_is_read_comes_after_the_weights() -> None:
    old = base()
    new = edited("encoders/text/weights/0/sha256", sha("b"), card=old)
    steps = new["encoders"]["image"]["preprocessing"]
    steps[0]["exif_rotate"] = not steps[0].get("exif_rotate")
    steps[2]["size"] = 200
    found = [each.block for each in between(old, new) if each.can_matter]
    assert found == ["image.preprocessing[center_crop]", "weights", "image.preprocessing[decode]"]


def test_words_licences_and_links_cannot_matter() -> None:
    old = base()
    new = edited("title", "Other words", card=old)
    new["license"] = "MIT"
    new["authors"] = [{"name": "Others"}]
    new["links"] = ["https://example.org"]
    assert guilty(old, new) == []
    assert why("license", old, new) == "a licence moves no vector"
    assert told_together(between(old, new)) == "no change that can matter"


def test_everything_that_came_with_new_weights_is_one_suspect_that_leads_with_the_model() -> None:
    old = base()
    new = edited("encoders/text/weights/0/sha256", sha("b"), card=old)
    new["encoders"]["text"]["model"]["id"] = "example/roberta"
    new["training"]["hyperparameters"]["seed"] = 8
    new["training"]["data"][0]["rows"] = 5
    new["fingerprint"] = "space:sha256:ffff"
    new["artifacts"][0]["sha256"] = sha("c")
    (found,) = [each for each in between(old, new) if each.can_matter]
    assert (found.path, found.before, found.after) == (
        "encoders.text.model.id",
        "example/clip",
        "example/roberta",
    )
    assert found.block == "weights"
    assert {change.path for change in found.changes} == {
        "encoders.text.model.id",
        "encoders.text.weights[model.safetensors].sha256",
        "training.hyperparameters.seed",
        "training.data[shop-images].rows",
    }
    assert found.summary.startswith("weights changed (text model id example/clip -> example/roberta")
    assert why("fingerprint", old, new) == "it follows from the encoders"


def test_training_words_do_not_matter_while_the_weights_are_the_same_bytes() -> None:
    old = base()
    new = edited("training/hyperparameters/seed", 8, card=old)
    new["encoders"]["text"]["model"]["id"] = "example/renamed"
    assert guilty(old, new) == []
    assert "same, byte for byte" in why("training", old, new)


def test_training_matters_where_the_weights_are_not_known() -> None:
    old = edited("encoders/text/weights", card=base())
    new = edited("training/hyperparameters/seed", 8, card=old)
    assert [each.block for each in between(old, new) if each.can_matter] == ["weights"]


def test_an_encoder_that_the_benchmark_does_not_use_cannot_matter() -> None:
    old = base()
    new = edited("encoders/image/preprocessing/2/size", 200, card=old)
    new["encoders"]["image"]["weights"][0]["sha256"] = sha("b")
    new["training"]["hyperparameters"]["seed"] = 8
    assert guilty(old, new, document="text") == []
    reason = why("encoders.image.preprocessing", old, new, document="text")
    assert reason == "the benchmark neither asks with image nor finds it"
    assert guilty(old, new) == ["encoders.image.preprocessing[center_crop].size", "encoders.image.weights"]


def test_nothing_is_set_apart_by_modality_where_the_benchmark_does_not_tell_them() -> None:
    old = base()
    new = edited("encoders/image/preprocessing/2/size", 200, card=old)
    assert guilty(old, new, query="", document="") == ["encoders.image.preprocessing[center_crop].size"]


def test_a_prompt_of_a_role_that_the_benchmark_does_not_encode_cannot_matter() -> None:
    old = base()
    new = edited("encoders/text/prompts/document", "a photo of ", card=old)
    assert "as query only" in why("encoders.text.prompts", old, new)
    assert guilty(old, new, document="text") == ["encoders.text.prompts.document"]


def moved(card: dict[str, Any], far: float | None) -> dict[str, Any]:
    """Return a card of the next version, measured against the sample: so far did the probe set's vectors move."""
    part = {"identical": True} if far is None else {"identical": False, "cosine": {"distance_p99": far}}
    stratum = {"query": "text", "document": "image", "queries_moved": part, "documents_moved": part}
    record = {"against": "products@2.1.0", "verdict": "equivalent", "level": "none", "strata": [stratum]}
    return {**card, "version": "2.1.1", "compatibility": [record]}


@pytest.mark.parametrize("far", [None, 5e-14])
def test_hardware_and_software_within_the_noise_floor_cannot_matter(far: float | None) -> None:
    old = base()
    new = edited("encode/hardware/cpu", "Another", card=old)
    new["encode"]["software"]["transformers"] = "6.0.0"
    new["encode"]["batch"]["size"]["text"] = 1
    assert guilty(old, moved(new, far)) == []
    assert "moved" in why("encode", old, moved(new, far))


def test_hardware_is_suspected_where_vectors_moved_and_nothing_else_changed() -> None:
    old = base()
    new = moved(edited("encode/hardware/cpu", "Another", card=old), 0.01)
    assert guilty(old, new) == ["encode.hardware.cpu"]


def test_hardware_beside_a_lost_step_is_set_apart_by_the_floor_and_never_without_one() -> None:
    old = base()
    new = edited("encode/hardware/cpu", "Another", card=old)
    del new["encoders"]["text"]["preprocessing"][1]
    assert guilty(old, moved(new, 0.3)) == ["encoders.text.preprocessing[lowercase]"]
    assert "noise floor" in why("encode.hardware", old, moved(new, 0.3))
    for card in (old, new):
        card["encode"]["floor"] = {"recall_at_10": 1.0}
    assert guilty(old, moved(new, 0.3)) == ["encoders.text.preprocessing[lowercase]", "encode.hardware.cpu"]


def test_another_build_of_the_arithmetic_is_set_apart_like_a_machine() -> None:
    old = base()
    new = moved(edited("encode/software/torch", "2.12.0", card=old), 0.3)
    assert guilty(old, new) == ["encode.software.torch"]  # vectors moved, and nothing else changed
    del new["encoders"]["text"]["preprocessing"][1]
    new["encode"]["software"]["pillow"] = "13.0.0"
    assert guilty(old, new) == ["encoders.text.preprocessing[lowercase]", "encode.software.pillow"]


def test_software_that_prepares_pictures_cannot_move_a_benchmark_of_texts() -> None:
    old = base()
    new = moved(edited("encode/software/pillow", "13.0.0", card=old), 0.3)
    assert guilty(old, new, document="text") == []
    assert guilty(old, new) == ["encode.software.pillow"]


def test_how_numbers_are_stored_matters_only_where_the_steps_are_coarse() -> None:
    old = base()
    assert guilty(old, edited("space/dtype", "float16", card=old)) == []
    assert guilty(old, edited("space/dtype", "int8", card=old)) == ["space.dtype"]


def test_lengths_do_not_matter_to_cosine() -> None:
    old = base()
    new = edited("space/normalized", False, card=old)
    assert guilty(old, new) == []
    for card in (old, new):
        card["space"]["metric"] = "dot"
    assert guilty(old, new) == ["space.normalized"]


def test_two_parameters_of_one_step_are_one_suspect() -> None:
    old = base()
    new = edited("encoders/image/preprocessing/4/mean", [0.5, 0.5, 0.5], card=old)
    new["encoders"]["image"]["preprocessing"][4]["std"] = [0.5, 0.5, 0.5]
    (found,) = between(old, new)
    assert found.path == "encoders.image.preprocessing[normalize]"
    assert found.before == {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}


def test_a_step_that_moved_is_one_suspect() -> None:
    old = base()
    new = base()
    steps = new["encoders"]["text"]["preprocessing"]
    steps[0], steps[1] = steps[1], steps[0]
    (found,) = between(old, new)
    assert found.summary in ("lowercase moved to another place", "unicode_normalize moved to another place")


def test_the_tokenizers_own_files_are_its_own_and_not_the_weights() -> None:
    old = base()
    old["encoders"]["text"]["files"] = [{"path": "tokenizer.json", "sha256": sha("1"), "size_bytes": 5}]
    new = edited("encoders/text/files/0/sha256", sha("2"), card=old)
    new["encoders"]["text"]["tokenizer_sha256"] = sha("3")
    new["training"]["hyperparameters"]["seed"] = 8
    (found,) = [each for each in between(old, new) if each.can_matter]
    assert (found.block, found.summary) == ("text.tokenizer", "another tokenizer (tokenizer.json)")


def test_what_one_card_does_not_tell_of_is_no_change() -> None:
    old = base()
    new = base()
    new["encode"]["software"]["libjpeg_turbo"] = "3.1.0"
    del old["encoders"]["image"]["files"]
    new["encoders"]["text"]["files"] = [{"path": "config.json", "sha256": sha("4"), "size_bytes": 3}]
    assert guilty(old, new) == []
    old["encoders"]["text"]["files"] = [{"path": "config.json", "sha256": sha("5"), "size_bytes": 3}]
    (found,) = [each for each in between(old, new) if each.can_matter]
    assert (found.block, found.summary) == ("weights", "model files changed")


def test_a_cut_of_the_vectors_takes_the_dimension_with_it() -> None:
    old = base()
    new = edited("space/dimensions", 256, card=old)
    new["encoders"]["text"]["truncate_dimensions"] = 256
    assert [each.block for each in between(old, new) if each.can_matter] == ["text.projection"]


def test_a_text_step_that_changes_none_of_the_benchmarks_texts_cannot_matter() -> None:
    old = base()
    new = edited("encoders/text/preprocessing/0/form", "NFKD", card=old)
    new["encoders"]["text"]["preprocessing"][1] = {"step": "replace", "pattern": "[A-Z]", "with": "x"}
    pair = (Card.from_plain(old), Card.from_plain(new))

    def found(*texts: str) -> list[str]:
        ranked = suspects_between(*pair, query="text", document="image", texts=lambda: texts)
        return [each.path.rpartition("[")[2] for each in ranked if each.can_matter]

    assert found("red", "blue") == []
    assert found("red", "café") == ["unicode_normalize].form"]
    assert found("red", "Blue") == ["lowercase]", "replace]"]
    (first, *_) = suspects_between(*pair, query="text", document="image", texts=lambda: ("red", "blue"))
    assert first.why == "it changes none of the benchmark's 2 texts"
    assert found() == ["lowercase]", "unicode_normalize].form", "replace]"]


def test_texts_are_not_read_where_no_text_step_changed() -> None:
    old = base()
    new = edited("encoders/text/pooling", "mean", card=old)

    def never() -> tuple[str, ...]:
        raise AssertionError

    (found,) = suspects_between(
        Card.from_plain(old), Card.from_plain(new), query="text", document="image", texts=never
    )
    assert found.can_matter


def test_without_cards_fewer_fields_are_set_apart() -> None:
    old = base()
    new = edited("training/hyperparameters/seed", 8, card=old)
    (found,) = rank_suspects(compare(old, new), query="text", document="image")
    assert found.can_matter


def test_every_change_is_told_once() -> None:
    old = base()
    new = edited("encode/hardware/cpu", "Another", card=old)
    new["title"] = "Others"
    new["encoders"]["text"]["pooling"] = "mean"
    new["encoders"]["text"]["weights"][0]["sha256"] = sha("b")
    new["artifacts"][0]["rows"] = 7
    changes = compare(old, new)
    found = [change for each in between(old, new) for change in each.changes]
    assert sorted(change.path for change in found) == sorted(change.path for change in changes)


def test_a_rule_of_the_repository_makes_a_field_of_its_own_a_suspect() -> None:
    old = edited("extra", {"shop": {"synonyms": 3}}, card=base())
    new = edited("extra/shop/synonyms", 4, card=old)
    assert guilty(old, new) == []
    rule = OwnRule(
        path=("extra", "shop"), level=Level.MAJOR, why="synonyms are expanded", place="embver.toml:9"
    )
    (found,) = suspects_between(
        Card.from_plain(old), Card.from_plain(new), query="text", document="image", own=[rule]
    )
    assert (found.can_matter, found.block) == (True, None)
