"""Drawings of the page "What moved the numbers": inline SVG that is right in light, dark and print. Pure.

A step's meaning is its triangle's direction and the words beside it; colour repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embver.series import Point, Series, Step
from embver.site.text import escape, number
from embver.site.thinning import IS_DENSE, drawn
from embver.site.trace_marks import LEFT, WIDTH, marks, version_of

_HEIGHT = 240.0
_RIGHT, _TOP, _BOTTOM = 30.0, 26.0, 46.0
_GRID = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MOST_TICKS = 8
_MOST_MARKS = 40  # beyond, only what is more than noise gets a mark

Place = Callable[[float], float]


def trace_chart(series: Series) -> str:
    """Return a series with its intervals, the steps that are more than noise, and where the line breaks."""
    low, high, grid = _scale(series)
    count = len(series.points)

    def x(index: float) -> float:
        span = WIDTH - LEFT - _RIGHT
        return (
            LEFT + span * (index + 0.5) / count
            if count < 4
            else LEFT + 20 + (span - 40) * index / (count - 1)
        )

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [_head(series)]
    for index in range(round((high - low) / grid) + 1):
        at = low + index * grid
        parts.append(
            f'<line class="ev-grid" x1="{LEFT:.0f}" x2="{WIDTH - 6:.0f}" y1="{y(at):.1f}" y2="{y(at):.1f}"/>'
            f' <text class="ev-tick" x="{LEFT - 8:.0f}" y="{y(at) + 4:.1f}" text-anchor="end">{_tick(at, grid)}</text>'
        )
    parts += _versions(series, x)
    where = {point.reference: index for index, point in enumerate(series.points)}
    parts += _breaks(series, where, x)
    for chain in _chains(series, where):
        parts += _line(series, chain, x, y)
    parts += marks(series, where, x, y)
    return "".join([*parts, "</svg>"])


def delta_drawing(step: Step, *, is_better: bool) -> str:
    """Return a step's difference with its interval beside zero, or nothing where no interval is known."""
    if step.delta is None or step.low is None or step.high is None:
        return ""
    tone = "ev-better" if is_better else "ev-worse"
    return _bar(step.delta, step.low, step.high, (step.low, step.high), tone, is_solid=False)


def share_drawing(value: float, low: float, high: float, bounds: tuple[float, float], *, tone: str) -> str:
    """Return a share as a bar from zero with its interval, over bounds that all shares of a step have."""
    return _bar(value, low, high, bounds, tone, is_solid=True)


def group_drawing(of_moved: float, of_asked: float) -> str:
    """Return two shares from 0 to 1, among the moved queries above among all: what stands out is longer above."""
    above, below = (118 * min(max(share, 0.0), 1.0) for share in (of_moved, of_asked))
    return (
        '<svg class="ev-ratio" viewBox="0 0 120 18" aria-hidden="true">'
        '<line class="ev-grid" x1="1" x2="1" y1="0" y2="18"/><line class="ev-grid" x1="119" x2="119" y1="0" y2="18"/>'
        f'<rect class="ev-fill" x="1" y="2" width="{above:.1f}" height="7"/>'
        f'<rect class="ev-empty" x="1" y="11" width="{below:.1f}" height="4.5"/></svg>'
    )


