"""Pages stay small however many versions there are, and a new version leaves old pages as they are."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from emoji_versions import cards, embedding, emoji_site, record
from hypothesis import given
from hypothesis import strategies as st
from many_versions import cards as many_cards
from many_versions import line_of, many_embeddings, older_fix

from embver.site.charts import line_chart, sparkline
from embver.site.embedding_pages import embedding_drafts, version_draft, wide_drafts
from embver.site.matrix import cell, groups, mixing_sentence
from embver.site.model import SiteData, SiteEmbedding
from embver.site.pairs import later
from embver.site.series import main_series, series_of
from embver.site.start_page import start_context
from embver.site.thinning import thinned
from embver.site.timeline import NEWEST, PART, newest, parts
from embver.store.templates import render_template

LARGEST_BYTES = 150_000
FRAME_BYTES = 30_000  # what MkDocs and the theme put around a page


def site_of(made: SiteEmbedding) -> SiteData:
    return replace(emoji_site(), embeddings=(made,))


@cache
def pages_of(count: int, *, with_fix: bool = False) -> dict[str, str]:
    """Return the pages of an embedding of `count` versions but for those of the versions."""
    made = older_fix(line_of(count)) if with_fix else line_of(count)
    return {
        draft.path.removeprefix("changelog/emoji/"): render_template(
            draft.template, {**draft.context(), "mark": "", "is_searched": True}
        )
        for draft in embedding_drafts(site_of(made), made)
    }


@pytest.mark.parametrize("count", [NEWEST, NEWEST + 1, 1000])
def test_every_page_is_small_enough_at_first_paint(count: int) -> None:
    sizes = {path: len(text.encode()) for path, text in pages_of(count).items()}
    assert {path: size for path, size in sizes.items() if size > LARGEST_BYTES - FRAME_BYTES} == {}
    assert ("versions-1.md" in sizes) == (count > NEWEST)


def test_every_version_is_listed_once_with_the_words_that_people_search() -> None:
    texts = [text for path, text in pages_of(1000).items() if path.startswith("versions-")]
    found = [
        number for text in texts for number in re.findall(r'<h2 id="v[\d.]+" markdown>\s+\[([\d.]+)\]', text)
    ]
    assert len(found) == 1000
    assert {version.number for version in line_of(1000).versions} == set(found)
    version = line_of(1000).versions[500]
    (entry,) = (part for text in texts for part in text.split("<h2 ") if f"[{version.number}](" in part)
    card = version.card.plain
    for words in (
        card["encode"]["hardware"]["accelerator"], "Adds batch 500 of the studio photographs", "MAJOR", "incompatible",
        "encoders.image.weights", card["fingerprint"].rpartition(":")[2][:12], card["artifacts"][0]["sha256"][:12],
        str(version.release.card_digest).rpartition(":")[2][:12],
    ):  # fmt: skip
        assert words in entry, words
    assert len(re.sub(r"<[^>]+>|&#\d+;", "", entry)) < 600  # it is what the search index holds of a version


def test_the_numbers_of_the_charts_stand_in_full_in_the_lists() -> None:
    text = pages_of(1000)["versions-25.md"]
    table = text[text.index("## Numbers") :]
    assert table.count("<tr>") == PART + 1
    assert table.count("</td>") == PART * 9
    assert "data-search-exclude" in table
    assert "The newest 12; the others stand in the lists of versions." in pages_of(1000)["index.md"]


@pytest.mark.parametrize(("before", "after"), [(1000, 1001), (NEWEST + 2, NEWEST + 3)])
def test_a_new_version_changes_the_last_part_only(before: int, after: int) -> None:
    old, new = pages_of(before), pages_of(after)
    changed = {path for path, text in new.items() if old.get(path) != text}
    last = -(-after // PART)
    assert changed == {"index.md", "changelog.md", f"versions-{last}.md", f"changelog-{last}.md"}
    assert set(old) <= set(new)


def test_a_fix_of_an_old_line_changes_no_old_part() -> None:
    old, new = pages_of(1000), pages_of(1000, with_fix=True)
    changed = {path for path, text in new.items() if old.get(path) != text}
    assert changed <= {"index.md", "changelog.md", "trace.md", "versions-26.md", "changelog-26.md"}
    for page in ("versions-26.md", "index.md", "changelog.md"):  # a fix of an old line is news, too
        assert "1.0.1.md)" in new[page]
        assert "1.0.1.md)" not in old.get(page, "")


def test_the_changelog_holds_the_newest_and_leads_to_all() -> None:
    pages = pages_of(1000)
    assert len(re.findall(r"^## \[", pages["changelog.md"], flags=re.MULTILINE)) == NEWEST
    for page in ("changelog.md", "index.md"):
        stem = "changelog" if page == "changelog.md" else "versions"
        assert {f"{stem}-{n}.md" for n in range(1, 26)} <= set(re.findall(r"\]\(([^)]+)\)", pages[page]))
    first = pages["changelog-1.md"]
    assert "## [1.0.0](1.0.0.md)" in first
    assert "### Added" in first
    assert "changelog-2" not in first


# ---- charts


def test_a_dense_chart_keeps_extremes_breaks_and_major_versions() -> None:
    made = line_of(1000)
    series = main_series(made)
    assert series is not None
    drawn = line_chart(series, [version.level for version in made.versions])
    assert len(drawn) < 6500
    assert drawn.count('class="ev-line"') == 3  # the data set changed twice
    assert series.breaks == ("41.0.0", "81.0.0")
    assert (
        drawn.count('class="ev-mark ev-major"') == 3
    )  # one path a stretch, a sign for each MAJOR version in it
    assert drawn.count("l5.5 9.5h-11z") >= 50
    assert "1,000 versions, from 1.0.0" in drawn
    assert "the lowest and the highest are drawn" in pages_of(1000)["index.md"]
    assert len(sparkline(series, is_small=True)) < 500 < len(sparkline(series))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.floats(0.1, 9))
def test_thinning_keeps_what_its_columns_can_tell_apart(values: list[float], width: float) -> None:
    points = [(n, value, value - 0.1, value + 0.1) for n, value in enumerate(values)]
    kept = thinned(points, lambda index: 200 * index / len(values), width=width)
    numbers = [value for _, value, _, _ in kept]
    assert (min(numbers), max(numbers)) == (min(values), max(values))
    assert [index for index, *_ in kept] == sorted({index for index, *_ in kept})
    columns: dict[int, list[float]] = {}
    for index, value, _, _ in points:
        columns.setdefault(int(200 * index / len(values) // width), []).append(value)
    assert len(kept) <= 2 * len(columns)
    for column, members in columns.items():
        mine = [value for index, value, _, _ in kept if int(200 * index / len(values) // width) == column]
        assert {min(mine), max(mine)} == {min(members), max(members)}
    assert min(low for _, _, low, _ in kept if low is not None) == min(values) - 0.1


def test_more_charts_than_a_page_holds_have_pages_of_their_own() -> None:
    plains = cards()
    for plain in plains:
        plain["benchmarks"] = [{**plain["benchmarks"][0], "id": f"set-{n:02}"} for n in range(20)]
    made = embedding(plains)
    drawn = {
        draft.path.rpartition("/")[2]: render_template(
            draft.template, {**draft.context(), "mark": "", "is_searched": True}
        )
        for draft in embedding_drafts(site_of(made), made)
    }
    counts = {path: text.count('<svg class="ev-chart"') for path, text in drawn.items() if path != "trace.md"}
    assert sum(counts.values()) == sum(1 for series in series_of(made) if series.known) == 60
    assert counts["index.md"] == counts["charts-1.md"] == 24
    assert "](charts-2.md)" in drawn["index.md"]


# ---- compatibility


def brute_groups(made: SiteEmbedding) -> list[list[str]]:
    """Put versions into groups by looking at every pair, as the documentation of `groups` says it."""
    found: list[list] = []
    for version in made.versions:
        for group in reversed(found):
            cells = [cell(member, version) for member in (group[:1] + group[1:][-24:])]
            is_open = all(each.is_safe or each.kind == "unmeasured" for each in cells)
            if is_open and any(each.is_safe for each in cells):
                group.append(version)
                break
        else:
            found.append([version])
    return [[version.number for version in group] for group in found]


def test_groups_of_many_are_those_that_every_pair_gives() -> None:
    for made in (line_of(60), older_fix(line_of(60)), embedding(cards())):
        assert [[version.number for version in group] for group in groups(made)] == brute_groups(made)


def test_a_break_measured_in_the_middle_of_a_long_line_keeps_a_version_out() -> None:
    plains = many_cards(60)
    for place, plain in enumerate(plains):
        plain["version"] = f"1.{place}.0"
        plain["compatibility"] = [
            record(f"emoji@1.{before}.0", verdict, level, [])
            for before, verdict, level in ((place - 1, "compatible", "minor"), (20, "incompatible", "major"))
            if (before >= 0 if before == place - 1 else place == 59)
        ]
    *_, last = groups(embedding(plains))
    assert [version.number for version in last] == ["1.59.0"]


def test_mixing_of_a_thousand_versions_is_a_short_sentence() -> None:
    said = mixing_sentence(line_of(1000))
    assert "100.0.0 to 100.9.0 (10 versions) may share one index" in said
    assert said.startswith("94 older groups of versions may share an index each")
    assert len(said) < 900
    index = pages_of(1000)["index.md"]
    assert index.count('class="ev-cell') == 16 * 16
    assert "The newest 16 with one another" in index


def test_a_version_names_those_that_were_measured_against_it() -> None:
    made = line_of(1000)
    (found,) = later(made, made.versions[10])
    assert "compatible" in found.badge
    assert found.versions.startswith("[2.9.0](2.9.0.md), [2.8.0](2.8.0.md)")
    assert found.versions.endswith("3 more from 2.1.0 to 2.3.0")
    draft = version_draft(site_of(made), made, 10)
    text = render_template(draft.template, {**draft.context(), "mark": "", "is_searched": True})
    assert "### Measured by later versions" in text


# ---- many embeddings


def test_two_hundred_embeddings_are_a_table_in_parts() -> None:
    data = many_embeddings(200)
    start = render_template("site/index.md.j2", {**start_context(data), "mark": "", "is_searched": True})
    assert len(start.encode()) < LARGEST_BYTES - FRAME_BYTES
    assert start.count("\n| [**") == 100
    drafts = list(wide_drafts(data))
    assert [draft.path for draft in drafts] == ["changelog/embeddings-1.md", "changelog/embeddings-2.md"]
    texts = [
        render_template(each.template, {**each.context(), "mark": "", "is_searched": True}) for each in drafts
    ]
    assert [text.count("\n| [**") for text in texts] == [100, 100]
    assert all(len(text.encode()) < LARGEST_BYTES - FRAME_BYTES for text in texts)
    assert "[team-000/search to team-099/search](changelog/embeddings-1.md)" in start
    assert "](team-199/search/index.md)" in texts[1]


@pytest.mark.parametrize(("count", "is_table"), [(12, False), (13, True)])
def test_a_dozen_embeddings_have_a_card_each(count: int, is_table: bool) -> None:
    start = render_template(
        "site/index.md.j2", {**start_context(many_embeddings(count)), "mark": "", "is_searched": True}
    )
    assert ('<div class="ev-cards"' in start) != is_table
    assert ("| embedding | current |" in start) == is_table
    assert f"{count} embeddings, {4 * count} versions" in start


def test_parts_are_counted_from_the_oldest_release() -> None:
    made = older_fix(line_of(100))
    divided = parts(made)
    assert [len(part.versions) for part in divided] == [PART, PART, 100 + 1 - 2 * PART]
    assert divided[0].versions[-1].number == "1.0.0"
    assert divided[-1].versions[0].number == "1.0.1"  # the newest by its tag, not by its number


def test_a_version_that_holds_a_stage_stays_on_the_first_page() -> None:
    made = line_of(100)
    held = replace(made.versions[3], stages=("prod",))
    shown = newest(replace(made, versions=(*made.versions[:3], held, *made.versions[4:])))
    assert [version.number for version in shown][-1] == "1.3.0"
    assert len(shown) == NEWEST + 1
