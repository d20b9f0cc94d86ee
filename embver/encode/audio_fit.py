"""Check that a card's audio steps give what its model reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from embver.encode.audio import AudioSteps
from embver.encode.processor_audio import PADDING_UNHEARD
from embver.encode.spec import EncoderSpec

# Their own features are of unit length already; a card that denies it would describe other vectors.
_NORMALIZES: Final = ("clap",)
_WAVEFORM_NORMS: Final = {
    "group": False,
    "layer": True,
}  # whether models of the norm were trained with a mask


def audio_problems(spec: EncoderSpec, config: Mapping[str, Any], steps: AudioSteps) -> Iterator[str]:
    """Yield, with its card path, each way in which the steps miss what the model's config asks for."""
    path = f"{spec.card_path}.preprocessing"
    part = config.get("audio_config")
    part = part if isinstance(part, Mapping) else config
    family = str(config.get("model_type"))
    if family in _NORMALIZES and spec.projection is not False and not spec.normalized:
        yield f"space.normalized: true is expected: {family} gives vectors of length 1"
    mel = steps.steps.get("log_mel")
    if "conv_kernel" in part:
        yield from _waveform_problems(family, part, steps)
    elif mel is None:
        yield f"{path}: {family} reads spectrograms; a log_mel step is missing"
    if mel is None:
        return
    if "num_mel_bins" in part and mel["mel_bins"] != part["num_mel_bins"]:
        yield f"{mel.path}.mel_bins: the model reads {part['num_mel_bins']}, not {mel['mel_bins']}"
    is_fused = "fusion" in steps.steps
    if bool(part.get("enable_fusion")) != is_fused:
        said = (
            "does not fuse: take the fusion step out" if is_fused else "fuses crops: a fusion step is missing"
        )
        yield f"{path}: the model {said}"
    limit = _most_frames(part)
    if limit is not None and steps.model.frames > limit:
        yield f"{path}: the model reads at most {limit} frames, the steps give {steps.model.frames}"
    wanted = {
        "audio-spectrogram-transformer": part.get("max_length"),
        "whisper": 2 * part.get("max_source_positions", 0),
    }.get(family)
    if wanted is not None and steps.model.frames != wanted:
        yield f"{path}: the model reads {wanted} frames, the steps give {steps.model.frames}"


def _waveform_problems(family: str, part: Mapping[str, Any], steps: AudioSteps) -> Iterator[str]:
    if "log_mel" in steps.steps:
        yield f"{steps.steps['log_mel'].path}.step: {family} reads samples, not spectrograms"
    if steps.model.wants_mask and family not in PADDING_UNHEARD:
        yield f"{steps.steps['pad'].path}.mask: {family} hears padding in spite of a mask; leave the pad step out"
        return
    wants = _WAVEFORM_NORMS.get(str(part.get("feat_extract_norm")))
    if wants is False and steps.model.wants_mask:
        yield (
            f"{steps.steps['pad'].path}.mask: {family} with feat_extract_norm group was not trained with a mask, and "
            "hears padding all the same; leave the pad step out"
        )


def _most_frames(part: Mapping[str, Any]) -> int | None:
    """Return how many frames CLAP's spectrogram image has room for."""
    size, bins = part.get("spec_size"), part.get("num_mel_bins")
    return size * (size // bins) if isinstance(size, int) and isinstance(bins, int) and bins else None
