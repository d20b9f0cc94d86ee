from __future__ import annotations

import copy
import json
import re

import pytest
from emoji_versions import HOSTILE, cards, embedding, emoji_site, hostile_embedding

from embver.card import Benchmark
from embver.metric import Metric
from embver.site.charts import line_chart, sparkline
from embver.site.matrix import cell, groups, mixing_sentence
from embver.site.model import SiteEmbedding
from embver.site.pages import MARK, make_pages
from embver.site.series import main_series, series_of, step_of
from embver.site.version_changes import field_rows, step_rows
from embver.store.templates import render_template


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {page.path: page.text for page in make_pages(emoji_site(), render_template)}


def test_every_version_has_a_page_and_the_machine_its_files(pages: dict[str, str]) -> None:
    assert {path for path in pages if path.startswith("changelog/emoji/") and path.endswith(".md")} == {
        f"changelog/emoji/{name}.md"
        for name in ("1.0.0", "1.1.0", "1.1.1", "2.0.0", "changelog", "index", "trace")
    }
    assert {"index.md", "changelog/embver.css", "changelog/versions.json"} <= set(pages)
    assert "changelog/schemas/card/v1.json" in pages
    assert all(MARK in text for path, text in pages.items() if path.endswith(".md"))


def test_equal_data_give_equal_bytes(pages: dict[str, str]) -> None:
    assert pages == {page.path: page.text for page in make_pages(emoji_site(), render_template)}


def test_versions_json_has_the_documented_keys(pages: dict[str, str]) -> None:
    versions = json.loads(pages["changelog/versions.json"])["embeddings"][0]["versions"]
    assert [(v["version"], v["level"], v["verdict"]) for v in versions] == [
        ("1.0.0", "first", None),
        ("1.1.0", "minor", "compatible"),
        ("1.1.1", "patch", "compatible"),
        ("2.0.0", "major", "incompatible"),
    ]
    keys = {
        "name",
        "version",
        "tag",
        "commit",
        "date",
        "level",
        "verdict",
        "status",
        "status_record",
        "stages",
        "space",
        "fingerprint",
        "metrics",
    }
    assert all(keys <= set(version) for version in versions)


def test_a_version_page_says_what_to_do_and_what_moved(pages: dict[str, str]) -> None:
    patch, major = pages["changelog/emoji/1.1.1.md"], pages["changelog/emoji/2.0.0.md"]
    assert "Keep your index" in patch
    assert "Build a new index" in major
    assert re.search(r"emoji-dirty hit&#64;10 0\.393 → <b>0\.993</b> <em>clearly better</em>", patch)
    assert '<li class="ev-added"><b>lowercase</b> <em>added</em>' in patch
    assert "embver pull emoji@1.1.1 --out emoji-1.1.1" in patch
    assert "sha256sum -c SHA256SUMS" in patch


def test_no_line_of_raw_html_can_end_its_block_early() -> None:
    """A blank line ends an HTML block on code hosts; card text has no line breaks and cannot make one."""
    for page in make_pages(emoji_site(hostile_embedding()), render_template):
        if page.path.endswith(".md"):
            for table in re.findall(r"<table.*?</table>", page.text, flags=re.DOTALL):
                assert "\n\n" not in table


def test_hostile_text_is_escaped_wherever_a_card_takes_text() -> None:
    assert "<script>" in HOSTILE
    for page in make_pages(emoji_site(hostile_embedding()), render_template):
        if page.path.endswith(".md"):
            assert "<script" not in page.text
            body = page.text.split("---\n", 2)[2]  # the title in the front matter is no Markdown
            assert "<img" not in page.text
            assert "](javascript" not in body
            assert 'href="javascript' not in body
            assert "{{" not in body
            assert "\x02" not in page.text
            assert not re.search(r"^\s*--8<--", page.text, flags=re.MULTILINE)


def test_measured_inferred_and_open_pairs_are_told_apart() -> None:
    plains = cards()
    plains[2]["compatibility"] = plains[2]["compatibility"][:1]
    emoji = embedding(plains)
    one, two, three, four = emoji.versions
    assert cell(one, two).kind == "measured"
    assert (cell(one, four).kind, cell(one, four).verdict) == ("inferred", "incompatible")
    assert "64 and 96 dimensions" in cell(four, one).why
    assert cell(one, three).kind == "unmeasured"
    assert [[version.number for version in group] for group in groups(emoji)] == [
        ["1.0.0", "1.1.0", "1.1.1"],
        ["2.0.0"],
    ]
    assert mixing_sentence(emoji).startswith(
        "1.0.0, 1.1.0 and 1.1.1 are compatible step by step, but 1 of them was never measured against 1.0.0: "
        "not every pair may share one index (embver compat emoji@1.0.0 emoji@1.1.1); 2.0.0"
    )


