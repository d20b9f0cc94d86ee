"""Dual encoders: the features that the model itself gives, described from its folder and encoded."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_families import SHAPE, VISION, edit, stirred
from tiny_models import IMAGE_STEPS, save_tokenizer, torch, transformers

from embver.encode.describe import describe_folder
from embver.encode.families import DUAL_POOLING
from embver.encode.models import load_encoder
from embver.encode.runner import encode
from embver.encode.spec import EncoderSpec
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

AUDIO = {
    "num_mel_bins": 16, "spec_size": 32, "patch_size": 4, "patch_stride": [4, 4], "hidden_size": 32, "depths": [1, 1],
    "num_attention_heads": [2, 2], "window_size": 4, "patch_embeds_hidden_size": 16, "projection_dim": 24,
}  # fmt: skip


def config(name, **parts):
    return getattr(transformers, f"{name}Config")(**parts)


FAMILIES = {
    "clip": lambda: transformers.CLIPModel(
        config("CLIP", text_config=SHAPE, vision_config=VISION, projection_dim=24)
    ),
    "siglip": lambda: transformers.SiglipModel(config("Siglip", text_config=SHAPE, vision_config=VISION)),
    "siglip2": lambda: transformers.Siglip2Model(
        config("Siglip2", text_config=SHAPE, vision_config=VISION | {"num_patches": 16})
    ),
    "clap": lambda: transformers.ClapModel(
        config("Clap", text_config=SHAPE | {"max_position_embeddings": 34, "pad_token_id": 1}, audio_config=AUDIO,
               projection_dim=24)
    ),
    "chinese_clip": lambda: transformers.ChineseCLIPModel(
        config("ChineseCLIP", text_config=SHAPE, vision_config=VISION, projection_dim=24)
    ),
    "metaclip_2": lambda: transformers.MetaClip2Model(
        config("MetaClip2", text_config=SHAPE, vision_config=VISION, projection_dim=24)
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=FAMILIES)
def dual(request, tmp_path_factory):
    """Return a dual encoder with a tokenizer; described as a text encoder."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(9)
    model = stirred(FAMILIES[request.param]())
    model.save_pretrained(folder)
    save_tokenizer(folder, max_length=30)
    if request.param.startswith("siglip"):
        edit(folder / "tokenizer_config.json", model_input_names=["input_ids"])
    return request.param, folder, model


def test_text_features_are_the_models_own(dual, texts):
    family, folder, model = dual
    described = describe_folder(folder, path="models/it")
    encoder = described.encoders["text"]
    assert encoder["projection"] is True
    assert encoder["pooling"] == DUAL_POOLING[family]["text"]
    assert (encoder["preprocessing"][-1].get("padding") == "max_length") is family.startswith("siglip")
    space = {"normalized": False} | described.space
    spec = EncoderSpec.from_plain("text", encoder, space, folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    is_full = family.startswith("siglip")
    rows = []
    for item in texts[:12]:
        padding = "max_length" if is_full else False
        inputs = tokenizer(item.text, truncation=True, padding=padding, max_length=30, return_tensors="pt")
        names = ["input_ids"] if is_full else ["input_ids", "attention_mask"]
        with torch.inference_mode():
            output = model.get_text_features(**{name: inputs[name] for name in names})
        rows.append((output if isinstance(output, torch.Tensor) else output.pooler_output)[0].numpy())
    expected = np.stack(rows)
    if space["normalized"]:
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    made = encode(spec, texts[:12]).vectors
    assert np.abs(made - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())


def test_image_features_are_the_models_own(tmp_path, images):
    torch.manual_seed(10)
    model = stirred(FAMILIES["siglip"]())
    model.save_pretrained(tmp_path)
    plain = {"pooling": "attention", "preprocessing": IMAGE_STEPS}
    spec = EncoderSpec.from_plain("image", plain, {"dimensions": 32, "normalized": False}, tmp_path)
    encoder = load_encoder(spec, device="cpu")
    rows = encoder.steps.prepare(images[:16], lambda item: "")
    (batch,) = encoder.steps.batches(rows, _plan())
    with torch.inference_mode():
        output = model.get_image_features(**encoder.steps.inputs(rows, batch, "cpu"))
    expected = (output if isinstance(output, torch.Tensor) else output.pooler_output).numpy()[: batch.kept]
    made = encode(encoder, images[:16]).vectors[list(batch.positions[: batch.kept])]
    assert np.abs(made - expected).max() < 1e-5 * np.abs(expected).max()


def _plan():
    from embver.encode.batches import BatchPlan

    return BatchPlan(rows=64, tokens=1 << 20)


def test_rows_that_were_always_full_stay_full(tmp_path):
    torch.manual_seed(10)
    FAMILIES["siglip"]().save_pretrained(tmp_path)
    save_tokenizer(tmp_path, max_length=30)
    step = {"step": "tokenize", "tokenizer": "PreTrainedTokenizerFast", "max_length": 30, "truncation": "end"}
    spec = EncoderSpec.from_plain(
        "text", {"preprocessing": [step]}, {"dimensions": 32, "normalized": True}, tmp_path
    )
    with pytest.raises(
        EncodeError, match=r"preprocessing\[0\]\.padding: max_length is expected: siglip was trained"
    ):
        load_encoder(spec, device="cpu")
