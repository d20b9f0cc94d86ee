"""axe-core on each kind of page, and what it cannot see: the tree that a screen reader is told."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest
from visits import AXED, DARK, Visits

if TYPE_CHECKING:
    from browser import Browser, Violation

pytestmark = pytest.mark.browser


def told(violations: tuple[Violation, ...]) -> str:
    """Return what axe holds for serious or critical, to be read by whoever mends it."""
    return "\n".join(
        f"{each.impact} {each.rule}: {each.help}\n  " + "\n  ".join(each.where)
        for each in violations
        if each.is_grave
    )


@pytest.mark.parametrize("kind", AXED)
def test_a_wide_light_page_has_no_serious_finding(visits: Visits, kind: str) -> None:
    seen = visits.light(kind)
    assert seen.scheme == "default"
    found = told(seen.violations)
    assert not found, found


@pytest.mark.parametrize("kind", DARK)
def test_a_narrow_dark_page_has_no_serious_finding(visits: Visits, kind: str) -> None:
    seen = visits.dark(kind)
    assert seen.scheme == "slate"
    found = told(seen.violations)
    assert not found, found


def test_axe_finds_what_is_planted(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("start").as_uri())
    planted = '<img src=""><p style="color: #ccc">pale</p>'
    browser.read("document.querySelector('article').insertAdjacentHTML('beforeend', arguments[0])", planted)
    rules = {"type": "rule", "values": ["image-alt", "color-contrast"]}
    assert {each.rule for each in browser.axe(rules) if each.is_grave} == {"image-alt", "color-contrast"}


def test_axe_is_the_one_that_its_readme_names() -> None:
    from browser import AXE

    readme = AXE.with_name("README.md").read_text(encoding="utf-8")
    source = AXE.read_bytes()
    version = re.match(rb"/\*! axe v([0-9.]+)", source)
    assert version is not None
    assert f"axe-core {version[1].decode()} " in readme
    assert f"`{hashlib.sha256(source).hexdigest()}`" in readme


def test_the_matrix_is_read_as_a_table_with_every_verdict_in_words(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("embedding").as_uri())
    from browser import within

    table = within(browser.tree(), "table", "Every version with every other")
    versions = ["2.0.0", "1.1.1", "1.1.0", "1.0.0"]
    assert [node.name for node in table if node.role == "columnheader"] == versions
    assert [node.name for node in table if node.role == "rowheader"] == versions
    cells = [node.name for node in table if node.role == "cell" and node.name]
    assert len(cells) == 16
    words = re.compile(r"(same|identical|equivalent|compatible|incompatible|not measured)")
    assert [cell for cell in cells if not words.match(cell)] == []


def test_every_chart_is_named_and_followed_by_its_numbers(visits: Visits, browser: Browser) -> None:
    browser.open(visits.page("embedding").as_uri())
    nodes = browser.tree()
    charts = [node for node in nodes if node.role in {"image", "img"} and node.name]
    assert len(charts) == 9
    assert [node.name for node in nodes if node.role == "DisclosureTriangle"].count("Numbers") == 9
