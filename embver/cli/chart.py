"""A metric over versions, drawn with characters: points with their intervals, breaks where numbers are not comparable.

What a colour says is also said by a sign, and a terminal that knows only ASCII gets the same drawing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from embver.series import Point, Series

ROWS: Final = 9
_GAP: Final = 3  # between two versions' names
Paint = Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What a drawing is made of; `points` are those of the comparable lines, in turn."""

    points: str
    interval: str
    break_: str
    axis: str
    tick: str
    corner: str
    floor: str
    up: str
    down: str


UNICODE: Final = Signs(
    points="●○◆◇", interval="│", break_="┊", axis="│", tick="┤", corner="└", floor="─", up="▲", down="▼"
)
ASCII: Final = Signs(
    points="*ox+", interval=":", break_="!", axis="|", tick="+", corner="+", floor="-", up="^", down="v"
)


def columns() -> int:
    """Return how wide the terminal is; 80 where there is none."""
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError):
        return 80


def signs() -> Signs:
    """Return the signs that the standard output can show."""
    try:
        "●┊▲".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except UnicodeError:
        return ASCII
    return UNICODE


def draw(series: Series, *, width: int, signs: Signs = UNICODE, paint: Paint | None = None) -> list[str]:
    """Return the lines of a chart at most `width` wide; versions that find no place are left out from the old end."""
    labels = _ticks(series)
    margin = max(map(len, labels.values())) + 2
    room = max(width - margin - 1, 10)
    points = series.points[-room:]
    names = [point.reference.partition("@")[2] for point in points]
    step = max(1, min(max(map(len, names)) + _GAP, room // len(points)))
    low, high = min(labels), max(labels)
    grid = [[" "] * (step * len(points)) for _ in range(ROWS)]
    for column, point in enumerate(points):
        _draw_point(grid, column * step + step // 2, point, (low, high), signs)
    for column, (before, after) in enumerate(pairwise(points), start=1):
        if None not in (before.line, after.line) and before.line != after.line:
            for row in grid:
                row[column * step - (step > 1)] = signs.break_
    lines = []
    marked = {_row(value, low, high): text for value, text in labels.items()}
    for number, row in enumerate(grid):
        axis = signs.tick if number in marked else signs.axis
        lines.append(f"{marked.get(number, ''):>{margin - 1}} {axis}{''.join(row)}".rstrip())
    lines.append(f"{'':>{margin}}{signs.corner}{signs.floor * (step * len(points))}")
    lines.append(f"{'':>{margin + 1}}{_marks(series, points, step, signs, paint)}".rstrip())
    lines.append(f"{'':>{margin + 1}}{_names(names, step)}".rstrip())
    if len(points) < len(series.points):
        lines.append(f"{'':>{margin + 1}}the last {len(points)} of {len(series.points)} versions")
    return lines


def _ticks(series: Series) -> dict[float, str]:
    """Return the bottom, the middle and the top of the scale with how they are written."""
    ends = [end for point in series.points for end in (point.value, point.low, point.high) if end is not None]
    low, high = min(ends, default=0.0), max(ends, default=1.0)
    if low == high:
        low, high = low - (abs(low) or 1.0) / 10, high + (abs(high) or 1.0) / 10
    digits = next((n for n in range(1, 7) if round(high - low, n) >= 20 * 10**-n), 6)
    return {value: f"{value:.{digits}f}" for value in (low, (low + high) / 2, high)}


def _row(value: float, low: float, high: float) -> int:
    return round((ROWS - 1) * (1 - (value - low) / (high - low)))


def _draw_point(
    grid: list[list[str]], column: int, point: Point, scale: tuple[float, float], signs: Signs
) -> None:
    if point.value is None:
        return
    if point.low is not None and point.high is not None:
        for row in range(_row(point.high, *scale), _row(point.low, *scale) + 1):
            grid[row][column] = signs.interval
    grid[_row(point.value, *scale)][column] = signs.points[(point.line or 0) % len(signs.points)]


def _marks(series: Series, points: Sequence[Point], step: int, signs: Signs, paint: Paint | None) -> str:
    """Return the line that marks the versions at which the metric rose or fell."""
    paint = paint or _plain
    text = ""
    for point in points:
        found = series.step_to(point.reference)
        mark = " "
        if found is not None and found.is_significant:
            is_good = found.verdict == "improvement"
            is_up = (found.delta or 0.0) > 0
            mark = paint(signs.up if is_up else signs.down, "green" if is_good else "red")
        text += " " * (step // 2) + mark + " " * (step - step // 2 - 1)
    return text


def _plain(text: str, _: str) -> str:
    return text


def _names(names: Sequence[str], step: int) -> str:
    """Return the names of the versions below their points: every one, or as many as find room."""
    line = [" "] * max(step * len(names), *map(len, names))
    taken = -1
    every = range(len(names)) if step > 1 else [0, len(names) - 1]
    for column in every:
        name = names[column]
        start = max(0, min(column * step + step // 2 - len(name) // 2, len(line) - len(name)))
        if start > taken:
            line[start : start + len(name)] = name
            taken = start + len(name)
    return "".join(line)
