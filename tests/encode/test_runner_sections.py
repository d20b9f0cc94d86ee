"""Sections flow through one pipeline: in order, without bad items, within memory, and with nothing left running."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from tiny_models import clip_spec, torch, transformers

from embver.encode.batches import BatchPlan
from embver.encode.blob import Blob
from embver.encode.meter import Meter
from embver.encode.models import load_encoder
from embver.encode.runner import encode, encode_sections
from embver.encode.spec import Item
from embver.errors import EncodeError

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def encoder(clip):
    return load_encoder(clip_spec("text", clip), device="cpu", threads=2)


@pytest.fixture(scope="module")
def pictures(clip):
    return load_encoder(clip_spec("image", clip), device="cpu", threads=2)


def cut(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


@pytest.mark.parametrize("profile", ["strict", "fast"])
def test_sections_come_in_order_and_are_a_function_of_their_items(encoder, texts, profile):
    plan = BatchPlan(profile=profile)
    parts = [*cut(texts, 40), [], texts[:1]]
    made = list(encode_sections(encoder, iter(parts), batch=plan))
    assert [section.index for section in made] == list(range(len(parts)))
    for part, section in zip(parts, made, strict=True):
        assert section.kept.tolist() == list(range(len(part)))
        assert section.skipped == ()
        alone = encode(encoder, part, batch=plan).vectors
        assert np.array_equal(section.vectors, alone)


def test_fast_rows_are_near_strict_ones_and_in_order(encoder, texts):
    strict = encode(encoder, texts).vectors
    fast = encode(encoder, texts, batch=BatchPlan(profile="fast")).vectors
    assert np.abs(strict - fast).max() < 1e-5
    assert np.array_equal(encode(encoder, texts, batch=BatchPlan(profile="fast")).vectors, fast)


def test_the_next_section_is_under_way_while_one_is_taken(encoder, texts):
    asked: list[int] = []

    def sections():
        for number, part in enumerate(cut(texts, 30)):
            asked.append(number)
            yield part

    with closing(encode_sections(encoder, sections())) as made:
        next(made)
        assert 2 <= len(asked) < 5  # read ahead, and no further than a few windows


def test_stopping_between_sections_leaves_no_thread(pictures, images):
    with closing(encode_sections(pictures, cut(images * 20, 60), workers=3)) as made:
        next(made)
        next(made)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embver-")]
    assert not torch.are_deterministic_algorithms_enabled()


def bad_items(folder):
    broken = folder / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return Item(id="cut", blob=Blob.of(broken)), Item(id="gone", blob=Blob.of(folder / "gone.png"))


def test_bad_items_are_left_out_with_their_reasons(pictures, images, tmp_path):
    broken, gone = bad_items(tmp_path)
    parts = [[broken, *images[:20], gone], [gone, broken], images[20:40]]
    made = list(encode_sections(pictures, parts, skip=True))
    expected = encode(pictures, images[:40]).vectors
    assert [len(section.vectors) for section in made] == [20, 0, 20]
    assert made[0].kept.tolist() == list(range(1, 21))
    assert [(place, name) for place, name, _ in made[0].skipped] == [(0, "cut"), (21, "gone")]
    assert [name for _, name, _ in made[1].skipped] == ["gone", "cut"]
    assert "not a readable image" in made[0].skipped[0][2]
    assert np.array_equal(np.concatenate([section.vectors for section in made]), expected)


def test_without_skip_nothing_comes_after_a_bad_item(pictures, images, tmp_path):
    broken, gone = bad_items(tmp_path)
    made = encode_sections(pictures, [images[:20], [*images[20:], gone], images[:5], [broken]])
    taken = []
    with pytest.raises(EncodeError, match="2 items cannot be encoded") as caught:
        taken.extend(made)
    assert len(taken) <= 1
    assert "gone" in caught.value.message
    assert "cut" in caught.value.message
    assert "--on-error skip" in (caught.value.hint or "")


def ruined(folder, encoder, text):
    """Save a CLIP in which one token's vector is not a number, and return its encoder and the ids it ruins."""
    model = transformers.CLIPModel.from_pretrained(encoder.spec.model_path)
    (token,) = {row[1] for row in encoder.steps.tokens([text])}
    with torch.no_grad():
        model.text_model.embeddings.token_embedding.weight[token] = float("nan")
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(encoder.spec.model_path).save_pretrained(folder)
    return load_encoder(clip_spec("text", folder), device="cpu", threads=1)