def test_a_version_that_nobody_measured_is_not_called_a_break() -> None:
    plains = cards()[:3]
    for plain in plains:
        plain["compatibility"] = []
    assert mixing_sentence(embedding(plains)) == (
        "1.0.0, 1.1.0 and 1.1.1 each need an index of their own until somebody measures them "
        "(embver compat emoji@1.1.0 emoji@1.1.1)."
    )


def test_no_command_is_named_that_cannot_measure() -> None:
    plains = cards()[:2]
    plains[1]["compatibility"] = []
    plains[0]["artifacts"] = [entry for entry in plains[0]["artifacts"] if entry["role"] != "probe"]
    assert mixing_sentence(embedding(plains)).endswith(
        "until somebody measures them (emoji@1.0.0 has no probe vectors)."
    )


def test_a_group_known_against_its_first_may_share_an_index_and_says_what_is_open() -> None:
    plains = cards()
    plains[2]["compatibility"] = [
        each for each in plains[2]["compatibility"] if each["against"] == "emoji@1.0.0"
    ]
    assert mixing_sentence(embedding(plains)).startswith(
        "1.0.0, 1.1.0 and 1.1.1 may share one index (each is known to fit 1.0.0, not every pair of them was measured); "
    )


def test_mixing_is_said_in_a_sentence() -> None:
    emoji = emoji_site().embeddings[0]
    assert (
        mixing_sentence(emoji)
        == "1.0.0, 1.1.0 and 1.1.1 may share one index; 2.0.0 needs an index of its own."
    )
    assert "nothing to mix" in mixing_sentence(SiteEmbedding(name="emoji", versions=emoji.versions[:1]))


def test_a_broken_version_does_not_join_its_line() -> None:
    plains = cards()
    for record in plains[2]["compatibility"]:
        record["verdict"] = "incompatible"
    assert mixing_sentence(embedding(plains)).startswith(
        "1.0.0 and 1.1.0 may share one index; 1.1.1 and 2.0.0 each"
    )


def test_a_chart_tells_its_numbers_and_breaks_where_the_data_set_changed() -> None:
    plains = cards()
    plains[2]["benchmarks"][0]["dataset"]["revision"] = "v2"
    plains[3]["benchmarks"][0]["dataset"]["revision"] = "v2"
    emoji = embedding(plains)
    series = series_of(emoji)[0]
    assert series.breaks == ("1.1.1",)
    drawn = line_chart(series, ["first", "minor", "patch", "major"])
    assert drawn.count('class="ev-line"') == 2
    assert 'role="img"' in drawn
    assert "<title>hit&#64;10 of emoji-search over versions</title>" in drawn
    assert "2.0.0 0.996 &#40;0.990 to 1.000&#41;" in drawn


def test_a_version_without_a_benchmark_leaves_a_gap_and_a_card_without_one_no_chart() -> None:
    plains = cards()
    plains[1]["benchmarks"] = []
    series = series_of(embedding(plains))[0]
    assert [point.value is None for point in series.points] == [False, True, False, False]
    assert "polyline" in sparkline(series)
    for plain in plains:
        plain["benchmarks"] = []
    bare = embedding(plains)
    assert main_series(bare) is None
    texts = [page.text for page in make_pages(emoji_site(), render_template)]
    assert texts
    data = emoji_site()
    bare_data = type(data)(
        title=data.title, embeddings=(bare,), generated_from="0" * 40, schema_text="{}", tool_version="0"
    )
    pages = {page.path: page.text for page in make_pages(bare_data, render_template)}
    assert "No benchmark was recorded" in pages["changelog/emoji/index.md"]
    assert "embver bench" in pages["index.md"]


def test_a_site_without_embeddings_says_how_to_start() -> None:
    data = emoji_site()
    empty = type(data)(title="T", embeddings=(), generated_from="", schema_text="{}", tool_version="0")
    text = next(page.text for page in make_pages(empty, render_template) if page.path == "index.md")
    assert "embver new NAME" in text


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ((0.39, 0.37, 0.41), (0.99, 0.98, 1.0), "clearly better"),
        ((0.99, 0.98, 1.0), (0.39, 0.37, 0.41), "clearly worse"),
        ((0.50, 0.48, 0.52), (0.51, 0.49, 0.53), "within noise"),
    ],
)
def test_a_difference_is_clear_only_if_the_intervals_do_not_overlap(before, after, word) -> None:
    def bench(triple):
        metric = Metric(key="hit@1", value=triple[0], low=triple[1], high=triple[2])
        return metric, Benchmark(id="b", metrics=(metric,), plain={"id": "b"})

    (_, old), (metric, new) = bench(before), bench(after)
    assert step_of(metric, new, old).word == word


