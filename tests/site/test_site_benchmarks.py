from __future__ import annotations

import copy
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from emoji_versions import HOSTILE, cards, embedding, emoji_site, hostile_embedding

from embver.site.benchmarks_page import CHUNK, SHOWN, benchmarks_context, numbers_of
from embver.site.model import SiteData, SiteEmbedding
from embver.site.more_pages import across_embeddings, of_embedding
from embver.store.templates import render_template
from embver.version import Version

if TYPE_CHECKING:
    from browser import Browser


def long_embedding(count: int) -> SiteEmbedding:
    """Return an embedding of many versions with nine numbers each; every tenth is better than the one before it."""
    emoji = embedding(cards()[:1])
    first, made = emoji.versions[0], []
    for number in range(count):
        plain = copy.deepcopy(dict(first.card.plain))
        for place, metric in enumerate(metric for each in plain["benchmarks"] for metric in each["metrics"]):
            metric["value"] = round(0.1 + 0.0001 * number + 0.05 * place + 0.02 * (number % 10 == 0), 4)
            metric["ci"] = {"low": metric["value"] - 0.005, "high": metric["value"] + 0.005}
        release = replace(
            first.release,
            version=Version.parse(f"1.{number}.0"),
            tag=f"emoji@v1.{number}.0",
            date=f"2026-{1 + number // 28:02}-{1 + number % 28:02}T09:00:00+00:00",
        )
        card = type(first.card).from_plain(plain)
        previous = made[-1].release if made else None
        made.append(replace(first, release=release, card=card, previous=previous))
    return replace(emoji, versions=tuple(made))


def site_of(*embeddings: SiteEmbedding) -> SiteData:
    return replace(emoji_site(), embeddings=embeddings)


def page_of(site: SiteData, name: str = "benchmarks") -> str:
    return dict(across_embeddings(site, render_template, mark="<!-- -->"))[f"changelog/{name}.md"]()


def rows_of(text: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| 20")]


def test_every_number_stands_with_its_interval_and_what_its_difference_is_worth() -> None:
    rows = rows_of(page_of(emoji_site()))
    assert len(rows) == 36
    assert rows[0][:6] == [
        "2026-11-16", "[emoji 2.0.0](emoji/2.0.0.md)", "emoji-search", "<b>hit&#64;10</b>", "0.996", "0.990 to 1.000",
    ]  # fmt: skip
    assert rows[1][6] == '<span class="ev-better">+0.044 <small>clearly better</small></span>'
    assert rows[1][7:] == ["emoji-search \u00b7 v1 \u00b7 test", "embver 0.1.0"]
    assert rows[-1][6] == '<span class="ev-unknown"><small>not measured before</small></span>'


def test_numbers_of_another_data_set_have_no_difference() -> None:
    plains = cards()
    plains[3]["benchmarks"][0]["dataset"]["revision"] = "v2"
    row = rows_of(page_of(site_of(embedding(plains))))[0]
    assert "not comparable" in row[6]
    assert not re.search(r"[+\u2212]0\.", row[6])
    assert row[7] == "emoji-search \u00b7 v2 \u00b7 test"


def test_the_page_stays_small_and_says_what_is_left_out() -> None:
    site = site_of(long_embedding(120))
    text = page_of(site)
    assert len(rows_of(text)) == SHOWN == 150
    assert "The newest 150 of 1,080 numbers" in text
    assert len(text.encode()) < 60_000
    assert benchmarks_context(site)["total"] == 1080


def test_a_release_changes_the_last_script_of_its_embedding_only() -> None:
    before = {place: make() for place, make in of_embedding(long_embedding(2 * CHUNK + 3))}
    after = {place: make() for place, make in of_embedding(long_embedding(2 * CHUNK + 4))}
    assert sorted(before) == sorted(after) == [f"changelog/emoji/data/benchmarks-{n}.js" for n in (1, 2, 3)]
    assert [place for place in sorted(after) if after[place] != before[place]] == [sorted(after)[-1]]


def test_the_scripts_hold_every_number() -> None:
    emoji = emoji_site().embeddings[0]
    held = numbers_of(emoji, 1)
    told = {
        (held["versions"][row[0]][0], held["benchmarks"][row[1]][0], held["keys"][row[2]]): row[3]
        for row in held["rows"]
    }
    assert told == {
        (version.number, benchmark.id, metric.key): metric.value
        for version in emoji.versions
        for benchmark in version.card.benchmarks
        for metric in benchmark.metrics
    }


def test_without_a_number_the_page_says_how_to_get_one() -> None:
    plain = {**cards()[0], "benchmarks": []}
    text = page_of(site_of(embedding([plain])))
    assert "No benchmark was recorded. <code>embver bench emoji</code>" in text
    assert "ev-list" not in text
    assert "embver bench NAME" in page_of(site_of())


# ---- in the browser


def loose_page(site: SiteData, folder: Path, name: str = "benchmarks") -> str:
    """Write a page and its scripts without the theme; return its address."""
    markdown = pytest.importorskip("markdown")
    made = {**dict(across_embeddings(site, render_template, mark="")), **{
        place: make for each in site.embeddings for place, make in of_embedding(each)
    }}  # fmt: skip
    text = made[f"changelog/{name}.md"]()
    head, body = text.split("---\n", 2)[1:]
    script = re.findall(r"embver_script: (.*)", head)[0]
    html = markdown.markdown(body, extensions=["attr_list", "md_in_html", "tables"]).replace('.md"', '.html"')
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title><div class="md-content">{html}</div><script src="{script}"></script></html>'
    for place, make in made.items():
        if place.endswith(".js"):
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / place).write_text(make(), encoding="utf-8")
    target = folder / "changelog" / f"{name}.html"
    target.write_text(page, encoding="utf-8")
    return target.as_uri()


