"""Loading: what does not fit the card, or would be random, is refused with its place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

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
    known = "cls, mean, last, max, weighted_mean, mean_sqrt_len, pooler"
    assert f"encoders.text.pooling: one of {known} is expected for bert, not None" in found
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


def test_pickled_weights_are_read_where_the_card_allows_them(clip, tmp_path, texts):
    from safetensors.torch import load_file

    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    model = {"path": "models/clip", "allow_pickle": True}
    rows = encode(clip_spec("text", folder, model=model), texts[:20]).vectors
    assert np.array_equal(rows, encode(clip_spec("text", clip), texts[:20]).vectors)
    files = describe_model(folder, modality="text", allow_pickle=True)
    assert [entry["path"] for entry in files.weights] == ["pytorch_model.bin"]
    assert "parameters" not in files.architecture


def test_a_pickle_that_would_run_code_does_not(clip, tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    spec = clip_spec("text", folder, model={"path": "models/clip", "allow_pickle": True})
    assert "cannot be loaded" in refused(spec)
    assert not (tmp_path / "sprung").exists()


def test_safetensors_come_before_a_pickle(clip, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    (folder / "pytorch_model.bin").write_bytes(b"nothing that anybody reads")
    model = {"path": "models/clip", "allow_pickle": True}
    load_encoder(clip_spec("text", folder, model=model), device="cpu")
    files = describe_model(folder, modality="text", allow_pickle=True)
    assert [entry["path"] for entry in files.weights] == ["model.safetensors"]


def test_weights_in_shards_and_no_others(clip, tmp_path, texts):
    folder = tmp_path / "model"
    transformers.CLIPModel.from_pretrained(clip).save_pretrained(folder, max_shard_size="200kB")
    for file in clip.glob("*token*.json"):
        shutil.copy(file, folder)
    shutil.copy(clip / "model.safetensors", folder / "consolidated.safetensors")
    files = describe_model(folder, modality="text")
    names = [entry["path"] for entry in files.weights]
    assert names == sorted(names)
    assert len(names) > 1
    assert "consolidated.safetensors" not in names
    assert "model.safetensors.index.json" in {entry["path"] for entry in files.files}
    rows = encode(clip_spec("text", folder), texts[:20]).vectors
    assert np.array_equal(rows, encode(clip_spec("text", clip), texts[:20]).vectors)
    (folder / names[0]).unlink()
    assert f"lacks {names[0]}, which model.safetensors.index.json names" in refused(clip_spec("text", folder))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("adapter_config.json", "holds an adapter (adapter_config.json), not a whole model"),
        (
            "other.safetensors",
            "has no model.safetensors, and other.safetensors is not what transformers reads",
        ),
    ],
)
def test_weights_that_are_something_else(clip, tmp_path, name, message):
    folder = tmp_path / "model"
    shutil.copytree(clip, folder)
    if name.endswith(".json"):
        (folder / name).write_text("{}")
    else:
        (folder / "model.safetensors").rename(folder / name)
    assert message in refused(clip_spec("text", folder))


def test_weights_that_the_class_does_not_use_are_refused(clip, tmp_path):
    """A text tower with its projection, read as the tower alone, would lose the projection without a word."""
    folder = tmp_path / "model"
    config = transformers.CLIPConfig.from_pretrained(clip).text_config
    model = transformers.CLIPTextModelWithProjection(config)
    model.save_pretrained(folder)
    for file in clip.glob("*token*.json"):
        shutil.copy(file, folder)
    spec = EncoderSpec.from_plain(
        "text",
        {"pooling": "pooler", "preprocessing": TEXT_STEPS},
        {"dimensions": 96, "normalized": True},
        folder,
    )
    assert "has 1 weights that its class does not use: text_projection.weight" in refused(spec)


def test_heads_of_the_training_are_left_alone(bert, tmp_path, texts):
    folder = tmp_path / "model"
    shutil.copytree(bert, folder)
    head = transformers.BertForMaskedLM(transformers.BertConfig.from_pretrained(bert))
    head.bert.load_state_dict(transformers.BertModel.from_pretrained(bert).state_dict(), strict=False)
    head.save_pretrained(folder)
    plain = {"pooling": "mean", "preprocessing": TEXT_STEPS}
    rows = [
        encode(
            EncoderSpec.from_plain("text", plain, {"dimensions": 48, "normalized": True}, place), texts[:9]
        ).vectors
        for place in (bert, folder)
    ]
    assert np.array_equal(*rows)


CODE = """
import torch
from transformers import BertModel, PretrainedConfig
from transformers.models.bert.configuration_bert import BertConfig


class TwiceConfig(BertConfig):
    model_type = "twice"


class TwiceModel(BertModel):
    config_class = TwiceConfig

    def forward(self, **inputs):
        output = super().forward(**inputs)
        output.last_hidden_state = output.last_hidden_state * 2
        return output
"""


@pytest.fixture
def twice(bert, tmp_path):
    """Return a model with code of its own, which doubles what a BERT gives."""
    folder = tmp_path / "twice"
    shutil.copytree(bert, folder)
    config = json.loads((folder / "config.json").read_text())
    auto = {"AutoConfig": "twice.TwiceConfig", "AutoModel": "twice.TwiceModel"}
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "twice", "auto_map": auto}))
    (folder / "twice.py").write_text(CODE)
    return folder


def twice_spec(folder, **model):
    plain = {"model": {"path": "m", **model}, "pooling": "mean", "preprocessing": TEXT_STEPS}
    return EncoderSpec.from_plain("text", plain, {"dimensions": 48, "normalized": False}, folder)


def test_a_models_own_code_runs_only_where_the_card_says_so(bert, twice, texts, tmp_path, monkeypatch):
    with pytest.raises(EncodeError, match="cannot be loaded") as caught:
        load_encoder(twice_spec(twice), device="cpu")
    assert "trust_remote_code: true" in (caught.value.hint or "")
    loaded = load_encoder(twice_spec(twice, trust_remote_code=True), device="cpu")
    rows = encode(loaded, texts[:9]).vectors
    assert np.allclose(rows, 2 * encode(twice_spec(bert), texts[:9]).vectors, atol=1e-5)
    names = {entry["path"] for entry in describe_model(twice, modality="text", trust_remote_code=True).files}
    assert "twice.py" in names
    assert "twice.py" not in {entry["path"] for entry in describe_model(twice, modality="text").files}


def test_code_of_another_repository_is_refused(twice):
    config = json.loads((twice / "config.json").read_text())
    auto = {"AutoModel": "someone/else--twice.TwiceModel"}
    (twice / "config.json").write_text(json.dumps(config | {"auto_map": auto}))
    with pytest.raises(EncodeError, match="its code lies in another repository"):
        load_encoder(twice_spec(twice, trust_remote_code=True), device="cpu")


def test_a_shorter_vector_needs_to_be_said(bert):
    plain = {"pooling": "mean", "preprocessing": TEXT_STEPS}
    spec = EncoderSpec.from_plain("text", plain, {"dimensions": 16, "normalized": True}, bert)
    with pytest.raises(EncodeError, match="the card says 16, the text encoder gives 48") as caught:
        encode(spec, [Item(id="a", text="cat")])
    assert "`truncate_dimensions: 16` under encoders.text" in (caught.value.hint or "")
    with pytest.raises(EncodeError, match=r"encoders\.text\.truncate_dimensions: 16 are kept, but space"):
        EncoderSpec.from_plain(
            "text", plain | {"truncate_dimensions": 16}, {"dimensions": 48, "normalized": True}, bert
        )
