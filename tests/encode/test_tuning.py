"""The warm-up chooses a budget of tokens where no bit depends on it, and only where it pays."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_families import save_text_model, text_spec
from tiny_models import clip_spec

from embver.encode.batches import BatchPlan
from embver.encode.floor import measure_floor, other_dtype, spread
from embver.encode.gate import encode_in_both
from embver.encode.models import load_encoder
from embver.encode.runner import encode
from embver.encode.spec import Item
from embver.encode.tuning import CPU_CHOICES, tune

pytestmark = pytest.mark.torch

LONG_RUN = 10**9


@pytest.fixture(scope="module")
def encoder(clip):
    return load_encoder(clip_spec("text", clip), device="cpu", threads=2)


@pytest.mark.parametrize("profile", ["strict", "fast"])
def test_a_long_run_is_worth_a_probe(encoder, texts, profile):
    tuned = tune(encoder, texts, items=LONG_RUN, batch=BatchPlan(profile=profile))
    assert set(tuned.tokens_per_s) == set(CPU_CHOICES)
    assert tuned.tokens_per_s[tuned.plan.tokens] == max(tuned.tokens_per_s.values()) > 0
    assert tuned.items_per_s > 0
    assert tuned.plan.profile == profile
    if profile == "strict":
        assert np.array_equal(
            encode(encoder, texts, batch=tuned.plan).vectors, encode(encoder, texts).vectors
        )


def test_a_short_run_is_not(encoder, texts):
    tuned = tune(encoder, texts, items=len(texts))
    assert tuned.tokens_per_s == {}
    assert tuned.plan.tokens == 512
    assert tuned.items_per_s > 0


def test_what_was_asked_stays(encoder, texts):
    tuned = tune(encoder, texts, items=LONG_RUN, batch=BatchPlan(tokens=300))
    assert (tuned.plan.tokens, tuned.tokens_per_s) == (300, {})


def test_where_the_budget_moves_bits_it_is_not_up_for_choice(tmp_path, texts):
    save_text_model(tmp_path, "gpt2")
    encoder = load_encoder(text_spec(tmp_path), device="cpu", threads=1, compute="bfloat16")
    tuned = tune(encoder, texts[:20], items=LONG_RUN)
    assert tuned.tokens_per_s == {}


def test_a_sample_of_nothing_but_bad_items_tells_nothing(clip, texts):
    pictures = load_encoder(clip_spec("image", clip), device="cpu", threads=1)
    assert tune(pictures, texts[:3], items=100) is None
    assert measure_floor(pictures, texts[:3]) == {}


def test_a_sample_is_spread_evenly():
    items = [Item(id=str(number), text="") for number in range(101)]
    assert [item.id for item in spread(items, 5)] == ["0", "25", "50", "75", "100"]
    assert spread(items[:2], 5) == items[:2]
    assert spread([], 5) == []


def test_the_same_items_in_two_dtypes(clip, texts):
    asked = load_encoder(clip_spec("text", clip), device="cpu", threads=1, compute="bfloat16")
    both = encode_in_both(asked, texts[:30])
    assert both.lost == ()
    assert both.exact.shape == both.asked.shape == (30, 64)
    distance = 1 - (both.exact.astype(float) * both.asked).sum(axis=1)
    assert 1e-8 < distance.max() < 1e-2
    assert np.array_equal(both.exact, encode(clip_spec("text", clip), texts[:30]).vectors)


def test_another_dtype_is_measured_beside_the_floor(encoder, texts):
    floor = measure_floor(encoder, texts, sample=30, dtype="bfloat16")
    assert floor["bfloat16"]["cosine_distance_p99"] > 1e3 * floor["cosine_distance_p99"]
    assert floor["cosine_distance_p99"] == max(
        floor[part]["cosine_distance_p99"] for part in ("batch_1", "max_length")
    )
    assert "bfloat16" not in measure_floor(encoder, texts, sample=5)
    assert other_dtype(encoder) in (None, "bfloat16")
