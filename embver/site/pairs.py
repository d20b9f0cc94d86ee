"""What is known of a version beside others: measured by its own card, by a later one's, or told by the space. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from embver.site.matrix import cell
from embver.site.model import SiteEmbedding, SiteVersion
from embver.site.places import version_file
from embver.site.text import escape
from embver.site.words import verdict_badge

_LINKED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The versions that were measured against this one with one verdict, as inline Markdown, newest first."""

    badge: str
    versions: str


def later(embedding: SiteEmbedding, version: SiteVersion) -> tuple[Later, ...]:
    """Return what the cards of other versions say of this one, by verdict; of many the newest are links."""
    found: dict[str, list[SiteVersion]] = {}
    for other in embedding.versions:
        record = other.card.against(version.release.reference)
        if record is not None and other.number != version.number:
            found.setdefault(record.verdict, []).append(other)
    return tuple(
        Later(badge=verdict_badge(verdict), versions=_named(members)) for verdict, members in found.items()
    )


def _named(members: list[SiteVersion]) -> str:
    links = [f"[{escape(each.number)}]({version_file(each.number)})" for each in reversed(members[-_LINKED:])]
    rest = members[:-_LINKED]
    if len(rest) == 1:
        links.append(f"[{escape(rest[0].number)}]({version_file(rest[0].number)})")
    elif rest:
        links.append(f"{len(rest)} more from {escape(rest[0].number)} to {escape(rest[-1].number)}")
    return ", ".join(links)


def without_measuring(version: SiteVersion, earlier: SiteVersion | None) -> str:
    """Return what the spaces alone tell of a version and the one before it, as HTML; empty if that is nothing."""
    if earlier is None:
        return ""
    known = cell(earlier, version)
    return f"{verdict_badge(known.verdict)} {escape(known.why)}" if known.kind == "inferred" else ""
