"""Hugging Face's `.eval_results`, in and out: one number an entry, and no scale that nobody said."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from embver.exchange.eval_results import entry_of, mteb_task, parse_entry, record_of
from embver.store.list_text import dump_list, read_list_text
from exchange.results_repo import benchmarks, waiting
from sandbox import Sandbox

MTEB = "https://github.com/embeddings-benchmark/mteb/"
SHA = "fdf84275bb8ce4b49c971d02e84dd1abc677a50f"


@pytest.fixture
def repo(tmp_path: Path) -> Sandbox:
    return waiting(tmp_path / "repo")


def shapes() -> list[dict[str, Any]]:
    """Return entries with and without every field that may be absent."""
    found = []
    tasks = (
        "default",
        "gpqa_diamond",
        "STS12_default_test",
        "STS12",
        "MassiveIntentClassification_zh-CN_validation",
    )
    for task, revision, value, date, url, notes, token in itertools.product(tasks, (None, SHA), (20.9, 0.412, 7), (None, "2025-01-15", "2025-01-15T10:30:00Z"), (None, MTEB), (None, "no-tools", "Obtained using MTEB v2.12.16"), (None, "eyJhbGciOiJIUzI1NiJ9.abcdefghijk.lmnopqrst")):  # fmt: skip
        entry: dict[str, Any] = {"dataset": {"id": "mteb/sts12-sts", "task_id": task, **({"revision": revision} if revision else {})}, "value": value}  # fmt: skip
        entry |= {"verifyToken": token} if token else {}
        entry |= {"date": date} if date else {}
        entry |= {"source": {"url": url}} if url else {}
        entry |= {"notes": notes} if notes else {}
        found.append(entry)
    return found


def test_every_shape_comes_back_from_its_record_alone() -> None:
    assert len(shapes()) >= 200
    for plain in shapes():
        entry, left = parse_entry(plain, "x")
        assert entry is not None
        assert left == []
        assert entry_of(record_of(entry, unit=None, source={})) == plain


def test_yaml_comes_back_too() -> None:
    text = dump_list(shapes()).encode()
    assert read_list_text(text, path="x.yaml") == (shapes(), ())


@pytest.mark.parametrize(
    ("task_id", "parts"),
    [
        ("STS12", ("STS12", None, None)),
        ("STS12_default_test", ("STS12", "default", "test")),
        (
            "MassiveIntentClassification_zh-CN_validation",
            ("MassiveIntentClassification", "zh-CN", "validation"),
        ),
        ("IN22GenBitextMining_asm_Beng-ben_Beng_test", ("IN22GenBitextMining", "asm_Beng-ben_Beng", "test")),
        ("nobody_knows_this", ("nobody_knows_this", None, None)),
    ],
)
def test_a_task_of_mteb_is_taken_apart(task_id: str, parts: tuple[str, str | None, str | None]) -> None:
    assert mteb_task(task_id)[1:] == parts


FILE = f"""\
---
- dataset:
    id: mteb/sts12-sts
    task_id: STS12_default_test
  value: 71.5
  date: 2025-01-15
  notes: Obtained using MTEB v2.12.16-2.15.4
  source: {{url: "{MTEB}", name: MTEB}}
- dataset: {{id: cais/hle, task_id: default}}
  value: 20.90
- dataset: {{id: x/y, task_id: a}}
  value: "20"
