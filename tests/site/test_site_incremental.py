"""What is not made anew has the very bytes that it would have had: pages, built pages, search index."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from emoji_versions import cards, embedding, emoji_site
from histories import commit_card, files_below, git, release, repository

from embver.cli import main
from embver.errors import EmbverError
from embver.site.build import write_site
from embver.site.incremental import Ledger, Plan, Source, loose_anchors, plan, read_ledger
from embver.site.pages import recipes
from embver.site.publish import HELD_NS, built_files, hold_places, publish, remove_others, states
from embver.site.search_index import merge_index
from embver.site.stamps import Stamps
from embver.site.written import WrittenPages, maker
from embver.store.resources import resource_folder
from embver.store.templates import render_template

MAKER = "the same code"


def site(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    """Run `embver site --json` and return its document."""
    assert main(["-C", str(root), "site", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# ---- the pages


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "shop", 6, names=2)


def test_a_second_run_makes_and_writes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = site(root, capsys)
    assert (first["versions"], len(first["written"]), first["removed"]) == (
        6,
        first["pages"] + 1,
        [],
    )  # mkdocs.yml
    times = {file: file.stat().st_mtime_ns for file in (root / "site").rglob("*") if file.name != ".written"}
    second = site(root, capsys)
    assert (second["written"], second["unchanged"]) == ([], first["pages"])
    assert second | {"written": [], "built": None, "rendered": None, "why": None, "start": None} == second
    assert {file: file.stat().st_mtime_ns for file in times} == times


def test_a_release_rewrites_its_neighbour_and_what_lists_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site(root, capsys)
    release(root, have=6, names=2)  # shop-0 1.3.0
    written = site(root, capsys)["written"]
    versions = {path for path in written if path.endswith(".0.md")}
    assert versions == {"site/changelog/shop-0/1.2.0.md", "site/changelog/shop-0/1.3.0.md"}
    assert not [path for path in written if "/shop-1/" in path]


def test_warm_pages_are_those_of_a_run_from_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site(root, capsys)
    release(root, have=6, names=2)
    card = git(root, "show", "HEAD:embeddings/shop-1/1.1.0/card.yaml")
    commit_card(root, "embeddings/shop-1/1.1.0/card.yaml", f'{card}\nnotes: ["Seen again in May."]\n')
    site(root, capsys)
    warm = files_below(root / "site")
    assert b"Seen again in May." in warm["changelog/shop-1/1.1.0.md"]
    for cache in (root / ".git" / "embver").iterdir():
        cache.unlink()
    for file in sorted((root / "site").rglob("*.md")):
        file.unlink()
    site(root, capsys)
    assert files_below(root / "site") == warm


@pytest.mark.parametrize("name", ["site-pages", "known-shaped"])
@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 1}', b"[1, 2]", b"\xff\xfe\x00"])
def test_a_damaged_cache_is_only_a_slower_run(
    root: Path, capsys: pytest.CaptureFixture[str], name: str, damage: bytes
) -> None:
    site(root, capsys)
    before = files_below(root / "site")
    (root / ".git" / "embver" / name).write_bytes(damage)
    assert site(root, capsys)["written"] == []
    assert files_below(root / "site") == before


def test_a_page_that_was_edited_or_removed_by_hand_is_written_again(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site(root, capsys)
    before = files_below(root / "site")
    (root / "site/changelog/shop-0/1.0.0.md").write_text("mine", encoding="utf-8")
    (root / "site/changelog/shop-0/1.1.0.md").unlink()
    found = site(root, capsys)
    assert found["written"] == ["site/changelog/shop-0/1.0.0.md", "site/changelog/shop-0/1.1.0.md"]
    assert files_below(root / "site") == before


def test_a_template_of_ones_own_makes_pages_anew(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site(root, capsys)
    template = root / "templates/site/version.md.j2"
    template.parent.mkdir(parents=True)
    own = (resource_folder("templates") / "site/version.md.j2").read_text(encoding="utf-8")
    template.write_text(f"{own}\nOurs.\n", encoding="utf-8")
    assert len(site(root, capsys)["written"]) == 6
    template.unlink()
    assert len(site(root, capsys)["written"]) == 6


def test_a_version_is_seen_whole_in_its_stamp() -> None:
    plains = cards()
    data = replace(emoji_site(), embeddings=(embedding(plains),))

    def needs(changed: object) -> dict[str, tuple[str, ...]]:
        made = recipes(changed, render_template, stamps=Stamps(changed))
        return {recipe.path: recipe.needs for recipe in made}

    before = needs(data)
    (emoji,) = data.embeddings
    aged = replace(emoji.versions[0], stages=("prod",))
    after = needs(replace(data, embeddings=(replace(emoji, versions=(aged, *emoji.versions[1:])),)))
    moved = {path for path, each in after.items() if each != before[path] and path.endswith(".0.md")}
    assert moved == {"changelog/emoji/1.0.0.md", "changelog/emoji/1.1.0.md"}
    assert {
        path for path, each in needs(replace(data, url="https://x.example/")).items() if each == before[path]
    } <= {path for path, each in before.items() if not each}


def test_a_page_is_made_from_its_view_alone() -> None:
    """Whatever is not in a version's needs does not change its page: nothing else is handed to what makes it."""
    data = emoji_site()
    (emoji,) = data.embeddings
    pages = {recipe.path: recipe.make() for recipe in recipes(data, render_template)}
    shorter = replace(
        data, embeddings=(replace(emoji, versions=emoji.versions[:3]),), generated_from="0" * 40
    )
    again = {recipe.path: recipe.make() for recipe in recipes(shorter, render_template)}
    assert again["changelog/emoji/1.0.0.md"] == pages["changelog/emoji/1.0.0.md"]
    assert again["changelog/emoji/1.1.1.md"] != pages["changelog/emoji/1.1.1.md"]  # it leads to the next


