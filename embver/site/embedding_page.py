"""The page of one embedding: what is current, what happened, what may be mixed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embver.site.chart_views import chart_groups, chart_pages, charts_links
from embver.site.matrix import SHOWN, Cell, cell, mixing_parts
from embver.site.model import SiteEmbedding, Unreadable
from embver.site.places import FOLDER, embedding_page, link, versions_file
from embver.site.series import Series
from embver.site.start_page import is_unmeasured, stages_of
from embver.site.text import escape, heading, yaml_text
from embver.site.timeline import newest, parts, row_of
from embver.site.unreadable import unreadable_rows
from embver.site.words import VERDICTS, verdict_badge

_FEW = 8  # so many versions have room for a verdict's meaning in every cell
_HATCHED = '<span class="ev-badge ev-hatched">hatched</span>'


def embedding_context(
    embedding: SiteEmbedding,
    unreadable: Sequence[Unreadable] = (),
    *,
    charts: Sequence[Sequence[Series]] | None = None,
    is_listed: bool = False,
) -> dict[str, Any]:
    """Return what `site/embedding.md.j2` shows; `charts` is what `chart_pages` gives."""
    current = embedding.current
    shown = chart_pages(embedding) if charts is None else charts
    divided = parts(embedding, is_listed=is_listed)
    return {
        "front_title": yaml_text(heading(embedding.title)),
        "heading": escape(embedding.title),
        "name": escape(embedding.name),
        "compare": link(embedding_page(embedding.name), f"{FOLDER}/compare.md"),
        "description": escape(current.card.plain.get("description") or ""),
        "current": row_of(current),
        "is_unmeasured": is_unmeasured(current),
        "stages": stages_of(embedding),
        "versions": tuple(row_of(version) for version in newest(embedding)),
        "count": len(embedding.versions),
        "since": escape(min(version.date for version in embedding.versions)),
        "older": tuple((versions_file(part.place), part.words) for part in reversed(divided)),
        "unreadable": unreadable_rows(unreadable),
        "groups": chart_groups(embedding, shown[0]) if shown else (),
        "more_charts": charts_links(embedding.name, shown[1:]),
        "has_benchmarks": any(version.card.benchmarks for version in embedding.versions),
        "mixing": tuple(escape(part) for part in mixing_parts(embedding)),
        "matrix": _matrix(embedding),
        "legend": _legend(embedding),
        "left_out": max(0, len(embedding.versions) - SHOWN),
        "uses": tuple(escape(entry) for entry in current.card.plain.get("intended_use") or ()),
        "limitations": tuple(escape(entry) for entry in current.card.plain.get("limitations") or ()),
    }


def charts_context(embedding: SiteEmbedding, place: int, shown: Sequence[Series]) -> dict[str, Any]:
    """Return what `site/charts.md.j2` shows: the charts that the embedding's own page has no room for."""
    return {
        "front_title": yaml_text(f"{heading(embedding.title)} \u00b7 charts, part {place}"),
        "heading": escape(embedding.title),
        "groups": chart_groups(embedding, shown),
    }


def _matrix(embedding: SiteEmbedding) -> tuple[tuple[str, tuple[Mapping[str, str], ...]], ...]:
    """Return (version, cells) newest first; columns run the same way."""
    newest_first = tuple(reversed(embedding.versions[-SHOWN:]))
    is_brief = len(newest_first) > _FEW
    return tuple(
        (escape(row.number), tuple(_cell(cell(row, column), is_brief=is_brief) for column in newest_first))
        for row in newest_first
    )


def _cell(known: Cell, *, is_brief: bool) -> dict[str, str]:
    # Of many versions a cell says which two it is about; what a verdict means stands in the legend.
    why = known.why.partition(";")[0] if is_brief else known.why
    word = {"self": "same", "unmeasured": "not measured"}.get(known.kind, known.verdict)
    return {
        "kind": known.kind,
        "verdict": escape("same" if known.kind == "self" else known.verdict),
        "sign": "" if known.kind == "self" else known.sign,
        "word": escape(word),
        "how": {"inferred": "by the space" if known.verdict == "incompatible" else "by fingerprint"}.get(
            known.kind, ""
        ),
        "why": "" if is_brief and known.kind == "unmeasured" else escape(why),
    }


def _legend(embedding: SiteEmbedding) -> tuple[tuple[str, str], ...]:
    """Return the verdicts that occur in the matrix and what hatching stands for, each with its meaning."""
    shown = embedding.versions[-SHOWN:]
    cells = [cell(a, b) for a in shown for b in shown if a is not b]
    seen = {each.verdict for each in cells}
    legend = [
        (verdict_badge(word), escape(meaning)) for word, (_, meaning) in VERDICTS.items() if word in seen
    ]
    if any(each.kind == "inferred" for each in cells):
        legend.append((_HATCHED, "not measured, for the space or the fingerprint says it already"))
    return tuple(legend)
