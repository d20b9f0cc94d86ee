"""The site in a real browser: without scripts, on paper, by keyboard, on a phone, and its search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from visits import KINDS, Visits

if TYPE_CHECKING:
    from browser import Browser

LARGEST_PAGE_BYTES = 150_000


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


def test_every_page_is_small(built: Path) -> None:
    pages = list((built / "build" / "site").rglob("*.html"))
    assert len(pages) > 10
    assert [page.name for page in pages if page.stat().st_size > LARGEST_PAGE_BYTES] == []


@pytest.mark.browser
def test_the_first_paint_needs_no_script(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("embedding").as_uri(), scripts=False)
    assert browser.read("return document.documentElement.className") == "no-js"
    shown = browser.read(
        "const shown = each => each.checkVisibility() && each.getBoundingClientRect().height > 0;"
        "return ['h1', '.ev-timeline .ev-item', '.ev-matrix td', '.ev-chart polyline, .ev-chart path', '.ev-badge'].map("
        "  each => [...document.querySelectorAll(each)].filter(shown).length)"
    )
    assert shown[:3] == [1, 4, 17]
    assert shown[3] >= 9
    assert shown[4] >= 8


@pytest.mark.browser
@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_scrolls_in_one_direction_only(visits: Visits, kind: str) -> None:
    seen = visits.light(kind)
    assert seen.too_wide == ()
    assert seen.overflow_px == 0


@pytest.mark.browser
def test_paper_shows_dark_ink_and_all_of_a_table(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("version").as_uri(), width=794, dark=True, media="print")
    assert browser.read("return document.body.dataset.mdColorScheme") == "slate"
    ink, paper = browser.read(
        "const style = getComputedStyle(document.querySelector('.md-content li'));"
        "return [style.color, getComputedStyle(document.body).backgroundColor]"
    )
    assert _lightness(ink) < 70
    assert _lightness(paper) > 240
    hidden = browser.read(
        "return ['.md-header', '.md-sidebar', '.md-footer'].filter(each => document.querySelector(each)?.checkVisibility())"
    )
    assert hidden == []
    cut = browser.read(
        "return [...document.querySelectorAll('.ev-scroll, pre code')].filter("
        "  each => each.scrollWidth > each.clientWidth + 1 && each.checkVisibility()"
        "  && getComputedStyle(each).overflowX !== 'visible').map(each => each.outerHTML.slice(0, 90))"
    )
    assert cut == []


def _lightness(colour: str) -> float:
    """Return the mean of the three channels of an opaque `rgb(...)`, 0 to 255."""
    channels = [float(each) for each in re.findall(r"[0-9.]+", colour)]
    assert channels[3:] in ([], [1.0]), colour
    return sum(channels[:3]) / 3


REACHABLE = """
window.told = each => each.outerHTML.slice(0, 120);
window.reached = new Set();
window.expected = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter(
  each => each.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && each.tabIndex >= 0
    && each.getClientRects().length && !each.disabled);
return expected.length;
"""
# The search's input lies in a form, and the form shows the focus.
FOCUSED = """
const each = document.activeElement, style = getComputedStyle(each);
if (each === document.body) return null;
reached.add(each);
const isSeen = (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1)
  || (each.closest(".md-search__form") && getComputedStyle(each.closest(".md-search__form")).boxShadow !== "none");
return [told(each), Boolean(isSeen)];
"""


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["embedding", "compare"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    visits: Visits, browser: Browser, kind: str
) -> None:
    browser.open(visits.page(kind).as_uri())
    expected = browser.read(REACHABLE)
    assert expected > 20
    unseen = []
    for _ in range(expected + 60):
        browser.tab()
        focused = browser.read(FOCUSED)
        if focused is None:
            break
        if not focused[1]:
            unseen.append(focused[0])
    assert browser.read("return expected.filter(each => !reached.has(each)).map(told)") == []
    assert unseen == []


@pytest.mark.browser
def test_search_finds_a_version_by_what_its_card_says(visits: Visits, browser: Browser) -> None:
    page = visits.page("version").read_text(encoding="utf-8")
    digits = re.search(r"image\.safetensors.*?<code[^>]*>([0-9a-f]{8})", page, re.DOTALL)
    data = re.search(r'title="sha256&#58;([0-9a-f]{64})', page)
    assert digits is not None
    assert data is not None
    browser.open(visits.page("embedding").as_uri())
    for words, title in (
        ("lowercase", "emoji 1.1.1"),
        ("EPYC 9654", "emoji 1.1.1"),
        ("H200", "many 1.3.0"),
        (digits[1], "emoji 1.1.1"),
        (data[1][:7], "emoji 1.1.1"),  # it stands behind "sha256:"
        (data[1], "emoji 1.1.1"),  # pages show no more than twelve of these digits
    ):
        found = _search(browser, words)
        assert any(each.startswith(title) for each in found), (words, found)
    assert browser.console() == []


@pytest.mark.browser
def test_search_finds_a_version_on_a_server(visits: Visits, browser: Browser) -> None:
    browser.open(visits.address)
    assert any(each.startswith("emoji 1.1.1") for each in _search(browser, "lowercase"))
    assert browser.console() == []


def _search(browser: Browser, words: str) -> list[str]:
    """Type into the search of a page, as a reader would; return the titles of what it finds."""
    browser.read(
        "const input = document.querySelector('.md-search__input');"
        "document.querySelectorAll('.md-search-result__item').forEach(each => each.remove());"
        "input.value = ''; input.focus()"
    )
    browser.press(words)
    titles = "return [...document.querySelectorAll('.md-search-result__item :is(h1, h2)')].map(each => each.textContent)"
    # While one types, what the first letters find comes and goes; links name what they were found by.
    links = "return [...document.querySelectorAll('.md-search-result__item a')].some(each => each.search.includes(arguments[0]))"
    browser.wait(links, words.rsplit(maxsplit=1)[-1].lower()[:12])  # of a digest, what pages show
    return browser.read(titles)


@pytest.mark.browser
def test_search_results_show_hostile_text_as_text(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("hostile version").as_uri())
    found = _search(browser, "fence")
    assert any("hostile 1.1.0" in title for title in found), found
    results = browser.read("return document.querySelector('.md-search-result').innerHTML")
    assert not re.search(r'<(script|img)|href="javascript:', results)
    assert browser.console() == []


@pytest.mark.browser
def test_hostile_text_is_read_as_written(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("hostile version").as_uri())
    text = browser.read("return document.querySelector('article').textContent")
    assert "<script>alert(1)</script>" in text
    assert "[click](javascript:alert(3))" in text
    assert "{{ 7 * 7 }}" in text
    assert '--8<-- "/etc/passwd"' in text
