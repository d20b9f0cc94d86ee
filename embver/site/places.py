"""Where the site's files lie: one stable address for each embedding and each version, on any file system. Pure.

A page's address depends on its own name and version alone, never on what else there is. Ordinary names and versions are
their own address: `changelog/products/1.2.0.md`. What is written otherwise:

- a part of a name that is a page or a folder of the site's own (`compare`, `shop/trace`), or a device of Windows (`con`,
  `com1`), gets the prefix `name.`: `changelog/name.compare/`. Names have no dots, so no other name can be meant;
- in a version `+` is written `__`, since some hosts read a plus sign as a space, and a capital letter `_` and its small
  one, since on some file systems `1.0.0-RC` and `1.0.0-rc` are one file. Versions have no underscores;
- a version of more than 200 signs is cut and ends in a digest.
"""

from __future__ import annotations

import hashlib
import re

FOLDER = "changelog"
# The site's own pages and folders: at the top of FOLDER, and below each embedding. Also without their endings: MkDocs
# may be set to make a folder of every page.
TOP = frozenset({
    "assets", "benchmarks", "changelog", "compare", "data", "embver", "feed", "hardware", "index", "releases", "schemas",
    "search", "sitemap", "tags", "versions",
})  # fmt: skip
BELOW = frozenset({"changelog", "charts", "compare", "data", "index", "trace", "versions"})
_NUMBERED = re.compile(r"(changelog|charts|embeddings|versions)-[0-9]+")
_DEVICE = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")
_LONGEST = 200


def home(name: str) -> str:
    """Return the folder of an embedding's pages: `changelog/products`."""
    parts = name.split("/")
    return "/".join([FOLDER, *(_part(part, is_first=not place) for place, part in enumerate(parts))])


def _part(part: str, *, is_first: bool) -> str:
    is_own = part in (TOP if is_first else BELOW) or _NUMBERED.fullmatch(part)
    return f"name.{part}" if is_own or _DEVICE.fullmatch(part) else part


def embeddings_page(part: int) -> str:
    """Return one of the pages that list all embeddings where there are very many, counted from 1."""
    return f"{FOLDER}/embeddings-{part}.md"


def embedding_page(name: str) -> str:
    """Return the page of an embedding."""
    return f"{home(name)}/index.md"


def changelog_page(name: str, part: int | None = None) -> str:
    """Return the changelog of an embedding, or one of the pages of its older releases, counted from 1."""
    return f"{home(name)}/{changelog_file(part)}"


def changelog_file(part: int | None = None) -> str:
    """Return the file of a changelog page within its embedding's folder."""
    return "changelog.md" if part is None else f"changelog-{part}.md"


def versions_page(name: str, part: int) -> str:
    """Return one of the pages that list the versions of an embedding that has many, counted from 1, the oldest first."""
    return f"{home(name)}/{versions_file(part)}"


def versions_file(part: int) -> str:
    """Return the file of such a page within its embedding's folder."""
    return f"versions-{part}.md"


def charts_page(name: str, part: int) -> str:
    """Return one of the pages of further charts, for what has many benchmarks, counted from 1."""
    return f"{home(name)}/charts-{part}.md"


def trace_page(name: str) -> str:
    """Return the page "What moved the numbers" of an embedding."""
    return f"{home(name)}/trace.md"


def version_file(number: str) -> str:
    """Return the file of a version's page within its embedding's folder: `1.2.0.md`."""
    text = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", number).replace("+", "__")
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 17]}_0{hashlib.sha256(number.encode()).hexdigest()[:15]}"
    return f"{text}.md"


def version_page(name: str, number: str) -> str:
    """Return the page of a version: `changelog/products/1.2.0.md`."""
    return f"{home(name)}/{version_file(number)}"


def link(source: str, target: str) -> str:
    """Return how one page leads to another, both as paths within the documentation folder."""
    here, there = source.split("/")[:-1], target.split("/")
    shared = 0
    while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
        shared += 1
    return "/".join([*[".."] * (len(here) - shared), *there[shared:]])
