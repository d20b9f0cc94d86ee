"""Run a card's image steps with Pillow: a file in, uint8 pixels out; numbers become floats by a table.

The geometry works on uint8, as the transformers processors do with Pillow, and `rescale` and `normalize` then act on
256 possible values a channel. So they are computed once, into a table, in the processors' own arithmetic: the result
is theirs bit for bit, and a batch travels to the device as bytes, a quarter of the floats.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.batches import Batch, BatchPlan, image_batches
from embver.encode.blob import Blob
from embver.encode.preprocessing import BACKGROUNDS, Step, extent_of, final_extent
from embver.encode.runtime import load_pillow, load_torch
from embver.encode.spec import Item
from embver.encode.steps import Prompt, Row
from embver.errors import EncodeError

Pixels = npt.NDArray[np.uint8]
Table = npt.NDArray[np.float32]

_ITEMS_A_TASK: Final = 16
_WINDOW_BYTES: Final = 64 << 20
_WINDOW_ROWS: Final = 4096
_SIXTEEN_BIT: Final = ("I", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSteps:
    """A card's image steps, ready to run: every image becomes `height` x `width` pixels of three channels."""

    steps: tuple[Step, ...]
    height: int
    width: int
    tokens_a_row: int = 1  # what one image is to the model, about

    @classmethod
    def of(cls, steps: Sequence[Step], config: Any = None) -> ImageSteps:
        """Make checked steps runnable; raise EncodeError if they leave images of different shapes.

        `config` is the model's, which tells how many patches an image is cut into.
        """
        extent = final_extent(steps)
        if extent is None:
            raise EncodeError("image steps leave images of different shapes")
        patch = getattr(getattr(config, "vision_config", config), "patch_size", None)
        tokens = (extent[0] // patch) * (extent[1] // patch) if isinstance(patch, int) else 1
        return cls(steps=tuple(steps), height=extent[0], width=extent[1], tokens_a_row=max(1, tokens))

    @property
    def items_a_task(self) -> int | None:
        """Return how many images one thread prepares at once: a task costs about 50 us, as much as a tiny image."""
        return _ITEMS_A_TASK

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window: whole batches, of 64 MiB at most where one batch is not more."""
        row_bytes = 3 * self.height * self.width
        return plan.rows * max(1, min(_WINDOW_BYTES // (row_bytes * plan.rows), _WINDOW_ROWS // plan.rows))

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:  # noqa: ARG002  (texts need it)
        """Return uint8 pixels for each item, or what is wrong with it."""
        return [self._row(item) for item in items]

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield batches of images, which all have one shape."""
        return image_batches(len(rows), plan, patches=self.tokens_a_row)

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return `pixel_values`, float32 (rows, 3, height, width); bytes travel to the device, a quarter of floats."""
        torch = load_torch()
        pixels = torch.from_numpy(np.stack([rows[position] for position in batch.positions])).to(device)
        table = torch.from_numpy(self.table()).to(device)
        channels = [
            table[channel].index_select(0, pixels[:, channel].reshape(-1).int()) for channel in range(3)
        ]
        shape = (len(batch.positions), self.height, self.width)
        return {"pixel_values": torch.stack([channel.reshape(shape) for channel in channels], dim=1)}

    def _row(self, item: Item) -> Row:
        if item.blob is None:
            return "has no image file"
        try:
            return self.pixels(item.blob)
        except ValueError as error:
            return str(error)

    def pixels(self, blob: Blob) -> Pixels:
        """Return uint8 pixels (3, height, width) of an image's bytes; raise ValueError saying what is wrong with it."""
        image: Any = None
        for step in self.steps:
            if step.name == "decode":
                image = _decode(blob, step)
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

    def tensor(self, blob: Blob) -> npt.NDArray[np.float32]:
        """Return the float32 tensor (3, height, width) that the model sees of one image."""
        table, pixels = self.table(), self.pixels(blob)
        return np.stack([table[channel][pixels[channel]] for channel in range(3)])


def _decode(blob: Blob, step: Step) -> Any:
    pillow = load_pillow()
    data = blob.read()
    try:
        with pillow.open(io.BytesIO(data)) as image:  # an animated image opens at its first frame
            image.load()
            return _to_rgb(_upright(image) if step["exif_rotate"] else image, step["background"])
    except (
        Exception
    ) as error:  # Pillow's decoders raise OSError, SyntaxError, struct.error and more of bad bytes
        raise ValueError(f"not a readable image: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    # The message is shown beside the item's own file name; Pillow's names the object that it read from.
    said = str(error) or type(error).__name__
    return " ".join(re.sub(r"<_io\.BytesIO object at 0x[0-9a-f]+>", "the file", said).split())


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
