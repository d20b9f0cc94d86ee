"""Time variants in turns within one process: a busy machine slows all of them, so their ratios hold."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to do the same work: a function without arguments that does all of it and returns its rows."""

    name: str
    run: Callable[[], Any]
    at_most: int | None = None  # rounds; slow ones that need no precision run in the first few only


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What a variant took in each round: wall and processor seconds, for `items` items."""

    name: str
    items: int
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Return items per second, of the median round."""
        return self.items / statistics.median(self.wall_s)

    def speed_over(self, other: Timed) -> float:
        """Return how many times as fast as another this is: the median of the rounds' own ratios."""
        return _median_ratio(other.wall_s, self.wall_s)

    def thrift_over(self, other: Timed) -> float:
        """Return the same of processor time, which a busy machine moves less."""
        return _median_ratio(other.cpu_s, self.cpu_s)

    def spread(self) -> float:
        """Return the slowest round over the fastest."""
        return max(self.wall_s) / min(self.wall_s)


def run_in_turns(variants: Sequence[Variant], *, items: int, rounds: int) -> dict[str, Timed]:
    """Time every variant once a round; the order turns, so that none always follows the same other."""
    timed = {variant.name: Timed(name=variant.name, items=items) for variant in variants}
    for number in range(rounds):
        gc.collect()  # once a round, not once a call: it takes as long as a small variant
        for variant in _turned(variants, number):
            if variant.at_most is None or number < variant.at_most:
                wall_s, cpu_s = time_once(variant.run)
                timed[variant.name].wall_s.append(wall_s)
                timed[variant.name].cpu_s.append(cpu_s)
    return timed


def time_once(run: Callable[[], Any]) -> tuple[float, float]:
    """Return the wall and processor seconds of one call."""
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall_s, time.process_time() - cpu_s


def _turned(variants: Sequence[Variant], number: int) -> Iterator[Variant]:
    start = number % len(variants)
    yield from (*variants[start:], *variants[:start])


def _median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    # Rounds that only one of them ran have no pair.
    return statistics.median(a / b for a, b in zip(over, under, strict=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One number of the issue's table: what was reached, and what had to be."""

    what: str
    reached: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def is_met(self) -> bool:
        """Tell whether the bar is reached."""
        return (self.at_least is None or self.reached >= self.at_least) and (
            self.at_most is None or self.reached <= self.at_most
        )

    def format(self) -> str:
        """Return a row of a table."""
        wanted = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        return f"| {self.what} | {self.reached:.3g} | {wanted} | {'yes' if self.is_met else '**no**'} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One case: its timings, its bars, and remarks such as how far the rows of two variants lie apart."""

    case: str
    what: str
    timed: Sequence[Timed]
    limit: str | None = None  # the variant that the others are held against
    peer: str | None = None
    bars: Sequence[Bar] = ()
    notes: Sequence[str] = ()
    extra: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "case": self.case,
            "what": self.what,
            "timed": [
                {"name": one.name, "items": one.items, "wall_s": one.wall_s, "cpu_s": one.cpu_s}
                for one in self.timed
            ],
            "limit": self.limit,
            "peer": self.peer,
            "bars": [
                {
                    "what": bar.what,
                    "reached": bar.reached,
                    "at_least": bar.at_least,
                    "at_most": bar.at_most,
                    "is_met": bar.is_met,
                }
                for bar in self.bars
            ],
            "notes": list(self.notes),
            **self.extra,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Measured:
        """Read what `to_plain` wrote."""
        known = {"case", "what", "timed", "limit", "peer", "bars", "notes"}
        return cls(
            case=plain["case"],
            what=plain["what"],
            timed=[Timed(**one) for one in plain["timed"]],
            limit=plain["limit"],
            peer=plain["peer"],
            bars=[
                Bar(**{key: value for key, value in bar.items() if key != "is_met"}) for bar in plain["bars"]
            ],
            notes=plain["notes"],
            extra={key: value for key, value in plain.items() if key not in known},
        )
