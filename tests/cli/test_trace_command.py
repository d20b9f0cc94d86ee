"""`embver trace` as a person sees it: chart, table, steps, Markdown, JSON, mistakes in typing."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from embver.ablation import AblationPlan, AblationReport, Block, Work
from embver.actions.ablate_record import record_path
from embver.actions.workspace import Workspace
from embver.cli.chart import ASCII, ROWS, UNICODE, draw, signs
from embver.series import Point, Series, Step
from sandbox import Sandbox
from traced_history import KEY, Made, found, make_history

GOOD, BAD = found(160), found(160, lost=range(20, 60))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    other = {"dataset": {"id": "shop", "sha256": "e" * 64}}
    versions = (
        Made(version="1.0.0", scores={KEY: GOOD}),
        Made(version="1.1.0", scores={KEY: BAD}, previous="1.0.0", revision="b"),
        Made(version="1.1.1", scores=None, previous="1.1.0", revision="b"),
        Made(version="1.2.0", scores={KEY: GOOD}, previous="1.1.1", revision="c"),
        Made(version="2.0.0", scores={KEY: GOOD}, previous="1.2.0", revision="d", record=other),
    )
    repo = make_history(tmp_path_factory.mktemp("shop") / "repository", versions)
    repo.git("tag", "-a", "shop@v1.1.0!", "-m", "x", code=None)
    return repo


def test_what_a_person_sees(shop: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = shop.embver("trace", "shop", "--metric", KEY)
    chart, table, *steps = said.out.removeprefix("shop  hit@10 of search, higher is better\n\n").split("\n\n")
    assert chart.splitlines()[0].startswith(" 0.85 +")  # captured output knows only ASCII
    assert [len(line) <= 80 for line in chart.splitlines()] == [True] * (ROWS + 3)
    assert chart.splitlines()[-2].split() == ["v", "^"]
    assert chart.splitlines()[-1].split() == ["1.0.0", "1.1.0", "1.1.1", "1.2.0", "2.0.0"]
    assert [line.split()[0] for line in table.splitlines()] == [
        "version",
        "1.0.0",
        "1.1.0",
        "1.1.1",
        "1.2.0",
        "2.0.0",
    ]
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in table.splitlines()}
    assert rows["1.0.0"] == "0.8000 0.7500 to 0.8500"
    assert rows["1.1.0"].startswith(
        "(yanked) 0.6000 0.5500 to 0.6500 -0.2000 regression, p < 0.001 weights changed"
    )
    assert rows["1.1.1"] == "- it has no such benchmark"
    assert rows["1.2.0"].startswith("0.8000 0.7500 to 0.8500 +0.2000 since 1.1.0 improvement, p < 0.001 ")
    assert "not comparable digest of the data set: dddddddddddd… -> eeeeeeeeeeee…" in rows["2.0.0"]
    better, worse = steps
    assert better.splitlines()[0].startswith(
        "1.1.0 -> 1.2.0  improvement, p < 0.001: 0.6000 -> 0.8000, +0.2000 (+0.1"
    )
    assert "    shop@1.1.1 is passed over: it has no such benchmark" in better.splitlines()
    assert worse.splitlines()[0].startswith(
        "1.0.0 -> 1.1.0  regression, p < 0.001: 0.8000 -> 0.6000, -0.2000 (-0.2"
    )
    assert worse.splitlines()[1].startswith("    cause: only change: ")
    assert (
        "3 steps: 1 improvement, 1 regression, 1 not comparable; p-values hold for all 2 together (Holm)"
        in said.err
    )
    assert said.err.splitlines()[-1] == (
        "next: embver trace shop --metric hit@10 --benchmark search --from 1.0.0 --to 1.1.0 --queries"
    )


def test_without_a_chart_and_as_markdown(shop: Sandbox) -> None:
    assert "|" not in shop.embver("trace", "shop", "--no-chart").out
    said = shop.embver("trace", "shop", "--md").out
    assert said.startswith(
        "### `hit@10` of `search`, `shop`\n\nHigher is better. 3 steps: 1 improvement, 1 regression, "
    )
    rows = [line for line in said.splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[0] for row in rows] == [
        f"| `{each}`" for each in ("1.0.0", "1.1.0 (yanked)", "1.1.1", "1.2.0", "2.0.0")
    ]
    assert "| **regression, p < 0.001** | cause: only change: " in rows[1]
    assert "The worst step is `shop@1.0.0` → `shop@1.1.0`." in said


def test_json_is_one_document_with_the_keys_of_the_design(shop: Sandbox) -> None:
    said = shop.embver("trace", "shop", "--json")
    assert said.err == ""
    plain = said.json
    assert (plain["name"], plain["benchmark"], plain["metric"]) == ("shop", "search", KEY)
    step = plain["steps"][0]
    assert (step["from"], step["to"], step["before"], step["after"], step["delta"]) == (
        *("shop@1.0.0", "shop@1.1.0", 0.8, 0.6),
        -0.2,
    )
    assert (step["significant"], step["verdict"]) == (True, "regression")
    assert [each["rank"] for each in step["fields"]] == [1]
    assert set(plain) == {
        *("name", "benchmark", "metric", "unit", "higher_is_better", "points", "steps"),
        *("others", "notes", "experiments"),
    }


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("--metric", "hit10"), "did you mean hit@10?"),
        (("--sample", "100"), "--sample goes with --ablate"),
        (("--dry-run",), "--dry-run goes with --ablate"),
        (("--ablate", "--queries"), "not allowed with argument"),
        (("--ablate", "--sample", "none"), "'none' is no number of queries"),
        (("--md", "--json"), "not allowed with argument"),
    ],
)
def test_asked_wrongly(shop: Sandbox, typed: tuple[str, ...], says: str) -> None:
    said = shop.embver("trace", "shop", *typed, code=2)
    assert said.out == ""
    assert says in said.err


def test_one_version_has_no_step(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", (Made(version="1.0.0", scores={KEY: GOOD}),))
    said = repo.embver("trace", "shop")
    assert "there is no step: one version has the number" in said.err
    assert len(said.out.splitlines()) == 4


# ---- the drawing


def series(*values: float | None, lines: str = "", verdicts: str = "") -> Series:
    points = [
        Point(
            reference=f"shop@1.{n}.0",
            value=value,
            line=None if value is None else int(lines[n] if lines else 0),
        )
        for n, value in enumerate(values)
    ]
    words = {"-": "regression", "+": "improvement", "=": "noise"}
    steps = [
        Step(
            from_="a",
            to=f"shop@1.{n}.0",
            before=0.0,
            after=0.0,
            delta=-1.0 if sign == "-" else 1.0,
            verdict=words[sign],
        )  # type: ignore[arg-type]
        for n, sign in enumerate(verdicts)
    ]
    return Series(
        name="shop", benchmark="b", metric="m", unit="fraction", higher_is_better=True, points=tuple(points), steps=tuple(steps)
    )  # fmt: skip


def test_points_stand_as_high_as_they_are() -> None:
    drawn = draw(series(0.0, 1.0, 0.5), width=60)
    assert drawn[0] == " 1.00 ┤            ●"
    assert drawn[4] == " 0.50 ┤                    ●"
    assert drawn[8] == " 0.00 ┤    ●"
    assert drawn[-1].split() == ["1.0.0", "1.1.0", "1.2.0"]


def test_numbers_that_are_not_comparable_are_drawn_apart() -> None:
    drawn = draw(series(0.0, 1.0, 0.5, lines="011"), width=60)
    assert all(line[14] == "┊" for line in drawn[:ROWS])
    assert sum(line.count("●") for line in drawn) == 1
    assert sum(line.count("○") for line in drawn) == 2


def test_ups_and_downs_are_marked_in_words_of_the_terminal() -> None:
    assert draw(series(0.5, 1.0, 0.0, verdicts="=+-"), width=60)[-2].split() == ["▲", "▼"]
    drawn = draw(series(0.5, 1.0, 0.0, verdicts="=+-"), width=60, signs=ASCII)
    assert "\n".join(drawn).isascii()
    assert drawn[-2].split() == ["^", "v"]


@pytest.mark.parametrize("width", [40, 80])
def test_a_long_history_keeps_within_the_terminal(width: int) -> None:
    drawn = draw(series(*[n / 300 for n in range(300)]), width=width)
    assert max(map(len, drawn)) <= width
    assert "of 300 versions" in drawn[-1]


def test_equal_numbers_and_gaps_are_drawn() -> None:
    assert sum(line.count("●") for line in draw(series(0.5, None, 0.5), width=40)) == 2


def test_the_signs_are_those_that_the_output_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, wanted in (("utf-8", UNICODE), ("ascii", ASCII), ("latin-1", ASCII)):
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert signs() is wanted


def test_one_version_is_no_embedding(shop: Sandbox) -> None:
    for typed in ("shop@1.1.0", "shop#prod"):
        said = shop.embver("trace", typed, code=2)
        assert "is one version: a trace follows all of an embedding" in said.err
    assert "next: embver trace shop --to 1.1.0" in shop.embver("trace", "shop@1.1.0", code=2).err


def test_a_long_history_prints_the_rows_that_say_something(capsys: pytest.CaptureFixture[str]) -> None:
    from embver.cli.output import Output
    from embver.cli.trace import _table

    made = series(*[0.5] * 50, verdicts="=" * 20 + "-" + "=" * 29)
    steps = [replace(step, from_=f"shop@1.{n - 1}.0") for n, step in enumerate(made.steps)]
    _table(replace(made, steps=tuple(steps)), Output(is_json=False, environment={}))
    rows = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert rows == ["version", "1.0.0", "… 18 more", "1.19.0", "1.20.0", "… 28 more", "1.49.0"]


# ---- a recorded experiment


def record_experiment(repo: Sandbox, cause: str) -> Path:
    """Commit what `--ablate --record` keeps of the step to 2.0.0."""
    block = Block(id="weights", changes=())
    plan = AblationPlan(
        name="shop", benchmark="search", metric=KEY, from_="shop@1.0.0", to="shop@2.0.0", blocks=(block,), not_run=(),
        method="all-subsets", queries=200, queries_in_all=200, documents=200, work=Work(subsets=2, encodes=2, items=400),
    )  # fmt: skip
    made = AblationReport(
        plan=plan, before=0.8, after=0.6, delta=-0.2, low=-0.25, high=-0.15, recorded_before=0.8, recorded_after=0.6,
        higher_is_better=True, shares=(), interactions=(), rest=0.0, rest_words=(), training=(), cause=cause, culprit="weights",
    )  # fmt: skip
    digests = [
        hashlib.sha256(
            (repo.root / f"embeddings/shop/{each}" / "benchmarks/search.json").read_bytes()
        ).hexdigest()
        for each in ("1.0.0", "2.0.0")
    ]
    path = repo.root / record_path(Workspace.open(repo.root), ("search", KEY), plan.from_, plan.to)
    path.parent.mkdir()
    plain = {**made.to_plain(), "sources": dict(zip(("before", "after"), digests, strict=True))}
    path.write_text(json.dumps(plain), encoding="utf-8")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Record")
    return path


def test_a_recorded_experiment_names_the_cause(tmp_path: Path) -> None:
    first = Made(version="1.0.0", scores={KEY: GOOD})
    second = Made(version="2.0.0", scores={KEY: BAD}, previous="1.0.0", revision="b")
    repo = make_history(tmp_path / "repository", (first, second))
    cause = "The weights lower hit@10 by 0.200."
    path = record_experiment(repo, cause)
    said = repo.embver("trace", "shop")
    assert f"    cause, by experiment: {cause}\n" in said.out
    assert said.err.splitlines()[-1].endswith("--queries")
    assert (
        f"- `shop@2.0.0`, by experiment: {cause.replace('@', '@&#8203;')}"
        in repo.embver("trace", "shop", "--md").out
    )
    assert [each["cause"] for each in repo.embver("trace", "shop", "--json").json["experiments"]] == [cause]
    path.write_text(path.read_text().replace('"after": "', '"after": "0'))
    repo.git("commit", "-q", "-a", "-m", "Another digest")
    said = repo.embver("trace", "shop")
    assert "by experiment" not in said.out
    assert (
        "note: the record of an experiment for shop@2.0.0 does not count: it was made for other scores"
        in said.err
    )