def test_other_code_makes_every_page_anew(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for name, expected in (("a", True), ("a", False), ("b", True)):
        made = []

        def render(template: str, context: object, made: list[str] = made) -> str:
            made.append(template)
            return render_template(template, context)

        write_site(tmp_path / "root", emoji_site(), render, pages=WrittenPages(cache, name))
        assert ("site/version.md.j2" in made) is expected
    assert maker([tmp_path / "none"]) != maker([resource_folder("templates")])


# ---- which pages are built


FILES = {
    "a.md": b"# A\n\n[B](b.md#here)\n",
    "b.md": b"# B\n\n## Here\n",
    "c/d.md": b"[x](../b.md) 1.0.0.md\n",
    "c/x.css": b"p {}",
}


def planned(
    tmp_path: Path,
    changed: dict[str, bytes | None],
    *,
    files: dict[str, bytes] = FILES,
    navigation: object = (),
    **other: object,
) -> Plan:
    """Plan a build after a first one of some files."""
    output = tmp_path / "out"
    output.mkdir(exist_ok=True)
    for path in files:
        target = output / path
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(b"built")
    ledger = Ledger(
        frame="f", epoch=None, output=str(output), sources=sources(files), files=states(output, files)
    )
    now = {path: data for path, data in (files | changed).items() if data is not None}
    texts = {path: data for path, data in now.items() if path.endswith(".md")}
    given = {
        "frame": "f",
        "output": output,
        "sources": sources(now),
        "texts": texts,
        "navigation": navigation,
    } | other
    return plan(ledger, **given)


def sources(files: dict[str, bytes]) -> dict[str, Source]:
    return {
        path: Source(digest=data.hex(), target=path.replace(".md", ".html")) for path, data in files.items()
    }


def test_only_what_changed_is_built(tmp_path: Path) -> None:
    assert planned(tmp_path, {}).is_current
    found = planned(tmp_path, {"b.md": b"# B\n", "c/x.css": b"q {}"})
    assert (found.why, found.build, found.is_current) == (None, {"b.md", "c/x.css"}, False)


@pytest.mark.parametrize(
    "link", [b"[n](e/n.md)", b"[n](e/n.md#top)", b"[n]: e/n.md", b'<a href="e/n.md">n</a>', b"[n](<e/n.md>)", b"see e/n.md", b"[n](/e/n.md)"]
)  # fmt: skip
def test_a_page_that_may_link_to_a_new_or_removed_one_is_built(tmp_path: Path, link: bytes) -> None:
    page = b"# N\n"
    assert planned(tmp_path, {"e/n.md": page}).build == {"e/n.md"}
    linking = FILES | {"a.md": FILES["a.md"] + link}
    assert planned(tmp_path, {"e/n.md": page}, files=linking).build == {"a.md", "e/n.md"}
    gone = planned(tmp_path, {"e/n.md": None}, files=linking | {"e/n.md": page})
    assert (gone.build, gone.gone) == ({"a.md"}, {"e/n.html"})


def test_another_page_of_the_same_name_is_not_meant(tmp_path: Path) -> None:
    found = planned(tmp_path, {"c/b.md": b"# Another B\n"})
    assert found.build == {"c/b.md"}  # a.md and c/d.md name b.md at the top


@pytest.mark.parametrize(
    ("given", "why"),
    [({"frame": "g"}, "settings, navigation"), ({"output": Path("/elsewhere")}, "another folder")],
)
def test_whatever_every_page_shows_builds_everything(tmp_path: Path, given: dict, why: str) -> None:
    assert why in str(planned(tmp_path, {}, **given).why)


def test_a_built_file_that_was_touched_builds_everything(tmp_path: Path) -> None:
    first = planned(tmp_path, {})
    assert first.why is None
    ledger = Ledger(frame="f", epoch=None, output=str(tmp_path / "out"), sources=sources(FILES), files=states(tmp_path / "out", FILES))  # fmt: skip
    (tmp_path / "out" / "a.md").write_bytes(b"mine")
    found = plan(ledger, frame="f", output=tmp_path / "out", sources=sources(FILES), texts={}, navigation=())
    assert "changed or removed" in str(found.why)


def test_a_page_that_the_navigation_reads_builds_everything(tmp_path: Path) -> None:
    untitled = (("b.md", False), ("a.md", True))
    found = planned(tmp_path, {"c/x.css": b"q {}"}, navigation=untitled)
    assert found.build == {"b.md", "c/x.css"}  # read each time: MkDocs takes its title from its text
    assert "b.md" in str(planned(tmp_path, {"b.md": b"# C\n"}, navigation=untitled).why)
    assert planned(tmp_path, {"a.md": b"# C\n"}, navigation=untitled).why is None
    icon = b"---\ntitle: A\nicon: material/star\n---\n"
    assert "a.md" in str(planned(tmp_path, {"a.md": icon}, navigation=untitled).why)


def test_a_link_to_a_heading_that_is_gone_is_found(tmp_path: Path) -> None:
    pages = {"a.md": tmp_path / "a.html", "b.md": tmp_path / "b.html"}
    texts = {"a.md": FILES["a.md"], "b.md": FILES["b.md"]}
    pages["b.md"].write_text('<h2 id="here">Here</h2>', encoding="utf-8")
    assert loose_anchors(texts, ["b.md"], pages) == ()
    pages["b.md"].write_text('<h2 id="there">There</h2>', encoding="utf-8")
    assert loose_anchors(texts, ["b.md"], pages) == (("a.md", "b.md#here"),)
    assert loose_anchors(texts, ["a.md"], pages) == (("a.md", "b.md#here"),)
    assert loose_anchors(texts, [], pages) == ()  # neither page was built: nothing is different


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format": 1}', b'{"format": 1, "sources": 3}', b"\xff"]
)
def test_a_damaged_ledger_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "ledger").write_bytes(data)
    assert read_ledger(tmp_path / "ledger") is None
    assert read_ledger(tmp_path / "nowhere") is None
    assert read_ledger(None) is None


