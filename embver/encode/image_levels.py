"""Make floats of uint8 pixels: what a card's `rescale` and `normalize` give for each of 256 values a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.parameters import Step
from embver.encode.runtime import load_torch

Table = npt.NDArray[np.float32]

# Values that are converted together: 512 KiB of floats, so that each of the four passes finds them in the cache.
_CHUNK_VALUES: Final = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """The floats that stand for each pixel value, by channel; and arithmetic that gives the very same ones, if it does.

    `arithmetic` is a list of (`sub` or `div`, one number a channel). Divided by 255 in float32, every value is what the
    processors get by multiplying with 1/255 in float64 and rounding once; multiplied in float32 it is not.
    """

    table: Table  # (3, 256)
    arithmetic: tuple[tuple[str, Table], ...] | None
    _at: dict[str, Any] = field(default_factory=dict)  # tensors by device

    @classmethod
    def of(cls, steps: Sequence[Step]) -> Levels:
        """Work the steps out, once."""
        table = _table(steps)
        arithmetic = _arithmetic(steps)
        is_same = np.array_equal(_carried_out(arithmetic), table)
        return cls(table=table, arithmetic=arithmetic if is_same else None)

    def floats(self, pixels: Any) -> Any:
        """Return float32 (rows, 3, height, width) for a tensor of uint8 pixels (rows, height, width, 3), on its device.

        Channels change places while numbers become floats: on an accelerator that costs nothing, and a worker that
        decodes is spared it.
        """
        torch = load_torch()
        pixels = pixels.permute(0, 3, 1, 2)
        tensors = self._tensors(str(pixels.device))
        if self.arithmetic is None:
            return self._looked_up(pixels, tensors)
        made = torch.empty(pixels.shape, dtype=torch.float32, device=pixels.device)
        rows = max(1, _CHUNK_VALUES // max(1, pixels[0].numel())) if made.device.type == "cpu" else len(made)
        for start in range(0, len(made), rows):
            part = made[start : start + rows]
            part.copy_(pixels[start : start + rows])
            for (name, _), values in zip(self.arithmetic, tensors, strict=True):
                # A tensor, never a number: by a number, CUDA multiplies with the reciprocal, which rounds twice.
                part.sub_(values) if name == "sub" else part.div_(values)
        return made

    def _looked_up(self, pixels: Any, tensors: Sequence[Any]) -> Any:
        torch = load_torch()
        channels = [
            tensors[0][channel].index_select(0, pixels[:, channel].reshape(-1).int()) for channel in range(3)
        ]
        shape = (pixels.shape[0], *pixels.shape[2:])
        return torch.stack([channel.reshape(shape) for channel in channels], dim=1)

    def _tensors(self, device: str) -> Sequence[Any]:
        known: Sequence[Any] | None = self._at.get(device)
        if known is None:
            torch = load_torch()
            arrays = (
                [self.table] if self.arithmetic is None else [v.reshape(3, 1, 1) for _, v in self.arithmetic]
            )
            known = self._at[device] = [torch.from_numpy(array).to(device) for array in arrays]
        return known


def _table(steps: Sequence[Step]) -> Table:
    """Return float32 (3, 256), in the arithmetic of the transformers processors with Pillow."""
    levels = np.tile(np.arange(256, dtype=np.float32), (3, 1))
    for step in steps:
        if step.name == "rescale":
            # The processors multiply in float64 and round once; float32 throughout differs in the last bit.
            levels = (levels.astype(np.float64) * step["factor"]).astype(np.float32)
            levels = levels + np.float32(step["offset"])
        elif step.name == "normalize":
            levels = (levels - _channels(step["mean"])[:, None]) / _channels(step["std"])[:, None]
    return levels


def _arithmetic(steps: Sequence[Step]) -> tuple[tuple[str, Table], ...]:
    made: list[tuple[str, Table]] = []
    for step in steps:
        if step.name == "rescale" and step["factor"]:
            made.append(("div", _channels([1 / step["factor"]] * 3)))
            if step["offset"]:
                made.append(("sub", _channels([-step["offset"]] * 3)))
        elif step.name == "normalize":
            made += [("sub", _channels(step["mean"])), ("div", _channels(step["std"]))]
    return tuple(made)


def _carried_out(arithmetic: Sequence[tuple[str, Table]]) -> Table:
    levels = np.tile(np.arange(256, dtype=np.float32), (3, 1))
    for name, values in arithmetic:
        levels = levels - values[:, None] if name == "sub" else levels / values[:, None]
    return levels


def _channels(values: Sequence[float]) -> Table:
    return np.asarray(values, dtype=np.float32)
