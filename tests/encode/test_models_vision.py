"""Plain image encoders: hidden states pooled, or the model's own pooled output; rows equal those made by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_families import VISION, VISION_FAMILIES, made
from tiny_models import IMAGE_STEPS, torch, transformers

from embver.encode.describe import describe_folder
from embver.encode.models import load_encoder
from embver.encode.runner import encode
from embver.encode.spec import EncoderSpec
from embver.errors import EncodeError

pytestmark = pytest.mark.torch


def image_spec(folder, pooling, **encoder):
    plain = {"pooling": pooling, "preprocessing": IMAGE_STEPS} | encoder
    return EncoderSpec.from_plain("image", plain, {"dimensions": 32, "normalized": False}, folder)


@pytest.mark.parametrize("family", VISION_FAMILIES)
def test_rows_equal_those_made_by_hand(tmp_path, images, family):
    pooling, build = VISION_FAMILIES[family]
    model = made(build, tmp_path)
    encoder = load_encoder(image_spec(tmp_path, pooling), device="cpu")
    sample = images[:18]
    rows = encoder.steps.prepare(sample, lambda item: "")
    (batch,) = encoder.steps.batches(rows, _plan())
    with torch.inference_mode():
        output = model(**encoder.steps.inputs(rows, batch, "cpu"))
    if pooling == "pooler":
        expected = output.pooler_output.reshape(len(batch.positions), -1)
    elif family.startswith("convnext"):
        expected = output.last_hidden_state.mean(dim=(2, 3))
    else:
        hidden = output.last_hidden_state
        expected = hidden[:, 0] if pooling == "cls" else hidden.mean(dim=1)
    expected = expected[: batch.kept].numpy()
    made_rows = encode(encoder, sample).vectors[list(batch.positions[: batch.kept])]
    assert np.abs(made_rows - expected).max() < 1e-4 * np.abs(expected).max()


def _plan():
    from embver.encode.batches import BatchPlan

    return BatchPlan(rows=64, tokens=1 << 20)


@pytest.mark.parametrize("family", ["vit", "dinov2", "convnext"])
def test_from_model_knows_how_a_family_pools(tmp_path, family):
    pooling, build = VISION_FAMILIES[family]
    made(build, tmp_path)
    transformers.ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    described = describe_folder(tmp_path, path="models/it")
    assert described.space == {"dimensions": 32}
    assert described.encoders["image"]["pooling"] == pooling
    assert list(described.encoders) == ["image"]


def test_a_model_that_hides_patches_at_random_is_refused(tmp_path):
    made(lambda: transformers.ViTMAEModel(transformers.ViTMAEConfig(**VISION)), tmp_path)
    with pytest.raises(EncodeError, match=r"encoders\.image\.model: vit_mae hides patches at random"):
        load_encoder(image_spec(tmp_path, "cls"), device="cpu")


def test_a_model_of_several_parts_without_features_is_not_described(tmp_path):
    config = {"model_type": "llava", "text_config": {}, "vision_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 32}))
    with pytest.raises(EncodeError, match="llava has text_config and vision_config"):
        describe_folder(tmp_path, path="models/it")