# ---- the search index, and the folder


def index(*locations: str) -> bytes:
    docs = [{"location": each, "title": each, "text": "\u00e4"} for each in locations]
    return json.dumps({"config": {"lang": ["en"]}, "docs": docs}, separators=(",", ":")).encode()


def test_the_search_index_is_merged_in_the_order_of_pages() -> None:
    before = index("a.html", "a.html#one", "b.html", "gone.html", "z.html")
    after = index("a.html", "new.html", "new.html#x")
    order = ["a.html", "b.html", "new.html", "quiet.html", "z.html"]
    merged = merge_index(before, after, order=order, built=frozenset({"a.html", "new.html", "quiet.html"}))
    assert merged == index("a.html", "b.html", "new.html", "new.html#x", "z.html")
    with pytest.raises(EmbverError):
        merge_index(before, after.replace(b'"en"', b'"de"'), order=order, built=frozenset())


def test_only_files_with_other_bytes_are_moved(tmp_path: Path) -> None:
    staging, output = tmp_path / "staging", tmp_path / "output"
    for folder in (staging, output):
        (folder / "x").mkdir(parents=True)
        (folder / "x/same.html").write_text("same")
    (staging / "x/new.html").write_text("new")
    (output / "x/other").mkdir()
    (output / "x/other/old.html").write_text("old")
    (output / ".nojekyll").write_text("")
    (output / ".git").mkdir()
    (output / ".git/HEAD").write_text("ref")
    hold_places(staging, ["x/held.html"])
    assert (staging / "x/held.html").stat().st_mtime_ns == HELD_NS
    time_before = (output / "x/same.html").stat().st_mtime_ns
    made = built_files(staging)
    assert made == ("x/new.html", "x/same.html")
    assert publish(staging, made, output) == ("x/new.html",)
    assert remove_others(output, frozenset(made)) == ("x/other/old.html",)
    assert not (output / "x/other").exists()
    assert (output / ".git/HEAD").exists()
    assert (output / ".nojekyll").exists()
    assert (output / "x/same.html").stat().st_mtime_ns == time_before


