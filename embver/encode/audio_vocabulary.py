"""The steps of audio: their parameters, and what they must be to one another so that a clip can run through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from embver.encode.parameters import Parameter, Step, count, is_number, one_of

# Without a truncate step a clip is read whole: attention over five minutes of 20 ms frames is 15,000 tokens already.
MAX_SECONDS: Final = 300.0
QUALITIES: Final = ("soxr_vhq", "soxr_hq", "soxr_mq", "soxr_lq", "soxr_qq")


def _is_length(value: Any) -> bool:
    return is_number(value) and value > 0


_SECONDS = Parameter(accepts=_is_length, expected="a number of seconds above 0")
_POSITIVE = Parameter(accepts=_is_length, expected="a number above 0")
_NUMBER = Parameter(accepts=is_number, expected="a number")
_AT_LEAST_0 = Parameter(
    accepts=lambda value: is_number(value) and value >= 0, expected="a number of at least 0"
)

AUDIO_STEPS: Final[Mapping[str, Mapping[str, Parameter]]] = {
    "decode": {
        "library": one_of("soundfile", default="soundfile"),
        "max_seconds": Parameter(  # refuses, and moves no vector
            accepts=_is_length, expected="a number of seconds above 0", default=MAX_SECONDS
        ),
    },
    "truncate": {"seconds": _SECONDS, "keep": one_of("start", "center", "end")},
    "mono": {"channels": one_of("mean", "left", default="mean")},
    "resample": {"rate": count(), "method": one_of(*QUALITIES)},
    "standardize": {"epsilon": _POSITIVE},
    "pad": {
        "seconds": Parameter(accepts=_is_length, expected="a number of seconds above 0", default=None),
        "multiple": count(default=None),
        "mode": one_of("zeros", "repeat", "repeatpad"),
        "mask": one_of(True, False, default=False),
    },
    "log_mel": {
        "window": one_of("hann", "hamming", "povey", "boxcar"),
        "periodic": one_of(True, False),
        "frame_length": count(),
        "hop_length": count(),
        "fft_length": count(),
        "center": one_of(True, False),
        "remove_dc_offset": one_of(True, False),
        "preemphasis": _AT_LEAST_0,
        "mel_bins": count(),
        "frequency_min": _AT_LEAST_0,
        "frequency_max": _POSITIVE,
        "mel_scale": one_of("htk", "slaney", "kaldi"),
        "mel_norm": one_of("none", "slaney"),
        "triangles": one_of("hertz", "mel"),
        "log": one_of("dB", "log", "log10"),
        "floor": _POSITIVE,
    },
    "fusion": {"frames": count(), "crops": one_of("start", "center")},
    "frames": {"count": count()},
    "dynamic_range": {"below_max": _POSITIVE},
    "normalize": {"mean": _NUMBER, "std": _POSITIVE},
}
# The rank never falls from one step to the next: channels and rate may come in either order.
_RANKS: Final = {
    "decode": 0, "truncate": 1, "mono": 2, "resample": 2, "standardize": 3, "pad": 4, "log_mel": 5, "fusion": 6,
    "frames": 6, "dynamic_range": 7, "normalize": 8,
}  # fmt: skip
_NEEDED: Final = ("decode", "mono", "resample")


def check_audio_steps(steps: Sequence[Step], path: str, problems: list[str]) -> None:
    """Add what is wrong between the steps of one list, each with its card path."""
    names = [step.name for step in steps]
    for name in _NEEDED:
        if name not in names:
            problems.append(f"{path}: exactly one {name} step is expected, found none")
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            problems.append(f"{path}: {name} appears {names.count(name)} times, once is expected")
    for before, step in pairwise(steps):
        if _RANKS[step.name] < _RANKS[before.name]:
            problems.append(f"{step.path}.step: {step.name} cannot come after {before.name}")
    if problems:
        return
    found = {step.name: step for step in steps}
    _check_pad(found, problems)
    _check_features(found, problems)


def _check_pad(found: Mapping[str, Step], problems: list[str]) -> None:
    pad, truncate = found.get("pad"), found.get("truncate")
    if pad is None:
        return
    if (pad["seconds"] is None) == (pad["multiple"] is None):
        problems.append(f"{pad.path}.seconds: either seconds or multiple is expected")
        return
    if pad["mask"] and "log_mel" in found:
        problems.append(f"{pad.path}.mask: goes with samples, not with log_mel")
    if pad["mask"] and pad["mode"] != "zeros":
        problems.append(f"{pad.path}.mode: zeros is expected where a mask hides them, not {pad['mode']}")
    if pad["multiple"] is not None:
        if not pad["mask"]:
            problems.append(f"{pad.path}.mask: true is expected with multiple: else the padding is heard")
    elif "fusion" not in found:
        if truncate is None:
            problems.append(f"{pad.path}.seconds: longer clips need a truncate step before it")
        elif truncate["seconds"] > pad["seconds"]:
            problems.append(
                f"{truncate.path}.seconds: {truncate['seconds']} is longer than pad's {pad['seconds']}"
            )


def _check_features(found: Mapping[str, Step], problems: list[str]) -> None:
    mel = found.get("log_mel")
    for name in ("fusion", "frames", "dynamic_range", "normalize"):
        if name in found and mel is None:
            problems.append(f"{found[name].path}.step: {name} comes after log_mel, which is not there")
    if mel is None:
        return
    if "standardize" in found:
        problems.append(f"{found['standardize'].path}.step: standardize goes with samples, not with log_mel")
    if mel["fft_length"] < mel["frame_length"]:
        problems.append(f"{mel.path}.fft_length: {mel['fft_length']} is shorter than frame_length")
    half = found["resample"]["rate"] / 2
    if not mel["frequency_min"] < mel["frequency_max"] <= half:
        problems.append(
            f"{mel.path}.frequency_max: above frequency_min and at most {half:g} is expected, not "
            f"{mel['frequency_max']}"
        )
    if "fusion" in found:
        if "truncate" in found:
            problems.append(f"{found['truncate'].path}.step: truncate leaves nothing for fusion to see")
        if found.get("pad") is None or found["pad"]["seconds"] is None:
            problems.append(f"{found['fusion'].path}.step: fusion needs a pad step with seconds before it")
    elif "frames" not in found and (found.get("pad") is None or found["pad"]["seconds"] is None):
        problems.append(
            f"{mel.path}.step: spectrograms keep different lengths; add pad with seconds, or frames"
        )
