"""The charts of an embedding with the same numbers beside them, as many to a page as it holds. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embver.site import places
from embver.site.charts import line_chart
from embver.site.model import SiteEmbedding
from embver.site.series import Point, Series, series_of
from embver.site.text import escape, number
from embver.site.thinning import IS_DENSE
from embver.site.timeline import NEWEST

# Charts on the embedding's own page, and at most so many on each page of further ones: a chart of many versions is larger.
MOST, MOST_OF_MANY = 24, 10
_MANY = 8
_ROWS_OF_MANY = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """One metric over versions: the drawing, and the same numbers as a table, the newest first."""

    metric: str
    drawing: str
    rows: tuple[tuple[str, str, str], ...]
    note: str
    rest: str  # where the other rows are, as HTML; empty where none is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartGroup:
    """The charts of one benchmark."""

    benchmark: str
    is_main: bool
    charts: tuple[ChartView, ...]


def chart_pages(embedding: SiteEmbedding) -> tuple[tuple[Series, ...], ...]:
    """Return which metrics are drawn on which page: the first on the embedding's own, the main ones first of all."""
    known = [series for series in series_of(embedding) if series.known]
    most = MOST_OF_MANY if len(embedding.versions) > _MANY else MOST
    if len(known) > most:
        known.sort(key=lambda series: not series.is_main)  # stable: else in the order of the newest card
    return tuple(tuple(known[at : at + most]) for at in range(0, len(known), most))


def chart_groups(embedding: SiteEmbedding, shown: Sequence[Series]) -> tuple[ChartGroup, ...]:
    """Return the drawings of some metrics by benchmark."""
    levels = [version.level for version in embedding.versions]
    grouped: dict[str, list[Series]] = {}
    for series in shown:
        grouped.setdefault(series.benchmark, []).append(series)
    return tuple(
        ChartGroup(
            benchmark=escape(benchmark),
            is_main=any(series.is_main for series in members),
            charts=tuple(_chart(series, levels) for series in members),
        )
        for benchmark, members in grouped.items()
    )


def _chart(series: Series, levels: list[str]) -> ChartView:
    is_long = len(series.points) > NEWEST
    points = series.points[-_ROWS_OF_MANY:] if is_long else series.points
    notes = []
    if series.breaks:
        named = [*series.breaks[-6:]]
        earlier = f" and {len(series.breaks) - 6} times before" if len(series.breaks) > 6 else ""
        notes.append(f"The line breaks at {escape(', '.join(named))}{earlier}: another data set or harness.")
    elif not series.higher_is_better:
        notes.append("Lower is better.")
    if len(series.points) > IS_DENSE:
        notes.append(
            "Of versions in one column the lowest and the highest are drawn; signs mark MAJOR versions."
        )
    return ChartView(
        metric=escape(series.metric),
        drawing=line_chart(series, levels),
        rows=tuple(_row(point) for point in reversed(points)) if is_long else tuple(map(_row, points)),
        note=" ".join(notes),
        rest=f"The newest {len(points)}; the others stand in the lists of versions." if is_long else "",
    )


def _row(point: Point) -> tuple[str, str, str]:
    has_bounds = point.low is not None and point.high is not None
    bounds = f"{number(point.low)} to {number(point.high)}" if has_bounds else ""
    return (escape(point.version), number(point.value) if point.value is not None else "\u2013", bounds)


def charts_links(name: str, more: Sequence[Sequence[Series]]) -> tuple[tuple[str, str], ...]:
    """Return the pages of further charts as (file, words)."""
    return tuple(
        (places.charts_page(name, place).rpartition("/")[2], _words(shown))
        for place, shown in enumerate(more, start=1)
    )


def _words(shown: Sequence[Series]) -> str:
    named = list(dict.fromkeys(series.benchmark for series in shown))
    several = "chart" if len(shown) == 1 else "charts"
    more = f" and {len(named) - 4} more" if len(named) > 4 else ""
    return f"{len(shown)} {several}: {escape(', '.join(named[:4]))}{more}"
