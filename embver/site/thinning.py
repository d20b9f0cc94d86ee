"""Which of many points a drawing shows: those that its columns can tell apart. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

IS_DENSE = 40  # beyond so many versions they are drawn by column
_COLUMN = 2.5  # width in drawing units

# Place, value, and the interval where one is known.
Numbers = tuple[int, float, float | None, float | None]


def thinned(points: Iterable[Numbers], x: Callable[[int], float], *, width: float = _COLUMN) -> list[Numbers]:
    """Return of each column its lowest and its highest point, in order; the first has the widest interval of all."""
    columns: dict[int, list[Numbers]] = {}
    for point in points:
        columns.setdefault(int(x(point[0]) // width), []).append(point)
    kept: list[Numbers] = []
    for members in columns.values():
        lows = [low for _, _, low, _ in members if low is not None]
        highs = [high for _, _, _, high in members if high is not None]
        low, high = (min(lows), max(highs)) if lows and highs else (None, None)
        ends = {min(members, key=lambda point: point[1]), max(members, key=lambda point: point[1])}
        for place, (index, value, _, _) in enumerate(sorted(ends)):
            kept.append((index, value, low, high) if place == 0 else (index, value, None, None))
    return kept


def drawn(points: Iterable[Numbers], x: Callable[[int], float], y: Callable[[float], float]) -> list[str]:
    """Return the band and the line of a run of many points; a line of whole units is as fine as the drawing."""
    kept = thinned(points, x)
    banded = [(index, low, high) for index, _, low, high in kept if low is not None and high is not None]
    parts = []
    if len(banded) > 1:
        corners = [f"{x(index):.0f},{y(high):.0f}" for index, _, high in banded]
        corners += [f"{x(index):.0f},{y(low):.0f}" for index, low, _ in reversed(banded)]
        parts.append(f'<polygon class="ev-band" points="{" ".join(corners)}"/>')
    line = " ".join(f"{x(index):.0f},{y(value):.0f}" for index, value, _, _ in kept)
    parts.append(f'<polyline class="ev-line" points="{line}"/>')
    return parts
