"""Resize, crop and pad a decoded picture: the card's steps of geometry, in uint8 as the processors do it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from embver.encode.image_decode import Picture, Pixels, resized_extent
from embver.encode.image_vocabulary import BACKGROUNDS, extent_of
from embver.encode.parameters import Step
from embver.encode.runtime import load_pillow, load_torch


def apply_geometry(picture: Picture, step: Step) -> Picture:
    """Return a picture after one step of resize, center_crop or pad."""
    if step.name == "resize":
        return _resize(picture, step)
    if step.name == "center_crop":
        return _center_crop(picture, step)
    return _pad(picture, step)


def pixels_of(picture: Picture) -> Pixels:
    """Return a picture's pixels, uint8 (height, width, 3); they may be a view."""
    return picture.data if isinstance(picture.data, np.ndarray) else np.asarray(picture.data)


def _image_of(picture: Picture) -> Any:
    if isinstance(picture.data, np.ndarray):
        return load_pillow().fromarray(np.ascontiguousarray(picture.data))
    return picture.data


def _resize(picture: Picture, step: Step) -> Picture:
    height, width = resized_extent(step, picture.height, picture.width)
    if step["library"] == "torch":
        data: Any = _torch_resize(pixels_of(picture), (height, width), step["interpolation"])
    else:
        pillow = load_pillow()
        data = _image_of(picture).resize(
            (width, height), resample=pillow.Resampling[step["interpolation"].upper()]
        )
    return Picture(data=data, height=height, width=width)


def _torch_resize(pixels: Pixels, extent: tuple[int, int], interpolation: str) -> Pixels:
    """Resize with torch's kernel for uint8, which runs in the calling thread alone and lets go of Python's lock."""
    torch = _torch()
    flags = pixels.flags
    # Turned pixels are a view; those of a Pillow image are read-only, which torch warns of.
    own = pixels if flags.c_contiguous and flags.writeable else pixels.copy()
    # Channels last, by the strides of a batch of one: the kernel then takes the bytes as they lie, without a copy.
    batch = torch.from_numpy(own).unsqueeze(0).permute(0, 3, 1, 2)
    made = torch.nn.functional.interpolate(batch, size=extent, mode=interpolation, antialias=True)
    return np.asarray(made[0].permute(1, 2, 0).numpy())


@cache
def _torch() -> Any:
    return load_torch()  # which looks at the environment each time, 5 us


def _center_crop(picture: Picture, step: Step) -> Picture:
    extent = extent_of(step)
    assert extent is not None
    left, top = (picture.width - extent[1]) // 2, (picture.height - extent[0]) // 2
    if isinstance(picture.data, np.ndarray) and top >= 0 and left >= 0:
        data: Any = picture.data[top : top + extent[0], left : left + extent[1]]
    else:  # what lies outside of the image is black
        data = _image_of(picture).crop((left, top, left + extent[1], top + extent[0]))
    return Picture(data=data, height=extent[0], width=extent[1])


def _pad(picture: Picture, step: Step) -> Picture:
    edge = max(picture.height, picture.width)
    height, width = extent_of(step) or (edge, edge)
    colour = step["background"]
    canvas = np.empty((height, width, 3), dtype=np.uint8)
    canvas[:] = BACKGROUNDS[colour] if isinstance(colour, str) else tuple(colour)
    is_centred = step["where"] == "center"
    top = (height - picture.height) // 2 if is_centred else 0
    left = (width - picture.width) // 2 if is_centred else 0
    canvas[top : top + picture.height, left : left + picture.width] = pixels_of(picture)
    return Picture(data=canvas, height=height, width=width)
