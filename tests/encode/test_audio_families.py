"""The steps that `new --from-model` writes give the feature extractor's own tensors, and the models' own rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_audio import (
    RATE,
    audio_spec,
    clap_extractor,
    save_ast,
    save_clap,
    save_speech,
    spread,
    tone,
    torch,
    transformers,
    wav,
)

from embver.encode.audio import AudioSteps
from embver.encode.blob import Blob
from embver.encode.models import load_encoder
from embver.encode.preprocessing import parse_steps
from embver.encode.processor import steps_from_processor
from embver.encode.processor_audio import audio_steps
from embver.encode.runner import encode
from embver.encode.spec import Item
from embver.errors import EncodeError

pytestmark = [
    pytest.mark.torch,
    # AST's own filter bank has an empty filter; WavLM's attention hands torch masks of two kinds.
    pytest.mark.filterwarnings("ignore:At least one mel filter:UserWarning"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning"),
]


def blob(sound: Any, rate: int = RATE) -> Blob:
    data = wav(sound, rate)
    return Blob(name="clip.wav", fetch=lambda: data)


def runnable(config: Any, extractor: Any) -> AudioSteps:
    steps = parse_steps("audio", audio_steps(extractor.to_dict()).steps, path="encoders.audio.preprocessing")
    return AudioSteps.of(steps, config)


CLAP = transformers.ClapConfig(audio_config={"num_mel_bins": 64})
FUSED = transformers.ClapConfig(audio_config={"num_mel_bins": 64, "enable_fusion": True})


@pytest.mark.parametrize("padding", ["repeatpad", "repeat", "pad"])
@pytest.mark.parametrize("seconds", [1e-4, 3.7, 10.005])
@pytest.mark.parametrize("truncation", ["rand_trunc", "fusion"])
def test_clap_gives_the_extractors_tensors(truncation: str, seconds: float, padding: str) -> None:
    """Full size, as laion's: 48 kHz, 64 bins; every value is equal, not close."""
    extractor = transformers.ClapFeatureExtractor(truncation=truncation, padding=padding, frequency_min=50)
    sound = tone(seconds, rate=48_000)
    steps = runnable(FUSED if truncation == "fusion" else CLAP, extractor)
    kept = sound[:480_000] if truncation == "rand_trunc" else sound  # the start, where it draws a place
    own = extractor(kept, sampling_rate=48_000)
    got = steps.features(blob(sound, 48_000))
    if truncation == "fusion":
        assert got.shape == (1, 1001, 64)
        assert all(np.array_equal(got[0], channel) for channel in own["input_features"][0])
    else:
        assert np.array_equal(got, own["input_features"][0][0])


