"""Read and prepare items ahead of the forward, and name those that cannot be."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from embver.encode.batches import BatchPlan
from embver.encode.meter import Meter
from embver.encode.models import LoadedEncoder
from embver.encode.spec import Item
from embver.encode.steps import Row
from embver.errors import EncodeError

MOST_REPORTED: Final = 20

_WINDOWS_AHEAD: Final = 2
# A task of a modality that one thread prepares: long enough for the tokenizer's own threads, short enough to stop.
_ITEMS_A_TASK: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Consecutive items of one section and their prepared rows; a batch never reaches beyond its window."""

    section: int
    section_rows: int
    start: int  # of the window in its section
    items: Sequence[Item]
    rows: list[Row]

    @property
    def is_last(self) -> bool:
        """Tell whether the section ends with this window."""
        return self.start + len(self.items) == self.section_rows

    def problems(self) -> list[tuple[Item, str]]:
        """Return the items that cannot be encoded, with the reason."""
        return [(item, row) for item, row in zip(self.items, self.rows, strict=True) if isinstance(row, str)]


def worker_count(encoder: LoadedEncoder, workers: int | None) -> int:
    """Return how many threads prepare: what was asked for, else one a core, at most eight."""
    return 1 if encoder.steps.items_a_task is None else workers or min(8, os.cpu_count() or 1)


def prepared(
    encoder: LoadedEncoder,
    sections: Iterable[Sequence[Item]],
    *,
    role: str | None,
    plan: BatchPlan,
    workers: int | None,
    meter: Meter,
) -> Generator[Window, None, None]:
    """Yield windows of prepared rows in item order, read by a few threads ahead of whoever takes them.

    Threads are enough: Pillow and the tokenizers let go of the interpreter's lock while they work.
    """
    steps, spec = encoder.steps, encoder.spec
    step = steps.items_a_task or _ITEMS_A_TASK
    count = worker_count(encoder, workers)
    for stage in ("decode", "preprocess"):
        meter.set_lanes(stage, count)

    def prompt(item: Item) -> str:
        return spec.prompt(item.role or role)

    def prepare(items: Sequence[Item]) -> list[Row]:
        with meter.stage("preprocess"):
            # Lists of ints take ten times the memory of arrays, and a window holds thousands of them.
            return [
                np.asarray(row, np.int32) if isinstance(row, list) else row
                for row in steps.prepare(items, prompt)
            ]

    source = _cut(sections, steps.window_rows(plan), meter)
    pending: deque[tuple[_Part, list[Future[list[Row]]]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="embver-prepare") as pool:
        try:
            while True:
                while len(pending) <= _WINDOWS_AHEAD and (part := next(source, None)) is not None:
                    tasks = [part.items[start : start + step] for start in range(0, len(part.items), step)]
                    pending.append((part, [pool.submit(prepare, task) for task in tasks]))
                if not pending:
                    return
                part, futures = pending.popleft()
                yield Window(
                    section=part.section,
                    section_rows=part.section_rows,
                    start=part.start,
                    items=part.items,
                    rows=[row for future in futures for row in future.result()],
                )
        finally:  # the taker stopped or failed: nothing still waiting shall start
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    section: int
    section_rows: int
    start: int
    items: Sequence[Item]


def _cut(sections: Iterable[Sequence[Item]], size: int, meter: Meter) -> Iterator[_Part]:
    """Yield the sections in parts of at most `size` items; a section without items is one part without items."""
    for section, items in enumerate(sections):
        rows = len(items)
        for start in range(0, max(rows, 1), size):
            with meter.stage("read"):  # a corpus reads the lines of its manifest when it is asked for items
                part = tuple(items[start : start + size])
            yield _Part(section=section, section_rows=rows, start=start, items=part)


def raise_problems(problems: Sequence[tuple[Item, str]], card_path: str) -> None:
    """Raise one EncodeError that names the items that cannot be encoded; do nothing if there are none."""
    if not problems:
        return
    shown = [
        f"  {item.id}: {reason}" + (f" ({item.blob.name})" if item.blob is not None else "")
        for item, reason in problems[:MOST_REPORTED]
    ]
    many = f"at least {MOST_REPORTED}" if len(problems) >= MOST_REPORTED else str(len(problems))
    raise EncodeError(
        f"{card_path}: {many} item{'s' if len(problems) > 1 else ''} cannot be encoded\n" + "\n".join(shown),
        hint="repair or remove them, or leave them out: --on-error skip; nothing has been written",
    )
