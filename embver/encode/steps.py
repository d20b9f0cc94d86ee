"""What the runner asks of a modality: items in, prepared rows; rows in, batches and the model's input tensors.

A modality is one class with these methods (`texts.TextSteps`, `images.ImageSteps`), made from a card's steps. The
runner knows nothing else of texts and images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embver.encode.batches import Batch, BatchPlan
from embver.encode.spec import Item

# A prepared row: token ids, or an array such as uint8 pixels or samples; the words for what is wrong with the item
# instead of a row that cannot be.
Row = list[int] | npt.NDArray[Any] | str
Prompt = Callable[[Item], str]


class ModalitySteps(Protocol):
    """A card's steps of one modality, ready to run. Nothing about a row may depend on another."""

    @property
    def items_a_task(self) -> int | None:
        """Return how many items one thread prepares at once; None if a window is one task, and only one runs."""

    def window_rows(self, plan: BatchPlan) -> int:
        """Return the rows of a window: whole batches, bounded in memory."""

    def prepare(self, items: Sequence[Item], prompt: Prompt) -> list[Row]:
        """Return a row for each item; called from several threads where `items_a_task` is a number."""

    def batches(self, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
        """Yield the batches of a window's rows, none of which is a text."""

    def inputs(self, rows: Sequence[Row], batch: Batch, device: str) -> Mapping[str, Any]:
        """Return the model's input tensors of one batch, on its device."""


def finite_rows(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return which rows (n, dimensions) can be stored: finite and not zero, as which nothing could be found."""
    return np.asarray(np.isfinite(rows).all(axis=1) & rows.any(axis=1))