@pytest.mark.parametrize(
    ("verdict", "against", "word"),
    [
        ("improvement", "emoji@1.0.0", "clearly better"),
        ("regression", "emoji@1.0.0", "clearly worse"),
        ("undecided", "emoji@1.0.0", "within noise"),
        ("same", "emoji@1.0.0", "within noise"),
        ("improvement", "emoji@0.9.0", "within noise"),  # that test was against another version
    ],
)
def test_the_paired_test_of_the_card_decides_where_intervals_overlap(
    verdict: str, against: str, word: str
) -> None:
    metric = Metric(key="hit@1", value=0.5, low=0.48, high=0.52)
    entry = {"key": "hit@1", "value": 0.5, "change": {"value": 0.0, "verdict": verdict}}
    plain = {"id": "b", "metrics": [entry], "compared": {"against": against}}
    old = Benchmark(id="b", metrics=(metric,), plain={"id": "b"})
    new = Benchmark(id="b", metrics=(metric,), plain=plain)
    assert step_of(metric, new, old, against="emoji@1.0.0").word == word


def test_a_number_that_is_missing_is_told_beside_the_one_before() -> None:
    known, missing = Metric(key="hit@1", value=0.5, low=0.4, high=0.6), Metric(key="hit@1", value=None)
    old, new = (Benchmark(id="b", metrics=(metric,), plain={"id": "b"}) for metric in (known, missing))
    step = step_of(missing, new, old)
    assert (step.before, step.delta, step.word) == (known, None, "no number recorded")
    assert step_of(known, old, new).word == "not measured before"
    assert step_of(missing, new, new).before is None


def test_numbers_of_another_data_set_are_not_compared() -> None:
    metric = Metric(key="hit@1", value=0.5, low=0.4, high=0.6)
    old = Benchmark(id="b", metrics=(metric,), plain={"id": "b", "dataset": {"revision": "v1"}})
    new = Benchmark(id="b", metrics=(metric,), plain={"id": "b", "dataset": {"revision": "v2"}})
    assert "not comparable" in step_of(metric, new, old).word


def test_steps_are_aligned_and_languages_gathered() -> None:
    emoji = emoji_site().embeddings[0]
    before, after = (emoji.versions[n].card.encoders["text"]["preprocessing"] for n in (1, 2))
    assert [row.state for row in step_rows(before, after)] == ["same", "added", "added", "same"]
    assert [row.state for row in step_rows(after, before)] == ["same", "removed", "removed", "same"]
    changed = copy.deepcopy(list(after))
    changed[-1]["max_length"] = 64
    assert step_rows(after, changed)[-1].state == "changed"
    rows = field_rows(emoji.versions[3])
    languages = [row for row in rows if "languages" in row.path]
    assert [row.after for row in languages] == ["de, es, fr, it, pt"]
    assert rows[0].path == "<code>space.<wbr>dimensions</code>"


def test_a_presumption_that_the_measurement_did_not_bear_out_says_so() -> None:
    plains = cards()
    plains[1]["training"]["hyperparameters"]["seed"] = 8
    emoji = embedding(plains)
    row = next(row for row in field_rows(emoji.versions[1]) if "seed" in row.path)
    assert "MINOR" in row.badge
    assert "measured compatible" in row.why


def test_real_strata_with_changes_and_flips_are_shown_with_their_bounds() -> None:
    plains = cards()
    first = plains[1]["compatibility"][0]["strata"][0]
    first["paired_cosine"] = {"query": 0.634, "document": 1.0}
    first["labelled_change"] = {"new_old": {"value": 0.42, "low": 0.41}, "mixed": {"value": 0.0, "low": 0.0}}
    first["labelled_flips"] = {"mixed": {"value": 0.0, "high": 0.003}}
    data = emoji_site()
    shown = type(data)(
        title="T", embeddings=(embedding(plains),), generated_from="", schema_text="{}", tool_version="0"
    )
    pages = {page.path: page.text for page in make_pages(shown, render_template)}
    text = pages["changelog/emoji/1.1.0.md"]
    for part in ("documents 1.000", "+0.420, ≥ +0.410", "unchanged", "≤ 0.003"):
        assert part in text
