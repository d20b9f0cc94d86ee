"""The page that compares any two versions, and the scripts that it loads for them. Pure.

The page itself holds no version: `compare.js` builds it from the list of versions and the two that are chosen. A
version's data never change when another is released.
"""

from __future__ import annotations

from typing import Any

from embver.site.benchmarks_page import CHUNK, earlier_versions
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.places import FOLDER, embedding_page, home, link, version_file
from embver.site.text import code, escape

PLACE = f"{FOLDER}/compare.md"
LIST_PLACE = f"{FOLDER}/data/versions.js"


def compare_link(source: str, a: SiteVersion, b: SiteVersion) -> str:
    """Return the address of a comparison in the Markdown of a page: `../compare.md?emoji@1.0.0...emoji@1.1.0`.

    The pair is a query there and not a fragment, which MkDocs would look for among the headings of the page.
    """
    return f"{link(source, PLACE)}?{a.release.reference}...{b.release.reference}"


def compare_context(data: SiteData) -> dict[str, Any]:
    """Return what `site/compare.md.j2` shows to those whose browser runs no script."""
    first = data.embeddings[0] if data.embeddings else None
    pair = ("A", "B")
    if first is not None and len(first.versions) > 1:
        pair = (first.versions[-2].release.reference, first.versions[-1].release.reference)
    return {
        "embeddings": tuple(
            (escape(embedding.title), link(PLACE, embedding_page(embedding.name)))
            for embedding in data.embeddings
        ),
        "diff": code(f"embver diff {pair[0]} {pair[1]}"),
        "compat": code(f"embver compat {pair[0]} {pair[1]}"),
    }


def list_of_versions(data: SiteData) -> dict[str, Any]:
    """Return what there is to choose from, oldest first: also what may change of a version after its release.

    A version is [number, file, day, level, verdict, state, stages, the place of the one it was compared with or -1].
    """
    return {"chunk": CHUNK, "embeddings": [_listed(embedding) for embedding in data.embeddings]}


def _listed(embedding: SiteEmbedding) -> dict[str, Any]:
    before = earlier_versions(embedding)
    places = {version.release.tag: place for place, version in enumerate(embedding.versions)}
    versions = []
    for version in embedding.versions:
        earlier = before.get(version.release.tag)
        versions.append([
            version.number, version_file(version.number).removesuffix(".md"), version.date, version.level,
            version.verdict, version.status.state, list(version.stages),
            -1 if earlier is None else places[earlier.release.tag],
        ])  # fmt: skip
    return {
        "name": embedding.name,
        "title": embedding.title,
        "home": home(embedding.name).removeprefix(f"{FOLDER}/"),
        "current": places[embedding.current.release.tag],
        "versions": versions,
    }


def version_data(name: str, version: SiteVersion) -> dict[str, Any]:
    """Return what the page needs of a version that was chosen."""
    release = version.release
    return {
        "reference": f"{name}@{version.number}",
        "tag": release.tag,
        "commit": release.commit,
        "date": release.date,
        "card": version.card.plain,
    }
