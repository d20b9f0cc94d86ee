"""The pages that look across embeddings, and the files for programs. Pure.

Each is a place and a function that makes its text, so that what is known to be unchanged need not be made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from embver.card import TIMINGS
from embver.comparability import PROTOCOL
from embver.diff import IDENTITY, WHOLE
from embver.site import benchmarks_page, compare_page, data_page, feed, hardware_page, machine
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.page_scripts import data_script, numbers_script, version_script
from embver.site.places import FOLDER
from embver.site.words import LEVELS, VERDICTS

Render = Callable[[str, Mapping[str, Any]], str]
Made = tuple[str, Callable[[], str]]  # (place, what makes the text)
# The scripts of pages and the templates that each is made of; `main.html` loads the one that a page names in its front
# matter. One file a page: the order of several would be lost where Material puts a page in the place of another.
SCRIPTS = {
    "compare.js": ("page_data", "compare_diff", "compare_view", "compare"),
    "tables.js": ("page_data", "tables"),
}

_PAGES: tuple[tuple[str, str, Callable[[SiteData], dict[str, Any]]], ...] = (
    (compare_page.PLACE, "site/compare.md.j2", compare_page.compare_context),
    (hardware_page.PLACE, "site/hardware.md.j2", hardware_page.hardware_context),
    (data_page.PLACE, "site/data.md.j2", data_page.data_context),
    (benchmarks_page.PLACE, "site/benchmarks.md.j2", benchmarks_page.benchmarks_context),
)


def across_embeddings(data: SiteData, render: Render, *, mark: str) -> Iterator[Made]:
    """Yield what is neither of one embedding nor of one version: it may change with any release."""
    for place, template, context in _PAGES:
        yield place, partial(_rendered, render, template, context, data, mark)
    yield compare_page.LIST_PLACE, lambda: data_script("versions", compare_page.list_of_versions(data))
    yield machine.PLACE, lambda: machine.versions_json(data)
    yield feed.PLACE, lambda: feed.feed_xml(data)
    if data.versions_schema:
        yield machine.SCHEMA_PLACE, lambda: data.versions_schema
    for name, parts in SCRIPTS.items():
        yield f"{FOLDER}/{name}", partial(_script, render, parts)


def of_embedding(embedding: SiteEmbedding) -> Iterator[Made]:
    """Yield the scripts with an embedding's benchmark numbers; a release changes the last one."""
    for chunk in benchmarks_page.chunks_of(embedding):
        yield numbers_script(embedding.name, chunk), partial(_numbers, embedding, chunk)


def of_version(embedding: SiteEmbedding, version: SiteVersion) -> Made:
    """Return the script with a version's data: it depends on that version alone."""
    return version_script(embedding.name, version.number), partial(_version, embedding.name, version)


def _script(render: Render, parts: tuple[str, ...]) -> str:
    told = {
        "words": json.dumps({"levels": LEVELS, "verdicts": VERDICTS}),
        "whole": json.dumps(WHOLE),
        "identity": json.dumps(IDENTITY),
        "protocol": json.dumps(PROTOCOL),
        "timings": json.dumps(TIMINGS),
    }
    return "\n".join(render(f"site/{part}.js.j2", told) for part in parts)


def _rendered(
    render: Render,
    template: str,
    context: Callable[[SiteData], dict[str, Any]],
    data: SiteData,
    mark: str,
) -> str:
    return render(template, {**context(data), "mark": mark})


def _numbers(embedding: SiteEmbedding, chunk: int) -> str:
    key = f"numbers/{embedding.name}/{chunk}"
    return data_script(key, benchmarks_page.numbers_of(embedding, chunk))


def _version(name: str, version: SiteVersion) -> str:
    plain = compare_page.version_data(name, version)
    return data_script(plain["reference"], plain)
