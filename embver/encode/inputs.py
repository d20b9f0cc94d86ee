"""Read and prepare items ahead of the forward, and put prepared rows into the tensors of a batch."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from embver.encode.batches import Batch, BatchPlan, image_batches, text_batches
from embver.encode.images import Pixels
from embver.encode.models import LoadedEncoder
from embver.encode.runtime import load_torch
from embver.encode.spec import Item
from embver.errors import EncodeError

MOST_REPORTED: Final = 20

_TEXT_WINDOW: Final = 4096
_IMAGE_WINDOW_BYTES: Final = 64 << 20
_ITEMS_A_TASK: Final = 16  # a task costs about 50 us, as much as decoding a tiny image
_WINDOWS_AHEAD: Final = 2

# A prepared row: token ids, pixels, or the words for what is wrong with the item.
Row = list[int] | Pixels | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Consecutive items and their prepared rows; a batch never reaches beyond its window."""

    items: tuple[Item, ...]
    rows: list[Row]

    def problems(self) -> list[tuple[Item, str]]:
        """Return the items that cannot be encoded, with the reason."""
        return [(item, row) for item, row in zip(self.items, self.rows, strict=True) if isinstance(row, str)]


def prepared(
    encoder: LoadedEncoder, items: Iterable[Item], *, role: str | None, plan: BatchPlan, workers: int | None
) -> Generator[Window, None, None]:
    """Yield windows of prepared rows in item order, read by a few threads ahead of whoever takes them.

    Threads are enough: Pillow and the tokenizers let go of the interpreter's lock while they work.
    """
    # One tokenizer cannot be used by two threads at once ("Already borrowed"), and it spreads a list by itself.
    count = 1 if encoder.text is not None else workers or min(8, os.cpu_count() or 1)
    source = iter(items)
    size = window_rows(encoder, plan)
    pending: deque[tuple[tuple[Item, ...], list[Future[list[Row]]]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="embver-prepare") as pool:
        try:
            while True:
                while len(pending) <= _WINDOWS_AHEAD and (part := tuple(islice(source, size))):
                    tasks = [
                        part[start : start + _ITEMS_A_TASK] for start in range(0, len(part), _ITEMS_A_TASK)
                    ]
                    tasks = tasks if encoder.image is not None else [part]
                    pending.append((part, [pool.submit(prepare, encoder, task, role=role) for task in tasks]))
                if not pending:
                    return
                part, futures = pending.popleft()
                yield Window(items=part, rows=[row for future in futures for row in future.result()])
        finally:  # the taker stopped or failed: nothing still waiting shall start
            pool.shutdown(wait=True, cancel_futures=True)


def prepare(encoder: LoadedEncoder, items: Sequence[Item], *, role: str | None) -> list[Row]:
    """Return a prepared row for each item; a text instead of a row says what is wrong with the item."""
    if encoder.image is not None:
        return [_pixels(encoder, item) for item in items]
    assert encoder.text is not None
    steps, spec = encoder.text, encoder.spec
    texts = [
        None if item.text is None else steps.clean(item.text, spec.prompt(item.role or role))
        for item in items
    ]
    tokens = iter(steps.tokens([text for text in texts if text is not None]))
    rows: list[Row] = ["has no text" if text is None else next(tokens) for text in texts]
    return ["has no tokens" if row == [] else row for row in rows]


def batches(encoder: LoadedEncoder, rows: Sequence[Row], plan: BatchPlan) -> Iterator[Batch]:
    """Yield the batches of a window's rows."""
    if encoder.image is not None:
        return image_batches(len(rows), plan, patches=encoder.patches)
    assert encoder.text is not None
    steps = encoder.text
    lengths = [len(row) for row in rows]
    return text_batches(lengths, plan, limit=steps.max_length, to_limit=steps.pads_to_max)


def model_inputs(encoder: LoadedEncoder, rows: Sequence[Row], batch: Batch) -> Mapping[str, Any]:
    """Return the model's input tensors of one batch, on its device."""
    torch = load_torch()
    chosen = [rows[position] for position in batch.positions]
    if encoder.image is not None:
        pixels = torch.from_numpy(np.stack(chosen)).to(encoder.device)
        table = torch.from_numpy(encoder.image.table()).to(encoder.device)
        channels = [
            table[channel].index_select(0, pixels[:, channel].reshape(-1).int()) for channel in range(3)
        ]
        shape = (len(chosen), encoder.image.height, encoder.image.width)
        return {"pixel_values": torch.stack([channel.reshape(shape) for channel in channels], dim=1)}
    assert encoder.text is not None
    ids = np.full((len(chosen), batch.length), encoder.text.pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for index, row in enumerate(chosen):
        place = slice(batch.length - len(row), None) if encoder.text.pads_left else slice(0, len(row))
        ids[index, place], mask[index, place] = row, 1
    inputs = {"input_ids": torch.from_numpy(ids).to(encoder.device)}
    if encoder.text.wants_mask:
        inputs["attention_mask"] = torch.from_numpy(mask).to(encoder.device)
    return inputs


def window_rows(encoder: LoadedEncoder, plan: BatchPlan) -> int:
    """Return the rows of a window: whole batches, bounded in memory."""
    if encoder.image is None:
        return max(_TEXT_WINDOW, plan.rows)
    row_bytes = 3 * encoder.image.height * encoder.image.width
    return plan.rows * max(1, min(_IMAGE_WINDOW_BYTES // (row_bytes * plan.rows), _TEXT_WINDOW // plan.rows))


def raise_problems(problems: Sequence[tuple[Item, str]], card_path: str) -> None:
    """Raise one EncodeError that names the items that cannot be encoded; do nothing if there are none."""
    if not problems:
        return
    shown = [
        f"  {item.id}: {reason}" + (f" ({item.path})" if item.path is not None else "")
        for item, reason in problems[:MOST_REPORTED]
    ]
    many = f"at least {MOST_REPORTED}" if len(problems) >= MOST_REPORTED else str(len(problems))
    raise EncodeError(
        f"{card_path}: {many} item{'s' if len(problems) > 1 else ''} cannot be encoded\n" + "\n".join(shown),
        hint="repair or remove them; nothing has been written",
    )


def _pixels(encoder: LoadedEncoder, item: Item) -> Row:
    assert encoder.image is not None
    if item.path is None:
        return "has no image file"
    try:
        return encoder.image.pixels(item.path)
    except ValueError as error:
        return str(error)
