"""No page asks for anything outside itself: watched in the browser, from a folder and from a server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from visits import DARK, KINDS, Visits

if TYPE_CHECKING:
    from browser import Browser

pytestmark = pytest.mark.browser
INLINE = {"data", "blob", "about"}


def outside(asked: tuple[str, ...], home: str) -> list[str]:
    """Return the requests that are neither for the site at this address nor made of the page's own text."""
    return [url for url in asked if urlsplit(url).scheme not in INLINE and not url.startswith(home)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_in_a_folder_asks_for_its_own_files_only_and_is_silent(visits: Visits, kind: str) -> None:
    seen = visits.light(kind)
    assert any(url.endswith("embver.css") for url in seen.asked)
    assert outside(seen.asked, visits.site.as_uri() + "/") == []
    assert seen.console == ()


@pytest.mark.parametrize("kind", DARK)
def test_a_page_from_a_server_asks_this_server_only_and_is_silent(visits: Visits, kind: str) -> None:
    seen = visits.dark(kind)
    assert any(url.endswith("embver.css") for url in seen.asked)
    assert outside(seen.asked, visits.address) == []
    assert seen.console == ()


def test_a_request_that_leaves_the_page_is_seen(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("start").as_uri())
    browser.asked()
    browser.read("fetch('https://example.org/x').catch(() => { window.failed = true })")
    assert browser.wait("return window.failed")
    assert outside(tuple(browser.asked()), visits.site.as_uri() + "/") == ["https://example.org/x"]
    assert "ERR_NAME_NOT_RESOLVED" in "".join(browser.console())
