"""Decode an image's bytes to RGB pixels of 8 bits, upright, on a background: the card's `decode` step."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.image_files import (
    JpegHeader,
    jpeg_header,
    open_image,
    orientation_of,
    reason_of,
)
from embver.encode.image_vocabulary import BACKGROUNDS
from embver.encode.parameters import Step
from embver.encode.runtime import load_pillow, load_simplejpeg

Pixels = npt.NDArray[np.uint8]

_SIXTEEN_BIT: Final = ("I", "I;16", "I;16L", "I;16B", "I;16N")
# Images above this are decoded one at a time: eight threads with 700 MiB each would be the machine's memory.
_LARGE_PIXELS: Final = 1 << 24
_LARGE_ONES: Final = threading.Lock()
# Page faults of a fresh array cost 6 % of decoding 500 x 400; each thread keeps one of up to 4 million pixels.
_SCRATCH_BYTES: Final = 3 << 22
_SCRATCH: Final = threading.local()
# EXIF orientation -> Pillow's name of the transposition that undoes it.
_TURNS: Final = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
    8: "ROTATE_90",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A decoded image: a Pillow image of mode RGB, or uint8 pixels (height, width, 3) that the next decode may reuse.

    `height` and `width` are those of the file, upright; the pixels are fewer where the card asks for a scale.
    """

    data: Any
    height: int
    width: int


def decode(data: bytes, step: Step, resize: Step | None, turns: ExitStack) -> Picture:
    """Decode an image's bytes; raise ValueError saying what is wrong with them.

    `resize` is the step that follows if it is one: with `scale`, a JPEG is decoded no larger than that needs. A large
    image waits for its turn, which ends with `turns`.
    """
    try:
        header = jpeg_header(data) if step["library"] == "simplejpeg" else None
        if header is not None and (picture := _by_simplejpeg(data, header, step, resize, turns)) is not None:
            return picture
        return _by_pillow(data, step, turns)
    except (
        Exception
    ) as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error and more of bad bytes
        raise ValueError(f"not a readable image: {reason_of(error)}") from error


def _by_simplejpeg(
    data: bytes, header: JpegHeader, step: Step, resize: Step | None, turns: ExitStack
) -> Picture | None:
    """Return a picture, or None where the data are not quite in order: Pillow decides what can be made of them."""
    turn = orientation_of(open_image(data)) if step["exif_rotate"] and header.may_be_turned else 1
    is_sideways = turn >= 5
    height, width = (header.width, header.height) if is_sideways else (header.height, header.width)
    least = (0, 0)
    if step["scale"] is not None and resize is not None:
        wanted = resized_extent(resize, height, width)
        least = (min(height, step["scale"] * wanted[0]), min(width, step["scale"] * wanted[1]))
    library = load_simplejpeg()
    least_height, least_width = (least[1], least[0]) if is_sideways else least
    decoded = (header.height, header.width)
    if least != (0, 0):
        decoded = library.decode_jpeg_header(data, min_height=least_height, min_width=least_width)[:2]
    _check_room(decoded[0], decoded[1], step, turns)
    try:
        pixels = library.decode_jpeg(
            data,
            "RGB",
            min_height=least_height,
            min_width=least_width,
            buffer=_scratch(3 * decoded[0] * decoded[1]),
        )
    except ValueError:
        turns.close()
        return None
    return Picture(data=_turned(pixels, turn), height=height, width=width)


def _check_room(height: int, width: int, step: Step, turns: ExitStack) -> None:
    """Raise ValueError for an image beyond the card's limit; wait for the turn of a large one."""
    if height * width > step["max_pixels"]:
        raise ValueError(
            f"{width} x {height} pixels, more than the card's decode.max_pixels of {step['max_pixels']}"
        )
    if height * width > _LARGE_PIXELS:
        turns.enter_context(_LARGE_ONES)


def _scratch(size_bytes: int) -> Pixels | None:
    """Return this thread's own array of at least a size, None for a size that is not worth keeping."""
    if size_bytes > _SCRATCH_BYTES:
        return None
    kept: Pixels | None = getattr(_SCRATCH, "pixels", None)
    if kept is None or kept.size < size_bytes:
        kept = _SCRATCH.pixels = np.empty(size_bytes, dtype=np.uint8)
    return kept


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return pixels (height, width, 3) upright: a view of them."""
    if orientation >= 5:
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _by_pillow(data: bytes, step: Step, turns: ExitStack) -> Picture:
    image = open_image(data)
    _check_room(image.size[1], image.size[0], step, turns)
    image.load()  # an animation is at its first frame
    turn = orientation_of(image) if step["exif_rotate"] else 1
    image = _to_rgb(image, step["background"])
    if turn != 1:
        image = image.transpose(getattr(load_pillow().Transpose, _TURNS[turn]))
    return Picture(data=image, height=image.size[1], width=image.size[0])


def _to_rgb(image: Any, background: str | Sequence[int]) -> Any:
    pillow = load_pillow()
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range")
    if image.mode in _SIXTEEN_BIT:
        # Pillow's own conversion clips at 255, so that most of a 16-bit image turns white. The high byte is what
        # Pillow keeps of 16-bit colour images.
        values = np.asarray(image)
        if values.dtype.itemsize > 2 and (values.min() < 0 or values.max() > 65535):
            raise ValueError("pixels of more than 16 bits have no agreed range")
        image = pillow.fromarray((values >> 8).astype(np.uint8))
    if image.has_transparency_data:
        colour = BACKGROUNDS[background] if isinstance(background, str) else tuple(background)
        canvas = pillow.new("RGBA", image.size, (*colour, 255))
        image = pillow.alpha_composite(canvas, image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def resized_extent(step: Step, height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) that a resize gives an image, in the arithmetic of the transformers processors."""
    if step["height"] is not None:
        return (step["height"], step["width"])
    size = step["size"]
    if step["edge"] == "longest":
        ratio = min(size / height, size / width)
        return max(1, int(height * ratio)), max(1, int(width * ratio))
    short, long = sorted((width, height))
    other = int(size * long / short)  # truncated, as the processors do
    return (other, size) if width <= height else (size, other)
