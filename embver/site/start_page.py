"""The start page: every embedding with what is current, who holds which stage, and what to mind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from heapq import nlargest
from typing import Any

from embver.site import places
from embver.site.charts import sparkline
from embver.site.model import SiteData, SiteEmbedding, SiteVersion, Unreadable
from embver.site.series import main_series
from embver.site.text import code, cut, escape, heading, number, yaml_text
from embver.site.timeline import row_of
from embver.site.unreadable import unreadable_rows
from embver.site.words import advice

# So many embeddings have a card each; more are a table, which reads at a glance and stays small.
MOST_CARDS = 12
# And so many rows such a table has; of more the newest stand on the start page, and all of them on pages of their own.
MOST_ROWS = 100
_RECENT = 8
_NAMED = 6


def start_context(data: SiteData, *, start: str = "index.md") -> dict[str, Any]:
    """Return what `site/index.md.j2` shows; `start` is where the page itself lies."""
    is_table = len(data.embeddings) > MOST_CARDS
    chosen = data.embeddings
    if len(chosen) > MOST_ROWS:
        chosen = tuple(nlargest(MOST_ROWS, chosen, key=lambda each: (each.current.moment[0], each.name)))
    shown = tuple(_card(data, embedding, start, is_small=is_table) for embedding in chosen)
    readable = {embedding.name for embedding in data.embeddings}
    return {
        "front_title": yaml_text(heading(data.title)),
        "heading": escape(data.title),
        "embeddings": shown,
        "is_table": is_table,
        "parts": tuple(
            (places.link(start, places.embeddings_page(part)), f"{escape(first)} to {escape(last)}")
            for part, first, last in _parts(data)
        ),
        "lost": tuple(
            {
                "name": escape(name),
                "link": places.link(start, places.embedding_page(name)),
                "count": len(data.unreadable_of(name)),
            }
            for name in dict.fromkeys(entry.release.name for entry in data.unreadable)
            if name not in readable
        ),
        "counted": _counted(data),
        "recent": _recent(data, start),
        "machine": places.link(start, f"{places.FOLDER}/versions.json"),
        "feed": places.link(start, f"{places.FOLDER}/feed.xml"),
        "commit": escape(data.generated_from[:12]),
        "tool_version": escape(data.tool_version),
    }


def embeddings_context(data: SiteData, part: int) -> dict[str, Any]:
    """Return what `site/embeddings.md.j2` shows: a part of all embeddings, by name."""
    page = places.embeddings_page(part)
    _, first, last = _parts(data)[part - 1]
    chosen = data.embeddings[(part - 1) * MOST_ROWS : part * MOST_ROWS]
    return {
        "front_title": yaml_text(heading(f"Embeddings {first} to {last}")),
        "words": f"{escape(first)} to {escape(last)}",
        "embeddings": tuple(_card(data, embedding, page, is_small=True) for embedding in chosen),
    }


def embeddings_parts(data: SiteData) -> tuple[int, ...]:
    """Return the numbers of the pages that list all embeddings; none where the start page does."""
    return tuple(part for part, _, _ in _parts(data))


def _parts(data: SiteData) -> tuple[tuple[int, str, str], ...]:
    """Return (number, first name, last name) of each part."""
    names = [embedding.name for embedding in data.embeddings]
    if len(names) <= MOST_ROWS:
        return ()
    starts = range(0, len(names), MOST_ROWS)
    return tuple(
        (at // MOST_ROWS + 1, names[at], names[min(at + MOST_ROWS, len(names)) - 1]) for at in starts
    )


def stages_of(embedding: SiteEmbedding) -> tuple[Mapping[str, str], ...]:
    """Return each stage with the version that holds it, its page and the day of its release."""
    return tuple(
        {
            "stage": escape(stage),
            "number": escape(version.number),
            "file": places.version_file(version.number),
            "date": escape(version.date),
            "state": "" if version.status.is_active else escape(version.status.state),
        }
        for stage, version in embedding.stages.items()
    )


def warnings_of(embedding: SiteEmbedding, unreadable: tuple[Unreadable, ...]) -> tuple[str, ...]:
    """Return what someone should know before using the current version."""
    current, warnings = embedding.current, []
    if not current.status.is_active:
        warnings.append(f"{escape(current.number)} is {escape(current.status.state)}")
    for stage, version in embedding.stages.items():
        if not version.status.is_active:
            warnings.append(
                f"{escape(stage)} is {escape(version.number)}, which is {escape(version.status.state)}"
            )
    if is_unmeasured(current):
        warnings.append(f"{escape(current.number)} was never measured against the release before it")
    if not current.card.benchmarks:
        warnings.append(
            f"no benchmark of {escape(current.number)} was recorded: {code(f'embver bench {embedding.name}')}"
        )
    withdrawn = [
        version.number
        for version in embedding.versions
        if version.status.is_yanked and version is not current
    ]
    if withdrawn:
        warnings.append(f"withdrawn: {_named(withdrawn)}")
    if unreadable:
        numbers = [entry.number for entry in unreadable]
        warnings.append(f"the card cannot be read: {_named(numbers)}")
    return tuple(warnings)


def is_unmeasured(version: SiteVersion) -> bool:
    """Tell whether a version claims to meet the one before it and nobody measured it."""
    return not version.is_first and version.verdict is None and version.level != "major"


def _named(numbers: list[str]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return f"{escape(', '.join(numbers[-_NAMED:]))}{more}"


def _card(data: SiteData, embedding: SiteEmbedding, start: str, *, is_small: bool) -> dict[str, Any]:
    current, line = embedding.current, main_series(embedding)
    quoted = current.card.main_metric
    row = row_of(current)
    entries = current.card.plain.get("changes") or ()
    return {
        "title": escape(embedding.title),
        "name": escape(embedding.name),
        "link": places.link(start, places.embedding_page(embedding.name)),
        "description": cut(current.card.plain.get("description") or "", 280),
        "row": row,
        "brief": cut(entries[0].get("text", ""), 110) if entries else row.summary,
        "stages": stages_of(embedding),
        "row_link": places.link(start, places.version_page(embedding.name, current.number)),
        "changelog": places.link(start, places.changelog_page(embedding.name)),
        "advice": advice(current),
        "count": len(embedding.versions),
        "spark": sparkline(line, is_small=is_small) if line and line.known else "",
        "metric_key": escape(quoted[1].key) if quoted else "",
        "metric_of": escape(quoted[0].id) if quoted else "",
        "metric": number(quoted[1].value) if quoted else "",
        "warnings": warnings_of(embedding, data.unreadable_of(embedding.name)),
    }


def _counted(data: SiteData) -> str:
    count = sum(len(embedding.versions) for embedding in data.embeddings) + len(data.unreadable)
    names = {embedding.name for embedding in data.embeddings} | {e.release.name for e in data.unreadable}
    versions = f"{count:,} version{'s' if count != 1 else ''}"
    return f"{len(names):,} embedding{'s' if len(names) != 1 else ''}, {versions}"


def _recent(data: SiteData, start: str) -> tuple[Mapping[str, Any], ...]:
    """Return the newest releases of all embeddings, by the date of the tag."""
    everything = ((version, embedding) for embedding in data.embeddings for version in embedding.versions)
    newest = nlargest(
        _RECENT,
        everything,
        key=lambda pair: (pair[0].moment[0], pair[1].name, pair[0].release.version),
    )
    return tuple(
        {
            "row": row_of(version),
            "name": escape(embedding.name),
            "link": places.link(start, places.version_page(embedding.name, version.number)),
        }
        for version, embedding in newest
    )


def lost_context(data: SiteData, name: str) -> dict[str, Any]:
    """Return what `site/lost.md.j2` shows: an embedding none of whose cards can be read."""
    return {
        "front_title": yaml_text(heading(name)),
        "name": escape(name),
        "unreadable": unreadable_rows(data.unreadable_of(name)),
        "validate": code("embver validate"),
    }