SHOWN_ROWS = "return [...document.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.innerText.trim()))"
STATUS = "return document.querySelector('[role=status]').textContent"


def type_in(browser: Browser, words: str) -> None:
    browser.read(
        "const f = document.getElementById('ev-filter'); f.value = arguments[0]; f.dispatchEvent(new Event('input'))",
        words,
    )


def click(browser: Browser, heading: str) -> None:
    browser.read(
        "[...document.querySelectorAll('.ev-sort')].find(each => each.textContent === arguments[0]).click()",
        heading,
    )


@pytest.fixture(scope="module")
def long_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return loose_page(site_of(long_embedding(120), hostile_embedding()), tmp_path_factory.mktemp("long"))


@pytest.mark.browser
def test_all_numbers_are_loaded_when_somebody_asks_for_them(long_page: str, browser: Browser) -> None:
    browser.open(long_page)
    before = browser.read(SHOWN_ROWS)
    assert browser.read(STATUS) == "the newest 150 of 1,098 numbers"
    assert not [each for each in browser.asked() if "/data/" in each]
    type_in(browser, "1.3.0 hit@1")
    browser.wait("return document.querySelector('[role=status]').textContent.includes(' of 1,098 numbers')")
    rows = browser.read(SHOWN_ROWS)
    assert {row[1] for row in rows} == {"emoji 1.3.0"}
    assert browser.read(STATUS) == "6 of 1,098 numbers"  # hit@1 and hit@10 of three benchmarks
    type_in(browser, "")
    browser.wait("return document.querySelector('[role=status]').textContent.startsWith('1,098 numbers')")
    assert browser.read(STATUS) == "1,098 numbers, the first 150 shown"
    # What the script draws is what the page had.
    assert browser.read(SHOWN_ROWS) == before
    browser.read("document.querySelector('.ev-more-rows').click()")
    assert len(browser.read(SHOWN_ROWS)) == 300
    assert browser.console() == []


@pytest.mark.browser
def test_a_heading_sorts_and_tells_a_screen_reader(long_page: str, browser: Browser) -> None:
    browser.open(long_page)
    click(browser, "value")
    browser.wait("return document.querySelector('th[aria-sort]')")
    values = [float(row[4]) for row in browser.read(SHOWN_ROWS)]
    assert values == sorted(values)
    assert values[0] == 0.1
    click(browser, "value")
    browser.wait("return document.querySelector('th[aria-sort=descending]')")
    values = [float(row[4]) for row in browser.read(SHOWN_ROWS)]
    assert values == sorted(values, reverse=True)
    assert browser.read("return document.querySelectorAll('[aria-sort]').length") == 1
    click(browser, "version")
    versions = [row[1] for row in browser.read(SHOWN_ROWS)]
    assert versions[0] == "emoji 1.0.0"
    assert versions.index("emoji 1.9.0") < versions.index("emoji 1.10.0")
    click(browser, "difference")
    differences = [row[6] for row in browser.read(SHOWN_ROWS)]
    assert differences[0].startswith("\u22120.020 clearly worse")


