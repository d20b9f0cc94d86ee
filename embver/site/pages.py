"""All pages of the site from all releases. Pure: templates are rendered by the function that is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from embver.site.embedding_pages import Draft, embedding_drafts, version_draft, wide_drafts
from embver.site.model import Page, SiteData, SiteEmbedding
from embver.site.more_pages import across_embeddings, of_embedding, of_version
from embver.site.places import FOLDER
from embver.site.recipe import Recipe
from embver.site.stamps import Stamps
from embver.site.start_page import start_context

Render = Callable[[str, Mapping[str, Any]], str]

# The first line of every generated page; a start page without it belongs to whoever wrote it.
MARK = "<!-- Written by `embver site`. Delete this line to make the page your own. -->"
# Up to so many versions in the whole site every page is searched. Beyond, the index would be larger than a reader should
# load (10 kB a version): of each embedding its own page, its lists, the current version and those that hold a stage.
SEARCHED_WHOLE = 100


def make_pages(data: SiteData, render: Render, *, start: str = "index.md") -> tuple[Page, ...]:
    """Return every generated file of the site, sorted by path; `start` is where the start page goes."""
    made = (recipe.page() for recipe in recipes(data, render, start=start))
    return tuple(sorted(made, key=lambda page: page.path))


def recipes(
    data: SiteData, render: Render, *, start: str = "index.md", stamps: Stamps | None = None
) -> Iterator[Recipe]:
    """Yield how each file is made, and with stamps what it needs, an embedding after the other.

    A version's page is made from a view of the data that holds nothing else than what its needs name.
    """
    everything = () if stamps is None else (stamps.of_data(),)

    def start_page() -> str:
        return render("site/index.md.j2", {**start_context(data, start=start), "mark": MARK})

    yield Recipe(path=start, make=start_page, needs=everything)
    for name in ("embver.css", "search.js"):
        yield Recipe(path=f"{FOLDER}/{name}", make=_template(render, f"site/{name}.j2"))
    yield Recipe(path=f"{FOLDER}/schemas/card/v1.json", make=lambda: data.schema_text)
    for path, make in across_embeddings(data, render, mark=MARK):
        yield Recipe(path=path, make=make, needs=everything)
    for draft in wide_drafts(data):
        yield _recipe(draft, render, everything)
    is_whole = sum(len(embedding.versions) for embedding in data.embeddings) <= SEARCHED_WHOLE
    for embedding in data.embeddings:
        yield from _embedding_recipes(data, embedding, render, stamps, is_listed=not is_whole)
        yield from _version_recipes(data, embedding, render, stamps, is_whole=is_whole)


def _embedding_recipes(
    data: SiteData, embedding: SiteEmbedding, render: Render, stamps: Stamps | None, *, is_listed: bool
) -> Iterator[Recipe]:
    needs: tuple[str, ...] = ()
    if stamps is not None and embedding.traces_stamp is not None:
        needs = (stamps.of_embedding(embedding), embedding.traces_stamp, str(is_listed))
    # Whatever is known of other embeddings is not seen.
    unreadable = data.unreadable_of(embedding.name)
    view = replace(data, embeddings=(embedding,), generated_from="", unreadable=unreadable)
    for draft in embedding_drafts(view, embedding, is_listed=is_listed):
        yield _recipe(draft, render, needs, is_searched=not is_listed)
    for path, make in of_embedding(embedding):
        yield Recipe(path=path, make=make, needs=needs)


def _version_recipes(
    data: SiteData, embedding: SiteEmbedding, render: Render, stamps: Stamps | None, *, is_whole: bool
) -> Iterator[Recipe]:
    later = _measured_later(embedding)
    held = {embedding.current.number, *(version.number for version in embedding.stages.values())}
    lasting = replace(data, embeddings=(), generated_from="", unreadable=())
    for position, version in enumerate(embedding.versions):
        seen = _seen(embedding, position, later)
        versions = tuple(embedding.versions[place] for place in seen)
        narrow = replace(embedding, versions=versions, traces=(), traces_stamp=None)
        is_searched = is_whole or version.number in held
        draft = version_draft(replace(lasting, embeddings=(narrow,)), narrow, seen.index(position))
        needs = () if stamps is None else (*stamps.of_view(narrow), str(is_searched), str(is_whole))
        yield _recipe(draft, render, needs, is_searched=is_searched, is_whole=is_whole)
        path, make = of_version(narrow, version)
        yield Recipe(path=path, make=make, needs=needs)


def _seen(embedding: SiteEmbedding, position: int, later: Mapping[str, list[int]]) -> list[int]:
    """Return the places of the versions that a version's page may tell of: its neighbours, and what was measured with it."""
    version, versions = embedding.versions[position], embedding.versions
    places = {each for each in (position - 1, position, position + 1) if 0 <= each < len(versions)}
    places.update(later.get(version.release.reference, ()))
    if version.previous is not None and not any(
        versions[each].release.tag == version.previous.tag for each in places
    ):
        places.update(n for n, each in enumerate(versions) if each.release.tag == version.previous.tag)
    return sorted(places)


def _measured_later(embedding: SiteEmbedding) -> dict[str, list[int]]:
    """Return the places of the versions whose cards tell how they were measured against each version."""
    found: dict[str, list[int]] = {}
    for place, version in enumerate(embedding.versions):
        for record in version.card.compatibility:
            found.setdefault(record.against, []).append(place)
    return found


def _recipe(
    draft: Draft, render: Render, needs: tuple[str, ...], *, is_searched: bool = True, is_whole: bool = True
) -> Recipe:
    search = {"is_searched": is_searched, "is_whole": is_whole}

    def make() -> str:
        return render(draft.template, {**draft.context(), "mark": MARK, **search})

    return Recipe(path=draft.path, make=make, needs=needs)


def _template(render: Render, name: str) -> Callable[[], str]:
    return lambda: render(name, {})
