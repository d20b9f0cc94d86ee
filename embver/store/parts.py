"""Do the same to many things in several processes: each takes a part, and what one cannot do is done here after all."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")
R = TypeVar("R")
MOST = 4  # processes: each costs memory, too


def in_parts(items: Sequence[T], work: Callable[[Sequence[T]], R], *, least: int) -> list[R]:
    """Return what `work` makes of each part of some items, in order; with fewer than `least` a part, of all in one.

    Processes begin as copies of this one, so `work` may be any function; what it returns is sent back, and what it writes
    to files stays. A part whose process failed is done again here, where its error is raised.
    """
    count = min(MOST, os.cpu_count() or 1, len(items) // max(1, least)) if _may_fork() else 1
    size = -(-len(items) // max(1, count))
    parts = [items[at : at + size] for at in range(0, len(items), size)] if count > 1 else [items]
    if len(parts) < 2:
        return [work(part) for part in parts]
    from multiprocessing import get_context

    context = get_context("fork")
    started = []
    try:
        for part in parts[1:]:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_work, args=(theirs, work, part), daemon=True)
            process.start()
            theirs.close()  # so that its end is seen here
            started.append((process, ours, part))
        found = [work(parts[0])]
        for _, ours, part in started:
            result: list[R] = []  # empty where the process failed
            with contextlib.suppress(EOFError, OSError):
                result.append(ours.recv())
            found.append(result[0] if result else work(part))
        return found
    finally:
        for process, ours, _ in started:
            ours.close()
            process.terminate()
            process.join()


def _work(theirs: Connection, work: Callable[[Sequence[Any]], Any], part: Sequence[Any]) -> None:
    # Whatever goes wrong here is met again, and told, by the process that began this one.
    with contextlib.suppress(Exception, KeyboardInterrupt):
        theirs.send(work(part))
    theirs.close()


def _may_fork() -> bool:
    """Tell whether a copy of this process can go on: not where threads hold locks, nor with the libraries of macOS."""
    return sys.platform == "linux" and threading.active_count() == 1
