"""Encode items: in item order, in bounded memory, with bits that depend on the item alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from embver.encode.batches import Batch, BatchPlan
from embver.encode.forward import Forward
from embver.encode.inputs import MOST_REPORTED, Window, prepared, raise_problems
from embver.encode.memory import keep_freed_memory
from embver.encode.meter import Meter
from embver.encode.models import LoadedEncoder, Rows, load_encoder
from embver.encode.profiles import profile_mode, run_plan
from embver.encode.runtime import one_thread
from embver.encode.spec import EncoderSpec, Item
from embver.encode.steps import finite_rows

Progress = Callable[[int, int], None]

_BAD_VECTOR = "its vector is zero or not finite"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedSection:
    """Vectors (k, dimensions) float32 of the k items of a section that were encoded, in item order.

    `kept` holds their positions in the section; `skipped` the others: position, id and reason, by position.
    """

    index: int
    vectors: Rows
    kept: npt.NDArray[np.int64]
    skipped: tuple[tuple[int, str, str], ...]


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
    """Encode items into one array; see `encode_sections`. Raise EncodeError for bad items, MissingExtra without torch."""
    loaded = encoder if isinstance(encoder, LoadedEncoder) else load_encoder(encoder)
    begun, done = time.perf_counter(), 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, len(items))

    sections = list(encode_sections(loaded, [items], role=role, batch=batch, workers=workers, progress=count))
    elapsed_s = time.perf_counter() - begun
    return Encoded(
        vectors=sections[0].vectors,
        elapsed_s=elapsed_s,
        items_per_s=len(items) / elapsed_s if elapsed_s > 0 else 0.0,
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

    `progress` gets (done, total), where total is 0 if `items` has no length.
    """
    loaded = encoder if isinstance(encoder, LoadedEncoder) else load_encoder(encoder)
    size, source = loaded.steps.window_rows(run_plan(loaded, batch)), iter(items)
    total, done = len(items) if isinstance(items, Sized) else 0, 0

    def count(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    blocks = iter(lambda: tuple(islice(source, size)), ())
    sections = encode_sections(loaded, blocks, role=role, batch=batch, workers=workers, progress=count)
    with closing(sections):
        for section in sections:
            yield section.vectors


def encode_sections(
    encoder: LoadedEncoder,
    sections: Iterable[Sequence[Item]],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    workers: int | None = None,
    meter: Meter | None = None,
    skip: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Generator[EncodedSection, None, None]:
    """Yield the sections encoded, in order; the next ones are read, prepared and computed meanwhile.

    `role` picks the prompt of items that name none of their own; `progress` gets the number of rows just encoded. In
    the profile strict a row depends on its item, the spec and the environment alone: not on the order, the other
    items, the batch size, the threads or the workers. In any profile a section is a pure function of its items and
    the plan that runs, for batches never reach beyond it.

    An item that cannot be encoded, or whose vector is zero or not finite, is left out and named if `skip`. Otherwise
    the rest is only read, so that one EncodeError names up to 20 of them; nothing more is yielded. Until the generator
    is closed, the settings of torch are those of the profile.
    """
    plan = run_plan(encoder, batch)
    meter = Meter() if meter is None else meter
    encoder.spec.prompt(role)  # an unknown role fails before any work
    forward = Forward(encoder, plan, meter)
    meter.set_lanes("forward", forward.threads)
    keep_freed_memory()
    problems: list[tuple[Item, str]] = []
    since = time.perf_counter()
    with ExitStack() as stack:
        stack.enter_context(profile_mode(plan.profile))
        windows = stack.enter_context(
            closing(prepared(encoder, sections, role=role, plan=plan, workers=workers, meter=meter))
        )
        pool = ThreadPoolExecutor(
            forward.threads, thread_name_prefix="embver-forward", initializer=one_thread
        )
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)
        open_section: _OpenSection | None = None
        for running in _started(pool, forward, windows, problems, skip=skip):
            if open_section is None:
                open_section = _OpenSection(running.window, encoder.spec.dimensions)
            bad = open_section.take(running, progress)
            if bad and not skip:
                problems.extend(bad)
            if problems:
                if len(problems) >= MOST_REPORTED:
                    break
                open_section = None
            elif running.window.is_last:
                made, open_section = open_section.close(), None
                now = time.perf_counter()
                meter.add_items(encoder.spec.modality, len(made.vectors), now - since)
                since = now
                yield made
    raise_problems(problems, encoder.spec.card_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    """A window whose batches have been given to the threads."""

    window: Window
    good: Sequence[int]  # places in the window that the rows of the batches stand for
    batches: Sequence[tuple[Batch, Future[Rows]]]


def _started(
    pool: ThreadPoolExecutor,
    forward: Forward,
    windows: Iterable[Window],
    problems: list[tuple[Item, str]],
    *,
    skip: bool,
) -> Iterator[_Running]:
    """Yield windows in order, each after the next one has been started: the threads never wait for the taker.

    Without `skip`, what is wrong with items goes to `problems`, and once there are any, nothing is started any more.
    """
    ahead: deque[_Running] = deque()
    for window in windows:
        found = window.problems()
        if found and not skip:
            problems.extend(found)
        if problems:
            ahead.append(_Running(window=window, good=(), batches=()))
        else:
            ahead.append(_start(pool, forward, window, has_problems=bool(found)))
        if len(ahead) > 1:
            yield ahead.popleft()
    yield from ahead


def _start(pool: ThreadPoolExecutor, forward: Forward, window: Window, *, has_problems: bool) -> _Running:
    good: Sequence[int] = range(len(window.rows))
    rows: Sequence[npt.NDArray[np.generic] | list[int] | str] = window.rows
    if has_problems:
        good = [place for place, row in enumerate(window.rows) if not isinstance(row, str)]
        rows = [window.rows[place] for place in good]
    cut = forward.encoder.steps.batches(rows, forward.plan) if rows else ()
    return _Running(
        window=window, good=good, batches=[(batch, pool.submit(forward, rows, batch)) for batch in cut]
    )


class _OpenSection:
    """The rows of one section while its windows come in."""

    def __init__(self, window: Window, dimensions: int) -> None:
        self.index = window.section
        self.vectors = np.empty((window.section_rows, dimensions), dtype=np.float32)
        self.is_kept = np.zeros(window.section_rows, dtype=np.bool_)
        self.skipped: list[tuple[int, str, str]] = []

    def take(self, running: _Running, progress: Callable[[int], None] | None) -> list[tuple[Item, str]]:
        """Take a window's rows as they are ready; return the items whose vector cannot be stored."""
        window = running.window
        bad: list[int] = []
        for place, row in enumerate(window.rows):
            if isinstance(row, str):
                item = window.items[place]
                # As the manifest says it: the name that a message shows may tell where this machine keeps it.
                where = f" ({item.blob.named})" if item.blob is not None and item.blob.named else ""
                self.skipped.append((window.start + place, item.id, f"{row}{where}"))
        for batch, future in running.batches:
            rows = future.result()
            places = np.asarray([running.good[place] for place in batch.positions[: batch.kept]])
            is_good = finite_rows(rows)
            self.vectors[window.start + places] = rows
            self.is_kept[window.start + places] = is_good
            bad.extend(places[~is_good].tolist())
            if progress is not None:
                progress(len(places))
        self.skipped.extend((window.start + place, window.items[place].id, _BAD_VECTOR) for place in bad)
        return [(window.items[place], _BAD_VECTOR) for place in sorted(bad)]

    def close(self) -> EncodedSection:
        """Return the section, whose windows have all been taken."""
        kept = np.flatnonzero(self.is_kept)
        vectors = self.vectors if len(kept) == len(self.vectors) else self.vectors[kept]
        return EncodedSection(
            index=self.index, vectors=vectors, kept=kept, skipped=tuple(sorted(self.skipped))
        )
