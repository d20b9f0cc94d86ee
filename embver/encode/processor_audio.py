"""Write a card's audio steps from a model folder's own feature extractor file; without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.encode.model_files import read_json
from embver.errors import EncodeError

# What an extractor file says about itself or its output's form: none of it moves a value of a single clip.
_SILENT: Final = frozenset({
    "feature_extractor_type", "processor_class", "auto_map", "return_tensors", "sampling_rate", "padding_side",
    "padding_value", "feature_size",
})  # fmt: skip
# Measured: with a mask, these give a padded clip the vector that it has alone (1e-7). data2vec-audio, SEW and
# Wav2Vec2-Conformer do not (0.01 to 0.14): their convolutions over time carry padding back into the clip.
PADDING_UNHEARD: Final = frozenset({"wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat"})
_MASK_MULTIPLE: Final = 5120  # 16 frames of wav2vec2's convolutions


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractorSteps:
    """The steps that do what an extractor does, and, in words, where they cannot do quite the same."""

    steps: tuple[Mapping[str, Any], ...]
    differences: tuple[str, ...] = ()


def extractor_config(model_path: Path) -> dict[str, Any] | None:
    """Return what the folder says of its feature extractor, in either of the two files, or None without one."""
    plain, nested = model_path / "preprocessor_config.json", model_path / "processor_config.json"
    if plain.is_file():
        config = read_json(plain)
        if is_of_sound(config):
            return config
    found = read_json(nested).get("feature_extractor") if nested.is_file() else None
    return dict(found) if isinstance(found, Mapping) else None


def is_of_sound(config: Mapping[str, Any]) -> bool:
    """Tell whether a processor's file speaks of sound; image processors were feature extractors too until 2022."""
    return "feature_extractor_type" in config and "sampling_rate" in config


def audio_steps(config: Mapping[str, Any], *, model_type: str | None = None) -> ExtractorSteps:
    """Return the steps of an extractor's config; raise EncodeError naming what the card's steps cannot express."""
    kind = str(config.get("feature_extractor_type"))
    make = _FAMILIES.get(kind)
    if make is None:
        raise EncodeError(
            f"the feature extractor {kind} is none that audio steps express",
            hint=f"known: {', '.join(_FAMILIES)}; or write the steps of encoders.audio yourself",
        )
    known, steps = make(_Config(kind=kind, model_type=model_type, values=config))
    unknown = sorted(
        key
        for key, value in config.items()
        if key not in _SILENT and key not in known and value not in (None, False)
    )
    if unknown:
        raise EncodeError(f"the feature extractor {kind} does what no step expresses: {', '.join(unknown)}")
    if config.get("padding_value", 0.0) != 0.0:
        raise EncodeError(f"the feature extractor {kind} pads with {config['padding_value']}, not with 0")
    if config.get("padding_side", "right") != "right":
        raise EncodeError(
            f"the feature extractor {kind} pads on the {config['padding_side']}, not on the right"
        )
    return steps


