"""Work that is shared among processes gives what one process gives, whatever happens to the others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from embver.store import parts
from embver.store.parts import in_parts

HERE = os.getpid()


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(parts, "_may_fork", lambda: True)  # pytest-xdist has threads of its own


def doubled(part: Sequence[int]) -> list[int]:
    return [2 * each for each in part]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 101])
def test_the_parts_are_in_order(count: int) -> None:
    made = in_parts(range(count), doubled, least=1)
    assert [each for part in made for each in part] == [2 * each for each in range(count)]
    assert len(made) == (2 if count > 1 else 1)


def test_little_is_done_at_once() -> None:
    seen: list[int] = []
    in_parts(range(9), lambda part: seen.append(os.getpid()), least=5)
    assert seen == [HERE]


def test_another_process_does_its_part_and_what_it_writes_stays(tmp_path: Path) -> None:
    def write(part: Sequence[int]) -> int:
        for each in part:
            (tmp_path / str(each)).write_text(str(os.getpid()))
        return os.getpid()

    first, second = in_parts(range(10), write, least=1)
    assert first == HERE != second
    assert {int((tmp_path / str(each)).read_text()) for each in range(5, 10)} == {second}


@pytest.mark.parametrize("end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0)])
def test_the_part_of_a_process_that_ended_is_done_here(end: object) -> None:
    def work(part: Sequence[int]) -> list[int]:
        if os.getpid() != HERE:
            end()
        return doubled(part)

    assert in_parts(range(4), work, least=1) == [[0, 2], [4, 6]]


def test_an_error_is_raised_here_wherever_it_happened() -> None:
    def work(part: Sequence[int]) -> list[int]:
        if 3 in part:
            raise ValueError("three")
        return doubled(part)

    for items in (range(4), (3, 0, 1, 2)):
        with pytest.raises(ValueError, match="three"):
            in_parts(items, work, least=1)


def test_nothing_is_copied_where_threads_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert in_parts(range(4), lambda part: os.getpid(), least=1) == [HERE]
    finally:
        stop.set()
        thread.join()
