"""The promise of strict: nothing about a row depends on its neighbours, the batch, the order or the threads."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from tiny_models import TEXT_STEPS, clip_spec, save_tokenizer, torch, transformers

from embver.encode.batches import BatchPlan
from embver.encode.blob import Blob
from embver.encode.models import load_encoder
from embver.encode.runner import encode, iterate
from embver.encode.spec import EncoderSpec, Item
from embver.errors import EncodeError

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module", params=["text", "image"])
def case(request, clip, images, texts):
    encoder = load_encoder(clip_spec(request.param, clip), device="cpu", threads=1)
    items = texts if request.param == "text" else images
    return encoder, items, encode(encoder, items, batch=BatchPlan(rows=16)).vectors


@pytest.mark.parametrize("rows", [16, 32, 48, 128])
@pytest.mark.parametrize("tokens", [None, 64, 100_000])
def test_batch_size_moves_no_bit(case, rows, tokens):
    encoder, items, expected = case
    assert np.array_equal(encode(encoder, items, batch=BatchPlan(rows=rows, tokens=tokens)).vectors, expected)


@pytest.mark.parametrize("seed", [1, 2])
def test_order_moves_no_bit(case, seed):
    encoder, items, expected = case
    order = np.random.default_rng(seed).permutation(len(items))
    got = encode(encoder, [items[i] for i in order], batch=BatchPlan(rows=16)).vectors
    assert np.array_equal(got, expected[order])


@pytest.mark.parametrize("size", [1, 2, 7, 23])
def test_other_items_move_no_bit(case, size):
    encoder, items, expected = case
    chosen = np.random.default_rng(size).permutation(len(items))[:size]
    got = encode(encoder, [items[i] for i in chosen], batch=BatchPlan(rows=32)).vectors
    assert np.array_equal(got, expected[chosen])


@pytest.mark.parametrize(("threads", "workers"), [(1, 4), (2, 1), (2, 3)])
def test_threads_and_workers_move_no_bit(case, threads, workers):
    encoder, items, expected = case
    other = load_encoder(encoder.spec, device="cpu", threads=threads)
    assert np.array_equal(encode(other, items, workers=workers).vectors, expected)


def test_a_full_row_does_not_meet_padded_ones(clip):
    """transformers drops a mask without a hole: rows of 8 tokens alone, and with rows of 7, must still agree."""
    encoder = load_encoder(clip_spec("text", clip), device="cpu")
    full = [Item(id=f"f{i}", text="red cat on the blue sun") for i in range(9)]
    short = [Item(id=f"s{i}", text="red cat on the sun") for i in range(9)]
    assert {len(row) for row in encoder.steps.tokens([item.text for item in full + short])} == {8, 7}
    mixed = [item for pair in zip(full, short, strict=True) for item in pair]
    alone = encode(encoder, full).vectors
    assert np.array_equal(encode(encoder, mixed).vectors[::2], alone)


def test_a_wide_model_keeps_its_bits_over_threads_and_batches(tmp_path):
    """Two threads cut short products along an inner dimension of 2,048 or more; a tiny model never shows it."""
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=80, hidden_size=768, num_hidden_layers=1, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=32,
    )  # fmt: skip
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    plain = {"pooling": "mean", "preprocessing": TEXT_STEPS}
    spec = EncoderSpec.from_plain("text", plain, {"dimensions": 768, "normalized": True}, tmp_path)
    items = [Item(id=str(n), text="red cat " * (1 + n % 7)) for n in range(40)]
    expected = encode(load_encoder(spec, device="cpu", threads=1), items).vectors
    for threads, rows in ((2, 16), (2, 32), (1, 128)):
        other = load_encoder(spec, device="cpu", threads=threads)
        assert np.array_equal(encode(other, items, batch=BatchPlan(rows=rows)).vectors, expected)


def test_stopping_early_leaves_no_thread(clip, images):
    blocks = iterate(clip_spec("image", clip), images * 200, batch=BatchPlan(rows=16))
    next(blocks)
    blocks.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embver-")]


def test_a_failing_progress_stops_the_run(clip, texts):
    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(clip_spec("text", clip), texts, progress=interrupted)
    assert not torch.are_deterministic_algorithms_enabled()


def test_rows_equal_the_models_own(clip, images, texts):
    """The same items through transformers by hand; 1e-6 because padding and batch differ here."""
    model = transformers.CLIPModel.from_pretrained(clip).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(clip)
    encoded = encode(clip_spec("text", clip), texts).vectors
    inputs = tokenizer(
        [t.text for t in texts], padding=True, truncation=True, max_length=32, return_tensors="pt"
    )
    with torch.inference_mode():
        rows = model.get_text_features(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    rows = torch.nn.functional.normalize(rows.pooler_output, dim=-1).numpy()
    assert encoded.dtype == np.float32
    assert np.abs(encoded - rows).max() < 1e-6
    assert np.abs(np.linalg.norm(encoded.astype(np.float64), axis=1) - 1).max() < 1e-7


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
def test_plain_text_encoder(bert, texts, pooling):
    plain = {"pooling": pooling, "preprocessing": TEXT_STEPS, "prompts": {"query": "the ", "document": ""}}
    spec = EncoderSpec.from_plain("text", plain, {"dimensions": 48, "normalized": False}, bert)
    got = encode(spec, texts, role="document").vectors
    again = encode(spec, texts[::-1], role="document", batch=BatchPlan(rows=16)).vectors[::-1]
    assert np.array_equal(got, again)
    model = transformers.BertModel.from_pretrained(bert, add_pooling_layer=False).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    for item, row in list(zip(texts, got, strict=True))[:5]:
        ids = torch.tensor([tokenizer(item.text, truncation=True, max_length=32)["input_ids"]])
        hidden = model(input_ids=ids).last_hidden_state[0].detach()
        own = {"mean": hidden.mean(0), "cls": hidden[0], "last": hidden[-1]}[pooling]
        assert np.abs(own.numpy() - row).max() < 1e-5
    asked = [Item(id="q", text="cat", role="query"), Item(id="d", text="the cat")]
    rows = encode(spec, asked, role="document").vectors
    assert np.array_equal(rows[0], rows[1])


def test_blocks_come_in_order_and_progress_counts(case):
    encoder, items, expected = case
    seen: list[tuple[int, int]] = []
    blocks = list(iterate(encoder, iter(items), progress=lambda done, total: seen.append((done, total))))
    assert np.array_equal(np.concatenate(blocks), expected)
    assert seen[-1] == (len(items), 0)
    encode(encoder, items, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(items), len(items))


def test_bad_items_are_named_together(clip, images, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(images[0].blob.read()[:100])
    empty = tmp_path / "empty.jpg"
    empty.touch()
    bad = [
        Item(id="cut", blob=Blob.of(broken)), Item(id="empty", blob=Blob.of(empty)), Item(id="gone", blob=Blob.of(tmp_path / "gone.png")),
        Item(id="words", text="no picture"),
    ]  # fmt: skip
    with pytest.raises(EncodeError) as caught:
        encode(clip_spec("image", clip), [*images[:20], *bad, *images[20:]])
    for item in bad:
        assert f"  {item.id}: " in caught.value.message
    assert "4 items cannot be encoded" in caught.value.message
    assert str(broken) in caught.value.message
    many = [Item(id=f"gone{i}", blob=Blob.of(tmp_path / f"{i}.png")) for i in range(400)]
    with pytest.raises(EncodeError, match="at least 20 items") as caught:
        encode(clip_spec("image", clip), many)
    assert caught.value.message.count("\n") == 20


def test_text_items_without_text(clip, texts):
    with pytest.raises(EncodeError, match="picture: does not exist"):
        encode(clip_spec("text", clip), [*texts[:3], Item(id="picture", blob=Blob.of(Path("x.png")))])
    assert encode(clip_spec("text", clip), [Item(id="empty", text="")]).vectors.shape == (1, 64)
    assert encode(clip_spec("text", clip), []).vectors.shape == (0, 64)


def test_settings_of_torch_are_restored(clip, texts):
    torch.set_num_threads(2)
    encode(load_encoder(clip_spec("text", clip), threads=1), texts[:3])
    assert torch.get_num_threads() == 2
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_plan_that_keeps_no_bits_is_refused():
    with pytest.raises(EncodeError, match="does not keep bits"):
        BatchPlan(rows=8)