def test_a_vector_that_is_no_number_is_never_stored(encoder, tmp_path):
    other = ruined(tmp_path, encoder, "sun")
    items = [
        Item(id=str(n), text=text) for n, text in enumerate(["cat", "sun", "the dog", "red sun", "moon"])
    ]
    with pytest.raises(EncodeError, match=r"  1: its vector is zero or not finite\n  3: "):
        encode(other, items)
    (section,) = encode_sections(other, [items], skip=True)
    assert section.kept.tolist() == [0, 2, 4]
    assert [place for place, _, _ in section.skipped] == [1, 3]
    assert np.array_equal(section.vectors, encode(encoder, [items[0], items[2], items[4]]).vectors)


def test_a_zero_vector_is_never_stored(encoder, tmp_path):
    model = transformers.CLIPModel.from_pretrained(encoder.spec.model_path)
    with torch.no_grad():
        model.text_projection.weight.zero_()
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(encoder.spec.model_path).save_pretrained(tmp_path)
    for normalized in (True, False):
        spec = replace(clip_spec("text", tmp_path), normalized=normalized)
        with pytest.raises(EncodeError, match="zero or not finite"):
            encode(spec, [Item(id="a", text="cat")])


class Small:
    """A device with room for so many rows: the one thing that cannot be run here."""

    def __init__(self, model, rows):
        self.model, self.rows, self.seen = model, rows, []

    def __getattr__(self, name):
        return getattr(self.model, name)

    def get_text_features(self, **inputs):
        count = len(inputs["input_ids"])
        self.seen.append(count)
        if count > self.rows:
            raise torch.OutOfMemoryError("no room")
        return self.model.get_text_features(**inputs)


def test_fast_cuts_the_batch_that_memory_does_not_hold(encoder, texts):
    small = Small(encoder.model, rows=10)
    meter, plan = Meter(), BatchPlan(rows=64, tokens=100_000, profile="fast")
    (section,) = encode_sections(replace(encoder, model=small, threads=1), [texts], batch=plan, meter=meter)
    assert np.abs(section.vectors - encode(encoder, texts).vectors).max() < 1e-5
    assert meter.figures().notes == {"rows_after_out_of_memory": 8}
    assert [count for count in small.seen if count > 10] == [64, 32, 16]  # found once, kept from there on


def test_strict_stops_with_the_batch_to_set(encoder, texts):
    small = replace(encoder, model=Small(encoder.model, rows=0), threads=1)
    with pytest.raises(EncodeError, match="no memory for") as caught:
        list(encode_sections(small, [[texts[0]] * 64], batch=BatchPlan(rows=64, tokens=100_000)))
    assert "--batch 32" in (caught.value.hint or "")
    with pytest.raises(EncodeError, match="the fewest there can be"):
        list(encode_sections(small, [[texts[0]] * 3], batch=BatchPlan(rows=64, profile="fast")))


def test_the_meter_knows_every_stage(pictures, images):
    meter = Meter()
    done: list[int] = []
    list(encode_sections(pictures, cut(images, 20), meter=meter, workers=2, progress=done.append))
    figures = meter.figures()
    assert {"decode", "preprocess", "forward"} <= set(figures.seconds)
    assert figures.items == {"image": len(images)}
    assert figures.lanes["forward"] == pictures.threads
    assert figures.lanes["decode"] == 2
    assert sum(done) == len(images)
    assert figures.rates["image"] > 0
