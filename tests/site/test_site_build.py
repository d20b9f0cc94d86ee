from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from emoji_versions import cards, embedding, emoji_site

from embver.errors import EmbverError, MissingExtra
from embver.site import build as site_build
from embver.site.build import build_site, write_site
from embver.site.model import SiteData
from embver.store.templates import render_template


def only(*numbers: int) -> SiteData:
    data = emoji_site()
    plains = [plain for index, plain in enumerate(cards()) if index in numbers]
    return SiteData(
        title=data.title,
        embeddings=(embedding(plains),),
        generated_from=data.generated_from,
        schema_text=data.schema_text,
        tool_version=data.tool_version,
    )


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    first = write_site(tmp_path, emoji_site(), render_template)
    assert "mkdocs.yml" in first.written
    assert "site/index.md" in first.written
    second = write_site(tmp_path, emoji_site(), render_template)
    assert second.written == second.removed == ()


def test_a_new_version_rewrites_its_neighbours_only(tmp_path: Path) -> None:
    write_site(tmp_path, only(0, 1, 2), render_template)
    report = write_site(tmp_path, only(0, 1, 2, 3), render_template)
    pages = {path for path in report.written if path.endswith(".md")}
    assert pages == {
        "site/index.md",
        "site/changelog/benchmarks.md",
        "site/changelog/compare.md",
        "site/changelog/data.md",
        "site/changelog/hardware.md",
        "site/changelog/emoji/index.md",
        "site/changelog/emoji/changelog.md",
        "site/changelog/emoji/1.1.1.md",
        "site/changelog/emoji/2.0.0.md",
    }
    assert set(report.written) - pages == {
        "site/changelog/data/versions.js",
        "site/changelog/feed.xml",
        "site/changelog/versions.json",
        "site/changelog/emoji/data/2.0.0.js",
        "site/changelog/emoji/data/benchmarks-1.js",
    }


def test_what_is_gone_is_removed_and_what_is_not_ours_is_left(tmp_path: Path) -> None:
    write_site(tmp_path, only(0, 1), render_template)
    mine = tmp_path / "site" / "changelog" / "emoji" / "notes.txt"
    mine.write_text("by hand")
    report = write_site(tmp_path, only(0), render_template)
    assert report.removed == ("site/changelog/emoji/1.1.0.md", "site/changelog/emoji/data/1.1.0.js")
    assert mine.exists()


def test_a_ledger_that_points_elsewhere_removes_nothing_there(tmp_path: Path) -> None:
    write_site(tmp_path, only(0), render_template)
    victim = tmp_path / "victim.txt"
    victim.write_text("kept")
    with (tmp_path / "site" / "changelog" / ".written").open("a") as ledger:
        ledger.write("../victim.txt\n")
    write_site(tmp_path, only(0), render_template)
    assert victim.exists()


def test_a_start_page_written_by_hand_is_kept_and_linked(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.md").write_text("# By hand\n")
    write_site(tmp_path, emoji_site(), render_template)
    assert (tmp_path / "site" / "index.md").read_text() == "# By hand\n"
    start = (tmp_path / "site" / "changelog" / "index.md").read_text(encoding="utf-8")
    assert "](emoji/index.md)" in start
    navigation = (tmp_path / "site" / "changelog" / ".mkdocs.yml").read_text(encoding="utf-8")
    assert navigation.index("Home: index.md") < navigation.index('Overview: "changelog/index.md"')


def test_mkdocs_yml_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "mkdocs.yml").write_text("site_name: mine\n")
    report = write_site(tmp_path, emoji_site(), render_template)
    assert "mkdocs.yml" not in report.written
    assert (tmp_path / "mkdocs.yml").read_text() == "site_name: mine\n"


def test_without_mkdocs_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_build, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        build_site(tmp_path)
    assert caught.value.hint == "pip install 'embver[site]'"


def test_what_mkdocs_says_is_passed_on(tmp_path: Path) -> None:
    def failing(*args: object, **kwargs: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(args=[], returncode=1, stdout="", stderr="a broken link")

    with pytest.raises(EmbverError, match="a broken link"):
        build_site(tmp_path, run=failing)


def test_the_built_site_holds_every_version_and_own_pages(built: Path) -> None:
    out = built / "build" / "site"
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.html")}
    assert {f"changelog/emoji/{n}.html" for n in ("1.0.0", "1.1.0", "1.1.1", "2.0.0")} <= names
    assert {"index.html", "about.html", "guides/indexing.html", "changelog/hostile/1.1.0.html"} <= names
    start = (out / "index.html").read_text(encoding="utf-8")
    for text in ("2.0.0", "1.1.1", "About us", "Indexing", "Guides"):
        assert text in start
    assert not (out / "changelog" / ".mkdocs.yml").exists()


def test_plain_mkdocs_builds_the_same_pages(built: Path, tmp_path: Path) -> None:
    import sys

    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "-q",
        "--strict",
        "-f",
        str(built / "mkdocs.yml"),
        "-d",
        str(tmp_path / "out"),
    ]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    page = "changelog/emoji/1.1.1.html"
    assert (tmp_path / "out" / page).read_bytes() == (built / "build" / "site" / page).read_bytes()
