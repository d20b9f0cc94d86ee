"""Make spectrograms of samples as the transformers feature extractors do, a block of frames at a time.

Their arithmetic is kept, step by step: float64 transforms stored as complex64, float64 energies, float32 at the end.
Theirs goes frame by frame in Python; this takes a thousand at once.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.parameters import Step
from embver.encode.runtime import load_torch, load_transformers

Samples = npt.NDArray[np.float32]
Spectrogram = npt.NDArray[np.float32]
Filters = npt.NDArray[np.float64]

_BLOCK_FRAMES: Final = 1024


def mel_filters(step: Step, rate: int) -> Filters:
    """Return the mel filters (frequency bins, mel bins) of a log_mel step at a sampling rate."""
    load_transformers()
    from transformers.audio_utils import mel_filter_bank

    with warnings.catch_warnings():  # that a filter is empty is the model's own affair: it was trained so
        warnings.simplefilter("ignore")
        made: Filters = mel_filter_bank(
            num_frequency_bins=step["fft_length"] // 2 + 1,
            num_mel_filters=step["mel_bins"],
            min_frequency=step["frequency_min"],
            max_frequency=step["frequency_max"],
            sampling_rate=rate,
            norm=None if step["mel_norm"] == "none" else step["mel_norm"],
            mel_scale=step["mel_scale"],
            triangularize_in_mel_space=step["triangles"] == "mel",
        )
    return made


def window_of(step: Step) -> npt.NDArray[np.float64]:
    """Return the window (frame_length,) of a log_mel step."""
    load_transformers()
    from transformers.audio_utils import window_function

    made = window_function(step["frame_length"], step["window"], periodic=step["periodic"])
    return np.asarray(made, dtype=np.float64)


def log_mel(
    samples: Samples, step: Step, *, filters: Filters, window: npt.NDArray[np.float64]
) -> Spectrogram:
    """Return the log-mel spectrogram (frames, mel bins) of samples (n,); raise ValueError if they are too few."""
    length, hop = step["frame_length"], step["hop_length"]
    if step["center"]:
        if len(samples) <= length // 2:
            raise ValueError(f"has {len(samples)} samples, too few for frames of {length}")
        samples = np.pad(samples, length // 2, mode="reflect")
    if len(samples) < length:
        raise ValueError(f"has {len(samples)} samples, too few for frames of {length}")
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), length)[::hop]
    blocks = [
        _log_mel_of(frames[start : start + _BLOCK_FRAMES], step, filters, window)
        for start in range(0, len(frames), _BLOCK_FRAMES)
    ]
    return np.ascontiguousarray(np.concatenate(blocks))


def _log_mel_of(
    frames: npt.NDArray[np.float64], step: Step, filters: Filters, window: npt.NDArray[np.float64]
) -> Spectrogram:
    if step["remove_dc_offset"]:
        frames = frames - frames.mean(axis=1, keepdims=True)
    if step["preemphasis"]:
        first = frames[:, :1] * (1 - step["preemphasis"])
        frames = np.concatenate([first, frames[:, 1:] - step["preemphasis"] * frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft(frames * window, n=step["fft_length"]).astype(np.complex64)
    energy = np.abs(spectrum, dtype=np.float64) ** 2.0
    mel = np.maximum(step["floor"], np.dot(filters.T, energy.T))
    logs = {"dB": lambda: 10.0 * np.log10(mel), "log": lambda: np.log(mel), "log10": lambda: np.log10(mel)}
    return np.asarray(logs[step["log"]](), dtype=np.float32).T


def fused(mel: Spectrogram, step: Step) -> Spectrogram:
    """Return the (4, frames, mel bins) that a fusion model sees of a long clip: the whole, squeezed, and three crops.

    Where the extractor draws the crops at random, one from each third of the places, the card says which.
    """
    torch, frames = load_torch(), step["frames"]
    thirds = np.array_split(np.arange(len(mel) - frames + 1), 3)
    places = [
        0 if not len(third) else int(third[len(third) // 2 if step["crops"] == "center" else 0])
        for third in thirds
    ]
    whole = torch.nn.functional.interpolate(
        torch.from_numpy(mel)[None, None], size=[frames, mel.shape[1]], mode="bilinear", align_corners=False
    )
    return np.stack([whole[0, 0].numpy(), *(mel[place : place + frames] for place in places)])


def fixed_frames(mel: Spectrogram, count: int) -> Spectrogram:
    """Return a spectrogram of exactly `count` frames: cut, or filled with zeros."""
    missing = count - len(mel)
    return np.pad(mel, ((0, missing), (0, 0))) if missing > 0 else mel[:count]


def padded(samples: Samples, count: int, mode: str) -> Samples:
    """Return exactly `count` samples: cut, or filled by repeating the clip (then cut, or then zeros), or by zeros."""
    if len(samples) < count:
        times = count // len(samples)
        if mode == "repeat":
            samples = np.tile(samples, times + 1)[:count]
        elif mode == "repeatpad":
            samples = np.tile(samples, times)
        samples = np.pad(samples, (0, count - len(samples)))
    return samples[:count]


def standardized(samples: Samples, epsilon: float) -> Samples:
    """Return samples of mean 0 and variance 1, in the float32 arithmetic of Wav2Vec2FeatureExtractor."""
    return np.asarray((samples - samples.mean()) / np.sqrt(samples.var() + epsilon), dtype=np.float32)


def frame_mask(model: Any, mask: Any, frames: int) -> Any:
    """Return which frames (n, frames) come of samples (n, samples) that count, as the model itself tells.

    None stays None; a mask that has the frames' length already is returned as it is.
    """
    if mask is None or mask.shape[1] == frames:
        return mask
    return model._get_feature_vector_attention_mask(frames, mask).long()
