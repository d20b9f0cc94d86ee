"""The page "What moved the numbers" of an embedding: each main metric, the steps that are more than noise, and why. Pure.

Every string in a view is finished: templates place it and escape nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from embver.series import Point, Series, Step
from embver.site.model import SiteEmbedding
from embver.site.text import code, escape, heading, listed, number, yaml_text
from embver.site.trace_chart import trace_chart
from embver.site.trace_marks import version_of
from embver.site.trace_step import StepView, step_view
from embver.site.words import status_badge
from embver.traced import Traced, is_long

_VISIBLE_ROWS = 12
_MOST_ROWS = 240  # of all sections together
_MOST_SECTIONS = 6
_PICTURE = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/]+=*")

SIGNS = {"improvement": "\u25b2", "regression": "\u25bc", "noise": "\u2248", "unknown": "\u2013"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One version in the table of a metric, or a run of versions in which nothing moved."""

    version: str
    on: str
    value: str
    bounds: str
    delta: str
    verdict: str
    tone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One metric of one benchmark."""

    anchor: str
    benchmark: str
    metric: str
    about: str
    drawing: str
    rows: tuple[Row, ...]
    is_folded: bool
    rows_left_out: str
    summary: str
    steps: tuple[StepView, ...]
    left_out: str


def trace_context(embedding: SiteEmbedding) -> dict[str, Any]:
    """Return what `site/trace.md.j2` shows."""
    shown = [traced for traced in embedding.traces if any(_is_known(point) for point in traced.series.points)]
    badges = {version.release.reference: status_badge(version.status.state) for version in embedding.versions}
    is_full = is_long(traced.series for traced in shown)
    symbols = _symbols(shown)
    most_rows = _MOST_ROWS // max(1, len(shown[:_MOST_SECTIONS]))
    sections = tuple(
        _section(embedding, traced, badges, symbols, is_full=is_full, most_rows=most_rows, place=place)
        for place, traced in enumerate(shown[:_MOST_SECTIONS])
    )
    title = f"{heading(embedding.title)} \u00b7 what moved the numbers"
    return {
        "front_title": yaml_text(title),
        "title": escape(embedding.title),
        "name": escape(embedding.name),
        "sections": sections,
        "other": tuple(
            f"{escape(traced.series.benchmark)} \u00b7 {escape(traced.series.metric)}"
            for traced in shown[_MOST_SECTIONS:]
        ),
        "short": _short(embedding, sections),
        "pictures": tuple((symbol, address) for address, symbol in symbols.items()),
        "answer": _answer(shown),
        "has_benchmarks": any(version.card.benchmarks for version in embedding.versions),
        "has_steps": len(embedding.versions) > 1,
        "bench": code(f"embver bench {embedding.name}"),
        "trace": code(f"embver trace {embedding.name}"),
    }


def trace_link(embedding: SiteEmbedding) -> str:
    """Return in words what the page holds, for the embedding's own page; empty where it would hold nothing."""
    moved = [traced for traced in embedding.traces if traced.steps]
    fell = sum(each.step.verdict == "regression" for traced in moved for each in traced.steps)
    rose = sum(each.step.verdict == "improvement" for traced in moved for each in traced.steps)
    if not any(traced.series.steps for traced in embedding.traces):
        return ""
    if not fell and not rose:
        return "No step of a main metric is more than noise."
    counted = [f"{count} {word}" for count, word in ((fell, "worse"), (rose, "better")) if count]
    several = "step" if fell + rose == 1 else "steps"
    return f"More than noise: {listed(counted)} {several}."


def _section(
    embedding: SiteEmbedding,
    traced: Traced,
    badges: Mapping[str, str],
    symbols: Mapping[str, str],
    *,
    is_full: bool,
    most_rows: int,
    place: int,
) -> Section:
    series = traced.series
    anchor = f"trace-{place + 1}"
    steps = [each for each in reversed(traced.steps) if each.is_in_full]
    rows = _rows(series, badges, is_full=is_full)
    left_out = len(traced.steps) - len(steps)
    return Section(
        anchor=anchor,
        benchmark=escape(series.benchmark),
        metric=escape(series.metric),
        about="" if series.higher_is_better else "Lower is better.",
        drawing=trace_chart(series),
        rows=rows[:most_rows],
        rows_left_out=_rows_left_out(embedding.name, series, len(rows) - most_rows),
        is_folded=len(rows) > _VISIBLE_ROWS,
        summary=_summary(series),
        steps=tuple(
            step_view(embedding.name, series, each, anchor=f"{anchor}-{n + 1}", symbols=symbols)
            for n, each in enumerate(steps)
        ),
        left_out=_left_out(embedding.name, series, left_out),
    )


def _symbols(shown: Sequence[Traced]) -> dict[str, str]:
    """Return a symbol for each picture, by its address: once in the page, however often it is shown.

    Nothing but a `data:` address of a picture becomes one.
    """
    addresses = dict.fromkeys(
        address for traced in shown for each in traced.steps for address in each.pictures.values()
    )
    kept = [address for address in addresses if _PICTURE.fullmatch(address)]
    return {address: f"ev-p{number}" for number, address in enumerate(kept, start=1)}


