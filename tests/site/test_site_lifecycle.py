"""What the site says of stages, deprecated and yanked versions; and where its folders and addresses come from."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from emoji_versions import aged_site, cards, embedding, emoji_site, record, strata

from embver.cli.site_data import site_settings
from embver.errors import ConfigError
from embver.site.build import SiteSettings, build_site, write_site
from embver.site.pages import make_pages
from embver.store.templates import render_template


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {page.path: page.text for page in make_pages(aged_site(), render_template)}


def test_the_start_page_shows_who_is_in_production_and_what_to_mind(pages: dict[str, str]) -> None:
    start = pages["index.md"]
    assert "<small>current</small> <b>1.1.1</b>" in start  # never the yanked 2.0.0
    assert "<small>prod</small> <b>1.1.1</b>" in start
    assert "<small>legacy</small> <b>1.0.0</b> <span>deprecated</span>" in start
    assert "legacy is 1.0.0, which is deprecated" in start
    assert "withdrawn: 1.1.0, 2.0.0" in start


def test_a_yanked_version_says_so_before_all_else(pages: dict[str, str]) -> None:
    page = pages["changelog/emoji/1.1.0.md"]
    banner = "**Yanked** since 2026-11-21: Its tokenizer cut texts. Use [1.1.1](1.1.1.md) instead."
    opening = '<div class="ev-warn ev-yanked" markdown="span">\n\n<b aria-hidden="true">!</b> '
    assert f"{opening}{banner}\n\n</div>" in page
    assert page.index(banner) < page.index("ev-advice")
    assert "Do not move to it: it was withdrawn." in page
    assert "Keep your index" not in page
    # What is not beside it is named, not linked.
    assert (
        "**Yanked** since 2026-11-22: Wrong checkpoint. Use <code>other&#64;3.0.0</code> instead."
        in pages["changelog/emoji/2.0.0.md"]
    )


def test_a_deprecated_version_keeps_its_advice(pages: dict[str, str]) -> None:
    page = pages["changelog/emoji/1.0.0.md"]
    assert '<div class="ev-warn ev-deprecated" markdown="span">' in page
    assert "The first release: there is no older index to keep." in page
    assert "ev-warn" not in re.sub(r"<style>.*", "", pages["changelog/emoji/1.1.1.md"])


def test_the_lists_of_versions_tell_it_as_well(pages: dict[str, str]) -> None:
    for path in ("changelog/emoji/index.md", "changelog/emoji/changelog.md"):
        text = pages[path]
        assert "**Deprecated** since 2026-11-20: One style only. Use [1.1.1](1.1.1.md) instead." in text
        assert text.count('<div class="ev-told ev-yanked"') == 2
        assert len(re.findall(r'ev-stage" title="the stage prod"', text)) == 1
    assert "<small>prod</small> <b>1.1.1</b>" in pages["changelog/emoji/index.md"]


def test_programs_read_it_in_versions_json(pages: dict[str, str]) -> None:
    (embedding,) = json.loads(pages["changelog/versions.json"])["embeddings"]
    assert embedding["current"] == "1.1.1"
    assert embedding["stages"] == {"legacy": "1.0.0", "prod": "1.1.1", "staging": "1.1.1"}
    assert [version["status"] for version in embedding["versions"]] == [
        "deprecated",
        "yanked",
        "active",
        "yanked",
    ]
    assert embedding["versions"][1]["status_record"] == {
        "state": "yanked", "reason": "Its tokenizer cut texts.", "successor": "emoji@1.1.1", "since": "2026-11-21"
    }  # fmt: skip
    assert embedding["versions"][2]["stages"] == ["prod", "staging"]


def test_the_pages_build_strictly_where_the_settings_say(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    settings = site_settings(
        {"folder": "docs/pages", "build": "public", "url": "https://shop.example/vectors/"}
    )
    assert settings == SiteSettings(docs="docs/pages", output="public", url="https://shop.example/vectors/")
    written = write_site(tmp_path, aged_site(), render_template, settings=settings)
    assert "docs/pages/changelog/emoji/1.1.0.md" in written.written
    assert build_site(tmp_path, settings=settings).start == tmp_path / "public/index.html"
    page = (tmp_path / "public/changelog/emoji/1.1.0.html").read_text(encoding="utf-8")
    assert '<a href="1.1.1.html">1.1.1</a> instead.' in page
    assert '<link rel="canonical" href="https://shop.example/vectors/changelog/emoji/1.1.0.html">' in page
    assert not (tmp_path / "build").exists()
    assert not (tmp_path / "site").exists()


def test_another_folder_than_mkdocs_builds_is_refused(tmp_path: Path) -> None:
    write_site(tmp_path, emoji_site(), render_template)
    with pytest.raises(ConfigError) as raised:
        write_site(tmp_path, emoji_site(), render_template, settings=SiteSettings(docs="docs"))
    assert re.match(r"mkdocs\.yml:\d+: it builds on site/changelog/\.mkdocs\.yml", raised.value.message)
    assert "INHERIT: docs/changelog/.mkdocs.yml" in str(raised.value.hint)


# ---- bridges


def test_what_a_bridge_recovers_stands_below_the_strata() -> None:
    plains = cards()
    plains[3]["compatibility"] = [
        record("emoji@1.1.1", "bridgeable", "major", strata("incompatible", 0.0, "A"))
    ]
    plains[3]["compatibility"][0]["strata"][0]["bridge"] = {
        "method": "procrustes", "fitted": 600, "queries": 300, "k": 10,
        "kept": {"value": 0.91, "low": 0.88, "high": 0.93}, "misaligned": {"value": 0.02, "low": 0.0, "high": 0.04},
        "bridged": {"value": 0.93, "low": 0.9, "high": 0.95}, "full": {"value": 0.97, "low": 0.95, "high": 0.98},
        "arr": {"value": 0.96, "low": 0.94},
    }  # fmt: skip
    site = replace(emoji_site(), embeddings=(embedding(plains),))
    page = {page.path: page.text for page in make_pages(site, render_template)}["changelog/emoji/2.0.0.md"]
    assert "With a bridge, a map from the new space to the old one" in page
    assert re.search(
        r"Bridged <small>[^<]*</small></th><td><b>0\.930</b> <small>0\.900 to 0\.950</small></td>", page
    )
    assert "bridge by procrustes" in page
    assert "Until it is ready, a bridge can translate new queries" in page
    without = {page.path: page.text for page in make_pages(emoji_site(), render_template)}[
        "changelog/emoji/2.0.0.md"
    ]
    assert "With a bridge" not in without
