from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from emoji_versions import HOSTILE, cards, embedding, emoji_site, hostile_embedding
from traced_emoji import hostile_traced, many, point, step, traced_embedding

from embver.series import Series, Step, Verdict
from embver.site.model import SiteEmbedding
from embver.site.pages import make_pages
from embver.site.trace_chart import trace_chart
from embver.store.templates import render_template
from embver.traced import MOST_IN_FULL_OF_LONG, significant_steps

Open = Callable[..., tuple[str, str]]
LARGEST_BYTES = 150_000
FRAME_BYTES = 30_000  # what MkDocs and the theme put around a page


def pages_of(made: SiteEmbedding) -> dict[str, str]:
    data = replace(emoji_site(), embeddings=(made,))
    return {page.path: page.text for page in make_pages(data, render_template)}


def page_of(made: SiteEmbedding) -> str:
    return pages_of(made)[f"changelog/{made.name}/trace.md"]


def words(text: str) -> str:
    """Return what a reader sees: without tags, cells and words of code apart, spaces gathered."""
    apart = re.sub(r"</?(td|th|tr|li|p|small|code|summary)\b[^>]*>", " ", text)
    return " ".join(unescape(re.sub(r"<[^>]*>", "", apart)).split())


@pytest.fixture(scope="module")
def page() -> str:
    return page_of(traced_embedding())


def series_of(
    points: tuple[tuple[str, float | None], ...],
    steps: tuple[Step, ...] = (),
    *,
    higher_is_better: bool = True,
    unit: str = "fraction",
) -> Series:
    return Series(
        name="emoji",
        benchmark="search",
        metric="hit@10",
        unit=unit,
        higher_is_better=higher_is_better,
        points=tuple(point(version, value, lacking="it has no such benchmark") for version, value in points),
        steps=steps,
    )


def stepped(before: tuple[str, float], after: tuple[str, float], verdict: Verdict) -> Step:
    return step(point(*before), point(*after), verdict)


# ---- what a reader finds


def test_the_page_begins_with_what_moved_and_why(page: str) -> None:
    head = words(page[: page.index("\n<h2 ")])
    assert "3 steps are more than noise: 2 for the worse and 1 for the better." in head
    assert "▼ 2.0.0 → 2.1.0 emoji-dirty hit@10 −0.382 The loss of the step lowercase of text moved" in head
    assert "▲ 1.1.0 → 1.1.1 emoji-dirty hit@10 +0.600 Only change that can matter: " in head
    said = ("emoji-dirty hit@10 −0.382", "emoji-search hit@10 −0.025", "emoji-dirty hit@10 +0.600")
    places = [head.index(each) for each in said]
    assert places == sorted(places)  # the newest version first, of its steps the worst
    for anchor in re.findall(r'href="#(trace[^"]+)"', page):
        assert page.count(f' id="{anchor}"') == 1


def test_a_step_has_verdict_difference_interval_and_test(page: str) -> None:
    told = words(page)
    assert "▼ regression 0.994 → 0.612 −0.382 95 %: −0.402 to −0.362" in told
    assert "paired permutation test" in told
    assert "p < 0.001 after Holm’s correction for all steps" in told


def test_suspects_have_before_and_after_and_the_harmless_a_reason(page: str) -> None:
    told = words(page)
    assert "encoders.image.preprocessing[resize].size 16 20 how pictures reach the model" in told
    assert "Changed together: " in told  # of emoji-search, for which no experiment was recorded
    assert "encode.batch.size.text vectors moved no more than the version's own noise" in told
    assert "2 more fields changed and cannot matter here" in told


def test_an_experiment_shows_shares_with_intervals_and_what_two_do_together(page: str) -> None:
    told = words(page)
    assert "text.preprocessing[lowercase] −0.395 worse 103 % −0.415 to −0.375" in told
    assert "image.preprocessing[resize] +0.013 better −3 % +0.007 to +0.019" in told
    assert (
        "text.preprocessing[lowercase] and image.preprocessing[resize] together do −0.021 (−0.034 to −0.009)"
        in told
    )
    assert "Not run: stored_dtype , the benchmark does not read stored vectors." in told


