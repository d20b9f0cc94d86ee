"""What an accelerator is measured by: raw forwards, the decode limit, pixels from memory, and equal bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.encode import ours
from benchmarks.encode.peers import forward


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CachedRows:
    """An encoder's image steps, but that every row is ready: what remains of the pipeline is measured alone."""

    steps: Any
    rows: Sequence[Any]

    @classmethod
    def of(cls, steps: Any, paths: Sequence[Path]) -> CachedRows:
        """Decode the files once."""
        return cls(steps=steps, rows=steps.prepare(ours.image_items(paths), str))

    @property
    def items_a_task(self) -> int | None:
        """Return how many items a thread takes at once."""
        return 256

    def items(self, count: int) -> list[Any]:
        """Return items that stand for the cached rows, in turns."""
        from embver.encode.spec import Item

        return [Item(id=str(place)) for place in range(count)]

    def prepare(self, items: Sequence[Any], prompt: Any) -> list[Any]:  # noqa: ARG002  (as steps have it)
        """Return the cached row of each item."""
        return [self.rows[int(item.id) % len(self.rows)] for item in items]

    def window_rows(self, plan: Any) -> int:
        """Return the rows of a window."""
        return int(self.steps.window_rows(plan))

    def batches(self, rows: Sequence[Any], plan: Any) -> Iterator[Any]:
        """Yield batches."""
        return iter(self.steps.batches(rows, plan))

    def inputs(self, rows: Sequence[Any], batch: Any, device: str) -> Mapping[str, Any]:
        """Return the model's tensors of a batch."""
        made: Mapping[str, Any] = self.steps.inputs(rows, batch, device)
        return made


def raw_rates(encoder: Any, tries: Sequence[int], *, seconds: float) -> dict[int, float]:
    """Return images a second of the forward alone, by rows a batch; pixels lie on the device in the model's dtype."""
    from embver.encode.runtime import load_torch

    torch = load_torch()
    dtype = next(encoder.model.parameters()).dtype
    rates: dict[int, float] = {}
    for rows in tries:
        shape = (rows, 3, encoder.steps.height, encoder.steps.width)
        pixels = torch.randn(shape, device=encoder.device, dtype=dtype)
        try:
            with torch.inference_mode():
                for _ in range(3):  # kernels are chosen and memory is taken the first time
                    forward(encoder.model, {"pixel_values": pixels})
                _wait(torch, encoder.device)
                done, begun = 0, time.perf_counter()
                while time.perf_counter() - begun < seconds:
                    for _ in range(4):
                        forward(encoder.model, {"pixel_values": pixels})
                    _wait(torch, encoder.device)
                    done += 4 * rows
                rates[rows] = done / (time.perf_counter() - begun)
        except torch.OutOfMemoryError:
            break
    return rates


def decode_limit(encoder: Any, paths: Sequence[Path], workers: int) -> float:
    """Return images a second of reading, decoding and resizing alone, on all workers; a file may come again."""
    from embver.encode.runtime import one_thread

    items = iter(ours.image_items(paths))
    size = encoder.steps.items_a_task or 16
    tasks = list(iter(lambda: list(islice(items, size)), []))
    begun = time.perf_counter()
    with ThreadPoolExecutor(workers, initializer=one_thread) as pool:
        done = sum(len(rows) for rows in pool.map(lambda task: encoder.steps.prepare(task, str), tasks))
    return done / (time.perf_counter() - begun)


def determinism(encoder: Any, paths: Sequence[Path], *, workers: int) -> dict[str, bool]:
    """Encode the same files in other ways; tell of each whether every byte is the same."""
    items = ours.image_items(paths)
    plan = ours.plan_of("strict")
    truth = _vectors(encoder, [items], plan, workers)
    order = np.random.default_rng(0).permutation(len(items))
    half = len(items) // 2
    steps = CachedRows.of(encoder.steps, paths)
    ways = {
        "a second run": _vectors(encoder, [items], plan, workers),
        "one worker": _vectors(encoder, [items], plan, 1),
        "resumed in the middle": np.concatenate(
            [_vectors(encoder, [items[:half]], plan, workers), _vectors(encoder, [items[half:]], plan, workers)]
        ),
        "another order": _vectors(encoder, [[items[place] for place in order]], plan, workers)[np.argsort(order)],
        "pixels from memory": _vectors(replace(encoder, steps=steps), [steps.items(len(items))], plan, None),
    }  # fmt: skip
    return {name: rows.tobytes() == truth.tobytes() for name, rows in ways.items()}


def _vectors(encoder: Any, sections: Sequence[Sequence[Any]], plan: Any, workers: int | None) -> Any:
    from embver.encode.runner import encode_sections

    found = encode_sections(encoder, sections, batch=plan, workers=workers)
    return np.concatenate([section.vectors for section in found])


def _wait(torch: Any, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
