"""Run a card's image steps with Pillow: a file in, uint8 pixels out; numbers become floats by a table.

The geometry works on uint8, as the transformers processors do with Pillow, and `rescale` and `normalize` then act on
256 possible values a channel. So they are computed once, into a table, in the processors' own arithmetic: the result
is theirs bit for bit, and a batch travels to the device as bytes, a quarter of the floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.preprocessing import BACKGROUNDS, Step, extent_of, final_extent
from embver.encode.runtime import load_pillow
from embver.errors import EncodeError

Pixels = npt.NDArray[np.uint8]
Table = npt.NDArray[np.float32]

_SIXTEEN_BIT: Final = ("I", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSteps:
    """A card's image steps, ready to run: every image becomes `height` x `width` pixels of three channels."""

    steps: tuple[Step, ...]
    height: int
    width: int

    @classmethod
    def of(cls, steps: Sequence[Step]) -> ImageSteps:
        """Make checked steps runnable; raise EncodeError if they leave images of different shapes."""
        extent = final_extent(steps)
        if extent is None:
            raise EncodeError("image steps leave images of different shapes")
        return cls(steps=tuple(steps), height=extent[0], width=extent[1])

    def pixels(self, path: Path) -> Pixels:
        """Return uint8 pixels (3, height, width) of an image file; raise ValueError saying what is wrong with it."""
        image: Any = None
        for step in self.steps:
            if step.name == "decode":
                image = _decode(path, step)
            elif step.name == "resize":
                image = _resize(image, step)
            elif step.name == "center_crop":
                image = _center_crop(image, step)
        return np.ascontiguousarray(np.asarray(image, dtype=np.uint8).transpose(2, 0, 1))

    def table(self) -> Table:
        """Return float32 (3, 256): what `rescale` and `normalize` make of each pixel value, by channel."""
        levels = np.tile(np.arange(256, dtype=np.float32), (3, 1))
        for step in self.steps:
            if step.name == "rescale":
                # The processors multiply in float64 and round once; float32 throughout differs in the last bit.
                levels = (levels.astype(np.float64) * step["factor"]).astype(np.float32)
            elif step.name == "normalize":
                mean = np.asarray(step["mean"], dtype=np.float32)[:, None]
                std = np.asarray(step["std"], dtype=np.float32)[:, None]
                levels = (levels - mean) / std
        return levels

    def tensor(self, path: Path) -> npt.NDArray[np.float32]:
        """Return the float32 tensor (3, height, width) that the model sees of one image file."""
        table, pixels = self.table(), self.pixels(path)
        return np.stack([table[channel][pixels[channel]] for channel in range(3)])


def _decode(path: Path, step: Step) -> Any:
    pillow = load_pillow()
    try:
        with pillow.open(path) as image:  # an animated image opens at its first frame
            image.load()
            return _to_rgb(_upright(image) if step["exif_rotate"] else image, step["background"])
    except FileNotFoundError:
        raise ValueError("no such file") from None
    except (
        Exception
    ) as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error and more of bad bytes
        raise ValueError(f"not a readable image: {_reason(error, path)}") from error


def _reason(error: Exception, path: Path) -> str:
    # The message is shown beside the item's own file name; Pillow's repeats it with the whole path.
    return " ".join((str(error) or type(error).__name__).replace(repr(str(path)), "the file").split())


def _upright(image: Any) -> Any:
    from PIL import ImageOps

    return ImageOps.exif_transpose(image)


def _to_rgb(image: Any, background: str | Sequence[int]) -> Any:
    pillow = load_pillow()
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range")
    if image.mode in _SIXTEEN_BIT:
        # Pillow's own conversion clips at 255, so that most of a 16-bit image turns white. The high byte is what
        # Pillow keeps of 16-bit colour images.
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("pixels of more than 16 bits have no agreed range")
        image = pillow.fromarray((values >> 8).astype(np.uint8))
    if image.has_transparency_data:
        colour = BACKGROUNDS[background] if isinstance(background, str) else tuple(background)
        canvas = pillow.new("RGBA", image.size, (*colour, 255))
        image = pillow.alpha_composite(canvas, image.convert("RGBA"))
    return image.convert("RGB")


def _resize(image: Any, step: Step) -> Any:
    pillow = load_pillow()
    extent = extent_of(step)
    if extent is None:
        width, height = image.size
        short, long = sorted((width, height))
        size, other = step["size"], int(step["size"] * long / short)  # truncated, as the processors do
        extent = (other, size) if width <= height else (size, other)
    return image.resize((extent[1], extent[0]), resample=pillow.Resampling[step["interpolation"].upper()])


def _center_crop(image: Any, step: Step) -> Any:
    extent = extent_of(step)
    assert extent is not None
    left, top = (image.size[0] - extent[1]) // 2, (image.size[1] - extent[0]) // 2
    return image.crop((left, top, left + extent[1], top + extent[0]))  # outside of the image it is black
