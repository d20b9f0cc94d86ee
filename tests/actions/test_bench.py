"""`embver bench`: what is written into card and raw file, and what is said of the release before."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from embver.actions.bench_change import Before, compared
from embver.measure.retrieval import Evaluation
from embver.store.cards import read_card_text
from sandbox import NAME, Sandbox, collapse_spaces

IDS = tuple(f"q{n:02}" for n in range(40))


def evaluation(scores: list[float]) -> Evaluation:
    return Evaluation(
        query_ids=IDS,
        query_pairs=IDS,
        clusters=np.arange(40),
        per_query={"hit@1": np.array(scores)},
        results=(),
        candidates=40,
        relevant_per_query=1.0,
    )


def record(**changes: Any) -> dict[str, Any]:
    made = {
        "id": "search",
        "task": {"category": "t2i"},
        "dataset": {"id": "pairs", "sha256": "0" * 64},
        "protocol": {
            "queries": 40,
            "candidates": 40,
            "relevance": "binary",
            "tie_break": "id",
            "similarity": "cosine",
        },
        "metrics": [{"key": "hit@1", "value": 0.5}, {"key": "mrr", "value": 0.6}],
    }
    return {**made, **changes}


def release(scores: list[float], **changes: Any) -> Before:
    raw = {"queries": list(IDS), "per_query": {"hit@1": scores}}
    return Before(reference="emoji@1.0.0", record=record(**changes), raw=raw)


def test_an_improvement_is_called_one_with_its_interval() -> None:
    found = compared(record(), evaluation([1.0] * 30 + [0.0] * 10), release([1.0] * 10 + [0.0] * 30))
    assert found["compared"] == {"against": "emoji@1.0.0", "test": "paired-bootstrap", "level": 0.95}
    change = found["metrics"][0]["change"]
    assert (change["value"], change["verdict"]) == (0.5, "improvement")
    assert 0.3 < change["low"] < 0.5 < change["high"] < 0.7
    assert "change" not in found["metrics"][1]  # the release has no such number


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dataset": {"id": "pairs", "sha256": "1" * 64}}, "its data set was another one"),
        ({"task": {"category": "i2t"}}, "its protocol differs: modalities"),
        (
            {"protocol": {**record()["protocol"], "candidates": 41, "where": {"query": {"language": "en"}}}},
            "its protocol differs: candidates, where",
        ),
    ],
)
def test_what_is_not_comparable_is_not_compared(changes: dict[str, Any], why: str) -> None:
    found = compared(record(), evaluation([1.0] * 40), release([0.0] * 40, **changes))
    assert found["compared"] == {"against": "emoji@1.0.0", "not_comparable": why}
    assert all("change" not in metric for metric in found["metrics"])


def test_other_queries_are_not_compared() -> None:
    other = Before(
        reference="emoji@1.0.0", record=record(), raw={"queries": ["x"], "per_query": {"hit@1": [1.0]}}
    )
    found = compared(record(), evaluation([1.0] * 40), other)
    assert found["compared"]["not_comparable"] == "its queries were others"


def test_each_version_ranks_by_its_own_metric() -> None:
    dot = {**record()["protocol"], "similarity": "dot"}
    assert compared(record(), evaluation([1.0] * 40), release([0.0] * 40, protocol=dot))["compared"]["test"]


def benchmark(repo: Sandbox) -> dict[str, Any]:
    plain = read_card_text(repo.card.read_bytes(), path="card.yaml").plain
    (found,) = plain["benchmarks"]
    return found


@pytest.mark.torch
@pytest.mark.lfs
def test_a_benchmark_and_its_raw_file(encoded: Sandbox) -> None:
    settings = encoded.root / "embver.toml"
    encoded.edit(
        ('metrics = ["hit@1", "hit@10"]', 'metrics = ["hit@10", "recall@10", "ndcg@10", "map", "mrr"]'),
        file=settings,
    )
    encoded.edit(("metrics:\n", "notes: Run by hand.\n    metrics:\n"))
    assert "since" not in encoded.embver("bench", NAME).out.splitlines()[0]
    found = benchmark(encoded)
    assert found["notes"] == "Run by hand."  # what a person wrote stays
    assert found["task"] == {"name": "search", "type": "Any2AnyRetrieval", "category": "t2i"}
    assert found["dataset"]["uri"] == "probes/pairs"
    assert [metric["key"] for metric in found["metrics"]] == ["hit@10", "recall@10", "ndcg@10", "map", "mrr"]
    assert [metric.get("main") for metric in found["metrics"]] == [True, None, None, None, None]
    assert all(metric["ci"]["n"] == 300 for metric in found["metrics"])
    data = (encoded.next / found["source"]["path"]).read_bytes()
    assert found["source"]["size_bytes"] == len(data)
    raw = json.loads(data)
    assert len(raw["queries"]) == len(raw["pairs"]) == len(raw["per_query"]["map"]) == 300
    for metric in found["metrics"]:
        assert metric["value"] == pytest.approx(np.mean(raw["per_query"][metric["key"]]), abs=1e-4)
    assert encoded.embver("validate").code == 0


@pytest.mark.torch
@pytest.mark.lfs
def test_the_release_before_is_compared_query_by_query(story: Sandbox) -> None:
    story.embver("new", NAME, "--from", "1.0.0")
    collapse_spaces(story)
    story.embver("encode", NAME)
    said = story.embver("bench", NAME)
    assert said.out.splitlines()[0].endswith("queries  since emoji@1.0.0")
    assert all(line.endswith("same") for line in said.out.splitlines()[1:])
    assert benchmark(story)["compared"] == {
        "against": "emoji@1.0.0",
        "test": "paired-bootstrap",
        "level": 0.95,
    }
    with (story.root / "embver.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[benchmark]]\nid = "back"\nitems = "probes/pairs"\nquery = "image"\ndocument = "text"\n'
        )
    said = story.embver("bench", NAME)
    assert "back is not comparable with emoji@1.0.0: it has no such benchmark" in said.err
    records = story.embver("bench", NAME, "--json").json["benchmarks"]
    assert [record["metrics"][0].get("change", {}).get("verdict") for record in records] == ["same", None]


@pytest.mark.torch
@pytest.mark.lfs
def test_a_raw_file_that_is_not_the_cards_is_not_believed(story: Sandbox) -> None:
    raw = story.version("1.0.0") / "benchmarks/search.json"
    raw.write_text(raw.read_text().replace("1.0", "0.0"))
    story.git("commit", "-q", "-a", "--no-verify", "-m", "Meddle")
    story.embver("new", NAME, "--from", "1.0.0")
    story.embver("encode", NAME)
    said = story.embver("bench", NAME)
    assert (
        "search is not comparable with emoji@1.0.0: its raw file is not the one that its card names"
        in said.err
    )
