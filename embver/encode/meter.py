"""Count items and the seconds of each stage (read, decode, preprocess, forward, write), in any thread.

A thread is in one stage at a time: entering an inner stage stops the clock of the outer one, so that the seconds of
all stages add up to what the threads did.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

STAGES: Final = ("read", "decode", "preprocess", "forward", "write")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a meter counted: seconds by stage summed over threads, items by modality, and what else was noted."""

    seconds: Mapping[str, float]
    lanes: Mapping[str, int]  # how many threads share a stage's work; 1 where nobody said
    items: Mapping[str, int]
    elapsed_s: Mapping[str, float]  # by modality, of the clock on the wall
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def rates(self) -> dict[str, float]:
        """Return items a second by modality, where any time passed."""
        return {
            modality: round(count / self.elapsed_s[modality], 1)
            for modality, count in self.items.items()
            if self.elapsed_s.get(modality)
        }

    @property
    def shares(self) -> dict[str, float]:
        """Return each stage's share (0 to 1) of the work: its seconds, divided by the threads that share it."""
        work = {stage: self.seconds[stage] / self.lanes.get(stage, 1) for stage in self.seconds}
        total = sum(work.values())
        return {stage: round(seconds / total, 3) for stage, seconds in work.items()} if total else {}

    @property
    def slowest(self) -> str | None:
        """Return the stage with the largest share; None before anything was timed."""
        shares = self.shares
        return max(shares, key=lambda stage: shares[stage]) if shares else None

    def to_plain(self) -> dict[str, Any]:
        """Return the figures as plain data, for a receipt or a report."""
        return {
            "seconds": {stage: round(seconds, 4) for stage, seconds in self.seconds.items()},
            "lanes": dict(self.lanes),
            "items": dict(self.items),
            "elapsed_s": {modality: round(seconds, 4) for modality, seconds in self.elapsed_s.items()},
            "notes": dict(self.notes),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Figures:
        """Read what `to_plain` gave."""
        return cls(
            seconds=dict(plain["seconds"]),
            lanes=dict(plain["lanes"]),
            items=dict(plain["items"]),
            elapsed_s=dict(plain["elapsed_s"]),
            notes=dict(plain.get("notes") or {}),
        )


class Meter:
    """Counts for one run; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._lanes: dict[str, int] = {}
        self._items: dict[str, int] = {}
        self._elapsed_s: dict[str, float] = {}
        self._notes: dict[str, Any] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a block as a stage of this meter; `stage` below then works in the block without naming the meter."""
        before = _current()
        watch = _Watch(self, name)
        _THREAD.watch = watch
        try:
            yield
        finally:
            watch.turn(name)
            _THREAD.watch = before

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Add thread seconds to a stage."""
        with self._lock:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def set_lanes(self, stage: str, threads: int) -> None:
        """Say how many threads share the work of a stage."""
        with self._lock:
            self._lanes[stage] = threads

    def add_items(self, modality: str, count: int, elapsed_s: float) -> None:
        """Add encoded items and the seconds (on the wall) that passed meanwhile."""
        with self._lock:
            self._items[modality] = self._items.get(modality, 0) + count
            self._elapsed_s[modality] = self._elapsed_s.get(modality, 0.0) + elapsed_s

    def note(self, key: str, value: Any) -> None:
        """Keep what happened and belongs into the record, such as the rows that a batch was cut to."""
        with self._lock:
            self._notes[key] = value

    def figures(self) -> Figures:
        """Return what was counted so far, stages in the order of the work."""
        with self._lock:
            known = [stage for stage in STAGES if stage in self._seconds]
            rest = sorted(set(self._seconds) - set(known))
            return Figures(
                seconds={stage: self._seconds[stage] for stage in (*known, *rest)},
                lanes=dict(self._lanes),
                items=dict(self._items),
                elapsed_s=dict(self._elapsed_s),
                notes=dict(self._notes),
            )


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time a block inside of a metered one as another stage; do nothing where no meter runs in this thread."""
    watch = _current()
    if watch is None:
        yield
        return
    outer = watch.name
    watch.turn(outer)
    watch.name = name
    try:
        yield
    finally:
        watch.turn(name)
        watch.name = outer


class _Watch:
    """The stage that one thread is in, and since when."""

    __slots__ = ("meter", "name", "since")

    def __init__(self, meter: Meter, name: str) -> None:
        self.meter, self.name, self.since = meter, name, time.perf_counter()

    def turn(self, name: str) -> None:
        """Credit the time since the last turn to a stage."""
        now = time.perf_counter()
        self.meter.add_seconds(name, now - self.since)
        self.since = now


_THREAD = threading.local()


def _current() -> _Watch | None:
    watch: _Watch | None = getattr(_THREAD, "watch", None)
    return watch
