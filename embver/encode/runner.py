"""Encode items: in item order, in bounded memory, with bits that depend on the item alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from embver.encode.batches import LEAST_ROWS, Batch, BatchPlan
from embver.encode.inputs import MOST_REPORTED, Window, prepared, raise_problems
from embver.encode.models import LoadedEncoder, Rows, features, load_encoder
from embver.encode.runtime import load_torch, one_thread, strict_mode
from embver.encode.spec import EncoderSpec, Item
from embver.encode.steps import finite_rows
from embver.errors import EncodeError

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Encoded:
    """Vectors (n, dimensions) float32 in item order, and how fast they came (loading the model not counted)."""

    vectors: Rows
    elapsed_s: float
    items_per_s: float


def encode(
    encoder: EncoderSpec | LoadedEncoder,
    items: Sequence[Item],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Encoded:
    """Encode items into one array; see `iterate`. Raise EncodeError for bad items, MissingExtra without torch."""
    loaded = encoder if isinstance(encoder, LoadedEncoder) else load_encoder(encoder)
    vectors = np.empty((len(items), loaded.spec.dimensions), dtype=np.float32)
    begun, done = time.perf_counter(), 0
    for rows in iterate(loaded, items, role=role, batch=batch, progress=progress, workers=workers):
        vectors[done : done + len(rows)] = rows
        done += len(rows)
    elapsed_s = time.perf_counter() - begun
    return Encoded(
        vectors=vectors, elapsed_s=elapsed_s, items_per_s=done / elapsed_s if elapsed_s > 0 else 0.0
    )


def iterate(
    encoder: EncoderSpec | LoadedEncoder,
    items: Iterable[Item],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Generator[Rows, None, None]:
    """Yield blocks of float32 rows (k, dimensions) in item order, holding a few windows of items in memory.

    `role` picks the prompt of items that name none of their own; `progress` gets (done, total), where total is 0
    if `items` has no length. A row depends on its item, the spec and the environment alone: not on the order, the
    other items, the batch size, the threads or the workers. Once an item turns out bad, the rest is only read,
    so that one EncodeError names up to 20 of them; nothing more is yielded.
    """
    loaded = encoder if isinstance(encoder, LoadedEncoder) else load_encoder(encoder)
    plan = (batch or BatchPlan()).on(loaded.device)
    loaded.spec.prompt(role)  # an unknown role fails before any work
    total = len(items) if isinstance(items, Sized) else 0
    problems: list[tuple[Item, str]] = []
    done = 0
    with ExitStack() as stack:
        windows = stack.enter_context(closing(prepared(loaded, items, role=role, plan=plan, workers=workers)))
        pool = ThreadPoolExecutor(loaded.threads, thread_name_prefix="embver-forward", initializer=one_thread)
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        for window in windows:
            problems.extend(window.problems())
            if len(problems) >= MOST_REPORTED:
                break
            if problems:
                continue
            rows = np.empty((len(window.items), loaded.spec.dimensions), dtype=np.float32)
            # Entered a window at a time: what is between two windows is the caller's, and torch's settings too.
            with strict_mode():
                made = pool.map(
                    partial(_forward, loaded, window, plan), loaded.steps.batches(window.rows, plan)
                )
                for positions, part in made:
                    rows[positions] = part
                    done += len(part)
                    if progress is not None:
                        progress(done, total)
            _check_finite(loaded, window, rows)
            yield rows
    raise_problems(problems, loaded.spec.card_path)


def _forward(encoder: LoadedEncoder, window: Window, plan: BatchPlan, batch: Batch) -> tuple[list[int], Rows]:
    """Return the places in the window that one batch fills, and their rows; runs in a thread of its own."""
    torch = load_torch()
    try:
        made = features(encoder, encoder.steps.inputs(window.rows, batch, encoder.device))
    except torch.OutOfMemoryError:
        half = max(LEAST_ROWS, plan.rows // 2)
        raise EncodeError(
            f"{encoder.spec.card_path}: no memory for {len(batch.positions)} rows at once",
            hint=f"set a batch of {half} rows",
        ) from None
    except (RuntimeError, ValueError) as error:
        raise EncodeError(f"{encoder.spec.card_path}: the model fails on a batch: {error}") from error
    return list(batch.positions[: batch.kept]), made[: batch.kept]


def _check_finite(encoder: LoadedEncoder, window: Window, rows: Rows) -> None:
    bad = np.flatnonzero(~finite_rows(rows))
    reason = "its vector is zero or not finite"
    raise_problems([(window.items[index], reason) for index in bad], encoder.spec.card_path)