@pytest.mark.browser
def test_the_address_keeps_what_was_asked(long_page: str, browser: Browser) -> None:
    browser.open(f"{long_page}#q=emoji-dirty&sort=4&down=1&main=1")
    browser.wait("return document.querySelector('[role=status]').textContent.includes(' of 1,098')")
    assert browser.read("return [document.getElementById('ev-filter').value, document.getElementById('ev-main').checked]") == [
        "emoji-dirty", True,
    ]  # fmt: skip
    before = browser.read(SHOWN_ROWS)
    type_in(browser, "emoji-dirty hit@10")
    browser.wait("return location.hash.includes('hit')")
    assert browser.read("return location.hash") == "#q=emoji-dirty+hit%4010&main=1&sort=4&down=1"
    assert len(before) == len(browser.read(SHOWN_ROWS))  # its main metric is hit@10


@pytest.mark.browser
def test_hostile_names_are_text_in_the_table(long_page: str, browser: Browser) -> None:
    browser.open(f"{long_page}#q=hostile")
    browser.wait("return document.querySelector('[role=status]').textContent.includes(' of 1,098')")
    assert "<script>alert(1)</script>" in browser.read("return document.querySelector('tbody').innerText")
    assert browser.read("return document.querySelectorAll('tbody :is(script, img)').length") == 0
    assert HOSTILE.splitlines()[0][:20] in browser.read("return document.querySelector('tbody').innerText")


@pytest.mark.browser
def test_what_cannot_be_loaded_is_said(tmp_path: Path, browser: Browser) -> None:
    page = loose_page(site_of(long_embedding(60)), tmp_path)
    (tmp_path / "changelog" / "emoji" / "data" / "benchmarks-2.js").unlink()
    browser.open(page)
    type_in(browser, "hit")
    browser.wait(
        "return document.querySelector('[role=status]').textContent.startsWith('Only the newest 150 of 540')"
    )
    assert "benchmarks-2.js could not be loaded" in browser.read(STATUS)
    assert browser.read(SHOWN_ROWS)


@pytest.mark.browser
def test_links_lead_to_the_pages_of_the_versions(built: Path, browser: Browser) -> None:
    page = built / "build" / "site" / "changelog" / "benchmarks.html"
    browser.open(f"{page.as_uri()}#q=emoji 2.0.0&sort=4")
    browser.wait("return document.querySelector('th[aria-sort]')")
    links = dict(
        browser.read("return [...document.querySelectorAll('tbody a')].map(a => [a.innerText, a.href])")
    )
    assert links["emoji 2.0.0"] == (page.parent / "emoji" / "2.0.0.html").as_uri()
    assert all(name.endswith(" 2.0.0") for name in links)


def test_words_of_a_card_are_no_markdown(built: Path) -> None:
    text = (built / "build" / "site" / "changelog" / "benchmarks.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&#60;script&#62;alert" in text or "&lt;script&gt;alert" in text


def test_a_page_of_the_site_is_small(built: Path) -> None:
    for name in ("benchmarks", "compare", "data", "hardware"):
        assert (built / "build" / "site" / "changelog" / f"{name}.html").stat().st_size < 150_000


def test_the_pages_across_versions_are_in_the_navigation_and_name_the_feed(built: Path) -> None:
    out = built / "build" / "site"
    for page in ("index.html", "changelog/emoji/1.1.0.html"):
        text = (out / page).read_text(encoding="utf-8")
        for name in ("compare", "benchmarks", "data", "hardware"):
            assert re.search(rf'href="(\.\./|changelog/)?{name}\.html" class="md-nav__link"', text)
        assert re.search(
            r'<link rel="alternate feed" type="application/atom\+xml" [^>]*href="(\.\./|changelog/)feed\.xml"',
            text,
        )
    assert (out / "changelog" / "feed.xml").is_file()
    assert "compare.js" in (out / "changelog" / "compare.html").read_text(encoding="utf-8")
    assert "compare.js" not in (out / "index.html").read_text(encoding="utf-8")