@pytest.mark.parametrize("crops", ["start", "center"])
@pytest.mark.parametrize("seconds", [2.011, 2.02, 3.5, 9])
def test_long_clips_fuse_as_the_extractor_does_with_its_draws_fixed(
    monkeypatch, crops: str, seconds: float
) -> None:
    # It squeezes to 64 bins whatever it was told, so 64 it is.
    extractor = transformers.ClapFeatureExtractor(**clap_extractor(is_fused=True) | {"feature_size": 64})
    plain = [dict(step) for step in audio_steps(extractor.to_dict()).steps]
    plain[-1]["crops"] = crops
    steps = AudioSteps.of(parse_steps("audio", plain, path="p"), FUSED)
    drawn = (lambda third: third[0]) if crops == "start" else (lambda third: third[len(third) // 2])
    monkeypatch.setattr(np.random, "choice", drawn)
    own = extractor(tone(seconds), sampling_rate=RATE)
    got = steps.features(blob(tone(seconds)))
    assert got.shape == (4, 201, 64)
    assert own["is_longer"] == [[True]]
    # The extractor multiplies all frames at once, this a thousand at a time: a last bit in one of 1e5 values.
    assert np.abs(got - own["input_features"][0]).max() < 1e-5


@pytest.mark.parametrize("seconds", [0.025, 0.5, 10.255, 12])
@pytest.mark.parametrize("normalizes", [True, False])
def test_ast_gives_the_extractors_tensors(seconds: float, normalizes: bool) -> None:
    """Equal to the extractor without torchaudio; Kaldi's own filter bank, which it takes with it, was not at hand."""
    extractor = transformers.ASTFeatureExtractor(do_normalize=normalizes)
    steps = runnable(transformers.ASTConfig(), extractor)
    own = extractor(tone(seconds), sampling_rate=RATE)["input_values"][0]
    assert np.array_equal(steps.features(blob(tone(seconds))), own)


@pytest.mark.parametrize("kind", ["Wav2Vec2", "Hubert", "WavLM"])
@pytest.mark.parametrize("normalizes", [True, False])
def test_speech_models_get_the_extractors_samples(kind: str, normalizes: bool) -> None:
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normalizes)
    steps = runnable(getattr(transformers, f"{kind}Config")(), extractor)
    for seconds in (0.03, 0.5, 3.21):
        own = extractor(tone(seconds), sampling_rate=RATE)["input_values"][0]
        assert np.array_equal(steps.features(blob(tone(seconds))), own)


def test_a_mask_and_its_padding_are_the_extractors() -> None:
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    plain = audio_steps(extractor.to_dict(), model_type="wav2vec2").steps
    config = transformers.Wav2Vec2Config(feat_extract_norm="layer")
    steps = AudioSteps.of(parse_steps("audio", plain, path="p"), config)
    sound = tone(0.5)
    rows = [steps.features(blob(sound))]
    batch = next(steps.batches(rows, _plan()))
    inputs = steps.inputs(rows, batch, "cpu")
    own = extractor([sound], sampling_rate=RATE, padding="max_length", max_length=10_240)
    assert inputs["input_values"].shape[1] == 10_240
    assert batch.length == 31  # frames, as tokens
    assert np.array_equal(inputs["input_values"][0].numpy(), own["input_values"][0])
    assert np.array_equal(inputs["attention_mask"][0].numpy(), own["attention_mask"][0])


def _plan() -> Any:
    from embver.encode.batches import BatchPlan

    return BatchPlan().on("cpu")


CLIPS = [0.3, 0.5, 0.77, 1.0, 1.31, 2.0, 2.004]


@pytest.mark.parametrize("is_fused", [False, True])
def test_rows_of_clap_are_the_models_own(tmp_path: Path, is_fused: bool) -> None:
    save_clap(tmp_path, is_fused=is_fused)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], projection=True)
    got = encode(load_encoder(spec, device="cpu"), _items(CLIPS)).vectors
    model = transformers.ClapModel.from_pretrained(tmp_path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    for seconds, row in zip(CLIPS, got, strict=True):
        sound = tone(seconds) if is_fused else tone(seconds)[: 2 * RATE]
        inputs = extractor(sound, sampling_rate=RATE, return_tensors="pt")
        # Alone in its batch, the extractor says of any clip that it was long.
        inputs["is_longer"][:] = False
        with torch.inference_mode():
            own = model.get_audio_features(**inputs).pooler_output[0].numpy()
        assert np.abs(own - row).max() < 1e-6


@pytest.mark.parametrize("seconds", [0.01, 1, 30])
def test_whisper_gives_the_extractors_tensors(seconds: float) -> None:
    extractor = transformers.WhisperFeatureExtractor()
    steps = runnable(transformers.WhisperConfig(), extractor)
    sound = tone(seconds)
    got = steps.features(blob(sound))
    whole = np.pad(sound, (0, 480_000 - len(sound)))[None]
    assert np.array_equal(got, extractor._np_extract_fbank_features(whole, "cpu")[0].T)
    # Where torch is installed, the extractor computes in float32.
    assert np.abs(got - extractor(sound, sampling_rate=RATE)["input_features"][0].T).max() < 1e-4


def test_rows_of_whispers_encoder_are_its_own(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=80, d_model=32, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_attention_heads=2, decoder_ffn_dim=64, num_mel_bins=16, max_source_positions=100, pad_token_id=0,
        bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None,
    )  # fmt: skip
    model = transformers.WhisperModel(config)
    spread(model)
    model.save_pretrained(tmp_path)
    transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(tmp_path)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], dimensions=32, pooling="mean")
    got = encode(load_encoder(spec, device="cpu"), _items(CLIPS)).vectors
    extractor, model = transformers.AutoFeatureExtractor.from_pretrained(tmp_path), model.eval()
    for seconds, row in zip(CLIPS, got, strict=True):
        inputs = extractor(tone(seconds), sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            hidden = model.get_encoder()(inputs["input_features"]).last_hidden_state[0].mean(0)
        assert np.abs(torch.nn.functional.normalize(hidden, dim=0).numpy() - row).max() < 1e-5


@pytest.mark.parametrize(
    ("kind", "norm", "pooling"),
    [
        ("Wav2Vec2", "group", "mean"), ("Wav2Vec2", "layer", "last"), ("Hubert", "group", "max"),
        ("Hubert", "layer", "mean"), ("WavLM", "group", "last"), ("WavLM", "layer", "max"),
        ("UniSpeech", "layer", "mean"), ("UniSpeechSat", "layer", "mean"), ("SEW", "layer", "mean"),
        ("Data2VecAudio", "layer", "mean"), ("Wav2Vec2Conformer", "layer", "mean"),
    ],
)  # fmt: skip
def test_rows_of_speech_models_are_their_own_alone(
    tmp_path: Path, kind: str, norm: str, pooling: str
) -> None:
    """Each clip by hand, without padding: masked padding may move the last bits only."""
    save_speech(tmp_path, kind, norm=norm)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], pooling=pooling)
    got = encode(load_encoder(spec, device="cpu"), _items(CLIPS)).vectors
    model = getattr(transformers, f"{kind}Model").from_pretrained(tmp_path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    for seconds, row in zip(CLIPS, got, strict=True):
        inputs = extractor(tone(seconds), sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            hidden = model(input_values=inputs["input_values"]).last_hidden_state[0]
        own = {"mean": hidden.mean(0), "last": hidden[-1], "max": hidden.amax(0)}[pooling]
        own = torch.nn.functional.normalize(own, dim=0).numpy()
        assert np.abs(own - row).max() < (1e-6 if norm == "group" else 1e-5)


def test_padding_that_is_heard_is_refused(tmp_path: Path) -> None:
    save_speech(tmp_path, "SEW", norm="layer")
    steps = steps_from_processor(tmp_path)["audio"]
    assert [step["step"] for step in steps][-1] == "standardize"
    steps.append({"step": "pad", "multiple": 5120, "mode": "zeros", "mask": True})
    with pytest.raises(EncodeError, match=r"\[4\].mask: sew hears padding in spite of a mask"):
        load_encoder(audio_spec(tmp_path, steps, pooling="mean"), device="cpu")


def test_rows_of_ast_are_the_models_own(tmp_path: Path) -> None:
    save_ast(tmp_path)
    spec = audio_spec(tmp_path, steps_from_processor(tmp_path)["audio"], pooling="pooler")
    got = encode(load_encoder(spec, device="cpu"), _items(CLIPS)).vectors
    model = transformers.ASTModel.from_pretrained(tmp_path).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(tmp_path)
    for seconds, row in zip(CLIPS, got, strict=True):
        inputs = extractor(tone(seconds), sampling_rate=RATE, return_tensors="pt")
        with torch.inference_mode():
            own = torch.nn.functional.normalize(model(**inputs).pooler_output[0], dim=0).numpy()
        assert np.abs(own - row).max() < 1e-6


@pytest.mark.parametrize(
    ("extractor", "change", "said"),
    [
        ("Clap", {"truncation": "middle"}, "truncates by 'middle'"),
        ("Clap", {"padding": "mirror"}, "pads by 'mirror'"),
        ("Clap", {"window": "povey"}, "does what no step expresses: window"),
        ("Clap", {"padding_value": 0.5}, "pads with 0.5"),
        ("Clap", {"hop_length": "480"}, "hop_length is not a number"),
        ("Wav2Vec2", {"padding_side": "left"}, "pads on the left"),
        (
            "Wav2Vec2",
            {"do_ceptral_normalize": True, "stride": 2},
            "no step expresses: do_ceptral_normalize, stride",
        ),
        ("AST", {"dither": 0.1}, "no step expresses: dither"),
        ("Whisper", {"dither": 0.1}, "no step expresses: dither"),
        ("SeamlessM4T", {}, "the feature extractor SeamlessM4TFeatureExtractor is none"),
    ],
)
def test_what_no_step_expresses_is_an_error_by_name(
    extractor: str, change: dict[str, Any], said: str
) -> None:
    config = getattr(transformers, f"{extractor}FeatureExtractor")().to_dict() | change
    with pytest.raises(EncodeError, match=said):
        audio_steps(config)


def test_what_the_card_does_otherwise_is_told() -> None:
    for extractor, word in (
        (transformers.ClapFeatureExtractor(truncation="rand_trunc"), "random place"),
        (transformers.ClapFeatureExtractor(), "three crops at random"),
        (transformers.Wav2Vec2FeatureExtractor(), "300 s"),
    ):
        assert word in " ".join(audio_steps(extractor.to_dict()).differences)
    assert audio_steps(transformers.ASTFeatureExtractor().to_dict()).differences == ()


def test_old_image_processors_are_not_taken_for_sound(tmp_path: Path, clip: Path) -> None:
    """Until 2022 CLIP's file said `feature_extractor_type`."""
    import json

    file = json.loads((clip / "preprocessor_config.json").read_text())
    file["feature_extractor_type"] = "CLIPFeatureExtractor"
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(file))
    (tmp_path / "config.json").write_text((clip / "config.json").read_text())
    assert list(steps_from_processor(tmp_path)) == ["image"]


def _items(clips: list[float]) -> list[Item]:
    return [Item(id=str(number), blob=blob(tone(seconds))) for number, seconds in enumerate(clips)]
