"""`embver trace` on real repositories: which number, between which versions, and what is said of bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embver.actions.trace import TraceReport, TraceRequest, main_series, trace
from embver.actions.trace_choice import check_reference, modalities_of
from embver.actions.workspace import Workspace
from embver.errors import IntegrityError, UsageError
from embver.series import Series
from sandbox import NAME, Sandbox
from traced_history import KEY, Made, card_of, found, make_history, write_version

GOOD, BAD = found(160), found(160, lost=range(20, 60))


def version(number: str, previous: str | None = None, **changes: Any) -> Made:
    return Made(version=number, scores={KEY: GOOD}, previous=previous, revision=number).with_(**changes)


# 2.0.1 mends 2.0.0 after 3.0.0 was released.
LINES = (
    version("1.0.0"),
    version("2.0.0", "1.0.0"),
    version("3.0.0", "2.0.0", scores={KEY: BAD}),
    version("2.0.1", "2.0.0", scores={KEY: found(190)}),
    version("3.1.0", "3.0.0", scores={KEY: found(161, lost=range(20, 60))}),
)


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return make_history(tmp_path_factory.mktemp("lines") / "repository", LINES)


def opened(repo: Sandbox) -> Workspace:
    return Workspace.open(repo.root)


def traced(repo: Sandbox, **asked: Any) -> TraceReport:
    return trace(opened(repo), TraceRequest(name="shop", **asked))


def told(series: Series) -> list[tuple[str, str, str]]:
    return [(step.from_.partition("@")[2], step.to.partition("@")[2], step.verdict) for step in series.steps]


def test_the_whole_history_by_ancestry(lines: Sandbox) -> None:
    report = traced(lines)
    assert [point.reference for point in report.series.points] == [
        f"shop@{each}" for each in ("1.0.0", "2.0.0", "2.0.1", "3.0.0", "3.1.0")
    ]
    assert told(report.series) == [
        ("1.0.0", "2.0.0", "noise"),
        ("2.0.0", "2.0.1", "improvement"),
        ("2.0.0", "3.0.0", "regression"),
        ("3.0.0", "3.1.0", "noise"),
    ]
    assert (report.series.benchmark, report.series.metric, report.others, report.notes) == (
        "search",
        KEY,
        (),
        (),
    )
    assert {step.test for step in report.series.steps} == {"paired-permutation"}
    worst = report.series.worst
    assert worst is not None
    assert [each.path for each in worst.fields] == ["encoders.text.model.revision"]


@pytest.mark.parametrize(
    ("asked", "shown", "note"),
    [
        ({"from_": "3.0.0"}, ["3.0.0", "3.1.0"], None),
        ({"to": "2.0.1"}, ["1.0.0", "2.0.0", "2.0.1"], None),
        ({"from_": "2.0.0", "to": "3.1.0"}, ["2.0.0", "3.0.0", "3.1.0"], None),
        ({"from_": "shop@v1.0.0", "to": "shop@2.0.0"}, ["1.0.0", "2.0.0"], None),
        ({"from_": "2.0.1", "to": "3.1.0"}, ["2.0.0", "2.0.1", "3.0.0", "3.1.0"],
         "shop@3.1.0 does not stand on shop@2.0.1: both go on from shop@2.0.0"),
        ({"from_": "3.0.0", "to": "1.0.0"}, ["1.0.0", "2.0.0", "3.0.0"],
         "shop@3.0.0 stands on shop@1.0.0: shown from the older to the newer"),
        ({"from_": "latest", "to": "latest"}, ["3.1.0"], None),
    ],
)  # fmt: skip
def test_from_one_version_to_another(
    lines: Sandbox, asked: dict[str, str], shown: list[str], note: str | None
) -> None:
    report = traced(lines, **asked)
    assert [point.reference for point in report.series.points] == [f"shop@{each}" for each in shown]
    assert report.notes == (() if note is None else (note,))


def test_fewer_steps_are_corrected_for_fewer(lines: Sandbox) -> None:
    (whole,) = [step for step in traced(lines).series.steps if step.to == "shop@3.0.0"]
    (alone,) = traced(lines, from_="2.0.0", to="3.0.0").series.steps
    assert whole.p_value is not None
    assert alone.p_value == pytest.approx(2 * 0.5**40)
    assert whole.p_value > alone.p_value


@pytest.mark.parametrize(
    ("asked", "says", "hint"),
    [
        (
            {"metric": "hit10"},
            "no version of shop has the metric 'hit10'",
            "did you mean hit@10? known: hit@10",
        ),
        ({"metric": "xyz"}, "no version of shop has the metric 'xyz'", "known: hit@10"),
        (
            {"benchmark": "serch"},
            "no version of shop has the benchmark 'serch'",
            "did you mean search? known: search",
        ),
        ({"from_": "9.0.0"}, "shop has no version 9.0.0", "versions: 1.0.0, 2.0.0, 2.0.1, 3.0.0, 3.1.0"),
        ({"to": "mall@1.0.0"}, "mall@1.0.0 is no version of shop", "embver trace mall"),
        ({"to": "one"}, "'one' is not a version", None),
        ({"to": "next"}, "shop has no working version", "embver new shop"),
    ],
)
def test_asked_wrongly(lines: Sandbox, asked: dict[str, str], says: str, hint: str | None) -> None:
    with pytest.raises(UsageError) as error:
        traced(lines, **asked)
    assert says in error.value.message
    assert hint is None or error.value.hint == hint


def test_a_name_that_is_not_known(lines: Sandbox) -> None:
    with pytest.raises(UsageError, match="there is no embedding 'shp'"):
        trace(opened(lines), TraceRequest(name="shp"))


def test_references_as_people_type_them(lines: Sandbox) -> None:
    work = opened(lines)
    lines.git("tag", "-f", "shop#prod#1", "-m", "Promote\n\nVersion: 2.0.0\n", "shop@v2.0.0")
    work = opened(lines)
    for typed in ("2.0.0", "v2.0.0", "shop@2.0.0", "#prod", "shop#prod"):
        assert check_reference(work, "shop", typed) == "shop@2.0.0"
    lines.git("tag", "-d", "shop#prod#1")


# ---- several benchmarks


def several(tmp_path: Path) -> Sandbox:
    first = version("1.0.0", benchmarks=("search", "typed"), scores={KEY: GOOD, "mrr@10": GOOD})
    second = version("1.1.0", "1.0.0", benchmarks=("search", "typed"), scores={KEY: GOOD, "mrr@10": BAD})
    return make_history(tmp_path / "repository", (first, second))


def test_the_main_benchmark_is_meant_and_the_others_are_named(tmp_path: Path) -> None:
    repo = several(tmp_path)
    report = traced(repo, metric="mrr@10")
    assert (report.series.benchmark, report.others) == ("search", ("typed",))
    report = traced(repo, metric="mrr@10", benchmark="typed")
    assert (report.series.benchmark, report.series.steps[0].verdict, report.others) == (
        "typed",
        "regression",
        (),
    )
    assert traced(repo, benchmark="typed").series.metric == KEY
    assert [(series.benchmark, series.metric) for series in main_series(opened(repo), "shop")] == [
        ("search", KEY),
        ("typed", KEY),
    ]


def test_a_metric_of_other_benchmarks_only(tmp_path: Path) -> None:
    first = version("1.0.0")
    repo = make_history(tmp_path / "repository", (first,))
    folder = repo.root / "embeddings/shop/1.0.0"
    plain = card_of(first)
    for name in ("typed", "unseen"):
        plain["benchmarks"].append({"id": name, "metrics": [{"key": "map", "value": 0.5}]})
    (folder / "card.yaml").write_text(json.dumps(plain), encoding="utf-8")
    repo.git("commit", "-q", "-a", "-m", "Bench more")
    with pytest.raises(UsageError) as error:
        traced(repo, metric="map")
    assert error.value.message == "several benchmarks of shop have map: typed, unseen"
    assert error.value.hint == "--benchmark typed"
    with pytest.raises(UsageError, match="the benchmark search of shop has no 'map'; typed, unseen have it"):
        traced(repo, metric="map", benchmark="search")
    series = traced(repo, metric="map", benchmark="typed").series
    assert (series.points[0].value, series.steps) == (0.5, ())


def test_no_benchmark_at_all(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", (version("1.0.0", scores=None),))
    with pytest.raises(UsageError, match="no version of shop has a benchmark"):
        traced(repo)
    assert main_series(opened(repo), "shop") == ()


# ---- what is missing


def test_a_raw_file_that_was_removed_or_changed_is_named(tmp_path: Path) -> None:
    repo = make_history(
        tmp_path / "repository", (version("1.0.0"), version("1.1.0", "1.0.0", scores={KEY: BAD}))
    )
    raw = repo.root / "embeddings/shop/1.0.0/benchmarks/search.json"
    raw.write_bytes(raw.read_bytes() + b"\n")
    repo.git("commit", "-q", "-a", "-m", "Touch")
    (step,) = traced(repo).series.steps
    assert (step.test, step.verdict) == ("intervals", "regression")
    (note,) = step.notes
    assert note.startswith("shop@1.0.0: its raw file benchmarks/search.json has the digest ")


def test_tags_that_name_no_previous_version_or_one_that_is_gone(tmp_path: Path) -> None:
    repo = make_history(
        tmp_path / "repository", (version("1.0.0"), version("1.1.0", "1.0.0"), version("1.2.0", "1.1.0"))
    )
    repo.git("tag", "-d", "shop@v1.1.0")
    report = traced(repo)
    assert told(report.series) == [("1.0.0", "1.2.0", "noise")]
    assert report.series.steps[0].notes == (
        "shop@1.2.0 stands on shop@1.1.0, which has no tag here: shop@1.0.0 is taken",
    )
    commit = repo.git("rev-parse", "HEAD").out.strip()
    repo.git("tag", "-d", "shop@v1.2.0")
    repo.git("tag", "shop@v1.2.0", commit)
    assert traced(repo).series.steps[0].notes == (
        "the tag of shop@1.2.0 names no version before it: shop@1.0.0 is taken",
    )


def test_a_card_that_is_gone_is_an_error(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", (version("1.0.0"),))
    repo.git("tag", "-a", "shop@v1.1.0", "-m", "shop 1.1.0")
    with pytest.raises(IntegrityError, match=r"shop@1\.1\.0 has no card"):
        traced(repo)


def test_a_benchmark_run_after_the_release_counts(tmp_path: Path) -> None:
    late = version("1.1.0", "1.0.0", scores={KEY: BAD})
    repo = make_history(tmp_path / "repository", (version("1.0.0"), late.with_(scores=None)))
    assert traced(repo).series.steps == ()
    folder = repo.root / "embeddings/shop/1.1.0"
    elsewhere = make_history(tmp_path / "elsewhere", (late,)).root / "embeddings/shop/1.1.0"
    for path in ("card.yaml", "benchmarks/search.json"):
        (folder / path).write_bytes((elsewhere / path).read_bytes())
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Bench later")
    assert told(traced(repo).series) == [("1.0.0", "1.1.0", "regression")]


def test_the_working_version_where_it_is_asked_for(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", (version("1.0.0"),))
    write_version(repo, version("9.0.0", "1.0.0", scores={KEY: BAD}))
    repo.git("tag", "-d", "shop@v9.0.0")
    (repo.root / "embeddings/shop/9.0.0").rename(repo.root / "embeddings/shop/next")
    card = repo.root / "embeddings/shop/next/card.yaml"
    card.write_text(card.read_text().replace('"version": "9.0.0",', ""))
    repo.edit(('"schema": 1,', '"schema": 1, "title": "Next",'), file=card)
    assert len(traced(repo).series.points) == 1
    report = traced(repo, to="next")
    assert told(report.series) == [("1.0.0", "next", "regression")]
    assert report.series.steps[0].test == "paired-permutation"


def test_which_modalities_a_benchmark_is_about(lines: Sandbox) -> None:
    work = opened(lines)
    (first, *_) = [made for made in LINES if made.version == "1.0.0"]
    from embver.card import Benchmark, Card

    card = Card.from_plain(card_of(first))
    assert modalities_of(work, "shop", card.benchmarks[0], card) == ("text", "image")
    unknown = Benchmark.from_plain({"id": "x", "metrics": [], "task": {"category": "v2a"}})
    assert modalities_of(work, "shop", unknown, card) == ("", "")


# ---- a history that embver itself made


@pytest.mark.torch
def test_the_story_that_was_encoded_and_benched(story: Sandbox) -> None:
    report = trace(opened(story), TraceRequest(name=NAME))
    assert [(point.reference, point.lacking) for point in report.series.points] == [
        (f"{NAME}@1.0.0", None),
        (f"{NAME}@1.1.0", None),
        (f"{NAME}@1.1.1", "it has no such benchmark"),
    ]
    (step,) = report.series.steps
    # Only the corpus grew: the probe's vectors are the same, and so is every query's score.
    assert (step.verdict, step.delta, step.p_value, step.test, step.notes) == (
        "noise",
        0.0,
        1.0,
        "paired-permutation",
        (),
    )
    assert step.fields == ()
