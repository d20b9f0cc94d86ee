"""The emoji site, written and built once a session by the real MkDocs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from emoji_versions import emoji_site, hostile_embedding
from traced_emoji import hostile_traced, traced_embedding

from embver.site.build import build_site, write_site
from embver.store.templates import render_template

_CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a repository whose site holds the emoji, a hostile embedding and hand-written pages."""
    if find_spec("mkdocs") is None or find_spec("material") is None:
        pytest.skip("needs the `site` extra")
    root = tmp_path_factory.mktemp("repository")
    (root / "site" / "guides").mkdir(parents=True)
    (root / "site" / "about.md").write_text("# About us\n\nWritten by hand.\n", encoding="utf-8")
    (root / "site" / "guides" / "indexing.md").write_text(
        "# Indexing\n\nWritten by hand.\n", encoding="utf-8"
    )
    traced = replace(traced_embedding(), name="traced")
    write_site(root, emoji_site(hostile_traced(hostile_embedding()), traced), render_template)
    build_site(root)
    return root


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
