"""Zensical, the successor of Material's authors: the same mkdocs.yml and pages, unchanged."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest
from browser import Browser, served

VOID = frozenset(
    {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


class Article(HTMLParser):
    """The words and the elements between a page's header and footer."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self._depth = 0
        self._text: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.read_text(encoding="utf-8"))

    @property
    def words(self) -> str:
        """Return its text in one line."""
        return " ".join("".join(self._text).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if self._depth:
            self._depth += tag not in VOID
            self.elements.append((tag, attributes))
        elif tag == "article" and "md-content__inner" in (attributes.get("class") or ""):
            self._depth = 1

    def handle_endtag(self, tag: str) -> None:
        if self._depth and tag not in VOID:
            self._depth -= 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._depth:
            self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self._depth:
            self._text.append(data)


@pytest.fixture(scope="module")
def zensical(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a copy of the written site with Zensical; it keeps a cache beside mkdocs.yml, so never in place."""
    if find_spec("zensical") is None:
        pytest.skip("needs zensical")
    root = tmp_path_factory.mktemp("zensical")
    shutil.copy(built / "mkdocs.yml", root)
    shutil.copytree(built / "site", root / "site")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "build" / "site"


def both(built: Path, zensical: Path) -> Iterator[tuple[str, Path, Path]]:
    """Yield each page with its file of MkDocs and of Zensical."""
    ours = built / "build" / "site"
    for page in sorted(ours.rglob("*.html")):
        name = page.relative_to(ours).as_posix()
        yield name, page, zensical / name


def test_every_page_is_there_and_says_the_same(built: Path, zensical: Path) -> None:
    checked = []
    for name, page, twin in both(built, zensical):
        assert twin.is_file(), name
        words = Article(page).words
        assert words, name
        assert Article(twin).words == words, name
        checked.append(name)
    assert {"index.html", "about.html", "changelog/emoji/1.1.1.html", "changelog/hostile/1.1.0.html"} <= set(
        checked
    )


def test_what_stands_beside_the_pages_is_the_same(built: Path, zensical: Path) -> None:
    ours = built / "build" / "site" / "changelog"
    beside = [file for file in ours.rglob("*") if file.is_file() and file.suffix != ".html"]
    assert {"versions.json", "embver.css", "v1.json"} <= {file.name for file in beside}
    for file in beside:
        assert (zensical / "changelog" / file.relative_to(ours)).read_bytes() == file.read_bytes(), file.name
    assert not list(zensical.rglob(".mkdocs.yml"))
    assert not list(zensical.rglob(".written"))


def test_hostile_cards_are_inert_there_too(built: Path, zensical: Path) -> None:
    found = [each for each in both(built, zensical) if each[0].startswith("changelog/hostile/")]
    assert found
    for name, page, twin in found:
        elements = Article(twin).elements
        assert {tag for tag, _ in elements} <= {tag for tag, _ in Article(page).elements} | {"nav"}, name
        for tag, attributes in elements:
            assert not any(attribute.startswith("on") for attribute in attributes), (name, tag)
            href = (attributes.get("href") or "").strip().lower()
            assert not href.startswith(("javascript:", "data:", "file:")), (name, href)
        assert "root:x:0" not in twin.read_text(encoding="utf-8")


def test_its_pages_take_our_styles_and_ask_nobody(built: Path, zensical: Path) -> None:
    for name, _, twin in both(built, zensical):
        page = twin.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"?((?:https?:)?//[^\s\">]+)", page
        )
        assert [url for url in loaded if not url.startswith("http://www.w3.org/")] == [], name
        assert "embver.css" in page, name  # extra_css, of mkdocs.yml
        assert "search.js" in page, name  # main.html of custom_dir, which the inherited configuration names


def test_its_search_knows_each_version(zensical: Path) -> None:
    items = json.loads((zensical / "search.json").read_text(encoding="utf-8"))["items"]
    found = {item["location"].split("#")[0] for item in items}
    assert {"changelog/emoji/1.0.0.html", "changelog/emoji/1.1.1.html", "changelog/emoji/2.0.0.html"} <= found


@pytest.mark.browser
def test_it_opens_without_a_word_on_the_console_and_its_search_finds_a_version(
    zensical: Path, browser: Browser
) -> None:
    with served(zensical) as address:
        for page in ("changelog/hostile/1.1.0.html", "changelog/compare.html", "changelog/emoji/index.html"):
            browser.open(f"{address}{page}")
            browser.wait("return document.readyState === 'complete'")
            assert browser.console() == [], page
            assert [url for url in browser.asked() if not url.startswith((address, "data:"))] == [], page
        browser.press("/")  # opens the search, which stands in a tree of its own
        browser.wait("return document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'")
        browser.press("lowercase")
        browser.wait("return document.activeElement.shadowRoot.textContent.includes('emoji 1.1.1')")