# ---- with MkDocs itself


def test_a_build_of_some_pages_is_the_build_of_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("material")
    root = repository(tmp_path / "shop", 5)
    (root / "embver.toml").write_text('[site]\nurl = "https://shop.example/vectors/"\n', encoding="utf-8")
    (root / "site").mkdir()
    (root / "site/about.md").write_text("# About\n\n[1.0.0](changelog/shop-0/1.0.0.md)\n", encoding="utf-8")
    first = site(root, capsys, "--build")
    assert (first["built"], first["why"]) == ("full", "nothing is known of an earlier build")
    start = files_below(root / "build/site")
    again = site(root, capsys, "--build")
    assert (again["built"], again["rendered"], again["written"]) == ("incremental", 0, [])

    release(root, have=5)
    some = site(root, capsys, "--build")
    assert (some["built"], some["why"]) == ("incremental", None)
    assert some["rendered"] < first["rendered"]
    grown = files_below(root / "build/site")
    assert b"changelog/shop-0/1.5.0.html" in grown["search/search_index.json"]
    _killed(root)
    assert files_below(root / "build/site") == grown  # a build that was killed changed nothing that is served
    whole = site(root, capsys, "--full")
    assert (whole["built"], whole["why"]) == ("full", "asked for")
    assert files_below(root / "build/site") == grown
    assert not [path for path in (root / "build").iterdir() if path.name != "site"]

    git(root, "tag", "-d", "shop-0@v1.5.0")
    git(root, "update-ref", "refs/heads/main", "main~1")
    back = site(root, capsys, "--build")
    assert (back["built"], "site/changelog/shop-0/1.5.0.md" in back["removed"]) == ("incremental", True)
    assert files_below(root / "build/site") == start

    with (root / "site/about.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    assert main(["-C", str(root), "site", "--build"]) == 3
    assert re.search(r"about\.md.*nowhere\.md", capsys.readouterr().err)
    assert files_below(root / "build/site") == start


def _killed(root: Path) -> None:
    """Begin a build of everything and kill it at once and for all."""
    command = [sys.executable, "-m", "embver", "-C", str(root), "site", "--full"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ, start_new_session=True) as process:  # fmt: skip
        staging = root / "build/.site.embver-build"
        while not staging.is_dir() and process.poll() is None:
            time.sleep(0.01)
        assert process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
    assert staging.is_dir()