"""


def test_what_a_person_sees(tmp_path: Path, repo: Sandbox) -> None:
    (tmp_path / "mteb.yaml").write_text(FILE, encoding="utf-8")
    said = repo.embver("import", "eval-results", str(tmp_path / "mteb.yaml"))
    assert (
        "benchmarks[eval_results/mteb/sts12-sts/STS12_default_test]  cosine_spearman 71.5  mteb.yaml[0]"
        in said.out
    )
    assert "left out mteb.yaml[2]: its value is '20', which is no number" in said.err
    assert "the format says no unit, for 1 of 2 values nothing does: --set unit=percent says it" in said.err
    mteb, hle = benchmarks(repo).values()
    assert (mteb["metrics"][0]["unit"], hle["metrics"][0]["unit"]) == ("percent", "unspecified")
    assert mteb["dataset"] == {"id": "mteb/sts12-sts", "config": "default", "split": "test"}
    assert mteb["harness"] == {"name": "mteb", "version": "2.12.16-2.15.4"}
    repo.embver("validate")
    repo.embver("export", "emoji@next", "--format", "eval-results", "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / ".eval_results" / "mteb.yaml").read_text(encoding="utf-8") == FILE


def test_a_unit_is_what_a_person_says(tmp_path: Path, repo: Sandbox) -> None:
    (tmp_path / "hle.yaml").write_text(
        "- {dataset: {id: cais/hle, task_id: default}, value: 20.9}\n", encoding="utf-8"
    )
    place = str(tmp_path / "hle.yaml")
    repo.embver("import", "eval-results", place, "--set", "unit=half", code=2)
    said = repo.embver("import", "eval-results", place, "--set", "unit=fraction", code=1)
    assert "which is no fraction" in said.err  # 20.9 cannot be one: the card would not be valid
    said = repo.embver("import", "eval-results", place, "--set", "unit=percent")
    assert "no unit" not in said.err
    (record,) = benchmarks(repo).values()
    assert record["metrics"] == [{"key": "value", "value": 20.9, "main": True, "unit": "percent"}]


def test_the_older_draft_is_read_and_the_current_one_written(tmp_path: Path, repo: Sandbox) -> None:
    (tmp_path / "old.yaml").write_text(
        "- dataset: {id: cais/hle, config: default, split: test}\n  value: 20.9\n", encoding="utf-8"
    )
    repo.embver("import", "eval-results", str(tmp_path / "old.yaml"))
    said = repo.embver("export", "emoji@next", "--format", "eval-results", "--out", str(tmp_path / "out"))
    assert "left out old.yaml: an older draft: written anew, as the card has it" in said.err
    entries, _ = read_list_text((tmp_path / "out" / ".eval_results" / "old.yaml").read_bytes(), path="x")
    assert entries == [{"dataset": {"id": "cais/hle", "task_id": "default_test"}, "value": 20.9}]


def test_two_entries_of_one_task_are_told_apart_by_their_notes(tmp_path: Path, repo: Sandbox) -> None:
    entry = "- {{dataset: {{id: cais/hle, task_id: default}}, value: {value}, notes: {notes}}}\n"
    text = "".join(
        entry.format(value=v, notes=n) for v, n in ((20, "no-tools"), (30, "tools"), (31, "tools"))
    )
    (tmp_path / "hle.yaml").write_text(text, encoding="utf-8")
    repo.embver("import", "eval-results", str(tmp_path / "hle.yaml"))
    assert list(benchmarks(repo)) == [
        f"eval_results/cais/hle/default{end}" for end in ("", "/tools", "/tools#2")
    ]


def test_a_user_is_not_carried_over_nor_the_file_that_names_one(tmp_path: Path, repo: Sandbox) -> None:
    folder = tmp_path / ".eval_results"
    folder.mkdir()
    (folder / "a.yaml").write_text("- dataset: {id: x/y, task_id: a}\n  value: 1\n  source: {url: 'https://example.org', user: ada}\n", encoding="utf-8")  # fmt: skip
    said = repo.embver("import", "eval-results", str(folder))
    assert "left out a.yaml[0].source.user: it names a person or a machine" in said.err
    assert "left out the bytes of a.yaml: its user: it names a person or a machine" in said.err
    assert "ada" not in repo.card.read_text(encoding="utf-8")
    assert not (repo.next / "benchmarks").exists()


def test_own_benchmarks_go_out_times_100_with_the_metric_in_the_notes(tmp_path: Path, repo: Sandbox) -> None:
    record = """\
benchmarks:
  - id: search
    dataset: {id: shop-1k, revision: v3}
    protocol: {queries: 1000}
    metrics:
      - {key: ndcg@10, value: 0.7149, main: true, ci: {low: 0.7, high: 0.73}}
      - {key: hit@1, value: 0.5}
    harness: {name: embver, version: 0.1.0}
    date: 2026-11-02
  - {id: nowhere, metrics: [{key: hit@1, value: 0.5}]}
"""
    repo.card.write_text(repo.card.read_text(encoding="utf-8") + record, encoding="utf-8")
    said = repo.embver("export", "emoji@next", "--format", "eval-results", "--out", str(tmp_path))
    entries, _ = read_list_text((tmp_path / ".eval_results" / "emoji.yaml").read_bytes(), path="x")
    assert entries == [
        {
            "dataset": {"id": "shop-1k", "task_id": "search", "revision": "v3"},
            "value": 71.49,
            "date": "2026-11-02",
            "notes": "ndcg@10 x 100, measured with embver 0.1.0",
        }
    ]
    for line in (
        "left out search: hit@1: an entry holds one number",
        "left out search: protocol, confidence intervals: the format has no field for it",
        "left out nowhere: it has no dataset.id, which the format requires",
    ):
        assert line in said.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dataset: {id: x}\n", "x.yaml: is no list of results, so it is no hf.eval_results"),
        ("- a: 1\n  a: 2\n", "x.yaml:2:3: entries[0].a is there already"),
        ("- {a: 1\n", "x.yaml:2:1: did not find expected ',' or '}'"),
        ("- a: !x 1\n", "x.yaml:1:6: "),
        ("[]\n", "x.yaml: holds no result of a benchmark: it is empty"),
        ("- 7\n", "x.yaml: holds no result of a benchmark: is no mapping with a data set and a value"),
        ("- {value: 1}\n", "x.yaml: holds no result of a benchmark: has no dataset.id"),
        ("- {dataset: {id: x}, value: .nan}\n", "x.yaml:1:29: "),
        ("- {dataset: {id: x, task_id: 7}, value: 1}\n", "x.yaml: holds no result of a benchmark: its task_id is no text: put it in quotes"),
        ("- {dataset: {id: x}, value: 1, source: y}\n", "x.yaml: holds no result of a benchmark: its source is no mapping"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_told_with_its_place(
    text: str, said: str, tmp_path: Path, repo: Sandbox
) -> None:
    (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
    told = repo.embver("import", "eval-results", str(tmp_path / "x.yaml"), code=3)
    assert said in told.err.replace(f"{tmp_path}/", "")


def test_one_bad_file_of_a_folder_is_told_and_the_rest_taken(tmp_path: Path, repo: Sandbox) -> None:
    folder = tmp_path / ".eval_results"
    folder.mkdir()
    (folder / "a.yaml").write_text("- {dataset: {id: x/y, task_id: a}, value: 1}\r\n", encoding="utf-8")
    (folder / "b.yaml").write_text("- {dataset\n", encoding="utf-8")
    said = repo.embver("import", "eval-results", str(folder), "--set", "unit=fraction")
    assert "left out b.yaml:" in said.err
    assert list(benchmarks(repo)) == ["eval_results/x/y/a"]