def test_where_no_experiment_was_recorded_stands_what_to_type(page: str) -> None:
    command = "embver trace emoji --metric hit@10 --benchmark emoji-search --from 2.0.0 --to 2.1.0 --ablate --record"
    assert words(page).count(command) == 1  # not for emoji-dirty, which has one


def test_queries_lost_and_won_with_what_they_have_in_common(page: str) -> None:
    told = words(page)
    assert "723 queries lost, of 1,892" in told
    assert "contain upper-case letters the same queries begin in upper case 99 % 715 of 723 61 %" in told
    assert "GRINNING FACE" in told
    assert "2 queries won, of 1,892" in told
    assert "Nothing that they have in common stands out. bear fox face" in told


def test_the_table_holds_every_number_and_names_each_break(page: str) -> None:
    tables = [words(each) for each in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL)]
    assert any("2.1.0 0.612 −0.382 ▼ regression 0.590 to 0.634 2.0.0" in each for each in tables)
    assert any("2.0.0 0.996 – not comparable: its data set was another one 0.992 to 1.000 1.1.1" in each for each in tables)  # fmt: skip
    assert any("2.0.0 – it has no such benchmark" in each for each in tables)


def test_the_embeddings_own_page_leads_there() -> None:
    index = pages_of(traced_embedding())["changelog/emoji/index.md"]
    assert "More than noise: 2 worse and 1 better steps. [What moved the numbers](trace.md)" in index


# ---- empty states


def test_without_benchmarks_the_page_says_how_to_get_one() -> None:
    plain = {**cards()[0], "benchmarks": []}
    assert "No benchmark was recorded yet. embver bench emoji evaluates a version" in words(
        page_of(embedding([plain]))
    )


def test_with_one_version_the_page_says_what_comes() -> None:
    made = replace(embedding(cards()[:1]), traces=significant_steps([series_of((("1.0.0", 0.9),))]))
    told = words(page_of(made))
    assert "One version so far." in told
    assert "1.0.0 0.900 nothing to compare it with 0.888 to 0.912" in told


def test_where_all_is_noise_nothing_is_called_a_step() -> None:
    noise = stepped(("1.0.0", 0.9), ("1.1.0", 0.91), "noise")
    line = series_of((("1.0.0", 0.9), ("1.1.0", 0.91)), (noise,))
    made = replace(embedding(cards()[:2]), traces=significant_steps([line]))
    text = page_of(made)
    assert "No step of a main metric is more than noise." in text
    assert "1 step between versions that may be compared: 1 noise." in text
    assert "<h3" not in text


# ---- drawings


def test_a_chart_joins_versions_by_ancestry() -> None:
    points = (("2.0.0", 0.5), ("2.0.1", 0.6), ("3.0.0", 0.9))
    steps = (
        stepped(("2.0.0", 0.5), ("2.0.1", 0.6), "noise"),
        stepped(("2.0.0", 0.5), ("3.0.0", 0.9), "improvement"),
    )
    drawn = trace_chart(series_of(points, steps))
    lines = re.findall(r'class="ev-line" points="([^"]+)"', drawn)
    assert len(lines) == 2
    assert lines[0].split()[0] == lines[1].split()[0]  # both begin at 2.0.0


def test_a_break_is_drawn_and_named_and_nothing_is_joined_over_it() -> None:
    broken = Step(
        from_="emoji@1.0.0",
        to="emoji@2.0.0",
        before=0.5,
        after=0.9,
        not_comparable="its data set was another one",
    )
    drawn = trace_chart(series_of((("1.0.0", 0.5), ("2.0.0", 0.9)), (broken,)))
    assert "ev-line" not in drawn
    assert "<title>2.0.0: its data set was another one</title>" in drawn
    assert drawn.count("ev-dot") == 2