def bounds_of(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the least and the greatest of numbers and zero."""
    return min(0.0, *numbers), max(0.0, *numbers)


def _bar(
    value: float, low: float, high: float, bounds: tuple[float, float], tone: str, *, is_solid: bool
) -> str:
    left, right = bounds_of(bounds)
    spread = (right - left) or 1.0

    def x(at: float) -> float:
        return 6 + 148 * (at - left) / spread

    start, end = sorted((x(0.0), x(value)))
    body = (
        f'<rect x="{start:.1f}" y="4" width="{max(end - start, 0.8):.1f}" height="12"/>'
        if is_solid
        else f'<circle cx="{x(value):.1f}" cy="10" r="4"/>'
    )
    return (
        f'<svg class="ev-delta {tone}" viewBox="0 0 160 20" aria-hidden="true">'
        f'<line class="ev-zero" x1="{x(0.0):.1f}" x2="{x(0.0):.1f}" y1="0" y2="20"/>{body}'
        f'<line class="ev-range" x1="{x(low):.1f}" x2="{x(high):.1f}" y1="10" y2="10"/></svg>'
    )


def _head(series: Series) -> str:
    moved = [step for step in series.steps if step.is_significant]
    older = f"{len(moved) - _MOST_MARKS} older steps; " if len(moved) > _MOST_MARKS else ""
    told = older + ", ".join(
        f"{version_of(step.to)} {number(step.before)} to {number(step.after)}, {step.verdict}"
        for step in moved[-_MOST_MARKS:]
    )
    name = f"{series.metric} of {series.benchmark} over {len(series.points)} versions"
    return (
        f'<svg class="ev-chart ev-trace" viewBox="0 0 {WIDTH:.0f} {_HEIGHT:.0f}" role="img">'
        f" <title>{escape(name)}</title> <desc>{escape(told or 'no step is more than noise')}</desc>"
    )


def _versions(series: Series, x: Place) -> list[str]:
    """Return the versions below the axis; on a narrow screen every second one is left out (class `ev-far`)."""
    count = len(series.points)
    every = max(1, -(-count // _MOST_TICKS))
    parts = []
    for index, point in enumerate(series.points):
        back = count - 1 - index
        if back % every:
            continue
        far = " ev-far" if (back // every) % 2 else ""
        parts.append(
            f' <text class="ev-tick{far}" x="{x(index):.1f}" y="{_HEIGHT - 8:.0f}" text-anchor="middle">'
            f"{escape(version_of(point.reference))}</text>"
        )
    return parts


def _breaks(series: Series, where: dict[str, int], x: Place) -> list[str]:
    parts = []
    for step in series.steps:
        if step.delta is not None or step.not_comparable is None or step.to not in where:
            continue
        at = x(where[step.to] - 0.5)
        parts.append(
            f'<g class="ev-gap"> <title>{escape(version_of(step.to))}: {escape(step.not_comparable)}</title>'
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{_TOP - 6:.0f}" y2="{_HEIGHT - _BOTTOM + 10:.0f}"/>'
            f' <text class="ev-tick" x="{at:.1f}" y="{_TOP - 12:.0f}" text-anchor="middle">not comparable</text></g>'
        )
    return parts


def _chains(series: Series, where: dict[str, int]) -> list[list[int]]:
    """Return the runs of points that lines join: by ancestry, so that a fix of an old line branches off."""
    ends: dict[int, list[int]] = {}
    chains: list[list[int]] = []
    for step in series.steps:
        if step.delta is None:
            continue
        start, end = where.get(step.from_), where.get(step.to)
        if start is None or end is None:
            continue
        chain = ends.pop(start, None)
        if chain is None:
            chain = [start]
            chains.append(chain)
        chain.append(end)
        ends[end] = chain
    joined = {index for chain in chains for index in chain}
    alone = [
        [index]
        for index, point in enumerate(series.points)
        if point.value is not None and index not in joined
    ]
    return [*chains, *alone]


def _line(series: Series, chain: Sequence[int], x: Place, y: Place) -> list[str]:
    points = [(index, series.points[index]) for index in chain]
    if len(points) > IS_DENSE:
        numbers = [(i, point.value, point.low, point.high) for i, point in points if point.value is not None]
        return drawn(numbers, x, y)
    parts = [
        f'<polygon class="ev-band" points="{_corners(run, x, y)}"/>'
        for run in _banded(points)
        if len(run) > 1
    ]
    line = " ".join(
        f"{x(index):.1f},{y(point.value):.1f}" for index, point in points if point.value is not None
    )
    if len(points) > 1:
        parts.append(f'<polyline class="ev-line" points="{line}"/>')
    if len(series.points) > _MOST_MARKS:
        return parts
    for index, point in points:
        if point.value is None:
            continue
        if point.low is not None and point.high is not None:
            parts.append(
                f'<line class="ev-whisker" x1="{x(index):.1f}" x2="{x(index):.1f}" '
                f'y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
            )
        parts.append(
            f'<circle class="ev-dot" cx="{x(index):.1f}" cy="{y(point.value):.1f}" r="3.6">'
            f" <title>{escape(version_of(point.reference))}: {number(point.value)}</title></circle>"
        )
    return parts


def _banded(points: Sequence[tuple[int, Point]]) -> list[list[tuple[int, float, float]]]:
    """Return the runs of points that have an interval."""
    runs: list[list[tuple[int, float, float]]] = [[]]
    for index, point in points:
        if point.low is None or point.high is None:
            runs.append([])
        else:
            runs[-1].append((index, point.low, point.high))
    return runs


def _corners(run: Sequence[tuple[int, float, float]], x: Place, y: Place) -> str:
    above = [f"{x(index):.1f},{y(high):.1f}" for index, _, high in run]
    below = [f"{x(index):.1f},{y(low):.1f}" for index, low, _ in reversed(run)]
    return " ".join([*above, *below])


def _scale(series: Series) -> tuple[float, float, float]:
    """Return the bounds of the value axis and the distance of its lines: about four, at round numbers."""
    numbers = [n for point in series.points for n in (point.value, point.low, point.high) if n is not None]
    low, high = min(numbers), max(numbers)
    spread = max(high - low, abs(high) * 0.02, 1e-9)
    grid = next((each for each in _GRID if spread / each <= 4), 10.0 ** len(str(int(spread))) / 4)
    bottom, top = grid * (low // grid), grid * -(-high // grid)
    if series.unit == "fraction" and high <= 1.0 < top:
        top = 1.0
    return (bottom, top, grid) if top > bottom else (bottom - grid, bottom + grid, grid)


def _tick(value: float, grid: float) -> str:
    decimals = next((n for n in range(4) if round(grid, n) == grid), 3)
    return f"{value:.{decimals}f}"
