"""Loading: what does not fit the card, or would be random, is refused with its place."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tiny_models import IMAGE_STEPS, TEXT_STEPS, clip_spec, torch, transformers

from embver.encode.model_files import describe_model, file_sha256
from embver.encode.models import features, load_encoder, load_encoders
from embver.encode.runner import encode
from embver.encode.spec import EncoderSpec, Item
from embver.errors import EncodeError

pytestmark = pytest.mark.torch


def refused(spec):
    with pytest.raises(EncodeError) as caught:
        encode(load_encoder(spec, device="cpu"), [Item(id="a", text="cat")])
    return caught.value.message


def test_encoders_of_one_folder_share_the_model(clip):
    loaded = load_encoders({"a": clip_spec("text", clip), "b": clip_spec("image", clip)}, device="cpu")
    assert loaded["a"].model is loaded["b"].model
    assert (loaded["a"].attention, loaded["a"].weights_dtype) == ("sdpa", "float32")


def test_dimension_must_be_the_cards(clip):
    spec = EncoderSpec.from_plain(
        "text", {"preprocessing": TEXT_STEPS}, {"dimensions": 512, "normalized": True}, clip
    )
    assert refused(spec) == "space.dimensions: the card says 512, the text encoder gives 64"


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"pooling": "mean"}, "encoders.text.pooling: clip pools eos, not mean"),
        (
            {"preprocessing": [TEXT_STEPS[-1] | {"max_length": 77}]},
            "encoders.text.preprocessing[0].max_length: the model reads at most 32 tokens, not 77",
        ),
    ],
)
def test_what_the_model_does_not_do_is_refused(clip, encoder, message):
    assert message in refused(clip_spec("text", clip, **encoder))


def test_image_size_must_be_the_models(clip):
    steps = [*IMAGE_STEPS[:2], {"step": "center_crop", "size": 16}, *IMAGE_STEPS[3:]]
    assert "reads images of 32 x 32, the steps give 16 x 16" in refused(
        clip_spec("image", clip, preprocessing=steps)
    )


def test_plain_encoders_need_a_pooling(bert):
    plain = {"preprocessing": TEXT_STEPS, "projection": True}
    found = refused(EncoderSpec.from_plain("text", plain, {"dimensions": 48, "normalized": True}, bert))
    assert "encoders.text.pooling: one of cls, mean, last is expected for bert, not None" in found
    assert "encoders.text.projection: bert has no projection" in found


def test_without_projection(clip, texts):
    plain = {"preprocessing": TEXT_STEPS, "projection": False, "pooling": "eos"}
    spec = EncoderSpec.from_plain("text", plain, {"dimensions": 96, "normalized": False}, clip)
    rows = encode(spec, texts[:10]).vectors
    weight = transformers.CLIPModel.from_pretrained(clip).text_projection.weight.detach().numpy()
    projected = rows @ weight.T
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    assert np.abs(projected - encode(clip_spec("text", clip), texts[:10]).vectors).max() < 1e-6


def test_features_take_a_bare_tensor_too(clip):
    """transformers 4 returned the projected rows themselves."""

    class Older:
        config = None

        def get_text_features(self, **inputs):
            return torch.full((2, 64), 0.5)

    encoder = load_encoder(clip_spec("text", clip), device="cpu")
    older = type(encoder)(spec=encoder.spec, model=Older(), device="cpu", threads=1, steps=encoder.steps)
    assert features(older, {}).shape == (2, 64)


@pytest.mark.parametrize(
    "spoil", ["folder", "config", "weights", "pickle", "tokenizer", "missing", "garbage"]
)
def test_a_spoilt_folder_is_refused(clip, tmp_path, spoil):
    folder = tmp_path / "model"
    if spoil != "folder":
        shutil.copytree(clip, folder)
    weights = folder / "model.safetensors"
    expected = {
        "folder": "is not a transformers model folder", "config": "is not a transformers model folder",
        "weights": "has no weights in safetensors", "pickle": "pickled weights are not loaded",
        "tokenizer": "the tokenizer of model cannot be loaded", "missing": "lacks 1 weights, the first text_projection",
        "garbage": "cannot be loaded",
    }  # fmt: skip
    if spoil == "config":
        (folder / "config.json").unlink()
    elif spoil == "weights":
        weights.unlink()
    elif spoil == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif spoil == "tokenizer":
        (folder / "tokenizer.json").write_text("{}")
    elif spoil == "missing":
        from safetensors.torch import load_file, save_file

        kept = {
            name: tensor for name, tensor in load_file(weights).items() if name != "text_projection.weight"
        }
        save_file(kept, weights, metadata={"format": "pt"})
    elif spoil == "garbage":
        weights.write_bytes(b"x" * 100)
    assert expected[spoil] in refused(clip_spec("text", folder))


def test_a_model_that_gives_nothing_finite_is_refused(clip, tmp_path):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    tensors = load_file(folder / "model.safetensors")
    tensors["text_projection.weight"] *= 0
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    assert "a: its vector is zero or not finite" in refused(clip_spec("text", folder))


@pytest.mark.parametrize("modality", ["text", "image"])
def test_describe_model(clip, modality):
    files = describe_model(clip, modality=modality)
    weights = clip / "model.safetensors"
    assert files.weights == (
        {
            "path": "model.safetensors",
            "sha256": file_sha256(weights),
            "size_bytes": weights.stat().st_size,
        },
    )
    model = transformers.CLIPModel.from_pretrained(clip)
    parts = {
        "text": (model.text_model, model.text_projection),
        "image": (model.vision_model, model.visual_projection),
    }
    assert files.architecture == {
        "family": "CLIP",
        "class": "CLIPModel",
        "backbone": {"text": "transformer-1", "image": "ViT-2x96/8"}[modality],
        "parameters": sum(p.numel() for part in parts[modality] for p in part.parameters()),
    }
    assert len(files.tokenizer_sha256) == len(files.processor_sha256) == 64


def test_digests_follow_the_bytes(clip, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(clip, folder)
    assert describe_model(folder) == describe_model(clip)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"x": 1}))
    before, after = describe_model(clip), describe_model(folder)
    assert before.tokenizer_sha256 != after.tokenizer_sha256
    assert before.processor_sha256 == after.processor_sha256
    (folder / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(EncodeError, match="is not a safetensors file"):
        describe_model(folder)
