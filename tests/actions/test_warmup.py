"""A dtype other than float32 is used only where a sample says that it changes nothing that matters."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embver.actions.warmup import check_compute, warm_up
from embver.encode.batches import BatchPlan
from embver.errors import PolicyError

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def models():
    """Return the builders of tests/encode, which lie in a folder of their own."""
    folder = str(Path(__file__).parents[1] / "encode")
    sys.path.insert(0, folder)
    try:
        import tiny_models
    finally:
        sys.path.remove(folder)
    return tiny_models


@pytest.fixture(scope="module")
def folder(models, tmp_path_factory):
    made = tmp_path_factory.mktemp("clip")
    models.save_clip(made)
    return made


@pytest.fixture(scope="module")
def texts(models):
    from embver.encode.spec import Item

    random = np.random.default_rng(6)
    return [Item(id=f"t{n}", text=" ".join(random.choice(models.WORDS, size=6))) for n in range(120)]


def loaded(models, folder, compute):
    from embver.encode.models import load_encoder

    return load_encoder(models.clip_spec("text", folder), device="cpu", threads=1, compute=compute)


def judged(encoder, texts):
    return check_compute(encoder, texts, batch=BatchPlan(), role=None, metric="cosine")


def test_a_dtype_that_is_near_enough_is_told_with_its_numbers(models, folder, texts):
    moved = judged(loaded(models, folder, "float16"), texts)
    assert 0 < moved["cosine_distance_p99"] < 1e-4
    assert moved["recall_at_4"] > 0.99  # one document in 25 is a neighbour: 4 of 120
    assert judged(loaded(models, folder, "float32"), texts) is None


def test_a_dtype_that_moves_too_far_is_refused_with_its_numbers(models, folder, texts):
    encoder = loaded(models, folder, "bfloat16")
    with models.torch.no_grad():  # as a dtype with far fewer digits would do
        for parameter in encoder.model.parameters():
            parameter.add_(models.torch.randn_like(parameter) * parameter.abs().mean() * 0.3)
    with pytest.raises(PolicyError, match="bfloat16 is not equivalent to float32 on 120 items") as caught:
        judged(encoder, texts)
    assert "p99 of 1-cosine" in caught.value.reasons[0]
    assert "(at most 1e-04)" in caught.value.reasons[0]
    assert "nearest neighbours are the same" in caught.value.reasons[1]
    assert caught.value.hint == "--compute float32"


def test_a_dtype_whose_range_is_too_small_is_refused_by_the_items_it_loses(models, folder, texts):
    encoder = loaded(models, folder, "float16")
    with models.torch.no_grad():
        encoder.model.text_projection.weight.mul_(1e5)
    with pytest.raises(
        PolicyError, match=r"in float16 the vectors of t0, t1, t2, t3, t4 and 115 more are zero or"
    ):
        judged(encoder, texts)


def test_a_short_run_has_no_probe(models, folder, texts):
    encoder = loaded(models, folder, "float32")
    plan = BatchPlan(rows=32)
    short = warm_up(encoder, texts, batch=plan, role=None, metric="cosine")
    assert (short.plan, short.expected_s, short.moved) == (plan, None, None)
    long = warm_up(encoder, texts, batch=plan, role=None, metric="cosine", to_do=10**6)
    assert long.expected_s == pytest.approx(10**6 / long.items_per_s)
    assert replace(long.plan, tokens=None, least=plan.least, is_filled=plan.is_filled) == plan
