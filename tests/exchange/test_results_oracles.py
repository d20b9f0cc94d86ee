"""What MTEB's and the hub's own classes read in result files is what embver takes, and they read what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from embver.exchange import mteb_tasks
from exchange.results_corpus import MODEL, REVISION, SHA, cases
from exchange.results_repo import benchmarks, waiting

pytest.importorskip("mteb")
pytestmark = pytest.mark.xdist_group("results-oracle")

ENTRIES = """\
# what MTEB 2.x publishes of a model
- dataset:
    id: mteb/STS12
    task_id: STS12_default_test
    revision: fdf84275bb8ce4b49c971d02e84dd1abc677a50f
  value: 71.51234
  date: '2025-01-15'
  notes: Obtained using MTEB v2.12.16
  source:
    url: https://github.com/embeddings-benchmark/mteb/
    name: Obtained using MTEB v2.12.16
- dataset: {id: cais/hle, task_id: default}
  value: 20.9
  verifyToken: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.abcdefghijk.lmnopqrst
  notes: |
    no tools
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What embver took, and what the oracle found: in the files as they came, and in those that embver wrote."""

    taken: dict[str, dict[str, Any]]
    oracle: dict[str, Any]


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Import every case, write it again without the kept files, and let the oracle read both: one process."""
    folder = tmp_path_factory.mktemp("results")
    taken: dict[str, dict[str, Any]] = {}
    repo = waiting(folder / "repo")
    empty = repo.card.read_text(encoding="utf-8")
    for number, group in enumerate(grouped()):
        results = folder / "files" / "in" / str(number) / MODEL / REVISION
        results.mkdir(parents=True)
        for name, data in group.items():
            (results / f"{name}.json").write_bytes(data)
        repo.card.write_text(empty, encoding="utf-8")
        sets = ("subsets=all", "metrics=all", "raw=never")
        repo.embver("import", "mteb", str(results), *(word for each in sets for word in ("--set", each)))
        taken[str(number)] = benchmarks(repo)
        if all(
            record["dataset"].get("revision") and record["metrics"][0].get("main")
            for record in taken[str(number)].values()
        ):
            out = folder / "files" / "out" / str(number)
            repo.embver("export", "emoji@next", "--format", "mteb", "--out", str(out))
    repo.card.write_text(empty, encoding="utf-8")
    (folder / "mteb.yaml").write_text(ENTRIES, encoding="utf-8")
    repo.embver("import", "eval-results", str(folder / "mteb.yaml"))
    taken["hub"] = benchmarks(repo)
    repo.embver("export", "emoji@next", "--format", "eval-results", "--out", str(folder / "files" / "kept"))
    (repo.next / "benchmarks" / "raw" / "eval-results" / "mteb.yaml").unlink()
    repo.embver("export", "emoji@next", "--format", "eval-results", "--out", str(folder / "files" / "anew"))
    program = Path(__file__).with_name("results_oracle.py")
    done = subprocess.run(
        [sys.executable, str(program), str(folder / "files")],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return Seen(taken=taken, oracle=json.loads(done.stdout.splitlines()[-1]))


def grouped() -> list[dict[str, bytes]]:
    """Return the cases in groups in which no task is there twice."""
    groups: list[dict[str, bytes]] = []
    for case in cases():
        task = str(case.plain.get("task_name") or case.plain["mteb_dataset_name"])
        free = next((group for group in groups if task not in group), None)
        if free is None:
            groups.append(free := {})
        free[task] = case.data.removeprefix(b"\xef\xbb\xbf")  # a mark that MTEB itself does not read
    return groups


def of_embver(records: dict[str, dict[str, Any]], task: str) -> dict[str, float | None]:
    return {
        f"{record['dataset']['split']}/{record['dataset']['config']}": record["metrics"][0]["value"]
        for record in records.values()
        if record["task"]["name"] == task
    }


def test_every_main_score_is_the_one_that_mteb_reads(seen: Seen) -> None:
    compared = 0
    for name, scores in seen.oracle["mteb"].items():
        where, number, *_ = name.split("/")
        if where == "in":
            assert of_embver(seen.taken[number], seen.oracle["tasks"][name]) == scores, name
            compared += 1
    assert compared == len(cases())


def test_mteb_reads_what_was_written_from_the_records_alone(seen: Seen) -> None:
    made = [name for name in seen.oracle["mteb"] if name.startswith("out/")]
    assert len(made) >= 100
    for name in made:
        _, number, *_ = name.split("/")
        assert of_embver(seen.taken[number], seen.oracle["tasks"][name]) == seen.oracle["mteb"][name], name
        assert seen.oracle["written"][name]


def test_the_hub_reads_what_was_written_kept_or_anew(seen: Seen) -> None:
    kept = seen.oracle["hub"]["kept/.eval_results/mteb.yaml"]
    anew = seen.oracle["hub"]["anew/.eval_results/mteb.yaml"]
    assert [entry["value"] for entry in kept] == [71.51234, 20.9]
    # What a record has no place for is the source's display name; all else comes back.
    assert anew == [{**entry, "source_name": None} for entry in kept]


def test_entries_become_records_with_the_unit_that_mteb_has(seen: Seen) -> None:
    mteb, hle = seen.taken["hub"].values()
    assert mteb["metrics"] == [
        {
            "key": "cosine_spearman",
            "canonical": "spearman_cos",
            "value": 71.51234,
            "main": True,
            "unit": "percent",
        }
    ]
    assert mteb["harness"] == {"name": "mteb", "version": "2.12.16"}
    assert hle["metrics"] == [{"key": "value", "value": 20.9, "main": True, "unit": "unspecified"}]
    assert SHA not in json.dumps(hle)


def test_the_table_of_tasks_is_what_mteb_says(seen: Seen) -> None:
    """`python tests/exchange/results_oracle.py tasks > embver/exchange/mteb_tasks.json` writes it anew."""
    assert (
        Path(mteb_tasks.__file__).with_name("mteb_tasks.json").read_text(encoding="utf-8")
        == seen.oracle["table"]
    )
