"""What the site is told of tracing, from real repositories: steps, queries with their pictures, recorded experiments."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from embver.ablation import AblationPlan, AblationReport, Block, Share, Work
from embver.actions.ablate_record import record_path
from embver.actions.site_pictures import LARGEST_BYTES
from embver.actions.site_traces import few_pictures, site_traces
from embver.actions.workspace import Workspace
from embver.probe import parse_items
from embver.traced import TracedStep
from sandbox import Sandbox
from traced_history import KEY, QUERIES, Made, found, make_history, write_version

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
LOST = range(60, 120)


def picture(number: int, *, size_bytes: int = 0) -> bytes:
    """Return a picture of its own for each pair; what follows the end of a PNG is read by nobody."""
    return (PNG + f"{number:03}".encode()).ljust(size_bytes, b" ")


def write_items(root: Path, *, size_bytes: int = 0) -> dict[str, Any]:
    """Write a benchmark of texts that ask for pictures; return the data set as a record names it."""
    folder = root / "benchmarks/shop"
    (folder / "images").mkdir(parents=True)
    rows = []
    for n in range(QUERIES):
        data = picture(n, size_bytes=size_bytes)
        (folder / f"images/{n:03}.png").write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        typed = f"Red Shoe {n}" if n in LOST else f"red shoe {n}"
        rows.append(
            {"id": f"q{n:03}", "modality": "text", "text": typed, "pair": f"p{n:03}", "roles": ["query"]}
        )
        rows.append({"id": f"i{n:03}", "modality": "image", "path": f"images/{n:03}.png", "pair": f"p{n:03}", "roles": ["document"], "sha256": sha256})  # fmt: skip
    lines = [json.dumps(row) for row in rows]
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    digest = parse_items(lines, name="shop").digest
    return {"id": "shop", "uri": "benchmarks/shop", "sha256": digest.removeprefix("sha256:")}


@pytest.fixture
def history(tmp_path: Path) -> Sandbox:
    """Return three versions; the second changes nothing, the third loses every query with capitals."""
    repo = make_history(tmp_path / "repository", [])
    record = {"dataset": write_items(repo.root)}
    first = Made(version="1.0.0", scores={KEY: found(150)}, record=record)
    write_version(repo, first)
    write_version(repo, first.with_(version="1.1.0", previous="1.0.0"))
    third = first.with_(version="2.0.0", previous="1.1.0", revision="b", scores={KEY: found(150, lost=LOST)})
    write_version(repo, third)
    return repo


def told(repo: Sandbox) -> TracedStep:
    """Return the one significant step."""
    (line,) = site_traces(Workspace.open(repo.root), "shop")
    (step,) = line.steps
    return step


def report() -> AblationReport:
    block = Block(id="weights", changes=())
    plan = AblationPlan(
        name="shop",
        benchmark="search",
        metric=KEY,
        from_="shop@1.1.0",
        to="shop@2.0.0",
        blocks=(block,),
        not_run=(),
        method="all-subsets",
        queries=QUERIES,
        queries_in_all=QUERIES,
        documents=QUERIES,
        work=Work(subsets=2, encodes=2, items=400),
    )
    share = Share(
        block=block, value=-0.3, low=-0.36, high=-0.24, forward=-0.3, back=-0.3, fraction=1.0, is_sure=True
    )
    return AblationReport(
        plan=plan,
        before=0.75,
        after=0.45,
        delta=-0.3,
        low=-0.36,
        high=-0.24,
        recorded_before=0.75,
        recorded_after=0.45,
        higher_is_better=True,
        shares=(share,),
        interactions=(),
        rest=0.0,
        rest_words=(),
        training=(),
        cause="weights (trained anew) lowers hit@10 by 0.300.",
        culprit="weights",
    )


def raw_digest(repo: Sandbox, version: str) -> str:
    raw = repo.root / f"embeddings/shop/{version}/benchmarks/search.json"
    return hashlib.sha256(raw.read_bytes()).hexdigest()


def commit_record(repo: Sandbox, made: AblationReport, **sources: str) -> None:
    """Commit a record where the site looks for that of the significant step."""
    kept = {"before": raw_digest(repo, "1.1.0"), "after": raw_digest(repo, "2.0.0"), **sources}
    path = record_path(Workspace.open(repo.root), ("search", KEY), "shop@1.1.0", "shop@2.0.0")
    file = repo.root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**made.to_plain(), "sources": kept}), encoding="utf-8")
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "Record an experiment")


def test_a_step_comes_with_its_queries_and_the_pictures_that_they_ask_for(history: Sandbox) -> None:
    step = told(history)
    assert (step.step.from_, step.step.to, step.step.verdict) == ("shop@1.1.0", "shop@2.0.0", "regression")
    assert step.moves is not None
    assert len(step.moves.lost.queries) == 60
    group = step.moves.lost.main[0]
    assert "upper-case" in group.clause
    assert (group.count, group.base) == (60, 60)
    for id_ in group.examples:
        assert step.words[id_] == f"Red Shoe {int(id_[1:])}"
        shown = base64.b64decode(step.pictures[id_].removeprefix("data:image/png;base64,"))
        assert shown == picture(int(id_[1:]))
    assert step.lacking == ()


def test_only_small_pictures_with_the_items_own_digest_are_shown(history: Sandbox) -> None:
    for n in LOST:
        (history.root / f"benchmarks/shop/images/{n:03}.png").write_bytes(picture(n) + b"another")
    history.git("commit", "-q", "-a", "-m", "Change pictures")
    assert told(history).pictures == {}


def test_large_pictures_are_left_out(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", [])
    record = {"dataset": write_items(repo.root, size_bytes=LARGEST_BYTES + 1)}
    first = Made(version="1.1.0", scores={KEY: found(150)}, record=record)
    write_version(repo, first)
    write_version(repo, first.with_(version="2.0.0", previous="1.1.0", scores={KEY: found(150, lost=LOST)}))
    step = told(repo)
    assert step.words
    assert step.pictures == {}


def test_a_page_holds_so_many_pictures_each_counted_once(history: Sandbox) -> None:
    (line,) = site_traces(Workspace.open(history.root), "shop")
    (step,) = line.steps
    addresses = [f"{n:05}".ljust(4_000, "A") for n in range(12)]
    small = replace(
        step, step=replace(step.step, delta=-0.01), pictures={"y": addresses[11], "z": addresses[0]}
    )
    worst = replace(step, pictures=dict(zip("abcdefghijkl", addresses, strict=True)))
    kept = few_pictures([replace(line, steps=(small, worst))])[0].steps
    assert list(kept[1].pictures) == list("abcdefghij")  # 40,000 bytes, of the worse fall
    assert kept[0].pictures == {"z": addresses[0]}


def test_a_page_of_many_versions_has_no_pictures(history: Sandbox) -> None:
    (line,) = site_traces(Workspace.open(history.root), "shop")
    points = line.series.points * 100
    (kept,) = few_pictures([replace(line, series=replace(line.series, points=points))])
    assert line.steps[0].pictures
    assert kept.steps[0].pictures == {}


def test_a_recorded_experiment_is_told_with_the_step(history: Sandbox) -> None:
    commit_record(history, report())
    step = told(history)
    assert step.ablation == report()
    assert step.lacking == ()


def test_a_record_that_is_not_committed_does_not_count(history: Sandbox) -> None:
    commit_record(history, report())
    history.git("reset", "-q", "--soft", "HEAD~1")
    assert told(history).ablation is None


def test_a_record_made_for_other_scores_does_not_count(history: Sandbox) -> None:
    commit_record(history, report(), before="0" * 64)
    step = told(history)
    assert step.ablation is None
    assert step.lacking == (
        "the record of an experiment for shop@2.0.0 does not count: it was made for other scores of shop@1.1.0",
    )


def test_a_record_of_another_step_does_not_count(history: Sandbox) -> None:
    made = report()
    commit_record(history, replace(made, plan=replace(made.plan, from_="shop@1.0.0")))
    (why,) = told(history).lacking
    assert why.endswith("it is of shop@1.0.0 to shop@2.0.0, hit@10 of search")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"format": "embver.ablation", "format_version": 2}', b"\xff", b'"text"', b"null"],
)
def test_a_broken_record_stops_nothing_and_is_named(history: Sandbox, data: bytes) -> None:
    commit_record(history, report())
    (file,) = history.root.glob("embeddings/shop/2.0.0/ablations/*.json")
    file.write_bytes(data)
    history.git("commit", "-q", "-a", "-m", "Break it")
    step = told(history)
    assert step.ablation is None
    assert step.moves is not None
    assert step.lacking[0].startswith(
        "the record of an experiment for shop@2.0.0 does not count: it cannot be read"
    )


def test_missing_scores_are_said(history: Sandbox) -> None:
    (history.root / "embeddings/shop/1.1.0/benchmarks/search.json").write_text("{}")
    history.git("commit", "-q", "-a", "-m", "Lose the scores")
    step = told(history)
    assert step.moves is None
    assert "shop@1.1.0" in step.lacking[0]
    assert "digest" in step.lacking[0]


def test_an_embedding_without_benchmarks_has_nothing_to_trace(tmp_path: Path) -> None:
    repo = make_history(tmp_path / "repository", [Made(version="1.0.0", scores=None)])
    assert site_traces(Workspace.open(repo.root), "shop") == ()


def test_embver_site_writes_the_page(history: Sandbox) -> None:
    commit_record(history, report())
    said = history.embver("site")
    assert said.code == 0, said.text
    page = (history.root / "site/changelog/shop/trace.md").read_text(encoding="utf-8")
    assert "One step is more than noise: 1 for the worse." in page
    assert "weights &#40;trained anew&#41; lowers hit&#64;10 by 0.300." in page
    assert "60 queries lost, of 200" in page
    assert '<use href="#ev-p1"/>' in page
    assert '<symbol id="ev-p1" viewBox="0 0 1 1"><image href="data:image/png;base64,iVBOR' in page
    before = history.tree()
    history.embver("site")
    assert history.tree() == before  # equal data give equal bytes
