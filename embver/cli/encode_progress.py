"""What a person sees while `embver encode` runs: a bar on a terminal, now and then a line elsewhere, all on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from embver.cli.output import Output

Report = Callable[[str, int, int], None]  # what is encoded, items done, items in all

LINE_EVERY_S: Final = 15.0
_ENOUGH_S: Final = 1.0  # what is shorter says nothing about speed


class Pace:
    """How fast one kind of items goes: counted from the first report on, which may start behind finished work."""

    def __init__(self, done: int, now_s: float) -> None:
        self._begun, self._since_s = done, now_s

    def rate(self, done: int, now_s: float) -> float | None:
        """Return items a second; None before there is enough to tell."""
        elapsed_s = now_s - self._since_s
        is_enough = done > self._begun and elapsed_s >= _ENOUGH_S
        return (done - self._begun) / elapsed_s if is_enough else None


@contextmanager
def encode_progress(
    out: Output, *, is_quiet: bool = False, clock: Callable[[], float] = time.perf_counter
) -> Iterator[Report]:
    """Yield a function (what, done, total) that shows how far the run is; it shows nothing if `is_quiet`."""
    if is_quiet:
        yield _silent
        return
    if not sys.stderr.isatty():
        yield plain_lines(out.say, clock)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, tuple[TaskID, Pace]] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def draw(what: str, done: int, total: int) -> None:
            now_s = clock()
            if what not in tasks:
                task = bar.add_task(what, total=total, completed=done, rate="")
                tasks[what] = (task, Pace(done, now_s))
            task, pace = tasks[what]
            bar.update(task, completed=done, total=total, rate=rate_text(pace.rate(done, now_s)))

        yield draw


def plain_lines(say: Callable[[str], None], clock: Callable[[], float]) -> Report:
    """Return a function that says a line every 15 seconds, and one when a kind of items is done."""
    paces: dict[str, Pace] = {}
    finished: set[str] = set()
    last_s = clock()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last_s
        now_s = clock()
        pace = paces.setdefault(what, Pace(done, now_s))
        is_done = done >= total
        if what in finished or not (is_done or now_s - last_s >= LINE_EVERY_S):
            return
        last_s = now_s
        line = f"  {what}: {done:,} of {total:,}"
        rate = pace.rate(done, now_s)
        if is_done:
            finished.add(what)
        if rate is not None:
            line += f", {rate_text(rate)}"
            if not is_done:
                line += f", {duration((total - done) / rate)} left"
        say(line)

    return report


def rate_text(rate: float | None) -> str:
    """Return items a second as people read it."""
    if rate is None:
        return ""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def duration(seconds: float) -> str:
    """Return a time as people say it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""
