"""The changelog of an embedding, in the manner of Keep a Changelog, newest first; older releases in parts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embver.site import places
from embver.site.model import SiteEmbedding, SiteVersion, Unreadable
from embver.site.text import escape, heading, yaml_text
from embver.site.timeline import Part, newest, parts, row_of
from embver.site.unreadable import unreadable_rows
from embver.site.version_changes import field_rows, people_words
from embver.site.words import advice

_SECTIONS = {"first": "Added", "minor": "Added", "patch": "Fixed"}


def changelog_context(embedding: SiteEmbedding, unreadable: Sequence[Unreadable] = ()) -> dict[str, Any]:
    """Return what `site/changelog.md.j2` shows: the newest releases, and where the older ones are."""
    divided = parts(embedding)
    return {
        **_shared(embedding, newest(embedding)),
        "part": "",
        "unreadable": unreadable_rows(unreadable),
        "older": tuple((places.changelog_file(part.place), part.words) for part in reversed(divided)),
        "count": len(embedding.versions),
    }


def changelog_part(embedding: SiteEmbedding, part: Part) -> dict[str, Any]:
    """Return what the same template shows of one part of all releases."""
    return {
        **_shared(embedding, part.versions),
        "front_title": yaml_text(f"{heading(embedding.title)} \u00b7 changelog, part {part.place}"),
        "part": part.words,
        "unreadable": (),
        "older": (),
        "count": len(part.versions),
    }


def _shared(embedding: SiteEmbedding, versions: Sequence[SiteVersion]) -> dict[str, Any]:
    return {
        "front_title": yaml_text(f"{heading(embedding.title)} \u00b7 changelog"),
        "name": escape(embedding.name),
        "heading": escape(embedding.title),
        "releases": tuple(_release(version) for version in versions),
    }


def _release(version: SiteVersion) -> dict[str, Any]:
    sections: dict[str, list[str]] = {}
    for area, text in people_words(version):
        sections.setdefault(_SECTIONS.get(version.level, "Changed"), []).append(
            f"{text} <small>{area}</small>" if area else text
        )
    if not sections:
        changed = [f"{row.path}: {row.before} \u2192 {row.after}" for row in field_rows(version) if row.level]
        if changed:
            sections["Changed"] = changed
    return {
        "row": row_of(version),
        "sections": tuple((name, tuple(lines)) for name, lines in sections.items()),
        "advice": advice(version),
    }
