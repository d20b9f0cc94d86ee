"""Text encoders of each family: rows equal those made by hand with transformers, one text at a time."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_families import CAUSAL, LENGTH, TEXT_FAMILIES, TOKENIZE, edit, save_text_model, text_spec
from tiny_models import torch, transformers

from embver.encode.models import load_encoder
from embver.encode.runner import encode
from embver.encode.spec import Item
from embver.errors import EncodeError

pytestmark = pytest.mark.torch

POOLINGS = ("cls", "mean", "last", "max", "weighted_mean", "mean_sqrt_len")


@pytest.fixture(scope="module", params=TEXT_FAMILIES)
def family(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, save_text_model(folder, request.param)


def by_hand(model, ids, pooling):
    """Return a row in float64 of one text's hidden states, without padding and without a mask."""
    with torch.inference_mode():
        hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0].double().numpy()
    number = np.arange(1, len(ids) + 1)[:, None]
    made = {
        "cls": lambda: hidden[0],
        "last": lambda: hidden[-1],
        "mean": lambda: hidden.mean(axis=0),
        "max": lambda: hidden.max(axis=0),
        "weighted_mean": lambda: (hidden * number).sum(axis=0) / number.sum(),
        "mean_sqrt_len": lambda: hidden.sum(axis=0) / len(ids) ** 0.5,
    }
    return made[pooling]()


@pytest.mark.parametrize("pooling", POOLINGS)
def test_rows_equal_those_made_by_hand(family, texts, pooling):
    name, folder, model = family
    if pooling != "last" and name in CAUSAL[1:]:
        pytest.skip("one decoder with every pooling is enough")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    sample = texts[:12]
    own = [tokenizer(item.text, truncation=True, max_length=LENGTH - 2)["input_ids"] for item in sample]
    expected = np.stack([by_hand(model, ids, pooling) for ids in own])
    rows = encode(text_spec(folder, pooling=pooling, normalized=False), sample).vectors
    assert np.abs(rows - expected).max() < 2e-5 * np.abs(expected).max()


def test_ids_are_the_tokenizers_own(family, texts):
    name, folder, _ = family
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    steps = load_encoder(text_spec(folder, pooling="mean"), device="cpu").steps
    sample = [item.text for item in texts[:40]] + ["", " ", "a" * 500]
    assert steps.tokens(sample) == tokenizer(sample, truncation=True, max_length=LENGTH - 2)["input_ids"]
    assert steps.pads_left is False, name


def test_the_models_own_pooled_output(tmp_path, texts):
    model = save_text_model(tmp_path, "bert")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    batch = tokenizer([item.text for item in texts[:5]], padding=True, truncation=True, return_tensors="pt")
    with torch.inference_mode():
        expected = model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).pooler_output.numpy()
    rows = encode(text_spec(tmp_path, pooling="pooler", normalized=False), texts[:5]).vectors
    assert np.abs(rows - expected).max() < 1e-5


def test_a_model_without_a_pooled_output_says_so(tmp_path, texts):
    save_text_model(tmp_path, "distilbert")
    with pytest.raises(
        EncodeError, match=r"encoders\.text\.pooling: distilbert has no pooled output of its own"
    ):
        encode(text_spec(tmp_path, pooling="pooler"), texts[:2])


def test_a_random_pooler_is_refused_where_it_is_asked(tmp_path):
    save_text_model(tmp_path, "bert")
    plain = transformers.BertModel.from_pretrained(tmp_path, add_pooling_layer=False)
    plain.save_pretrained(tmp_path)
    load_encoder(text_spec(tmp_path, pooling="mean"), device="cpu")
    with pytest.raises(EncodeError, match=r"lacks 2 weights, the first pooler\.dense\.bias"):
        load_encoder(text_spec(tmp_path, pooling="pooler"), device="cpu")


def test_positions_that_count_from_the_padding_are_fewer(tmp_path):
    save_text_model(tmp_path, "roberta")
    steps = [TOKENIZE | {"max_length": LENGTH + 1}]
    with pytest.raises(EncodeError, match=f"reads at most {LENGTH} tokens, not {LENGTH + 1}"):
        load_encoder(text_spec(tmp_path, preprocessing=steps), device="cpu")


@pytest.mark.parametrize("compute", ["bfloat16", "float16"])
def test_the_forward_computes_in_another_dtype_and_pools_in_float32(tmp_path, texts, compute):
    save_text_model(tmp_path, "qwen3")
    spec = text_spec(tmp_path, pooling="mean")
    plain, cast = (load_encoder(spec, device="cpu", compute=dtype) for dtype in ("float32", compute))
    assert (cast.compute, cast.weights_dtype, plain.weights_dtype) == (compute, compute, "float32")
    rows, other = encode(plain, texts[:20]).vectors, encode(cast, texts[:20]).vectors
    assert other.dtype == np.float32
    assert np.abs(np.linalg.norm(other.astype(np.float64), axis=1) - 1).max() < 1e-6
    distance = 1 - (rows.astype(np.float64) * other).sum(axis=1)
    assert 1e-9 < distance.max() < {"bfloat16": 2e-3, "float16": 2e-5}[compute]


def test_another_dtype_to_compute_in_is_refused(bert):
    with pytest.raises(Exception, match="'int8' is no dtype to compute in"):
        load_encoder(text_spec(bert, dimensions=48), device="cpu", compute="int8")


def test_an_encoder_decoder_is_read_by_its_encoder_alone(tmp_path, texts):
    config = transformers.T5Config(vocab_size=80, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    torch.manual_seed(4)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    from tiny_models import save_tokenizer

    save_tokenizer(tmp_path, max_length=30)
    whole = transformers.T5EncoderModel.from_pretrained(tmp_path).eval()
    rows = encode(text_spec(tmp_path, pooling="mean", normalized=False), texts[:4]).vectors
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    own = tokenizer([item.text for item in texts[:4]], truncation=True, max_length=30)["input_ids"]
    assert np.abs(rows - np.stack([by_hand(whole, ids, "mean") for ids in own])).max() < 1e-4


def test_keys_and_values_are_not_kept_for_a_next_token(tmp_path):
    save_text_model(tmp_path, "llama")
    assert load_encoder(text_spec(tmp_path, pooling="last"), device="cpu").model.config.use_cache is False


def test_an_empty_text_is_its_special_tokens(family):
    _, folder, _ = family
    rows = encode(text_spec(folder, pooling="last"), [Item(id="empty", text="")]).vectors
    assert np.isfinite(rows).all()


def test_without_special_tokens_an_empty_text_is_refused(tmp_path):
    save_text_model(tmp_path, "qwen3")
    edit(tmp_path / "tokenizer.json", post_processor=None)
    spec = text_spec(tmp_path, pooling="last")
    assert encode(spec, [Item(id="word", text="cat")]).vectors.shape == (1, 32)
    with pytest.raises(EncodeError, match="empty: has no tokens"):
        encode(spec, [Item(id="empty", text="")])
