"""Run a card's image steps: a file in, uint8 pixels out; numbers become floats a batch at a time.

The geometry works on uint8, as the transformers processors do, and `rescale` and `normalize` then act on 256 possible
values a channel. So what they give is known beforehand, a table in the processors' own arithmetic: the result is
theirs bit for bit, and a batch travels to the device as bytes, a quarter of the floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.batches import Batch, BatchPlan, image_batches
from embver.encode.blob import Blob
from embver.encode.image_decode import Picture, Pixels, decode
from embver.encode.image_geometry import apply_geometry, pixels_of
from embver.encode.image_levels import Levels
from embver.encode.image_vocabulary import GEOMETRY, final_extent
from embver.encode.meter import stage
from embver.encode.parameters import Step
from embver.encode.runtime import load_pillow, load_simplejpeg, load_torch
from embver.encode.spec import Item
from embver.encode.steps import Prompt, Row
from embver.encode.transfer import to_device
from embver.errors import EncodeError

_ITEMS_A_TASK: Final = 16
_WINDOW_BYTES: Final = 64 << 20
_WINDOW_ROWS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSteps:
    """A card's image steps, ready to run: every image becomes `height` x `width` pixels of three channels."""

    steps: tuple[Step, ...]
    height: int
    width: int
    geometry: tuple[Step, ...]  # those of the steps that move pixels
    levels: Levels
    tokens_a_row: int = 1  # what one image is to the model, about

    @classmethod
    def of(cls, steps: Sequence[Step], config: Any = None) -> ImageSteps:
        """Make checked steps runnable; raise EncodeError if they leave images of different shapes.

        Raises MissingExtra for a library that is not installed. `config` is the model's, which tells how many patches an image is cut into.
        """
        extent = final_extent(steps)
        if extent is None:
            raise EncodeError("image steps leave images of different shapes")
        patch = getattr(getattr(config, "vision_config", config), "patch_size", None)
        tokens = (extent[0] // patch) * (extent[1] // patch) if isinstance(patch, int) else 1
        _load_libraries(steps)
        return cls(
            steps=tuple(steps),
            height=extent[0],
            width=extent[1],
            geometry=tuple(step for step in steps if step.name in GEOMETRY),
            levels=Levels.of(steps),
            tokens_a_row=max(1, tokens),
        )

    @property
    def items_a_task(self) -> int | None:
        """Return how many images one thread prepares at once: a task costs about 50 us, as much as a tiny image."""
        return _ITEMS_A_TASK

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window: whole batches, of 64 MiB at most where one batch is not more."""
        row_bytes = 3 * self.height * self.width
        return plan.rows * max(1, min(_WINDOW_BYTES // (row_bytes * plan.rows), _WINDOW_ROWS // plan.rows))

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:  # noqa: ARG002  (texts need it)
        """Return uint8 pixels (height, width, 3) for each item, or what is wrong with it."""
        block = np.empty((len(items), self.height, self.width, 3), dtype=np.uint8)
        return [self._row(item, place) for item, place in zip(items, block, strict=True)]

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield batches of images, which all have one shape."""
        return image_batches(len(rows), plan, patches=self.tokens_a_row)

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return `pixel_values`, float32 (rows, 3, height, width); bytes travel to the device, a quarter of floats."""
        pixels = np.stack([rows[position] for position in batch.positions])
        return {"pixel_values": self.levels.floats(to_device(pixels, device))}

    def pixels(self, blob: Blob) -> Pixels:
        """Return uint8 pixels (3, height, width) of an image's bytes; raise ValueError saying what is wrong with it."""
        made = np.empty((self.height, self.width, 3), dtype=np.uint8)
        self._fill(blob, made)
        return made.transpose(2, 0, 1)

    def tensor(self, blob: Blob) -> npt.NDArray[np.float32]:
        """Return the float32 tensor (3, height, width) that the model sees of one image."""
        pixels = load_torch().from_numpy(self.pixels(blob).transpose(1, 2, 0)[None])
        return np.asarray(self.levels.floats(pixels)[0].numpy())

    def _row(self, item: Item, place: Pixels) -> Row:
        if item.blob is None:
            return "has no image file"
        try:
            self._fill(item.blob, place)
        except ValueError as error:
            return str(error)
        return place

    def _fill(self, blob: Blob, place: Pixels) -> None:
        """Run the steps on an image's bytes and write its pixels to their place (height, width, 3)."""
        first, rest = self.steps[0], self.geometry
        with stage("read"):
            data = blob.read()
        with ExitStack() as turns:
            with stage("decode"):
                picture = decode(data, first, rest[0] if rest and rest[0].name == "resize" else None, turns)
            for step in rest:
                picture = apply_geometry(picture, step)
            _put(picture, place)


def _put(picture: Picture, place: Pixels) -> None:
    pixels = pixels_of(picture)
    assert pixels.shape == place.shape  # or it would be spread over the place in silence
    place[...] = pixels


def _load_libraries(steps: Sequence[Step]) -> None:
    load_pillow()
    libraries = {step["library"] for step in steps if step.name in ("decode", "resize")}
    if "simplejpeg" in libraries:
        load_simplejpeg()
    if "torch" in libraries:
        load_torch()
