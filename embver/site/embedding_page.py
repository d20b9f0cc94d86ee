"""The pages of one embedding and the start page: what is current, what happened, what may be mixed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embver.site.charts import line_chart, sparkline
from embver.site.matrix import SHOWN, Cell, cell, mixing_sentence
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.series import Series, main_series, series_of
from embver.site.text import code, escape, heading, number, yaml_text
from embver.site.version_changes import field_rows, people_words
from embver.site.words import (
    LEVELS,
    VERDICTS,
    advice,
    level_badge,
    stage_badges,
    status_badge,
    status_words,
    verdict_badge,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version in a timeline."""

    number: str
    file: str
    date: str
    level: str
    badge: str
    verdict: str
    status: str  # badges of status and stages
    told: str  # why it should be left, as inline Markdown
    state: str
    summary: str
    more: tuple[str, ...]
    metric: str
    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartView:
    """One metric over versions: the drawing, and the same numbers as a table."""

    metric: str
    drawing: str
    rows: tuple[tuple[str, str, str], ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartGroup:
    """The charts of one benchmark."""

    benchmark: str
    is_main: bool
    charts: tuple[ChartView, ...]


def embedding_context(embedding: SiteEmbedding) -> dict[str, Any]:
    """Return what `site/embedding.md.j2` shows."""
    current = embedding.current
    return {
        "front_title": yaml_text(heading(embedding.title)),
        "heading": escape(embedding.title),
        "name": escape(embedding.name),
        "description": escape(current.card.plain.get("description") or ""),
        "current": row_of(current),
        "stages": _stages(embedding),
        "versions": tuple(row_of(version) for version in reversed(embedding.versions)),
        "groups": _charts(embedding),
        "has_benchmarks": any(version.card.benchmarks for version in embedding.versions),
        "mixing": escape(mixing_sentence(embedding)),
        "matrix": _matrix(embedding),
        "legend": _legend(embedding),
        "left_out": max(0, len(embedding.versions) - SHOWN),
        "uses": tuple(escape(entry) for entry in current.card.plain.get("intended_use") or ()),
        "limitations": tuple(escape(entry) for entry in current.card.plain.get("limitations") or ()),
    }


def changelog_context(embedding: SiteEmbedding) -> dict[str, Any]:
    """Return what `site/changelog.md.j2` shows: Keep a Changelog, newest first."""
    releases = []
    for version in reversed(embedding.versions):
        sections: dict[str, list[str]] = {}
        for area, text in people_words(version):
            sections.setdefault(_section(version), []).append(
                f"{text} <small>{area}</small>" if area else text
            )
        plain = field_rows(version)
        if not sections and plain:
            sections["Changed"] = [
                f"{row.path}: {row.before} \u2192 {row.after}" for row in plain if row.level
            ]
        releases.append(
            {
                "row": row_of(version),
                "sections": tuple((name, tuple(lines)) for name, lines in sections.items()),
                "advice": advice(version),
            }
        )
    return {
        "front_title": yaml_text(f"{heading(embedding.title)} \u00b7 changelog"),
        "name": escape(embedding.name),
        "heading": escape(embedding.title),
        "releases": tuple(releases),
    }


def start_context(data: SiteData, *, folder: str) -> dict[str, Any]:
    """Return what `site/index.md.j2` shows; `folder` leads from the page to the generated folder."""
    cards = []
    for embedding in data.embeddings:
        current, line = embedding.current, main_series(embedding)
        quoted = current.card.main_metric
        cards.append(
            {
                "title": escape(embedding.title),
                "name": escape(embedding.name),
                "link": f"{folder}{embedding.name}/index.md",
                "description": escape(current.card.plain.get("description") or ""),
                "row": row_of(current),
                "stages": _stages(embedding),
                "row_link": f"{folder}{embedding.name}/{current.number}.md",
                "changelog": f"{folder}{embedding.name}/changelog.md",
                "advice": advice(current),
                "count": len(embedding.versions),
                "spark": sparkline(line) if line and line.known else "",
                "metric_key": escape(quoted[1].key) if quoted else "",
                "metric_of": escape(quoted[0].id) if quoted else "",
                "metric": number(quoted[1].value) if quoted else "",
                "warnings": _warnings(embedding),
            }
        )
    return {
        "front_title": yaml_text(heading(data.title)),
        "heading": escape(data.title),
        "embeddings": tuple(cards),
        "recent": _recent(data, folder),
        "folder": folder,
        "commit": escape(data.generated_from[:12]),
        "tool_version": escape(data.tool_version),
    }


def row_of(version: SiteVersion) -> VersionRow:
    """Return a version's line in a timeline: people's first sentence, else what the tool saw."""
    words = [text for _, text in people_words(version)]
    if not words:
        changed = [row.path for row in field_rows(version) if row.level]
        words = (
            [f"{len(changed)} fields changed"]
            if changed
            else [escape(LEVELS.get(version.level, ("", ""))[1])]
        )
    quoted = version.card.main_metric
    space = version.card.space
    return VersionRow(
        number=escape(version.number),
        file=f"{version.number}.md",
        date=escape(version.date),
        level=version.level,
        badge=level_badge(version.level),
        verdict="" if version.is_first else verdict_badge(version.verdict),
        status=f"{status_badge(version.status.state)} {stage_badges(version.stages)}".strip(),
        told=status_words(version),
        state=version.status.state,
        summary=words[0],
        more=tuple(words[1:]),
        metric=f"{escape(quoted[1].key)} <b>{number(quoted[1].value)}</b>" if quoted else "",
        space=f"{space.dimensions}-d {escape(space.metric)}",
    )


def _charts(embedding: SiteEmbedding) -> tuple[ChartGroup, ...]:
    levels = [version.level for version in embedding.versions]
    groups: dict[str, list[Series]] = {}
    for series in series_of(embedding):
        groups.setdefault(series.benchmark, []).append(series)
    return tuple(
        ChartGroup(
            benchmark=escape(benchmark),
            is_main=any(series.is_main for series in members),
            charts=tuple(_chart(series, levels) for series in members if series.known),
        )
        for benchmark, members in groups.items()
    )


def _chart(series: Series, levels: list[str]) -> ChartView:
    rows = []
    for point in series.points:
        has_bounds = point.low is not None and point.high is not None
        bounds = f"{number(point.low)} to {number(point.high)}" if has_bounds else ""
        rows.append(
            (escape(point.version), number(point.value) if point.value is not None else "\u2013", bounds)
        )
    note = ""
    if series.breaks:
        note = f"The line breaks at {escape(', '.join(series.breaks))}: another data set or harness."
    elif not series.higher_is_better:
        note = "Lower is better."
    return ChartView(
        metric=escape(series.metric), drawing=line_chart(series, levels), rows=tuple(rows), note=note
    )


def _matrix(embedding: SiteEmbedding) -> tuple[tuple[str, tuple[Mapping[str, str], ...]], ...]:
    """Return (version, cells) newest first; columns run the same way."""
    newest_first = tuple(reversed(embedding.versions[-SHOWN:]))
    return tuple(
        (escape(row.number), tuple(_cell(cell(row, column)) for column in newest_first))
        for row in newest_first
    )


def _cell(known: Cell) -> dict[str, str]:
    word = {"self": "same", "unmeasured": "not measured"}.get(known.kind, known.verdict)
    return {
        "kind": known.kind,
        "verdict": escape("same" if known.kind == "self" else known.verdict),
        "sign": "" if known.kind == "self" else known.sign,
        "word": escape(word),
        "how": {"inferred": "by the space" if known.verdict == "incompatible" else "by fingerprint"}.get(
            known.kind, ""
        ),
        "why": escape(known.why),
    }


def _legend(embedding: SiteEmbedding) -> tuple[tuple[str, str], ...]:
    """Return the verdicts that occur in the matrix, each with its meaning."""
    shown = embedding.versions[-SHOWN:]
    seen = {cell(a, b).verdict for a in shown for b in shown if a is not b}
    return tuple(
        (verdict_badge(word), escape(meaning)) for word, (_, meaning) in VERDICTS.items() if word in seen
    )


def _stages(embedding: SiteEmbedding) -> tuple[Mapping[str, str], ...]:
    """Return each stage with the version that holds it, its page and the day of its release."""
    return tuple(
        {
            "stage": escape(stage),
            "number": escape(version.number),
            "file": f"{version.number}.md",
            "date": escape(version.date),
            "state": "" if version.status.is_active else escape(version.status.state),
        }
        for stage, version in embedding.stages.items()
    )


def _section(version: SiteVersion) -> str:
    return {"first": "Added", "minor": "Added", "patch": "Fixed"}.get(version.level, "Changed")


def _warnings(embedding: SiteEmbedding) -> tuple[str, ...]:
    """Return what someone should know before using the current version."""
    current, warnings = embedding.current, []
    if not current.status.is_active:
        warnings.append(f"{escape(current.number)} is {escape(current.status.state)}")
    for stage, version in embedding.stages.items():
        if not version.status.is_active:
            warnings.append(
                f"{escape(stage)} is {escape(version.number)}, which is {escape(version.status.state)}"
            )
    if not current.is_first and current.verdict is None and current.level != "major":
        warnings.append(f"{escape(current.number)} was never measured against the release before it")
    if not current.card.benchmarks:
        warnings.append(
            f"no benchmark of {escape(current.number)} was recorded: {code(f'embver bench {embedding.name}')}"
        )
    withdrawn = [version.number for version in embedding.versions if version.status.is_yanked]
    if withdrawn:
        warnings.append(f"withdrawn: {escape(', '.join(withdrawn))}")
    return tuple(warnings)


def _recent(data: SiteData, folder: str) -> tuple[Mapping[str, Any], ...]:
    """Return the newest releases of all embeddings, by the date of the tag."""
    everything = [(version, embedding) for embedding in data.embeddings for version in embedding.versions]
    everything.sort(
        key=lambda pair: (pair[0].release.date, pair[1].name, pair[0].release.version), reverse=True
    )
    return tuple(
        {
            "row": row_of(version),
            "name": escape(embedding.name),
            "link": f"{folder}{embedding.name}/{version.number}.md",
        }
        for version, embedding in everything[:8]
    )
