"""Charts as inline SVG: no script, no request, colours from the page's own scheme. Pure.

Lines use `currentColor` and the classes of embver.css, so one drawing is right in light, dark and print; what a
colour says is also said by place, sign or word. Text size is in drawing units: a chart is shown near its own width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from embver.site.series import Point, Series
from embver.site.text import escape, number

_WIDTH, _HEIGHT = 280.0, 172.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 12.0, 12.0, 28.0
Run = list[tuple[int, Point]]
_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)


def line_chart(series: Series, levels: Sequence[str]) -> str:
    """Return one metric over versions with its confidence band; `levels` colour and shape the points."""
    low, high, step = _scale(series)
    count = len(series.points)

    def x(index: int) -> float:
        span = _WIDTH - _LEFT - _RIGHT
        return _LEFT + (span * (index + 0.5) / count if count < 4 else 12 + (span - 24) * index / (count - 1))

    def y(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low))

    parts = [_head(series)]
    for index in range(round((high - low) / step) + 1):
        tick = low + index * step
        parts.append(
            f'<line class="ev-grid" x1="{_LEFT:.0f}" x2="{_WIDTH - 4:.0f}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
            f'<text class="ev-tick" x="{_LEFT - 7:.0f}" y="{y(tick) + 4:.1f}" text-anchor="end">{_tick(tick, step)}</text>'
        )
    every = max(1, -(-count // 5))
    for index, point in enumerate(series.points):
        if (count - 1 - index) % every == 0:
            parts.append(
                f'<text class="ev-tick" x="{x(index):.1f}" y="{_HEIGHT - 8:.0f}" text-anchor="middle">{escape(point.version)}</text>'
            )
    for run in _runs(series.points):
        parts += _run(run, levels, x, y)
    return "".join([*parts, "</svg>"])


def sparkline(series: Series) -> str:
    """Return a metric over versions as a small line without axes, over its intervals so that noise looks like noise."""
    known = [(index, point) for index, point in enumerate(series.points) if point.value is not None]
    low, high = _bounds(series)
    spread = (high - low) or 1.0
    count = max(len(series.points) - 1, 1)

    def place(index: int, value: float | None) -> str:
        return f"{6 + 108 * index / count:.1f},{33 - 28 * ((value or 0.0) - low) / spread:.1f}"

    line = " ".join(place(index, point.value) for index, point in known)
    banded = [(index, point) for index, point in known if point.low is not None and point.high is not None]
    band = [place(index, point.high) for index, point in banded]
    band += [place(index, point.low) for index, point in reversed(banded)]
    told = ", ".join(f"{point.version} {number(point.value)}" for _, point in known)
    x, y = place(known[-1][0], known[-1][1].value).split(",")
    return (
        f'<svg class="ev-spark" viewBox="0 0 120 38" role="img"><title>{escape(series.metric)}: {escape(told)}</title>'
        f'<polygon class="ev-band" points="{" ".join(band)}"/><polyline points="{line}"/>'
        f'<circle cx="{x}" cy="{y}" r="3.6"/></svg>'
    )


def interval(before: tuple[float, float, float] | None, after: tuple[float, float, float]) -> str:
    """Return two (low, value, high) over one scale, the earlier one above: what does not overlap is no noise."""
    known = [entry for entry in (before, after) if entry]
    low, high = min(entry[0] for entry in known), max(entry[2] for entry in known)
    spread = (high - low) or 1.0

    def bar(entry: tuple[float, float, float], y: int, kind: str) -> str:
        a, m, b = (6 + 108 * (value - low) / spread for value in entry)
        return (
            f'<g class="{kind}"><line x1="{a:.1f}" x2="{b:.1f}" y1="{y}" y2="{y}"/>'
            f'<circle cx="{m:.1f}" cy="{y}" r="3.2"/></g>'
        )

    drawn = (bar(before, 6, "ev-before") if before else "") + bar(after, 16 if before else 11, "ev-after")
    return f'<svg class="ev-interval" viewBox="0 0 120 22" aria-hidden="true">{drawn}</svg>'


def _head(series: Series) -> str:
    told = ", ".join(
        f"{point.version} {number(point.value)}"
        + (
            f" ({number(point.low)} to {number(point.high)})"
            if point.low is not None and point.high is not None
            else ""
        )
        for point in series.known
    )
    name = f"{series.metric} of {series.benchmark} over versions"
    return (
        f'<svg class="ev-chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img">'
        f"<title>{escape(name)}</title><desc>{escape(told)}</desc>"
    )


def _run(
    run: Run, levels: Sequence[str], x: Callable[[int], float], y: Callable[[float], float]
) -> list[str]:
    parts = []
    for (i, old), (j, new) in pairwise(run):
        if None not in (old.low, old.high, new.low, new.high):
            corners = ((i, old.low), (j, new.low), (j, new.high), (i, old.high))
            drawn = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in corners if value is not None)
            parts.append(f'<polygon class="ev-band" points="{drawn}"/>')
    line = " ".join(f"{x(index):.1f},{y(point.value):.1f}" for index, point in run if point.value is not None)
    parts.append(f'<polyline class="ev-line" points="{line}"/>')
    for index, point in run:
        assert point.value is not None
        if point.low is not None and point.high is not None:
            parts.append(
                f'<line class="ev-whisker" x1="{x(index):.1f}" x2="{x(index):.1f}" '
                f'y1="{y(point.low):.1f}" y2="{y(point.high):.1f}"/>'
            )
        parts.append(
            _mark(levels[index], x(index), y(point.value), f"{point.version}: {number(point.value)}")
        )
    return parts


def _mark(level: str, x: float, y: float, told: str) -> str:
    """Return a point whose shape is its level's sign: a triangle breaks, a diamond adds, a disc fixes."""
    shapes = {
        "major": f'<path d="M{x:.1f} {y - 5.5:.1f}l5.5 9.5h-11z"',
        "minor": f'<path d="M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"',
        "patch": f'<path d="M{x:.1f} {y + 5.5:.1f}l5.5 -9.5h-11z"',
    }
    shape = shapes.get(level, f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.2"')
    return f'{shape} class="ev-mark ev-{escape(level)}"><title>{escape(told)}</title></{shape[1:].split(" ")[0]}>'


def _scale(series: Series) -> tuple[float, float, float]:
    """Return the bounds of the value axis and the distance of its lines: about four, at round numbers."""
    low, high = _bounds(series)
    spread = max(high - low, abs(high) * 0.02, 1e-9)
    step = next((s for s in _STEPS if spread / s <= 4), 10.0 ** len(str(int(spread))) / 4)
    bottom, top = step * (low // step), step * -(-high // step)
    if series.unit == "fraction":
        bottom, top = max(bottom, 0.0), min(top, 1.0)
    return (bottom, top, step) if top > bottom else (bottom - step, top, step)


def _bounds(series: Series) -> tuple[float, float]:
    """Return the lowest and the highest number, intervals included."""
    numbers = [n for point in series.known for n in (point.value, point.low, point.high) if n is not None]
    return min(numbers), max(numbers)


def _tick(value: float, step: float) -> str:
    digits = 0 if step >= 1 else 1 if step in (0.1, 0.2, 0.5) else 2 if step >= 0.01 else 3
    return f"{value:.{digits}f}"


def _runs(points: tuple[Point, ...]) -> list[Run]:
    """Return the stretches of points that may be joined: a change of the data set ends one."""
    runs: list[Run] = []
    last: tuple[str, ...] | None = None
    for index, point in enumerate(points):
        if point.value is None:
            continue
        if point.line != last:
            runs.append([])
        runs[-1].append((index, point))
        last = point.line
    return runs
