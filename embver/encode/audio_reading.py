"""Read sound with libsndfile (soundfile) and bring it to one rate (soxr): the one place that imports the two."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from embver.encode.blob import Blob
from embver.encode.parameters import Step
from embver.errors import MissingExtra

Samples = npt.NDArray[np.float32]

# Sizes that a writer who cannot go back to its header leaves there: they say nothing.
_UNKNOWN_SIZES: Final = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})
_SHORT_CHUNK: Final = re.compile(
    r"^\s*(?:data|SSND)\s*:\s*(0x[0-9A-Fa-f]+|\d+)\s*\(should be (\d+)\)", re.MULTILINE
)
_OGG_PAGE_BYTES: Final = 65_307  # the largest there is (RFC 3533)
_LAST_PAGE: Final = 4


def load_soundfile() -> Any:
    """Import soundfile; raise MissingExtra where it, or its libsndfile, is not installed."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: no libsndfile for this system
        raise MissingExtra("audio", needed_for="reading sound") from error
    return soundfile


def load_soxr() -> Any:
    """Import soxr; raise MissingExtra where it is not installed."""
    try:
        import soxr
    except ImportError as error:
        raise MissingExtra("audio", needed_for="resampling sound") from error
    return soxr


def audio_software() -> dict[str, str]:
    """Return the versions that decide about the samples of a file, for the environment record."""
    found = {"libsndfile": str(load_soundfile().__libsndfile_version__)}
    for package in ("soundfile", "soxr"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # installed without its metadata
            continue
    return found


def read_clip(blob: Blob, *, truncate: Step | None, max_seconds: float) -> tuple[Samples, int]:
    """Return a clip's samples, float32 (n, channels) in -1..1, and their rate in Hz.

    With a `truncate` step only what it keeps is decoded, else a clip of more than `max_seconds` is refused. Raise
    ValueError saying what is wrong with the file.
    """
    soundfile = load_soundfile()
    try:
        with blob.open() as data, soundfile.SoundFile(data) as file:
            start, wanted = _part(file, truncate, max_seconds)
            if start:
                file.seek(start)
            samples: Samples = file.read(wanted, dtype="float32", always_2d=True)
            _check_whole(file, data, start + len(samples), start + wanted)
            rate = int(file.samplerate)
    except soundfile.SoundFileError as error:
        raise ValueError(f"not a readable sound: {_reason(error)}") from error
    if not np.isfinite(samples).all():
        raise ValueError("holds samples that are not numbers")
    return samples, rate


def resampled(samples: Samples, *, rate: int, wanted: int, method: str) -> Samples:
    """Return samples (n,) or (n, channels) at another rate; the same object at the same rate."""
    if rate == wanted:
        return samples
    quality = method.removeprefix("soxr_").upper()
    return np.asarray(load_soxr().resample(samples, rate, wanted, quality=quality), dtype=np.float32)


def _part(file: Any, truncate: Step | None, max_seconds: float) -> tuple[int, int]:
    """Return where reading begins and how many samples it takes."""
    length, rate = int(file.frames), int(file.samplerate)
    if length < 1:
        raise ValueError("holds no sound")
    if truncate is None:
        if length > max_seconds * rate:
            raise ValueError(
                f"lasts {length / rate:.1f} s, longer than decode's max_seconds of {max_seconds:g}; a truncate step "
                "cuts it"
            )
        return 0, length
    # Rounded up: one sample too many is cut after resampling, one too few would leave a hole.
    kept = min(length, math.ceil(truncate["seconds"] * rate - 1e-6))
    starts: Mapping[str, int] = {"start": 0, "center": (length - kept) // 2, "end": length - kept}
    return starts[truncate["keep"]], kept


def _check_whole(file: Any, data: BinaryIO, read: int, wanted: int) -> None:
    """Raise ValueError for a file that was cut off: libsndfile reads what is there and says so in its log only."""
    if read < wanted:
        raise ValueError(f"ends after {read} of {wanted} samples")
    for said, there in _SHORT_CHUNK.findall(str(file.extra_info)):
        size = int(said, 0)
        if size > int(there) and size not in _UNKNOWN_SIZES:
            raise ValueError(f"ends after {there} of {size} bytes of sound")
    if file.format == "OGG":
        data.seek(max(0, data.seek(0, io.SEEK_END) - _OGG_PAGE_BYTES))
        if not _ends_with_last_page(data.read()):
            raise ValueError("ends before its last page")


def _ends_with_last_page(tail: bytes) -> bool:
    """Tell whether an Ogg stream's end is there: a page marked as the last, with all its segments (RFC 3533)."""
    page = tail[max(0, tail.rfind(b"OggS")) :]
    if len(page) < 27 or not page[5] & _LAST_PAGE:
        return False
    table = page[27 : 27 + page[26]]
    return len(table) == page[26] and len(page) >= 27 + len(table) + sum(table)


def _reason(error: Exception) -> str:
    # The message is shown beside the item's own file name; libsndfile's names the object that it read from.
    said = re.sub(r"^Error (opening <.*?>)?\s*:\s*", "", str(error)).strip().rstrip(".")
    return said or "it breaks off or is damaged"
