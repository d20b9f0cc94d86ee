"""A site of everything that is odd builds strictly, with a page for each version, and shows texts as they are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hostile_versions import WORD, WORSE, hostile_card, least_card, made_of, odd_site
from test_site_hostile import Text

from embver.site import places
from embver.site.build import write_site
from embver.site.text import clean
from embver.store.schemas import check_shape
from embver.store.templates import render_template

ELEMENTS_THAT_LOAD = {
    "script",
    "iframe",
    "object",
    "embed",
    "img",
    "image",
    "video",
    "audio",
    "source",
    "style",
    "base",
    "link",
    "form",
    "input",
    "meta",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    write_site(root, odd_site(), render_template)
    return root


@pytest.fixture(scope="module")
def out(root: Path) -> Path:
    """Build with a folder for every page, which is where most addresses could collide."""
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("needs the `site` extra")
    config = root / "mkdocs.yml"
    text = config.read_text(encoding="utf-8").replace("use_directory_urls: false", "use_directory_urls: true")
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f", str(config)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return root / "build" / "site"


def pages_of(out: Path, name: str) -> list[Path]:
    return sorted((out / places.home(name)).rglob("*.html"))


def test_the_hostile_card_is_a_valid_card_with_text_in_every_field() -> None:
    plain = hostile_card()
    assert check_shape(plain) == ()
    assert check_shape(least_card("a")) == ()

    def count(anything: object) -> int:
        if isinstance(anything, dict):
            return sum(count(each) for pair in anything.items() for each in pair)
        return sum(map(count, anything)) if isinstance(anything, list) else int(anything in (WORSE, WORD))

    assert count(plain) > 120


def test_every_version_has_a_page_even_where_pages_are_folders(root: Path, out: Path) -> None:
    data = odd_site()
    written = [path.relative_to(root / "site") for path in (root / "site").rglob("*.md")]
    built = {path.relative_to(out).as_posix() for path in out.rglob("index.html")}
    assert len(written) == len(built)
    assert len({path.lower() for path in built}) == len(built)
    versions = [(each.name, version.number) for each in data.embeddings for version in each.versions]
    versions += [(each.release.name, each.number) for each in data.unreadable]
    for name, number in versions:
        folder = places.version_page(name, number).removesuffix(".md")
        assert f"{folder}/index.html" in built, (name, number)
    assert {"changelog/compare/index.html", "changelog/name.compare/index.html"} <= built


def test_no_element_of_a_page_comes_from_a_card(out: Path) -> None:
    for page in [
        *pages_of(out, "everywhere"),
        *pages_of(out, "lost/compare"),
        *out.glob("*.html"),
        *(out / "changelog").glob("*/index.html"),
    ]:
        parser = Text()
        parser.feed(page.read_text(encoding="utf-8"))
        for tag, attributes in parser.tags:
            assert not any(name.startswith("on") for name in attributes), (page, tag, attributes)
            for name in ("href", "src", "action", "data", "poster", "srcset"):
                target = (attributes.get(name) or "").strip().lower()
                assert not target.startswith(("javascript:", "data:", "file:", "vbscript:", "mailto:")), (
                    page,
                    target,
                )
                assert "evil.example" not in target or tag == "a", (page, tag, target)
                if tag == "a" and "evil.example" in target:
                    raise AssertionError(f"{page}: {target} became a link")
            if tag in ELEMENTS_THAT_LOAD:
                assert "evil" not in str(attributes), (page, tag, attributes)
        assert "root:x:0" not in parser.text
        assert "INHERIT:" not in parser.text  # what a snippet of mkdocs.yml would bring


def test_the_literal_text_is_on_the_page(out: Path) -> None:
    (page,) = (each for each in pages_of(out, "everywhere") if each.parent.name == "1.0.1")
    parser = Text()
    parser.feed(page.read_text(encoding="utf-8"))
    seen = " ".join(parser.text.split())
    assert seen.count(" ".join(clean(WORSE).split())) > 60
    assert WORD[:2000] + "\u2026" in seen
    assert WORD[:2001] not in seen
    assert "49" not in re.findall(r"\{\{ (\d+) \}\}", seen)


def test_the_least_card_has_a_page_that_says_what_is_missing() -> None:
    version = made_of(least_card("a"))
    data = odd_site()
    from dataclasses import replace

    from embver.site.embedding_pages import version_draft
    from embver.site.model import SiteEmbedding

    made = SiteEmbedding(name="a", versions=(version,))
    draft = version_draft(replace(data, embeddings=(made,)), made, 0)
    text = render_template(draft.template, {**draft.context(), "mark": "", "is_searched": True})
    for words in (
        "The first release: there was nothing to compare it with.",
        "No benchmark was recorded. `embver bench`",
        "The card names no data",
        "No run is recorded. `embver encode`",
        "The card names no files. `embver encode`",
        "none: the tag is not signed",
    ):
        assert words in text, words
