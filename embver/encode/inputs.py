"""Read and prepare items ahead of the forward, and name those that cannot be."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

from embver.encode.batches import BatchPlan
from embver.encode.models import LoadedEncoder
from embver.encode.spec import Item
from embver.encode.steps import Row
from embver.errors import EncodeError

MOST_REPORTED: Final = 20

_WINDOWS_AHEAD: Final = 2


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
    steps, spec = encoder.steps, encoder.spec
    task_rows = steps.items_a_task
    count = 1 if task_rows is None else workers or min(8, os.cpu_count() or 1)
    source = iter(items)
    size = steps.window_rows(plan)

    def prompt(item: Item) -> str:
        return spec.prompt(item.role or role)

    pending: deque[tuple[tuple[Item, ...], list[Future[list[Row]]]]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="embver-prepare") as pool:
        try:
            while True:
                while len(pending) <= _WINDOWS_AHEAD and (part := tuple(islice(source, size))):
                    step = task_rows or len(part)
                    tasks = [part[start : start + step] for start in range(0, len(part), step)]
                    pending.append((part, [pool.submit(steps.prepare, task, prompt) for task in tasks]))
                if not pending:
                    return
                part, futures = pending.popleft()
                yield Window(items=part, rows=[row for future in futures for row in future.result()])
        finally:  # the taker stopped or failed: nothing still waiting shall start
            pool.shutdown(wait=True, cancel_futures=True)


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
        hint="repair or remove them; nothing has been written",
    )
