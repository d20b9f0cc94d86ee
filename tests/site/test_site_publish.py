"""The pages where they are published: as plain Markdown on a code host, and on a branch by `mkdocs gh-deploy`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from code_host import FRONT_MATTER, KEPT, Shown
from emoji_versions import emoji_site

from embver.site.build import build_site, write_site
from embver.store.templates import render_template
from sandbox import Sandbox, git

FENCES = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
# What one of the two readers would take for syntax and the other would show.
LEFT_OVER = re.compile(r"\{:|\*\*|\]\(|`|^#|~~|\{%|\{\{|markdown=|</?[a-z]")


def pages(built: Path, *, hostile: bool = False) -> dict[str, str]:
    """Return the written pages by their path below the documentation folder."""
    folder = built / "site"
    found = {page.relative_to(folder).as_posix(): page for page in folder.rglob("*.md")}
    return {
        name: page.read_text(encoding="utf-8")
        for name, page in sorted(found.items())
        if name.startswith("changelog/hostile/") is hostile
    }


# ---- on a code host


def test_no_page_needs_an_attribute_list(built: Path) -> None:
    found = {**pages(built), **pages(built, hostile=True)}
    assert len(found) > 20
    assert {
        name for name, text in found.items() if "{:" in FENCES.sub("", FRONT_MATTER.sub("", text))
    } == set()


def test_no_syntax_is_left_in_what_a_code_host_shows(built: Path) -> None:
    """Text of hostile cards apart: it is full of syntax, and is shown."""
    left = {}
    for name, text in pages(built).items():
        bad = [piece for piece in Shown(text).text if LEFT_OVER.search(piece) and "alert(" not in piece]
        if bad:
            left[name] = bad
    assert left == {}


def test_a_code_host_shows_headings_badges_and_words_apart(built: Path) -> None:
    found = pages(built)
    version = Shown(found["changelog/emoji/1.1.0.md"]).words
    assert re.search(r"emoji 1\.1\.0 .{0,6}MINOR .{0,6}compatible", version)
    assert "What changed" in version
    embedding = Shown(found["changelog/emoji/index.md"]).words
    assert re.search(
        r"current 2\.0\.0 2\d{3}-", embedding
    )  # a tile: label, number and date, with spaces between
    for name, text in found.items():
        glued = re.findall(r"</(?:small|b|span|em)><(?:small|b|em)\b[^>]*>[^<]*", FRONT_MATTER.sub("", text))
        assert glued == [], name


def test_a_code_host_finds_what_pages_link_to(built: Path) -> None:
    folder = (built / "site").resolve()
    lost = []
    for hostile in (False, True):
        for name, text in pages(built, hostile=hostile).items():
            for link in Shown(text).links:
                target = re.split(r"[?#]", link)[0]
                if not target or re.match(r"https?://", link):
                    continue
                file = (folder / name).parent.joinpath(target).resolve()
                if not (file.is_relative_to(folder) and file.exists()):
                    lost.append(f"{name}: {link}")
    assert lost == []


def test_a_code_host_runs_and_fetches_nothing_of_a_hostile_card(built: Path) -> None:
    """Before the host takes anything out: what escapes the host's list must not be needed."""
    ours = KEPT - {"img", "picture", "source"} | {
        "svg",
        "path",
        "line",
        "circle",
        "rect",
        "polyline",
        "polygon",
    }
    ours |= {"text", "title", "desc", "g", "defs", "symbol", "use"}
    ours |= {"section", "bdi"}  # what search is to pass over: a host takes out the tag and keeps the words
    found = pages(built, hostile=True)
    assert found
    for name, text in {**pages(built), **found}.items():
        shown = Shown(text)
        assert shown.tags <= ours, name
        assert not [
            link for link in shown.links if re.match(r"\s*(javascript|data|file|vbscript):", link, re.I)
        ]
        assert not {attribute for attribute in shown.dropped if attribute.startswith("on")}, name
    version = Shown(found["changelog/hostile/1.1.0.md"]).everything
    for literal in (
        "<script>alert(1)</script>",
        "![x](https://evil.example/x.png)",
        "{{ 7 * 7 }}",
        "**bold**",
    ):
        assert literal in version


# ---- on a branch


@pytest.mark.lfs
def test_gh_deploy_publishes_a_branch_past_our_hooks(story: Sandbox, tmp_path: Path) -> None:
    pytest.importorskip("material")
    before = story.git("rev-parse", "HEAD", "main").out
    assert "embver verify" in (story.root / ".git/hooks/pre-push").read_text()
    # Nobody answers for Git LFS: the branch holds no pointer, so nothing is asked.
    story.git("config", "lfs.url", "http://127.0.0.1:9/")
    story.embver("site")
    deploy = [sys.executable, "-m", "mkdocs", "gh-deploy", "--strict", "--quiet"]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        deploy, cwd=story.root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "git-lfs" not in done.stderr
    assert "not on the PATH" not in done.stderr
    names = git(story.remote, "ls-tree", "-r", "--name-only", "gh-pages").out.splitlines()
    assert {".nojekyll", "index.html", "changelog/emoji/1.1.1.html", "changelog/versions.json"} <= set(names)
    assert not [name for name in names if name.startswith("embeddings/")]
    page = git(story.remote, "show", "gh-pages:changelog/emoji/1.1.1.html").out
    assert "<h1" in page
    assert not page.startswith("version https://git-lfs")
    # Nothing else moved: no commit on main, no tag, and the work tree is as it was.
    assert story.git("rev-parse", "HEAD", "main").out == before
    assert story.git("status", "--porcelain").out == ""
    assert git(story.remote, "tag", "--list").out == story.git("tag", "--list").out


# ---- with settings and pages of a team's own


def test_an_extension_and_a_style_sheet_of_ones_own_are_added_to_ours(tmp_path: Path) -> None:
    """As site/publish.md has it: a mapping is merged into what `site/changelog/.mkdocs.yml` says."""
    pytest.importorskip("material")
    write_site(tmp_path, emoji_site(), render_template)
    config = tmp_path / "mkdocs.yml"
    text = config.read_text(encoding="utf-8").replace(
        "[changelog/embver.css]", "[changelog/embver.css, ours.css]"
    )
    config.write_text(f"{text}\nmarkdown_extensions: {{admonition: {{}}}}\n", encoding="utf-8")
    (tmp_path / "site" / "ours.css").write_text(".md-header { color: navy }\n")
    (tmp_path / "site" / "team.md").write_text("# The team\n\n!!! note\n    Ask us.\n")
    write_site(tmp_path, emoji_site(), render_template)
    build_site(tmp_path)
    built = tmp_path / "build" / "site"
    team = (built / "team.html").read_text(encoding="utf-8")
    assert '<div class="admonition note">' in team
    assert 'href="ours.css"' in team
    version = (built / "changelog/emoji/1.1.1.html").read_text(encoding="utf-8")
    assert '<div class="ev-crumbs">' in version  # md_in_html is on still
