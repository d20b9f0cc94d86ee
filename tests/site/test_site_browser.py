from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

Open = Callable[..., tuple[str, str]]


class _Tags(HTMLParser):
    """Collects tags; what an attribute or a text says is literal there."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: Path) -> Iterator[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    return iter(parser.found)


def test_no_page_asks_for_anything_outside_its_folder(built: Path) -> None:
    for page in (built / "build" / "site").rglob("*.html"):
        for tag, attributes in tags(page):
            sources = [
                attributes.get("src"),
                attributes.get("href") if tag == "link" else None,
                attributes.get("srcset"),
            ]
            for source in sources:
                assert not (source and re.match(r"(https?:)?//", source)), (page.name, tag, source)
    for sheet in (built / "build" / "site").rglob("*.css"):
        assert "@import" not in sheet.read_text(encoding="utf-8")


def test_hostile_cards_are_inert(built: Path) -> None:
    for page in (built / "build" / "site" / "changelog" / "hostile").rglob("*.html"):
        for tag, attributes in tags(page):
            assert not any(name.startswith("on") for name in attributes), (page.name, tag, attributes)
            href = (attributes.get("href") or "").strip().lower()
            assert not href.startswith(("javascript:", "data:", "file:")), (page.name, href)
        text = page.read_text(encoding="utf-8")
        assert "<script>alert" not in text
        assert "root:x:0" not in text


@pytest.mark.browser
@pytest.mark.parametrize(
    "page",
    [
        "index.html",
        "changelog/emoji/index.html",
        "changelog/emoji/1.1.1.html",
        "changelog/hostile/1.1.0.html",
        "changelog/hostile/index.html",
    ],
)
def test_pages_open_from_a_folder_with_a_silent_console(built: Path, chromium: Open, page: str) -> None:
    dom, console = chromium((built / "build" / "site" / page).as_uri())
    assert console == ""
    assert 'class="ev-badge' in dom


@pytest.mark.browser
def test_a_reader_without_sight_gets_the_matrix_and_the_charts(built: Path, chromium: Open) -> None:
    dom, _ = chromium((built / "build" / "site" / "changelog" / "emoji" / "index.html").as_uri())
    assert dom.count('class="ev-cell') == 16
    assert "incompatible, without measuring; 64 and 96 dimensions" in dom
    assert dom.count('role="img"') >= 9
    assert dom.count("<summary>Numbers</summary>") == 9


@pytest.mark.browser
def test_hostile_text_is_read_as_written(built: Path, chromium: Open) -> None:
    dom, _ = chromium((built / "build" / "site" / "changelog" / "hostile" / "1.1.0.html").as_uri())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in dom
    assert "[click](javascript:alert(3))" in dom
    assert "{{ 7 * 7 }}" in dom
    assert '--8&lt;-- "/etc/passwd"' in dom


@pytest.mark.browser
def test_search_works_from_a_folder(built: Path, chromium: Open) -> None:
    page = (built / "build" / "site" / "changelog" / "emoji" / "index.html").as_uri()
    dom, console = chromium(f"{page}?q=lowercase")
    assert console == ""
    results = dom[dom.index('class="md-search-result__list"') :]
    assert "emoji 1.1.1" in results


@pytest.mark.browser
def test_search_results_show_hostile_text_as_text(built: Path, chromium: Open) -> None:
    page = (built / "build" / "site" / "changelog" / "hostile" / "1.1.0.html").as_uri()
    dom, console = chromium(f"{page}?q=fence")
    assert console == ""
    results = dom[dom.index('class="md-search-result__list"') : dom.index('data-md-component="main"')]
    assert "hostile 1.1.0" in results
    assert not re.search(r'<(script|img)|href="javascript:', results)
