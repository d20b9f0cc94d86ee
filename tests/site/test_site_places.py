"""Each embedding and each version has an address of its own, on any file system and next to the site's own pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.site import places
from embver.tagname import NAME_RULE
from embver.version import Version

names = st.from_regex(NAME_RULE, fullmatch=True).filter(
    lambda name: "//" not in name and len(name) < 40
) | st.lists(
    st.sampled_from(
        [
            "a",
            "b",
            "con",
            "aux",
            "com1",
            "compare",
            "data",
            "index",
            "trace",
            "changelog",
            "versions-1",
            "x-1",
        ]
    ),
    min_size=1,
    max_size=3,
).map("/".join)
numbers = st.from_regex(
    r"(0|[1-9][0-9]{0,2})\.[0-9]\.[0-9](-[0-9A-Za-z-]{1,6}(\.[0-9A-Za-z-]{1,6})?)?(\+[0-9A-Za-z-]{1,6}(\.[0-9A-Za-z-]{1,6})?)?",
    fullmatch=True,
)
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


@pytest.mark.parametrize("name", ["products", "shop/images", "a-b_c", "console", "data-set", "v1"])
def test_an_ordinary_name_is_its_own_address(name: str) -> None:
    assert places.version_page(name, "1.2.0-rc.1") == f"changelog/{name}/1.2.0-rc.1.md"
    assert places.embedding_page(name) == f"changelog/{name}/index.md"


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("compare", "changelog/name.compare"),
        ("data/x", "changelog/name.data/x"),
        ("shop/data-1", "changelog/shop/data-1"),
        ("shop/trace", "changelog/shop/name.trace"),
        ("shop/versions-3", "changelog/shop/name.versions-3"),
        ("embeddings-1", "changelog/name.embeddings-1"),
        ("con", "changelog/name.con"),
        ("shop/aux/com1", "changelog/shop/name.aux/name.com1"),
    ],
)
def test_a_name_that_is_a_page_of_the_site_or_a_device_gets_a_prefix(name: str, home: str) -> None:
    assert places.home(name) == home


@pytest.mark.parametrize(
    ("number", "file"),
    [
        ("1.0.0+cu126", "1.0.0__cu126.md"),
        ("1.0.0-RC.1", "1.0.0-_r_c.1.md"),
        ("1.0.0-rc.1+Ab.2", "1.0.0-rc.1___ab.2.md"),
    ],
)
def test_capital_letters_and_plus_signs_are_written_otherwise(number: str, file: str) -> None:
    assert places.version_file(number) == file


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(names, numbers), unique=True, max_size=30))
def test_no_two_pages_share_an_address_whatever_the_case(entries: list[tuple[str, str]]) -> None:
    pages = {places.version_page(name, number) for name, number in entries}
    pages |= {places.embedding_page(name) for name, _ in entries}
    pages |= {places.trace_page(name) for name, _ in entries} | {
        places.versions_page(name, 1) for name, _ in entries
    }
    different = {name for name, _ in entries}
    assert len(pages) == len(set(entries)) + 3 * len(different)
    # Neither as they are nor as folders, which MkDocs may be set to make of them, nor on Windows.
    own = {f"changelog/{word}" for word in places.TOP}
    bare = [page.removesuffix(".md").removesuffix("/index") for page in pages]
    assert len({page.lower() for page in bare}) == len(bare)
    assert not own & set(bare)
    assert not any(_DEVICES.fullmatch(part) for page in pages for part in page.split("/"))


@settings(max_examples=40, deadline=None)
@given(st.lists(numbers, unique=True))
def test_versions_have_files_of_their_own(found: list[str]) -> None:
    files = {places.version_file(number) for number in found}
    assert len(files) == len(found)
    assert all(file == file.lower() and "+" not in file for file in files)


def test_a_very_long_version_has_a_name_that_a_file_may_have() -> None:
    long = [f"1.0.0-{letter * 240}" for letter in "aAbB"]
    files = {places.version_file(number) for number in long}
    assert len(files) == 4
    assert all(len(file) < 255 for file in files)
    assert all(str(Version.parse(number)) == number for number in long)


def test_a_link_leads_from_page_to_page() -> None:
    assert places.link("index.md", places.embedding_page("a/b")) == "changelog/a/b/index.md"
    assert places.link("changelog/index.md", "changelog/a/1.0.0.md") == "a/1.0.0.md"
    assert places.link("changelog/a/b/1.0.0.md", "changelog/compare.md") == "../../compare.md"


def test_the_documentation_tells_the_addresses_as_they_are() -> None:
    text = (Path(__file__).parents[2] / "site" / "version-pages.md").read_text(encoding="utf-8")
    rows = [
        line for line in text.partition("## Addresses")[2].partition("## ")[0].splitlines() if "@" in line
    ]
    for row in rows:
        names, addresses = (re.findall(r"`([^`]+)`", cell) for cell in row.strip("|").split("|")[:2])
        made = [
            places.version_page(*name.split("@")).replace(".md", ".html") for name in names if "@" in name
        ]
        assert made == addresses
    assert len(rows) == 6
    words = text.partition("The words that are taken")[2].partition("## ")[0]
    for word in places.TOP | places.BELOW:
        assert f"`{word}`" in words