@dataclass(frozen=True, slots=True, kw_only=True)
class _Config:
    kind: str
    model_type: str | None
    values: Mapping[str, Any]

    def number(self, key: str, default: float) -> Any:
        """Return a number; older files leave out what their class takes by default."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise EncodeError(f"the feature extractor {self.kind}'s {key} is not a number: {value!r}")
        return value

    def head(self, rate: int) -> list[dict[str, Any]]:
        """Return the steps that no extractor does itself, and every one expects: one channel at its own rate."""
        return [
            {"step": "decode", "library": "soundfile"},
            {"step": "mono", "channels": "mean"},
            {"step": "resample", "rate": self.number("sampling_rate", rate), "method": "soxr_hq"},
        ]


_Made = tuple[frozenset[str], ExtractorSteps]


def _clap(config: _Config) -> _Made:
    known = frozenset({
        "hop_length", "max_length_s", "fft_window_size", "frequency_min", "frequency_max", "truncation", "padding",
        "chunk_length_s", "n_fft", "nb_frequency_bins", "nb_max_frames", "nb_max_samples",
        "top_db",  # which ClapFeatureExtractor keeps and never uses
    })  # fmt: skip
    truncation = config.values.get("truncation", "fusion")
    padding = config.values.get("padding", "repeatpad")
    if truncation not in ("fusion", "rand_trunc"):
        raise EncodeError(
            f"the feature extractor {config.kind} truncates by {truncation!r}, which no step expresses"
        )
    if padding not in ("repeatpad", "repeat", "pad"):
        raise EncodeError(f"the feature extractor {config.kind} pads by {padding!r}, which no step expresses")
    seconds, hop = config.number("max_length_s", 10), config.number("hop_length", 480)
    steps, window = config.head(48_000), config.number("fft_window_size", 1024)
    rate, is_fused = steps[-1]["rate"], truncation == "fusion"
    if not is_fused:
        steps.insert(1, {"step": "truncate", "seconds": seconds, "keep": "start"})
    steps.append({"step": "pad", "seconds": seconds, "mode": "zeros" if padding == "pad" else padding})
    steps.append({
        "step": "log_mel", "window": "hann", "periodic": True, "frame_length": window, "hop_length": hop,
        "fft_length": window, "center": True, "remove_dc_offset": False, "preemphasis": 0,
        "mel_bins": config.number("feature_size", 64), "frequency_min": config.number("frequency_min", 0),
        "frequency_max": config.number("frequency_max", 14_000), "mel_scale": "htk" if is_fused else "slaney",
        "mel_norm": "none" if is_fused else "slaney", "triangles": "hertz", "log": "dB", "floor": 1e-10,
    })  # fmt: skip
    if is_fused:
        steps.append({"step": "fusion", "frames": int(seconds * rate) // hop + 1, "crops": "center"})
        told = (
            f"clips of more than {seconds} s: {config.kind} draws three crops at random, the card takes the middle "
            "one of each third; and it marks one clip of a batch without a long one as long, the card none"
        )
    else:
        told = (
            f"clips of more than {seconds} s: {config.kind} cuts at a random place, the card keeps the start "
            "(keep: center or end are there too)"
        )
    return known, ExtractorSteps(steps=tuple(steps), differences=(told,))


def _wav2vec2(config: _Config) -> _Made:
    steps = config.head(16_000)
    if config.values.get("do_normalize", True):
        steps.append({"step": "standardize", "epsilon": 1e-7})
    told = f"clips: {config.kind} cuts none, the card refuses those of more than 300 s; a truncate step cuts them"
    if config.values.get("return_attention_mask", False) and config.model_type in PADDING_UNHEARD:
        steps.append({"step": "pad", "multiple": _MASK_MULTIPLE, "mode": "zeros", "mask": True})
    return frozenset({"do_normalize", "return_attention_mask"}), ExtractorSteps(
        steps=tuple(steps), differences=(told,)
    )


def _ast(config: _Config) -> _Made:
    known = frozenset({"num_mel_bins", "max_length", "do_normalize", "mean", "std", "return_attention_mask"})
    steps, frames = config.head(16_000), config.number("max_length", 1024)
    rate = steps[-1]["rate"]
    # What the frames see: nothing behind it moves a value, so nothing behind it is read.
    steps.insert(1, {"step": "truncate", "seconds": (400 + 160 * (frames - 1)) / rate, "keep": "start"})
    steps.append({
        "step": "log_mel", "window": "hann", "periodic": False, "frame_length": 400, "hop_length": 160,
        "fft_length": 512, "center": False, "remove_dc_offset": True, "preemphasis": 0.97,
        "mel_bins": config.number("num_mel_bins", 128), "frequency_min": 20, "frequency_max": rate // 2,
        "mel_scale": "kaldi", "mel_norm": "none", "triangles": "mel", "log": "log",
        "floor": 1.192092955078125e-07,
    })  # fmt: skip
    steps.append({"step": "frames", "count": frames})
    if config.values.get("do_normalize", True):
        mean, std = (
            config.values.get(key, default) for key, default in (("mean", -4.2677393), ("std", 4.5689974))
        )
        steps.append({"step": "normalize", "mean": mean, "std": std * 2})  # it divides by twice its std
    return known, ExtractorSteps(steps=tuple(steps))


def _whisper(config: _Config) -> _Made:
    known = frozenset(
        {"hop_length", "chunk_length", "n_fft", "n_samples", "nb_max_frames", "return_attention_mask"}
    )
    seconds, hop = config.number("chunk_length", 30), config.number("hop_length", 160)
    steps, window = config.head(16_000), config.number("n_fft", 400)
    steps.insert(1, {"step": "truncate", "seconds": seconds, "keep": "start"})
    steps.append({"step": "pad", "seconds": seconds, "mode": "zeros"})
    steps.append({
        "step": "log_mel", "window": "hann", "periodic": True, "frame_length": window, "hop_length": hop,
        "fft_length": window, "center": True, "remove_dc_offset": False, "preemphasis": 0,
        "mel_bins": config.number("feature_size", 80), "frequency_min": 0, "frequency_max": 8000,
        "mel_scale": "slaney", "mel_norm": "slaney", "triangles": "hertz", "log": "log10", "floor": 1e-10,
    })  # fmt: skip
    rate = steps[3]["rate"]
    steps.append({"step": "frames", "count": seconds * rate // hop})  # it leaves the last one out
    steps.append({"step": "dynamic_range", "below_max": 8.0})
    steps.append({"step": "normalize", "mean": -4.0, "std": 4.0})
    return known, ExtractorSteps(steps=tuple(steps))


_FAMILIES: Final[Mapping[str, Callable[[_Config], _Made]]] = {
    "ClapFeatureExtractor": _clap,
    "Wav2Vec2FeatureExtractor": _wav2vec2,
    "ASTFeatureExtractor": _ast,
    "WhisperFeatureExtractor": _whisper,
}
