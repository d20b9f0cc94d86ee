"""Charts as inline SVG: no script, no request, colours from the page's own scheme. Pure.

Lines use `currentColor` and the classes of embver.css, so one drawing is right in light, dark and print; what a
colour says is also said by place, sign or word. Text size is in drawing units: a chart is shown near its own width.
Of many versions that share a column of the drawing only the lowest and the highest are drawn: what is left out would
not be seen. Breaks of the line and the marks of MAJOR versions are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embver.site.series import Point, Series
from embver.site.text import escape, number
from embver.site.thinning import IS_DENSE, Numbers, drawn, thinned

_WIDTH, _HEIGHT = 280.0, 172.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 38.0, 12.0, 12.0, 28.0
_FEW = 24  # points of a small line, and numbers that are told one by one
_MOST_TITLES = 12  # marks that say their version and number on hover
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
            f' <text class="ev-tick" x="{_LEFT - 7:.0f}" y="{y(tick) + 4:.1f}" text-anchor="end">{_tick(tick, step)}</text>'
        )
    every = max(1, -(-count // 5))
    for index, point in enumerate(series.points):
        if (count - 1 - index) % every == 0:
            parts.append(
                f' <text class="ev-tick" x="{x(index):.1f}" y="{_HEIGHT - 8:.0f}" text-anchor="middle">{escape(point.version)}</text>'
            )
    is_dense = count > IS_DENSE
    for run in _runs(series.points):
        parts += _dense_run(run, levels, x, y) if is_dense else _run(run, levels, x, y)
    return "".join([*parts, "</svg>"])


def sparkline(series: Series, *, is_small: bool = False) -> str:
    """Return a metric over versions as a small line without axes, over its intervals so that noise looks like noise.

    A small one, for a table, is scaled by its intervals and does not draw them.
    """
    known = _numbers(list(enumerate(series.points)))
    low, high = _bounds(series)
    spread = (high - low) or 1.0
    count = max(len(series.points) - 1, 1)

    def x(index: int) -> float:
        return 6 + 108 * index / count

    def place(index: int, value: float) -> str:
        y = 33 - 28 * (value - low) / spread
        return f"{x(index):.0f},{y:.0f}" if is_small else f"{x(index):.1f},{y:.1f}"

    last = known[-1]
    if len(known) > (_FEW if is_small else IS_DENSE):
        known = thinned(known, x, width=8.0 if is_small else 2.5)
    line = " ".join(place(index, value) for index, value, _, _ in known)
    banded = [(index, low, high) for index, _, low, high in known if low is not None and high is not None]
    band = [place(index, high) for index, _, high in banded]
    band += [place(index, low) for index, low, _ in reversed(banded)]
    told = f"{series.known[0].version} to {series.known[-1].version}" if is_small else _told(series)
    at, height = place(last[0], last[1]).split(",")
    return (
        f'<svg class="ev-spark" viewBox="0 0 120 38" role="img"> <title>{escape(series.metric)}: {escape(told)}</title>'
        + ("" if is_small else f'<polygon class="ev-band" points="{" ".join(band)}"/>')
        + f'<polyline points="{line}"/><circle cx="{at}" cy="{height}" r="3.6"/></svg>'
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
    name = f"{series.metric} of {series.benchmark} over versions"
    return (
        f'<svg class="ev-chart" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" role="img">'
        f" <title>{escape(name)}</title> <desc>{escape(_told(series))}</desc>"
    )


def _told(series: Series) -> str:
    """Return what a chart shows for who does not see it: every number, or of many the ends and the extremes."""
    known = series.known
    if len(known) <= _FEW:
        return ", ".join(map(_point_words, known))
    lowest = min(known, key=lambda point: point.value or 0.0)
    highest = max(known, key=lambda point: point.value or 0.0)
    return (
        f"{len(known):,} versions, from {_point_words(known[0])} to {_point_words(known[-1])}; "
        f"lowest {_point_words(lowest)}, highest {_point_words(highest)}"
    )


def _point_words(point: Point) -> str:
    has_bounds = point.low is not None and point.high is not None
    bounds = f" ({number(point.low)} to {number(point.high)})" if has_bounds else ""
    return f"{point.version} {number(point.value)}{bounds}"


def _dense_run(
    run: Run, levels: Sequence[str], x: Callable[[int], float], y: Callable[[float], float]
) -> list[str]:
    """Return a run of more versions than can be told apart: its line and band by column, marks of MAJOR versions only."""
    marked = {round(x(index) / 4): (index, point) for index, point in run if levels[index] == "major"}
    marked[round(x(run[-1][0]) / 4)] = run[-1]
    return [*drawn(_numbers(run), x, y), *_marks(list(marked.values()), levels, x, y, is_told=False)]


def _numbers(run: Run) -> list[Numbers]:
    return [(index, point.value, point.low, point.high) for index, point in run if point.value is not None]


def _run(
    run: Run, levels: Sequence[str], x: Callable[[int], float], y: Callable[[float], float]
) -> list[str]:
    numbers = _numbers(run)
    parts = []
    for stretch in _stretches(numbers):
        corners = [f"{x(index):.1f},{y(high):.1f}" for index, _, high in stretch]
        corners += [f"{x(index):.1f},{y(low):.1f}" for index, low, _ in reversed(stretch)]
        if len(stretch) > 1:
            parts.append(f'<polygon class="ev-band" points="{" ".join(corners)}"/>')
    line = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value, _, _ in numbers)
    parts.append(f'<polyline class="ev-line" points="{line}"/>')
    whiskers = [
        f"M{x(index):.1f} {y(low):.1f}V{y(high):.1f}"
        for stretch in _stretches(numbers)
        for index, low, high in stretch
    ]
    if whiskers:
        parts.append(f'<path class="ev-whisker" d="{"".join(whiskers)}"/>')
    return [*parts, *_marks(run, levels, x, y)]


def _stretches(numbers: list[Numbers]) -> list[list[tuple[int, float, float]]]:
    """Return (place, low, high) where an interval is known, cut where it is not."""
    made: list[list[tuple[int, float, float]]] = [[]]
    for index, _, low, high in numbers:
        if low is None or high is None:
            made.append([])
        else:
            made[-1].append((index, low, high))
    return [stretch for stretch in made if stretch]


def _marks(
    run: Run,
    levels: Sequence[str],
    x: Callable[[int], float],
    y: Callable[[float], float],
    *,
    is_told: bool = True,
) -> list[str]:
    """Return a point for each version; of many those of one level are one path, and the table says which is which."""
    shapes: dict[str, list[str]] = {}
    parts = []
    for index, point in run:
        assert point.value is not None
        level, shape = levels[index], _shape(levels[index], x(index), y(point.value))
        if not is_told or len(run) > _MOST_TITLES:
            shapes.setdefault(level, []).append(shape)
        else:
            title = f" <title>{escape(f'{point.version}: {number(point.value)}')}</title>"
            parts.append(f'<path class="ev-mark ev-{escape(level)}" d="{shape}">{title}</path>')
    for level, several in shapes.items():
        parts.append(f'<path class="ev-mark ev-{escape(level)}" d="{"".join(several)}"/>')
    return parts


def _shape(level: str, x: float, y: float) -> str:
    """Return the sign of a level as a path: a triangle breaks, a diamond adds, one upside down fixes, a disc is the rest."""
    if level == "major":
        return f"M{x:.1f} {y - 5.5:.1f}l5.5 9.5h-11z"
    if level == "minor":
        return f"M{x:.1f} {y - 5.5:.1f}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"
    if level == "patch":
        return f"M{x:.1f} {y + 5.5:.1f}l5.5 -9.5h-11z"
    return f"M{x - 4.2:.1f} {y:.1f}a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0 -8.4 0z"


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