def _short(embedding: SiteEmbedding, sections: Sequence[Section]) -> tuple[StepView, ...]:
    """Return the steps told in full: those of the newest version first, of these the worst."""
    order = {escape(version.number): place for place, version in enumerate(embedding.versions)}
    views = [view for section in sections for view in section.steps]
    return tuple(sorted(views, key=lambda view: (-order.get(view.after, -1), view.gain)))


def _rows(series: Series, badges: Mapping[str, str], *, is_full: bool) -> tuple[Row, ...]:
    """Return the table, the newest first; in a long one, three and more versions that moved nothing share a row."""
    steps = {step.to: step for step in series.steps}
    rows: list[Row] = []
    quiet: list[Point] = []
    for point in reversed(series.points):
        step = steps.get(point.reference)
        if is_full and step is not None and step.verdict == "noise":
            quiet.append(point)
            continue
        rows += _quiet_rows(quiet, steps, badges)
        quiet = []
        rows.append(_row(point, step, badges))
    return (*rows, *_quiet_rows(quiet, steps, badges))


def _quiet_rows(quiet: Sequence[Point], steps: Mapping[str, Step], badges: Mapping[str, str]) -> list[Row]:
    if len(quiet) < 3:
        return [_row(point, steps.get(point.reference), badges) for point in quiet]
    values = [point.value for point in quiet if point.value is not None]
    first, last = (escape(version_of(point.reference)) for point in (quiet[-1], quiet[0]))
    return [
        Row(
            version=f"{first} to {last}",
            on=f"{len(quiet)} versions",
            value=f"{number(min(values))} to {number(max(values))}",
            bounds="",
            delta="",
            verdict=f"{SIGNS['noise']} noise, each",
            tone="same",
        )
    ]


def _row(point: Point, step: Step | None, badges: Mapping[str, str]) -> Row:
    badge = badges.get(point.reference, "")
    verdict, tone = _verdict(point, step)
    has_bounds = point.low is not None and point.high is not None
    return Row(
        version=f"{escape(version_of(point.reference))} {badge}".strip(),
        on=escape(version_of(step.from_)) if step is not None else "",
        value="\u2013" if point.value is None else number(point.value),
        bounds=f"{number(point.low)} to {number(point.high)}" if has_bounds else "",
        delta=number(step.delta, signed=True) if step is not None and step.delta is not None else "",
        verdict=verdict,
        tone=tone,
    )


def _verdict(point: Point, step: Step | None) -> tuple[str, str]:
    """Return what a step is worth in words, and its tone."""
    if point.value is None:
        return escape(point.lacking or "not measured"), "unknown"
    if step is None:
        return "nothing to compare it with", "unknown"
    if step.not_comparable is not None:
        return f"{SIGNS['unknown']} not comparable: {escape(step.not_comparable)}", "unknown"
    tone = {"improvement": "better", "regression": "worse", "noise": "same"}.get(step.verdict, "unknown")
    word = "not known" if step.verdict == "unknown" else step.verdict
    return f"{SIGNS[step.verdict]} {word}", tone


def _summary(series: Series) -> str:
    """Return in one sentence how many steps there are and what they are."""
    known = [step for step in series.steps if step.verdict != "unknown"]
    if not known:
        return "No two versions can be compared yet."
    counts = {
        word: sum(step.verdict == word for step in known) for word in ("regression", "improvement", "noise")
    }
    words = [
        f"{count} {word}{'s' if count > 1 and word != 'noise' else ''}"
        for word, count in counts.items()
        if count
    ]
    several = "step" if len(known) == 1 else "steps"
    return f"{len(known)} {several} between versions that may be compared: {listed(words)}."


def _left_out(name: str, series: Series, count: int) -> str:
    if not count:
        return ""
    several = "step is" if count == 1 else "steps are"
    return f"{count} older {several} in the table only. {_command(name, series)} tells them all."


def _command(name: str, series: Series) -> str:
    """Return the command that tells all of a series; a card's words are quoted, so that a shell takes them as words."""
    return code(f"embver trace {name} --metric {quote(series.metric)} --benchmark {quote(series.benchmark)}")


def _rows_left_out(name: str, series: Series, count: int) -> str:
    if count <= 0:
        return ""
    several = "row is" if count == 1 else "rows are"
    return f"{count} older {several} left out here: {_command(name, series)}"


def _answer(shown: Sequence[Traced]) -> str:
    """Return the page's first sentence."""
    steps = [each.step for traced in shown for each in traced.steps]
    if not any(step.verdict != "unknown" for traced in shown for step in traced.series.steps):
        return ""
    if not steps:
        return "No step of a main metric is more than noise."
    fell = sum(step.verdict == "regression" for step in steps)
    rose = len(steps) - fell
    parts = [f"{count} for the {word}" for count, word in ((fell, "worse"), (rose, "better")) if count]
    several = "One step is" if len(steps) == 1 else f"{len(steps)} steps are"
    return f"{several} more than noise: {listed(parts)}."


def _is_known(point: Point) -> bool:
    return point.value is not None
