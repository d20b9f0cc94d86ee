"""The emoji site, written and built once a session by the real MkDocs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from emoji_versions import embedding, emoji_site, hostile_embedding
from many_versions import cards
from traced_emoji import hostile_traced, traced_embedding

from embver.problem import Problem
from embver.site.build import build_site, write_site
from embver.site.model import SiteEmbedding, Unreadable
from embver.store.templates import render_template
from embver.version import Version

if TYPE_CHECKING:
    from browser import Browser
    from visits import Visits

_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


def _many() -> SiteEmbedding:
    """Return more versions than a page lists, all older than the other embeddings': there are pages of older ones."""
    plains = json.loads(json.dumps(cards(26)).replace('"emoji@', '"many@'))
    made = embedding([{**plain, "name": "many", "title": "Many emoji"} for plain in plains])
    days = (f"2025-01-{day:02}T12:00:00+00:00" for day in range(1, 27))
    versions = (
        replace(version, release=replace(version.release, date=date))
        for version, date in zip(made.versions, days, strict=True)
    )
    return replace(made, versions=tuple(versions))


def _unreadable() -> Unreadable:
    """Return a release of the emoji whose card is no YAML."""
    release = replace(
        embedding(cards(1)).versions[0].release,
        version=Version.parse("0.9.0"),
        tag="emoji@v0.9.0",
        date="2025-01-02T03:04:05+00:00",
    )
    problem = Problem(
        path="embeddings/emoji/0.9.0/card.yaml",
        line=3,
        column=1,
        rule="yaml",
        message="the bracket is never closed",
        hint="write ]",
    )
    return Unreadable(release=release, problems=(problem,), text="schema: 1\nname: emoji\nauthors: [\n")


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a repository whose site holds the emoji, a hostile, a long embedding, and hand-written pages."""
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("needs the `site` extra")
    root = tmp_path_factory.mktemp("repository")
    (root / "site" / "guides").mkdir(parents=True)
    (root / "site" / "about.md").write_text("# About us\n\nWritten by hand.\n", encoding="utf-8")
    (root / "site" / "guides" / "indexing.md").write_text(
        "# Indexing\n\nWritten by hand.\n", encoding="utf-8"
    )
    traced = replace(traced_embedding(), name="traced")
    site = emoji_site(hostile_traced(hostile_embedding()), traced, _many())
    write_site(root, replace(site, unreadable=(_unreadable(),)), render_template)
    build_site(root)
    return root


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a headless Chromium that tests drive and watch, one for all of them."""
    if find_spec("selenium") is None:
        pytest.skip("needs selenium")
    from browser import CHROMIUM, DRIVER, Browser

    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs Chromium and its driver")
    window = Browser(tmp_path_factory.mktemp("profile"))
    yield window
    window.close()


@pytest.fixture(scope="session")
def visits(built: Path, browser: Browser) -> Iterator[Visits]:
    """Return what was seen on the pages of the built site, each visited once when a test first asks."""
    from browser import served
    from visits import Visits

    site = built / "build" / "site"
    with served(site) as address:
        yield Visits(browser=browser, site=site, address=address)


# Before the plugin that reads the groups.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all that needs the built site or the browser: each takes seconds to make."""
    for item in items:
        if {"built", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture
def chromium():
    """Return a function that opens a page in headless Chromium and returns (its DOM, its console)."""
    if _CHROMIUM is None:
        pytest.skip("needs Chromium")

    def opened(url: str, *, width: int = 1400) -> tuple[str, str]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            command = [
                _CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                f"--user-data-dir={profile}", f"--window-size={width},1400", "--enable-logging=stderr",
                # A request that would leave the page fails here, and says so on the console.
                "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=4000", "--dump-dom", url,
            ]  # fmt: skip
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=120, check=True, env=os.environ
            )
        return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)

    return opened
