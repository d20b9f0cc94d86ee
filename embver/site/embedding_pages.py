"""Which pages an embedding has, each with its template and what it shows: made one at a time, as they are written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from embver.site import places
from embver.site.changelog_page import changelog_context, changelog_part
from embver.site.chart_views import chart_pages
from embver.site.embedding_page import charts_context, embedding_context
from embver.site.list_page import list_context
from embver.site.model import SiteData, SiteEmbedding
from embver.site.start_page import embeddings_context, embeddings_parts, lost_context
from embver.site.timeline import parts
from embver.site.trace_page import trace_context, trace_link
from embver.site.unreadable import unreadable_context
from embver.site.version_page import version_context


class Draft(NamedTuple):
    """A page that is not rendered yet."""

    path: str
    template: str
    context: Callable[[], Mapping[str, Any]]


def wide_drafts(data: SiteData) -> Iterator[Draft]:
    """Yield the pages that list very many embeddings, and those of versions whose cards cannot be shown."""
    for part in embeddings_parts(data):
        path = places.embeddings_page(part)
        yield Draft(path, "site/embeddings.md.j2", partial(embeddings_context, data, part))
    readable = {embedding.name for embedding in data.embeddings}
    for name in dict.fromkeys(entry.release.name for entry in data.unreadable):
        if name not in readable:
            yield Draft(places.embedding_page(name), "site/lost.md.j2", partial(lost_context, data, name))
    for entry in data.unreadable:
        path = places.version_page(entry.release.name, entry.number)
        yield Draft(path, "site/unreadable.md.j2", partial(unreadable_context, data, entry))


def embedding_drafts(data: SiteData, embedding: SiteEmbedding, *, is_listed: bool = False) -> Iterator[Draft]:
    """Yield the pages of one embedding but those of its versions.

    One that `is_listed` has list pages even where its own page shows all versions: the search finds them there.
    """
    name, unreadable = embedding.name, data.unreadable_of(embedding.name)

    charts = chart_pages(embedding)

    def home() -> Mapping[str, Any]:
        shown = embedding_context(embedding, unreadable, charts=charts, is_listed=is_listed)
        return {**shown, "trace": trace_link(embedding)}

    yield Draft(places.embedding_page(name), "site/embedding.md.j2", home)
    yield Draft(
        places.changelog_page(name), "site/changelog.md.j2", partial(changelog_context, embedding, unreadable)
    )
    yield Draft(places.trace_page(name), "site/trace.md.j2", partial(trace_context, embedding))
    for place in range(1, len(charts)):
        path = places.charts_page(name, place)
        yield Draft(path, "site/charts.md.j2", partial(charts_context, embedding, place, charts[place]))
    for part in parts(embedding, is_listed=is_listed):
        path = places.versions_page(name, part.place)
        yield Draft(path, "site/versions.md.j2", partial(list_context, embedding, part))
    for part in parts(embedding):
        path = places.changelog_page(name, part.place)
        yield Draft(path, "site/changelog.md.j2", partial(changelog_part, embedding, part))


def version_draft(data: SiteData, embedding: SiteEmbedding, position: int) -> Draft:
    """Return the page of one version; `data` and `embedding` may be a view that holds only what it may show."""
    path = places.version_page(embedding.name, embedding.versions[position].number)
    return Draft(path, "site/version.md.j2", partial(version_context, data, embedding, position))
