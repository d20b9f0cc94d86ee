"""A page that lists a part of an embedding's versions: each with the words that people search for, and its numbers. Pure."""

from __future__ import annotations

from typing import Any

from embver.site import places
from embver.site.model import SiteEmbedding
from embver.site.series import series_of
from embver.site.text import escape, heading, number, yaml_text
from embver.site.timeline import Part, listed, parts

_MOST_COLUMNS = 24


def list_context(embedding: SiteEmbedding, part: Part) -> dict[str, Any]:
    """Return what `site/versions.md.j2` shows of one part.

    No link to the part after it: it would change when that one comes.
    """
    return {
        "front_title": yaml_text(f"{heading(embedding.title)} \u00b7 versions, part {part.place}"),
        "heading": escape(embedding.title),
        "name": escape(embedding.name),
        "words": part.words,
        "versions": tuple(listed(version) for version in part.versions),
        "before": places.versions_file(part.place - 1) if part.place > 1 else "",
        "changelog": places.changelog_file(part.place if parts(embedding) else None),
        **_numbers(embedding, part),
    }


def _numbers(embedding: SiteEmbedding, part: Part) -> dict[str, Any]:
    """Return every metric of the part's versions as one table: the numbers of the charts, in full."""
    columns = [series for series in series_of(_only(embedding, part)) if series.known]
    rows = []
    for place, version in enumerate(part.versions):
        at = len(part.versions) - 1 - place  # series are oldest first
        cells = [series.points[at] for series in columns[:_MOST_COLUMNS]]
        rows.append(
            {
                "number": escape(version.number),
                "file": places.version_file(version.number),
                "cells": tuple("\u2013" if each.value is None else number(each.value) for each in cells),
            }
        )
    return {
        "columns": tuple(
            (escape(series.benchmark), escape(series.metric)) for series in columns[:_MOST_COLUMNS]
        ),
        "rows": tuple(rows),
        "left_out": max(0, len(columns) - _MOST_COLUMNS),
    }


def _only(embedding: SiteEmbedding, part: Part) -> SiteEmbedding:
    return SiteEmbedding(name=embedding.name, versions=tuple(reversed(part.versions)))
