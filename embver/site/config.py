"""MkDocs' configuration: the user's `mkdocs.yml` inherits the part that embver keeps. Pure.

`mkdocs.yml` is written once and is the user's; it names `INHERIT: site/changelog/.mkdocs.yml`, which embver
writes anew each time and which holds the navigation and what the generated pages need. MkDocs merges the two before
it reads any path, so every path counts from `mkdocs.yml`. A dot file is not copied into the built site.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from embver.site import places
from embver.site.model import SiteData
from embver.site.places import FOLDER
from embver.site.text import heading, yaml_text

INHERITED = f"{FOLDER}/.mkdocs.yml"
THEME = f"{FOLDER}/.theme"

# The pages that look across embeddings.
_ACROSS = (("Compare", "compare"), ("Benchmarks", "benchmarks"), ("Data", "data"), ("Hardware", "hardware"))
UNFOLDED = 12  # embeddings whose pages are all in the navigation
NAMED = 40  # embeddings that are in it at all

# The separator lets the digits of `sha256:7beafd...` be found, which stand behind a colon, and names beside a bracket.
# What the pages are written for. No extension that reads files, runs code or expands text: cards are data.
_SETTINGS = """\
markdown_extensions:
  attr_list: {}
  md_in_html: {}
  tables: {}
  toc: {permalink: "#", permalink_title: Link to this section}
  pymdownx.highlight: {}
  pymdownx.superfences: {}
plugins:
  search: {separator: '[\\s\\-,:=()\\[\\]"\\u2026]+'}
validation:
  nav: {omitted_files: ignore, not_found: warn, absolute_links: warn}
  links: {not_found: warn, anchors: warn, absolute_links: warn, unrecognized_links: warn}
"""


def inherited_config(
    data: SiteData, start: str, own_pages: Iterable[str], *, docs: str, url: str | None = None
) -> str:
    """Return the inherited configuration: explicit navigation by name, the user's own pages after it.

    `docs` is the documentation folder as mkdocs.yml sees it, `url` where the site is published.

    Versions are not in the navigation: it is repeated on every page, so each would grow with all of them.
    """
    lines = ["# Written by `embver site`; settings of your own belong in mkdocs.yml."]
    if url is not None:
        lines.append(f"site_url: {yaml_text(url)}")
    lines += [f"theme: {{custom_dir: {yaml_text(f'{docs}/{THEME}')}}}", _SETTINGS + "nav:"]
    own = sorted(own_pages)
    if start != "index.md":
        lines.append("  - Home: index.md")
        own = [path for path in own if path != "index.md"]
    lines.append(f"  - Overview: {yaml_text(start)}")
    lines += _changelog(data)
    lines += [f"  - {words}: {FOLDER}/{page}.md" for words, page in _ACROSS]
    tree: dict[str, Any] = {}
    for path in own:
        branch = tree
        for part in PurePosixPath(path).parts[:-1]:
            branch = branch.setdefault(f"{part}/", {})
        branch[PurePosixPath(path).name] = path
    return "\n".join([*lines, *_branch(tree, "  ")]) + "\n"


def _changelog(data: SiteData) -> list[str]:
    """Return the embeddings as lines of the navigation: with their pages while there are few, at last none of them.

    Each line is in every page of the site. Beyond, the start page's table and the search lead there.
    """
    if len(data.embeddings) > NAMED:
        return []
    lines = []
    for embedding in data.embeddings:
        name, title = embedding.name, yaml_text(heading(embedding.title))
        # With every title said here, no page has to be read to draw the navigation of another.
        home = f"{title}: {yaml_text(places.embedding_page(name))}"
        if len(data.embeddings) > UNFOLDED:
            lines.append(f"  - {home}")
            continue
        lines += [
            f"  - {title}:",
            f"      - {home}",
            f"      - Changelog: {yaml_text(places.changelog_page(name))}",
            f"      - What moved the numbers: {yaml_text(places.trace_page(name))}",
        ]
    readable = {embedding.name for embedding in data.embeddings}
    for name in dict.fromkeys(entry.release.name for entry in data.unreadable):
        if name not in readable:
            lines.append(f"  - {yaml_text(heading(name))}: {yaml_text(places.embedding_page(name))}")
    return lines


def _branch(tree: Mapping[str, Any], indent: str) -> list[str]:
    lines = []
    for name, below in tree.items():
        if isinstance(below, str):
            lines.append(f"{indent}- {yaml_text(below)}")
            continue
        words = heading(name.rstrip("/").replace("-", " ").replace("_", " "))
        lines.append(f"{indent}- {yaml_text(words[:1].upper() + words[1:])}:")
        lines += _branch(below, f"{indent}    ")
    return lines
