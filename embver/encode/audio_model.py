"""What a model wants of audio: the name and the form of its input, and how long a row is to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.batches import BatchPlan
from embver.encode.parameters import Step

_CLAP: Final = ("clap", "clap_audio_model")
_SAMPLES_A_FRAME: Final = 320  # what wav2vec2's convolutions make one frame of, where a config does not say

_STEADY_TOKENS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInput:
    """The form of a model's audio input; `frames` is the length of every spectrogram, 0 for samples."""

    name: str
    layout: str  # of a spectrogram: frames, channel (an axis more, before them) or bins (before the frames)
    frames: int
    tokens_a_row: int  # of a spectrogram, about
    convolutions: tuple[tuple[int, int], ...]  # kernel and stride, over samples
    multiple: int | None  # samples are padded to a multiple of this many, if at all
    fixed: int | None  # or to this many
    wants_mask: bool

    @classmethod
    def of(cls, config: Any, steps: Mapping[str, Step]) -> AudioInput:
        """Read a model's config for the steps of a card."""
        part = getattr(config, "audio_config", None) or config
        is_clap, is_whisper = str(config.model_type) in _CLAP, str(config.model_type) == "whisper"
        frames = _frames(steps)
        kernels, strides = (tuple(getattr(part, key, None) or ()) for key in ("conv_kernel", "conv_stride"))
        pad = steps.get("pad")
        rate = steps["resample"]["rate"]
        wants_mask = bool(pad and pad["mask"])
        return cls(
            name="input_features" if is_clap or is_whisper else "input_values",
            layout="channel" if is_clap else "bins" if is_whisper else "frames",
            frames=frames,
            tokens_a_row=_patches(part, frames, is_clap=is_clap),
            convolutions=tuple(zip(kernels, strides, strict=False)),
            multiple=pad["multiple"] if pad else None,
            fixed=round(pad["seconds"] * rate) if pad and pad["seconds"] is not None else None,
            wants_mask=wants_mask,
        )

    @property
    def least_samples(self) -> int:
        """Return how many samples make the model's first frame."""
        samples = 1
        for kernel, stride in reversed(self.convolutions):
            samples = (samples - 1) * stride + kernel
        return samples

    def laid_out(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return spectrograms (rows, frames, bins) as the model wants them."""
        if self.layout == "channel":
            return rows[:, None]
        return np.ascontiguousarray(rows.transpose(0, 2, 1)) if self.layout == "bins" else rows

    def frames_of(self, samples: int) -> int:
        """Return how many frames the model makes of samples."""
        if not self.convolutions:
            return max(1, samples // _SAMPLES_A_FRAME)
        for kernel, stride in self.convolutions:
            samples = (samples - kernel) // stride + 1
        return samples

    def kind(self, shape: tuple[int, ...]) -> tuple[int, int, bool]:
        """Return what rows must share to share a batch: (tokens, padded length, whether nothing marks them).

        A long clip takes the way of fusion and a masked row another attention kernel: with neighbours of the other
        kind, the neighbours would decide about the bits.
        """
        if self.frames:
            return self.tokens_a_row, self.frames, len(shape) == 3 and shape[0] > 1
        length = shape[0]
        if self.multiple is not None:
            length = math.ceil(length / self.multiple) * self.multiple
        elif self.fixed is not None:
            length = self.fixed
        tokens = self.frames_of(length)
        return max(1, tokens), length, self.frames_of(shape[0]) == tokens

    def batch_rows(self, tokens: int, plan: BatchPlan) -> int:
        """Return the rows of a batch whose rows have so many tokens: a function of the row's length alone."""
        if self.frames:
            return plan.rows_for(tokens)
        if self.multiple is None and self.fixed is None:
            return 1  # clips hardly ever have equal lengths, and filling 15 rows beside one would cost 15 forwards
        if plan.is_strict and not plan.is_filled:
            # On a CPU the budget is what ran fastest in the warm-up, and samples want one shape of batch for ever.
            return max(1, _STEADY_TOKENS // tokens)
        return max(1, min(plan.rows, (plan.tokens or plan.rows * tokens) // tokens))


def _frames(steps: Mapping[str, Step]) -> int:
    """Return the frames of every spectrogram that the steps give; 0 for samples."""
    mel, pad = steps.get("log_mel"), steps.get("pad")
    if mel is None:
        return 0
    if "frames" in steps:
        return int(steps["frames"]["count"])
    if "fusion" in steps:
        return int(steps["fusion"]["frames"])
    assert pad is not None  # else the spectrograms keep different lengths, which the vocabulary refuses
    samples = round(pad["seconds"] * steps["resample"]["rate"]) + (
        mel["frame_length"] // 2 * 2 if mel["center"] else 0
    )
    return int((samples - mel["frame_length"]) // mel["hop_length"] + 1)


def _patches(part: Any, frames: int, *, is_clap: bool) -> int:
    patch = getattr(part, "patch_size", None)
    if not frames or not isinstance(patch, int):
        return max(1, frames)
    if is_clap:
        strides = (
            part.patch_stride if isinstance(part.patch_stride, list | tuple) else [part.patch_stride] * 2
        )
        return int(max(1, (part.spec_size // strides[0]) * (part.spec_size // strides[1])))
    steps = [getattr(part, key, patch) for key in ("time_stride", "frequency_stride")]
    bins = getattr(part, "num_mel_bins", patch)
    return int(max(1, ((frames - patch) // steps[0] + 1) * ((bins - patch) // steps[1] + 1)))
