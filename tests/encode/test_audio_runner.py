"""The promise of strict for sound: nothing about a row depends on its neighbours, the batch, the order or the threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_audio import (
    RATE,
    audio_spec,
    save_ast,
    save_clap,
    save_speech,
    spread,
    tone,
    torch,
    transformers,
    wav,
)

from embver.encode.audio_features import frame_mask
from embver.encode.batches import BatchPlan
from embver.encode.blob import Blob
from embver.encode.models import load_encoder
from embver.encode.processor import steps_from_processor
from embver.encode.runner import encode, encode_sections
from embver.encode.spec import Item
from embver.errors import EncodeError

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore:At least one mel filter:UserWarning"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning"),
]

FAMILIES = {
    "clap": (save_clap, {"projection": True}),
    "clap-fused": (lambda folder: save_clap(folder, is_fused=True), {"projection": True}),
    "clap-unprojected": (save_clap, {"projection": False}),
    "ast": (save_ast, {"pooling": "pooler"}),
    "wav2vec2-group": (save_speech, {"pooling": "mean"}),
    "wav2vec2-layer": (lambda folder: save_speech(folder, norm="layer"), {"pooling": "mean"}),
    "hubert-group": (lambda folder: save_speech(folder, "Hubert"), {"pooling": "max"}),
    "wavlm-layer": (lambda folder: save_speech(folder, "WavLM", norm="layer"), {"pooling": "last"}),
}


def clips(count: int = 40) -> list[Item]:
    """Return clips of many lengths, some equal, some beyond what a truncate step keeps, at several rates."""
    random = np.random.default_rng(11)
    lengths = [0.3, 0.5, 0.5, 0.64, 0.96, 1.0, 1.31, 2.0, 2.003, 2.7]
    made = []
    for number in range(count):
        rate = int(random.choice([RATE, RATE, 44_100]))
        sound = tone(float(random.choice(lengths)), rate=rate, pitch=150 + 23 * number, seed=number)
        data = wav(sound, rate, subtype="PCM_16")
        made.append(Item(id=f"a{number}", blob=Blob(name=f"a{number}", fetch=lambda data=data: data)))
    return made


@pytest.fixture(scope="module", params=list(FAMILIES))
def case(request, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("model")
    save, fields = FAMILIES[request.param]
    save(folder)
    dimensions = 32 if request.param == "clap-unprojected" else 24
    spec = audio_spec(folder, steps_from_processor(folder)["audio"], dimensions=dimensions, **fields)
    encoder = load_encoder(spec, device="cpu", threads=1)
    items = clips()
    return encoder, items, encode(encoder, items, batch=BatchPlan(rows=16)).vectors


def test_rows_are_told_apart(case) -> None:
    _, items, expected = case
    assert len(np.unique(expected, axis=0)) == len(items)
    assert np.isfinite(expected).all()


@pytest.mark.parametrize(("rows", "tokens"), [(32, 64), (128, 4096)])
def test_batch_size_moves_no_bit(case, rows: int, tokens: int) -> None:
    encoder, items, expected = case
    assert np.array_equal(encode(encoder, items, batch=BatchPlan(rows=rows, tokens=tokens)).vectors, expected)


@pytest.mark.parametrize("seed", [1])
def test_order_moves_no_bit(case, seed: int) -> None:
    encoder, items, expected = case
    order = np.random.default_rng(seed).permutation(len(items))
    got = encode(encoder, [items[i] for i in order], batch=BatchPlan(rows=16)).vectors
    assert np.array_equal(got, expected[order])


@pytest.mark.parametrize("size", [1, 7])
def test_other_items_move_no_bit(case, size: int) -> None:
    encoder, items, expected = case
    chosen = np.random.default_rng(size).permutation(len(items))[:size]
    got = encode(encoder, [items[i] for i in chosen], batch=BatchPlan(rows=16)).vectors
    assert np.array_equal(got, expected[chosen])


@pytest.mark.parametrize(("threads", "workers"), [(1, 4), (2, 1), (2, 3)])
def test_threads_workers_and_sections_move_no_bit(case, threads: int, workers: int) -> None:
    encoder, items, expected = case
    other = load_encoder(encoder.spec, device="cpu", threads=threads)
    sections = [items[start : start + 9] for start in range(0, len(items), 9)]
    made = encode_sections(other, sections, batch=BatchPlan(rows=16), workers=workers)
    assert np.array_equal(np.concatenate([section.vectors for section in made]), expected)


def test_bad_clips_are_named_or_left_out(case) -> None:
    encoder, items, expected = case
    bad = [Item(id="words", text="no sound"), Item(id="cut", blob=Blob(fetch=lambda: wav(tone(1))[:200]))]
    mixed = [*items[:5], *bad, *items[5:]]
    with pytest.raises(EncodeError) as caught:
        encode(encoder, mixed)
    assert "words: has no sound file" in caught.value.message
    assert "bytes of sound" in caught.value.message
    (section,) = encode_sections(encoder, [mixed], batch=BatchPlan(rows=16), skip=True)
    assert [number for number, *_ in section.skipped] == [5, 6]
    assert np.array_equal(section.vectors, expected)


def test_a_model_of_real_widths_keeps_its_bits(tmp_path: Path) -> None:
    """Convolutions and products of 512 and more take other paths in a library than those of 16."""
    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(
        num_hidden_layers=1, feat_extract_norm="layer", do_stable_layer_norm=True
    )
    model = transformers.Wav2Vec2Model(config)
    spread(model)
    model.save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(tmp_path)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], dimensions=768, pooling="mean")
    items = [item for item in clips(40) if len(item.blob.read()) < 18_000][:3]
    expected = encode(load_encoder(spec, device="cpu", threads=1), items).vectors
    got = encode(load_encoder(spec, device="cpu", threads=2), items[::-1]).vectors[::-1]
    alone = encode(load_encoder(spec, device="cpu", threads=1), items[1:2]).vectors
    assert np.array_equal(got, expected)
    assert np.array_equal(alone, expected[1:2])


def test_bfloat16_keeps_its_bits_too(tmp_path: Path) -> None:
    save_clap(tmp_path)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], projection=True)
    encoder = load_encoder(spec, device="cpu", compute="bfloat16")
    items = clips(20)
    expected = encode(encoder, items).vectors
    assert np.array_equal(encode(encoder, items[::-1]).vectors[::-1], expected)
    exact = encode(load_encoder(spec, device="cpu"), items).vectors
    assert 1e-7 < np.abs(expected - exact).max() < 0.1


def test_the_mask_of_frames_is_the_models_own(tmp_path: Path) -> None:
    save_speech(tmp_path, norm="layer")
    model = transformers.Wav2Vec2Model.from_pretrained(tmp_path)
    mask = torch.zeros(3, 10_240, dtype=torch.long)
    for row, samples in enumerate((10_240, 5_000, 400)):
        mask[row, :samples] = 1
    frames = int(model._get_feat_extract_output_lengths(10_240))
    own = [int(model._get_feat_extract_output_lengths(samples)) for samples in (10_240, 5_000, 400)]
    assert frame_mask(model, mask, frames).sum(dim=1).tolist() == own
    assert frame_mask(model, None, frames) is None


@pytest.mark.parametrize(
    ("save", "change", "fields", "said"),
    [
        (save_clap, {"mel_bins": 20}, {}, "mel_bins: the model reads 16, not 20"),
        (save_clap, {"step": "fusion"}, {}, "the model does not fuse: take the fusion step out"),
        (FAMILIES["clap-fused"][0], {"step": None}, {}, "the model fuses crops: a fusion step is missing"),
        (save_clap, {}, {"normalized": False}, "space.normalized: true is expected: clap"),
        (save_clap, {}, {"pooling": "cls"}, "encoders.audio.pooling: clap pools mean, not cls"),
        (save_clap, {"seconds": 9}, {}, "the model reads at most 256 frames, the steps give 901"),
        (save_ast, {"count": 90}, {"pooling": "pooler"}, "the model reads 100 frames, the steps give 90"),
        (save_speech, {"multiple": 320}, {"pooling": "mean"}, "group was not trained with a mask"),
        (save_speech, {}, {}, "encoders.audio.pooling: one of"),
    ],
)
def test_steps_that_miss_the_model_are_refused(tmp_path: Path, save, change, fields, said: str) -> None:
    save(tmp_path)
    steps = steps_from_processor(tmp_path)["audio"]
    if "step" in change:
        steps = [step for step in steps if step["step"] not in ("fusion", "truncate")]
        steps += [{"step": "fusion", "frames": 201, "crops": "center"}] if change["step"] else []
        steps = (
            steps
            if change["step"]
            else [steps[0], {"step": "truncate", "seconds": 2, "keep": "start"}, *steps[1:]]
        )
    elif "multiple" in change:
        steps.append({"step": "pad", "mode": "zeros", "mask": True} | change)
    else:
        steps = [step | {key: value for key, value in change.items() if key in step} for step in steps]
    spec = audio_spec(tmp_path, steps, **{key: value for key, value in fields.items() if key != "normalized"})
    if "normalized" in fields:
        from dataclasses import replace

        spec = replace(spec, normalized=False)
    with pytest.raises(EncodeError) as caught:
        load_encoder(spec, device="cpu")
    assert said in caught.value.message
