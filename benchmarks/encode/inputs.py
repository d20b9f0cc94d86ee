"""What is encoded: texts of realistic lengths and photographs' likes, seeded and generated, nothing downloaded."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

# Queries, titles and captions: a lognormal of mean 16 and 99th percentile 56 tokens, special tokens included.
_LOG_MEAN: Final = 2.58
_LOG_DEVIATION: Final = 0.62
_CONSONANTS, _VOWELS = "bcdfghjklmnprstvz", "aeiou"
SYLLABLES: Final = tuple(first + second for first in _CONSONANTS for second in _VOWELS)
# One word in four is not in the vocabulary whole and costs two tokens, as in English.
_SPLIT_SHARE: Final = 0.25

# With these a picture of 500 x 400 is about 55 kB, as photographs of that size are.
_QUALITY: Final = 84
_SPECTRUM: Final = 1.35


def whole_words() -> list[str]:
    """Return the words that the benchmark's tokenizer knows whole, of two syllables each."""
    return [first + second for first in SYLLABLES for second in SYLLABLES]


def make_texts(count: int, *, longest: int, seed: int = 0) -> list[str]:
    """Return texts of lognormal lengths, at most `longest` tokens with [BOS] and [EOS]."""
    rng = np.random.default_rng(seed)
    words = whole_words()
    texts = []
    for drawn in np.exp(rng.normal(_LOG_MEAN, _LOG_DEVIATION, count)):
        left = int(np.clip(round(drawn), 3, longest)) - 2
        text = []
        while left > 0:
            word = words[int(len(words) * rng.random() ** 3)]  # few words are frequent, most are rare
            if left > 1 and rng.random() < _SPLIT_SHARE:
                word, left = word + SYLLABLES[int(rng.integers(len(SYLLABLES)))], left - 1
            text.append(word)
            left -= 1
        texts.append(" ".join(text))
    return texts


def write_photographs(
    folder: Path, count: int, *, seed: int = 0, extents: Sequence[tuple[int, int]] = ((400, 500), (500, 400))
) -> list[Path]:
    """Write `count` JPEG files of about 55 kB, (height, width) in turns; return their paths.

    Their spectra fall as those of natural images do, and edges cross them: decoding costs what a photograph costs.
    """
    from PIL import Image

    rng = np.random.default_rng(seed)
    paths = []
    for index in range(count):
        height, width = extents[index % len(extents)]
        light = _noise(rng, height, width, _SPECTRUM) + _edges(rng, height, width)
        planes = [
            128 + 48 * light / light.std(),
            *(128 + 18 * _noise(rng, height, width, 1.6) for _ in range(2)),
        ]
        pixels = np.stack(planes, axis=-1).clip(0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels, "YCbCr").convert("RGB").save(buffer, "JPEG", quality=_QUALITY)
        paths.append(folder / f"{index:06}.jpg")
        paths[-1].write_bytes(buffer.getvalue())
    return paths


def _noise(rng: np.random.Generator, height: int, width: int, fall: float) -> Any:
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(down, across)
    frequency[0, 0] = 1.0
    spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency**fall
    spectrum[0, 0] = 0.0
    plane = np.fft.irfft2(spectrum, (height, width))
    return plane / plane.std()


def _edges(rng: np.random.Generator, height: int, width: int) -> Any:
    rows, columns = np.mgrid[0:height, 0:width]
    plane = np.zeros((height, width))
    for _ in range(6):
        angle, place = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3)
        side = (columns / width - 0.5) * np.cos(angle) + (rows / height - 0.5) * np.sin(angle)
        plane += np.where(side > place, 0.5 * rng.normal(), 0.0)
    return plane - plane.mean()
