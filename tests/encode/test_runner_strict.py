"""The promise of strict as a property: whatever else is chosen, an item's bits are those of the first run.

Tiny models of every shape that the runner treats apart: encoders whose matrix products are all linear layers (nothing
is filled there), those with other products, wide layers, and the dtypes in which products are cut by their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_families import SHAPE, made, save_text_model, text_spec
from tiny_models import IMAGE_STEPS, clip_spec, save_tokenizer, torch, transformers

from embver.encode.batches import BatchPlan
from embver.encode.models import load_encoder
from embver.encode.profiles import run_plan
from embver.encode.runner import encode, encode_sections
from embver.encode.spec import EncoderSpec
from embver.encode.steady import steady, steady_linears

pytestmark = pytest.mark.torch

SIGLIP = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
# (case, dtype of the computation, whether its products are all kept steady)
CASES = [
    ("clip-text", "float32", True), ("clip-image", "float32", True), ("clip-text", "bfloat16", True),
    ("clip-image", "bfloat16", True), ("bert", "float16", True), ("wide-bert", "float32", True),
    ("wide-bert", "bfloat16", True), ("gpt2", "float32", False), ("siglip-image", "float32", False),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    encoders: tuple[Any, Any]  # on one thread and on two
    items: list[Any]
    expected: Any


def siglip(folder):
    vision = SIGLIP | {"image_size": 32, "patch_size": 8}
    text = SIGLIP | {"vocab_size": 80, "max_position_embeddings": 32, "projection_size": 64}
    made(
        lambda: transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision)),
        folder,
    )
    space = {"dimensions": 64, "normalized": True}
    return EncoderSpec.from_plain("image", {"preprocessing": IMAGE_STEPS}, space, folder)


def wide_bert(folder):
    shape = SHAPE | {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_attention_heads": 12,
        "num_hidden_layers": 1,
    }
    made(lambda: transformers.BertModel(transformers.BertConfig(**shape)), folder)
    save_tokenizer(folder)
    return text_spec(folder, dimensions=768)


def spec_of(name, folder, clip):
    if name.startswith("clip-"):
        return clip_spec(name.removeprefix("clip-"), clip)
    if name == "siglip-image":
        return siglip(folder)
    if name == "wide-bert":
        return wide_bert(folder)
    save_text_model(folder, name)
    return text_spec(folder)


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case[:2]))
def case(request, tmp_path_factory, clip, images, texts):
    name, compute, is_steady = request.param
    spec = spec_of(name, tmp_path_factory.mktemp(name), clip)
    encoders = tuple(load_encoder(spec, device="cpu", threads=count, compute=compute) for count in (1, 2))
    plan = run_plan(encoders[0])
    assert (plan.least, plan.is_filled) == ((1, False) if is_steady else (16, compute != "float32"))
    items = images if spec.modality == "image" else texts[:60]
    return Case(encoders=encoders, items=items, expected=encode(encoders[0], items).vectors)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_choice_moves_a_bit(case, data):
    """Order, other items, sections (and so resuming), rows and tokens a batch, threads and workers."""
    order = data.draw(st.permutations(range(len(case.items))))[: data.draw(st.integers(1, len(case.items)))]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    places = [order[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    plan = BatchPlan(
        rows=data.draw(st.integers(16, 200)),
        tokens=data.draw(st.sampled_from([None, 16, 64, 256, 512, 1024, 100_000])),
    )
    sections = encode_sections(
        data.draw(st.sampled_from(case.encoders)),
        [[case.items[place] for place in part] for part in places],
        batch=plan,
        workers=data.draw(st.integers(1, 3)),
    )
    rows = np.concatenate([section.vectors for section in sections])
    assert np.array_equal(rows, case.expected[list(order)])


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_linear_layers_keep_their_bits_for_any_number_of_rows(dtype):
    torch.manual_seed(1)
    layer = torch.nn.Linear(768, 512).to(getattr(torch, dtype))
    holder = Holder(model=torch.nn.Sequential(layer, torch.nn.GELU()), layers=())
    steady_linears(holder)
    steady_linears(holder)  # once is enough, twice does no harm
    rows = torch.randn(1100, 768).to(layer.weight.dtype)
    with torch.inference_mode(), steady():
        whole = layer(rows)
        for count in (1, 2, 3, 8, 15, 16, 17, 64, 511, 512, 513, 1024):
            assert torch.equal(layer(rows[:count]), whole[:count])
        assert torch.equal(layer(rows[:60].reshape(5, 12, 768)), whole[:60].reshape(5, 12, 512))
        assert layer(rows[:0]).shape == (0, 512)
    with torch.inference_mode():
        assert torch.allclose(layer(rows), whole, atol=2e-2)


@dataclass(frozen=True)
class Holder:
    model: Any
    layers: tuple[Any, ...]