@pytest.mark.parametrize(
    ("after", "verdict", "higher_is_better", "says"),
    [
        (0.9, "improvement", True, "+0.400 better"),
        (0.1, "regression", True, "−0.400 worse"),
        (0.9, "regression", False, "+0.400 worse"),
        (0.1, "improvement", False, "−0.400 better"),
    ],
)
def test_a_mark_says_by_shape_and_words_what_its_colour_says(
    after: float, verdict: Verdict, higher_is_better: bool, says: str
) -> None:
    moved = stepped(("1.0.0", 0.5), ("1.1.0", after), verdict)
    line = series_of((("1.0.0", 0.5), ("1.1.0", after)), (moved,), higher_is_better=higher_is_better)
    drawn = trace_chart(line)
    assert f">{says}</text>" in drawn
    points_up = re.search(r'class="ev-mark ev-\w+" d="M[\d.]+ [\d.]+l7 12h-14z"', drawn) is not None
    assert points_up is (after > 0.5)


@pytest.mark.parametrize("value", [0.0, 1.0, 12345.0, 1e-9, -3.0])
def test_a_chart_stands_any_number_and_a_flat_line(value: float) -> None:
    flat = Series(
        name="emoji",
        benchmark="b",
        metric="m",
        unit="count",
        higher_is_better=True,
        points=(
            replace(point("1.0.0", 0.5), value=value, low=None, high=None),
            replace(point("1.1.0", 0.5), value=value, low=value, high=value),
        ),
        steps=(),
    )
    drawn = trace_chart(flat)
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert all(-1 <= float(y) <= 241 for y in re.findall(r'cy="([-\d.]+)"', drawn))


# ---- many versions, hostile text


def test_two_hundred_versions_stay_a_small_page() -> None:
    made = many(200, 4)
    text = page_of(made)
    assert len(text.encode()) < LARGEST_BYTES - FRAME_BYTES
    assert text.count("\n<h3 ") == MOST_IN_FULL_OF_LONG
    told = words(text)
    assert (
        "1.197.0 to 1.199.0 0.500 to 0.500 ≈ noise, each 3 versions" in told
    )  # what moved nothing shares a row
    assert "27 older steps are in the table only." in told
    rows = re.findall(r"<tr><td>(1\.\d+\.0)</td>.*?ev-(?:better|worse)", text)
    assert len(set(rows)) == 28  # every step that is more than noise has its own row


def test_steps_told_in_full_are_the_newest_of_each_metric() -> None:
    full = [[each.step.to for each in line.steps if each.is_in_full] for line in many(200, 4).traces]
    assert full == [["emoji@1.189.0", "emoji@1.196.0"]] * 2 + [["emoji@1.196.0"]] * 2


def test_hostile_text_stays_text() -> None:
    _, _, text = page_of(hostile_traced(hostile_embedding())).split("---\n", 2)
    assert "<script>" not in text
    assert "<img" not in text
    assert HOSTILE not in text
    assert not re.search(r"\]\((?!index\.md|changelog\.md|\d)", text)
    assert "{{" not in text
    assert "onclick=" not in text


# ---- in a browser


def test_a_strict_build_finds_every_anchor(built: Path) -> None:
    page = built / "build" / "site" / "changelog" / "traced" / "trace.html"
    text = page.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST_BYTES
    for anchor in re.findall(r'href="#(trace-[^"]+)"', text):
        assert f'id="{anchor}"' in text
    assert "<script" not in text[text.index("<article") : text.index("</article>")]


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1440])
def test_the_page_opens_from_a_folder_with_a_silent_console(built: Path, chromium: Open, width: int) -> None:
    url = (built / "build" / "site" / "changelog" / "traced" / "trace.html").as_uri()
    dom, console = chromium(url, width=width)
    assert console == ""
    assert dom.count('class="ev-chart ev-trace"') == 3
