"""All pages of the site from all releases. Pure: templates are rendered by the function that is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from embver.site.embedding_page import changelog_context, embedding_context, start_context
from embver.site.machine import versions_json
from embver.site.model import Page, SiteData
from embver.site.trace_page import trace_context, trace_link
from embver.site.version_page import version_context

Render = Callable[[str, Mapping[str, Any]], str]

FOLDER = "changelog"
# The first line of every generated page; a start page without it belongs to whoever wrote it.
MARK = "<!-- Written by `embver site`. Delete this line to make the page your own. -->"


def make_pages(data: SiteData, render: Render, *, start: str = "index.md") -> tuple[Page, ...]:
    """Return every generated file of the site, sorted by path; `start` is where the start page goes."""
    below = "" if start.startswith(f"{FOLDER}/") else f"{FOLDER}/"
    pages = [
        Page(
            path=start, text=render("site/index.md.j2", {**start_context(data, folder=below), "mark": MARK})
        ),
        Page(path=f"{FOLDER}/embver.css", text=render("site/embver.css.j2", {})),
        Page(path=f"{FOLDER}/search.js", text=render("site/search.js.j2", {})),
        Page(path=f"{FOLDER}/versions.json", text=versions_json(data)),
        Page(path=f"{FOLDER}/schemas/card/v1.json", text=data.schema_text),
    ]
    for embedding in data.embeddings:
        home = f"{FOLDER}/{embedding.name}"
        context = {**embedding_context(embedding), "trace": trace_link(embedding), "mark": MARK}
        pages.append(Page(path=f"{home}/index.md", text=render("site/embedding.md.j2", context)))
        context = {**changelog_context(embedding), "mark": MARK}
        pages.append(Page(path=f"{home}/changelog.md", text=render("site/changelog.md.j2", context)))
        context = {**trace_context(embedding), "mark": MARK}
        pages.append(Page(path=f"{home}/trace.md", text=render("site/trace.md.j2", context)))
        for position, version in enumerate(embedding.versions):
            context = {**version_context(data, embedding, position), "mark": MARK}
            text = render("site/version.md.j2", context)
            pages.append(Page(path=f"{home}/{version.number}.md", text=text))
    return tuple(sorted(pages, key=lambda page: page.path))
