"""MTEB's result files, in and out: what a record says, what it does not, and that nothing is lost on the way."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from embver.card import Benchmark
from embver.comparability import not_comparable
from embver.exchange.json_file import MAX_BYTES
from embver.exchange.metric_names import metric_name, version_numbers
from embver.exchange.mteb import parse_task
from embver.exchange.mteb_export import plain_of
from embver.exchange.mteb_folder import Model, ReadFile, Results, read_results
from embver.exchange.mteb_records import Choice, mean_name, record_id, records_of
from embver.exchange.mteb_tasks import task_called
from embver.intake import MalformedError
from exchange.results_corpus import MODEL, NAN, REVISION, SHA, Case, cases, numbers, same
from exchange.results_repo import benchmarks, waiting
from plain_versions import begin_plain, write_next
from sandbox import Sandbox

CASES = cases()
SCORE = 0.7149
FLICKR: dict[str, Any] = {
    "dataset_revision": SHA,
    "evaluation_time": 7.991730690002441,
    "kg_co2_emissions": None,
    "mteb_version": "1.14.15",
    "scores": {
        "test": [
            {
                **numbers("images 1.x", SCORE, NAN),
                "cv_recall_at_1": 0.781,
                "recall_at_1": 0.1562,
                "main_score": SCORE,
                "hf_subset": "default",
                "languages": ["eng-Latn"],
            }
        ]
    },
    "task_name": "Flickr30kI2TRetrieval",
}


def read_file(plain: Any, name: str = "Task.json") -> ReadFile:
    data = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    return ReadFile(place=name, data=data, task=parse_task(data, name), private=None)


def records(plain: Any, **choice: Any) -> dict[str, dict[str, Any]]:
    file = read_file(plain)
    found = records_of(file, Results(model=Model(), files=(file,)), Choice(**choice), is_kept=False)
    return {record["id"]: record for record in found}


def write(folder: Path, *named: tuple[str, Any]) -> Path:
    for name, plain in named:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plain if isinstance(plain, bytes) else json.dumps(plain).encode())
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> Sandbox:
    return waiting(tmp_path / "repo")


# ---- what a record says


def test_a_record_says_what_was_measured_and_nothing_that_the_file_does_not() -> None:
    record = records(FLICKR)["Flickr30kI2TRetrieval"]
    assert record["task"] == {"name": "Flickr30kI2TRetrieval", "type": "Any2AnyRetrieval", "category": "i2t"}
    # The data set moved since: its name of today is not that of this revision.
    assert record["dataset"] == {
        "config": "default",
        "revision": SHA,
        "split": "test",
        "languages": ["eng-Latn"],
    }
    assert record["harness"] == {"name": "mteb", "version": "1.14.15"}
    assert record["run"] == {"duration_s": 7.992}
    assert "protocol" not in record


def test_the_two_recalls_are_two_metrics() -> None:
    found = {metric["key"]: metric for metric in records(FLICKR)["Flickr30kI2TRetrieval"]["metrics"]}
    assert found["ndcg_at_10"] == {"key": "ndcg_at_10", "canonical": "ndcg@10", "value": SCORE, "main": True}
    assert found["cv_recall_at_1"] == {"key": "cv_recall_at_1", "canonical": "hit@1", "value": 0.781}
    assert found["recall_at_1"] == {"key": "recall_at_1", "canonical": "recall@1", "value": 0.1562}
    assert "map_at_10" not in found
    assert "main_score" not in found


def test_a_data_set_gets_its_name_at_the_revision_that_mteb_knows() -> None:
    known = task_called("Flickr30kI2TRetrieval")
    assert known is not None
    at_home = {**FLICKR, "dataset_revision": known.revision + "0" * 28}
    assert records(at_home)["Flickr30kI2TRetrieval"]["dataset"]["id"] == "mteb/flickr30ki2t"


@pytest.mark.parametrize(
    ("harness", "version", "key", "keys", "canonical"),
    [
        ("mteb", "1.14.15", "cv_recall_at_5", {}, "hit@5"),
        ("mteb", "2.16.2", "cv_recall_at_5", {}, None),
        ("mteb", "2.16.2", "hit_rate_at_5", {}, "hit@5"),
        ("mteb", "1.99", "hit_rate_at_5", {}, None),
        ("mteb", "1.99", "recall_at_5", {}, "recall@5"),
        ("mteb", "2.12.16-2.15.4", "accuracy", {"recall_at_1": 1}, "recall@1"),
        ("mteb", "1.14.15", "accuracy", {"recall_at_1": 1}, None),
        ("mteb", "2.16.2", "accuracy", {}, "acc@1"),
        ("mteb", "1.2", "mrr", {}, "mrr@10"),
        ("mteb", "2.1", "mrr", {}, None),
        ("mteb", None, "ndcg_at_10", {}, "ndcg@10"),
        ("mteb", "2.16.2", "ndcg_at_x", {}, None),
        ("clip_benchmark", None, "text_retrieval_recall@5", {}, "hit@5"),
        ("clip_benchmark", None, "recall@5", {}, None),
        ("somebody", None, "recall@5", {}, None),
    ],
)
def test_a_name_counts_for_a_harness_and_its_versions(
    harness: str, version: str | None, key: str, keys: dict[str, Any], canonical: str | None
) -> None:
    name = metric_name(harness, version, key, keys)
    assert (name.canonical if name else None) == canonical


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1.14.15", (1, 14, 15)),
        ("2.12.16-2.15.4", (2, 12, 16)),
        ("1.1.2.dev0", (1, 1, 2)),
        (None, None),
        ("main", None),
    ],
)
def test_versions_and_ranges_have_a_beginning(text: str | None, numbers: tuple[int, ...] | None) -> None:
    assert version_numbers(text) == numbers


def test_every_task_of_the_table_has_its_five_columns() -> None:
    path = Path(metric_name.__code__.co_filename).with_name("mteb_tasks.json")
    table = json.loads(path.read_text(encoding="utf-8"))
    assert len(table) > 2000
    assert [name for name, row in table.items() if name and len(row) != 5] == []


def test_several_subsets_become_their_mean_and_it_is_called_that() -> None:
    rows = [
        {"accuracy": score, "main_score": score, "hf_subset": name, "languages": [f"{name}g-Latn"]}
        for name, score in (("en", 0.9), ("de", 0.6))
    ]
    plain = {
        **FLICKR,
        "task_name": "MassiveIntentClassification",
        "scores": {"test": rows, "validation": rows[:1]},
    }
    found = records(plain)
    assert list(found) == ["MassiveIntentClassification", "MassiveIntentClassification/validation/en"]
    mean = found["MassiveIntentClassification"]
    assert mean["dataset"]["config"] == "mean of de, en"
    assert mean["metrics"] == [{"key": "accuracy", "canonical": "acc@1", "value": 0.75, "main": True}]
    # How long both took together is no time of one of them, and of the mean neither.
    assert "run" not in mean
    each = records(plain, subsets=frozenset({"all"}))
    assert list(each) == [
        "MassiveIntentClassification/en",
        "MassiveIntentClassification/de",
        "MassiveIntentClassification/validation/en",
    ]
    assert list(records(plain, subsets=frozenset({"de"}), splits=frozenset({"test"}))) == [
        "MassiveIntentClassification/de"
    ]


def test_means_over_other_subsets_are_not_compared() -> None:
    def mean_of(*names: str) -> Benchmark:
        rows = [
            {"accuracy": 0.5, "main_score": 0.5, "hf_subset": name, "languages": ["eng-Latn"]}
            for name in names
        ]
        (record,) = records({**FLICKR, "task_name": "X", "scores": {"test": rows}}).values()
        return Benchmark.from_plain(record)

    assert not_comparable(mean_of("en", "de"), mean_of("de", "en"), "accuracy") is None
    said = not_comparable(mean_of("en", "de"), mean_of("en", "fr"), "accuracy")
    assert said == "configuration of the data set: mean of de, en -> mean of en, fr"
    many = [f"language-{number}" for number in range(50)]
    assert mean_name(many) == mean_name(many[::-1]) != mean_name([*many[:-1], "other"])


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"dataset_revision": "0" * 40}, "revision of the data set"),
        ({"scores": {"dev": FLICKR["scores"]["test"]}}, "split"),
    ],
)
def test_numbers_of_different_data_never_become_one_series(change: dict[str, Any], difference: str) -> None:
    (one,) = records(FLICKR).values()
    (other,) = records({**FLICKR, **change}).values()
    said = not_comparable(
        Benchmark.from_plain(one), Benchmark.from_plain({**other, "id": one["id"]}), "ndcg_at_10"
    )
    assert said is not None
    assert said.startswith(f"{difference}: ")


def test_experiments_give_a_spread_where_the_number_is_their_mean() -> None:
    row = {**numbers("classification", 0.8), "main_score": 0.8, "hf_subset": "default", "languages": []}
    plain = {**FLICKR, "task_name": "Banking77Classification", "scores": {"test": [row]}}
    (metric, *_) = records(plain)["Banking77Classification"]["metrics"]
    assert (metric["std"], metric["n_runs"]) == (0.02, 3)
    (metric, *_) = records({**plain, "scores": {"test": [{**row, "accuracy": 0.9, "main_score": 0.9}]}})[
        "Banking77Classification"
    ]["metrics"]
    assert "std" not in metric


def test_nan_is_null_and_the_main_number_stays_the_main_one() -> None:
    row = {**FLICKR["scores"]["test"][0], "main_score": NAN, "ndcg_at_10": NAN}
    (metric, *_) = records({**FLICKR, "scores": {"test": [row]}})["Flickr30kI2TRetrieval"]["metrics"]
    assert metric == {"key": "ndcg_at_10", "canonical": "ndcg@10", "value": None, "main": True}


def test_an_unknown_task_quotes_the_key_that_has_its_main_score() -> None:
    (metric, *_) = records({**FLICKR, "task_name": "Ours"})["Ours"]["metrics"]
    assert (metric["key"], metric["main"]) == ("ndcg_at_10", True)
    row = {"p-MRR": -3.5, "main_score": -3.5, "hf_subset": "default", "languages": []}
    (metric,) = records({**FLICKR, "task_name": "Ours", "scores": {"test": [row]}})["Ours"]["metrics"]
    assert metric == {"key": "main_score", "value": -3.5, "main": True, "unit": "number"}


def test_old_files_are_read_like_new_ones() -> None:
    both = {"pearson": 0.6, "spearman": 0.7}
    plain = {
        "mteb_dataset_name": "STS12",
        "mteb_version": "1.0.2",
        "dataset_revision": None,
        "test": {"cos_sim": both, "evaluation_time": 1.5},
    }
    record = records(plain)["STS12"]
    assert record["metrics"] == [
        {"key": "cos_sim_spearman", "canonical": "spearman_cos", "value": 0.7, "main": True}
    ]
    assert record["source"]["format_version"] == "before 1.11"
    assert record["run"] == {"duration_s": 1.5}
    assert "revision" not in record["dataset"]


def test_ids_are_stable_however_many_splits_a_file_has() -> None:
    assert [record_id("T", "test", "default"), record_id("T", "dev", "default"), record_id("T", "test", "en"), record_id("T", "dev", "en")] == ["T", "T/dev", "T/en", "T/dev/en"]  # fmt: skip


# ---- the round trip


def test_the_corpus_has_every_shape() -> None:
    assert len(CASES) >= 200
    text = b"".join(case.data for case in CASES)
    for sign in (
        b"NaN",
        b"-Infinity",
        b"mteb_dataset_name",
        b"scores_per_experiment",
        b"evaluation_phases",
        b'"date"',
    ):
        assert sign in text


def test_what_is_kept_comes_out_byte_by_byte(tmp_path: Path, repo: Sandbox) -> None:
    folder = tmp_path / "results" / MODEL / REVISION
    write(
        folder,
        *(
            (f"{number:03} {case.name}.json".replace("/", "-"), with_name(case, number))
            for number, case in enumerate(CASES)
        ),
    )
    settings = {
        "task": "T000",
        "split": "test",
        "subset": "default",
        "version": {"mteb": "2.1", "torch": "2.5.1"},
        "encode_kwargs": {"batch_size": 16},
    }
    write(
        folder,
        ("run_settings.jsonl", settings),
        ("model_meta.json", {"name": "example/clip-shop", "contacts": None}),
    )
    report = repo.embver("import", "mteb", str(tmp_path / "results"), "--json").json
    assert len(benchmarks(repo)) >= len(CASES)
    assert report["warnings"] == []
    repo.embver("validate")
    repo.embver("export", "emoji@next", "--format", "mteb", "--out", str(tmp_path / "out"))
    made = {path.name: path.read_bytes() for path in (tmp_path / "out" / MODEL / REVISION).iterdir()}
    assert made == {path.name: path.read_bytes() for path in folder.iterdir()}


def with_name(case: Case, number: int) -> bytes:
    """Return a case's bytes with a task of its own, so that all of them fit into one card."""
    key = "task_name" if "task_name" in case.plain else "mteb_dataset_name"
    old = json.dumps(case.plain[key]).encode()
    assert case.data.count(old) == 1
    return case.data.replace(old, f'"T{number:03}"'.encode())


def held(case: Case) -> dict[str, Any] | None:
    """Return what of a case records hold without its file: numbers, no lists, no phases; None where MTEB would miss something."""
    file = read_file(case.data)
    if file.task.revision is None:
        return None
    scores: dict[str, list[dict[str, Any]]] = {}
    for row in file.task.rows:
        if row.version != file.task.version or "main_score" not in row.scores:
            return None
        own = {key: value for key, value in row.numbers.items() if key != "main_score"}
        scores.setdefault(row.split, []).append(
            {
                **own,
                "main_score": row.numbers["main_score"],
                "hf_subset": row.subset,
                "languages": list(row.languages),
            }
        )
    is_alone = len(file.task.rows) == 1
    plain = {
        "dataset_revision": file.task.revision,
        "task_name": file.task.task,
        "mteb_version": file.task.version,
        "scores": scores,
    }
    duration_s = file.task.rows[0].duration_s or file.task.duration_s
    plain |= {
        "evaluation_time": round(duration_s, 3) if is_alone and duration_s else None,
        "kg_co2_emissions": file.task.kg_co2 if is_alone else None,
    }
    return plain | ({"date": float(int(file.task.date_s))} if file.task.date_s is not None else {})


def test_without_the_kept_file_the_records_give_all_numbers_back() -> None:
    compared = 0
    for case in CASES:
        wanted = held(case)
        if wanted is not None:
            found = records(case.data, subsets=frozenset({"all"}), metrics=frozenset({"all"}))
            made = plain_of(list(found.values()))
            assert same(made, wanted), case.name
            compared += 1
    assert compared >= 150


def test_export_without_the_file_says_what_is_lost(tmp_path: Path, repo: Sandbox) -> None:
    file = write(tmp_path / "in", ("Flickr30kI2TRetrieval.json", FLICKR)) / "Flickr30kI2TRetrieval.json"
    repo.embver("import", "mteb", str(file), "--set", "raw=never")
    assert list((repo.next).iterdir()) == [repo.card]
    said = repo.embver("export", "emoji@next", "--format", "mteb", "--out", str(tmp_path / "out"))
    assert (
        "left out Flickr30kI2TRetrieval: its raw file is not kept: only the numbers of the card are written"
        in said.err
    )
    (made,) = (tmp_path / "out").rglob("*.json")
    plain = json.loads(made.read_bytes())
    assert plain["scores"]["test"][0]["main_score"] == SCORE
    assert "map_at_10" not in plain["scores"]["test"][0]


def test_a_field_that_mteb_requires_is_missed_by_name(tmp_path: Path, repo: Sandbox) -> None:
    file = write(tmp_path, ("a.json", {**FLICKR, "dataset_revision": None})) / "a.json"
    repo.embver("import", "mteb", str(file), "--set", "raw=never")
    said = repo.embver("export", "emoji@next", "--format", "mteb", code=1)
    assert "benchmarks[Flickr30kI2TRetrieval].dataset.revision (required: dataset_revision)" in said.err


def test_a_raw_file_that_was_changed_is_not_passed_off_as_what_was_imported(
    tmp_path: Path, repo: Sandbox
) -> None:
    repo.embver("import", "mteb", str(write(tmp_path / "in", ("a.json", FLICKR))))
    raw = repo.next / "benchmarks" / "raw" / "mteb" / "a.json"
    record = benchmarks(repo)["Flickr30kI2TRetrieval"]
    assert record["source"]["sha256"] == hashlib.sha256(raw.read_bytes()).hexdigest()
    raw.write_bytes(raw.read_bytes().replace(b"0.781", b"0.999"))
    repo.embver("export", "emoji@next", "--format", "mteb", "--out", str(tmp_path / "out"))
    (made,) = (tmp_path / "out").rglob("*.json")
    assert json.loads(made.read_bytes())["scores"]["test"][0]["cv_recall_at_1"] == 0.781


def test_a_release_gives_back_what_was_imported_before_it(tmp_path: Path) -> None:
    repo = begin_plain(tmp_path / "repo")
    write_next(repo, "emoji")
    folder = write(tmp_path / "in" / "hand__made" / ("a" * 40), ("Flickr30kI2TRetrieval.json", FLICKR))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert "warning" not in said.err
    repo.embver("release", "emoji")
    repo.embver("export", "emoji@1.0.0", "--format", "mteb", "--out", str(tmp_path / "out"))
    (made,) = (tmp_path / "out").rglob("*.json")
    assert made.relative_to(tmp_path / "out") == Path("hand__made", "a" * 40, "Flickr30kI2TRetrieval.json")
    assert made.read_bytes() == (folder / "Flickr30kI2TRetrieval.json").read_bytes()
    said = repo.embver("import", "mteb", str(tmp_path / "in"), "--into", "emoji@1.0.0", code=2)
    assert "emoji@1.0.0 is released: a released card does not change" in said.err


def test_no_file_from_outside_the_version_goes_out(tmp_path: Path, repo: Sandbox) -> None:
    secret = json.dumps(FLICKR).encode()
    (repo.root / "secret.json").write_bytes(secret)
    repo.embver("import", "mteb", str(repo.root / "secret.json"), "--set", "raw=never")
    for place in ("../../../secret.json", str(repo.root / "secret.json")):
        text = repo.card.read_text(encoding="utf-8")
        path = f"format: mteb.TaskResult, path: {place},"
        repo.card.write_text(text.replace("format: mteb.TaskResult,", path), encoding="utf-8")
        said = repo.embver("export", "emoji@next", "--format", "mteb", "--out", str(tmp_path / "out"), code=1)
        assert "[artifact-path]" in said.err
        assert not (tmp_path / "out").exists()
        repo.card.write_text(text, encoding="utf-8")


# ---- as a person meets it


def test_what_a_person_sees(tmp_path: Path, repo: Sandbox) -> None:
    folder = write(tmp_path / "results" / MODEL / REVISION, ("Flickr30kI2TRetrieval.json", FLICKR))
    before = repo.card.read_text(encoding="utf-8")
    said = repo.embver("import", "mteb", str(folder), "--dry-run")
    assert said.out.splitlines()[1].split() == [
        "benchmarks[Flickr30kI2TRetrieval]",
        "ndcg_at_10",
        "0.7149",
        "and",
        "5",
        "more",
        "Flickr30kI2TRetrieval.json:",
        "test",
    ]
    assert "would keep embeddings/emoji/next/benchmarks/raw/mteb/Flickr30kI2TRetrieval.json" in said.err
    assert repo.card.read_text(encoding="utf-8") == before
    repo.embver("import", "mteb", str(folder))
    text = repo.card.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert 'imported:\n  - {uri: "mteb:example/clip-shop@' in text
    again = repo.embver("import", "mteb", str(folder))
    assert again.out == ""
    assert "#Flickr30kI2TRetrieval: 1 fields are in the card already" in again.err
    assert repo.card.read_text(encoding="utf-8") == text


def test_a_later_run_replaces_a_record_whole_or_not_at_all(tmp_path: Path, repo: Sandbox) -> None:
    repo.embver("import", "mteb", str(write(tmp_path / "one", ("a.json", FLICKR))))
    repo.edit(("dataset: {config", "notes: as in the paper, dataset: {config"))
    row = {**FLICKR["scores"]["test"][0], "main_score": 0.72, "ndcg_at_10": 0.72}
    later = {**FLICKR, "mteb_version": "1.20.0", "date": 1782923623.04, "scores": {"test": [row]}}
    write(tmp_path / "two", ("a.json", later))
    said = repo.embver("import", "mteb", str(tmp_path / "two"))
    assert "kept benchmarks[Flickr30kI2TRetrieval]: yours is" in said.err
    mine = benchmarks(repo)["Flickr30kI2TRetrieval"]
    assert (mine["metrics"][0]["value"], "date" in mine["run"]) == (SCORE, False)
    repo.embver("import", "mteb", str(tmp_path / "two"), "--replace")
    theirs = benchmarks(repo)["Flickr30kI2TRetrieval"]
    assert (theirs["metrics"][0]["value"], theirs["run"]["date"]) == (0.72, "2026-07-01T16:33:43Z")
    assert theirs["notes"] == "as in the paper"


def test_the_settings_of_a_run_come_along(tmp_path: Path, repo: Sandbox) -> None:
    line = {
        "task": "Flickr30kI2TRetrieval",
        "splits": ["test"],
        "subsets": ["default"],
        "version": {"mteb": "2.1", "torch": "2.5.1", "flash-attn": None},
        "encode_kwargs": {"batch_size": 16, "path": "/home/ada/x", "deep": {}},
    }
    write(tmp_path / "in", ("a.json", FLICKR), ("run_settings.jsonl", line))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    record = benchmarks(repo)["Flickr30kI2TRetrieval"]
    assert record["harness"] == {"name": "mteb", "version": "1.14.15", "kwargs": {"batch_size": 16}}
    assert record["env"] == {"torch": "2.5.1"}
    assert "left out the bytes of run_settings.jsonl: its path: it is a place on somebody's disk" in said.err
    assert not (repo.next / "benchmarks" / "raw" / "mteb" / "run_settings.jsonl").exists()


def test_results_of_another_model_are_told_with_both_names(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in" / "openai__clip" / "abc", ("a.json", FLICKR))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert "the results are about openai/clip, the card's encoders are example/clip-shop (text)" in said.err
    write(tmp_path / "old" / "example__clip-shop" / "fff", ("b.json", {**FLICKR, "task_name": "B"}))
    said = repo.embver("import", "mteb", str(tmp_path / "old"))
    assert f"the results are about example/clip-shop at fff, the card has it at {REVISION}" in said.err


def test_results_of_two_models_never_come_into_one_card(tmp_path: Path, repo: Sandbox) -> None:
    write(
        tmp_path / "in",
        ("a__one/r1/A.json", FLICKR),
        ("a__two/r1/A.json", FLICKR),
        ("a__two/r2/A.json", FLICKR),
    )
    said = repo.embver("import", "mteb", str(tmp_path / "in"), code=2)
    assert "holds results of 3 models or revisions, and a card is about one" in said.err
    assert "--set model=NAME@REVISION, or the folder of one: a/one@r1, a/two@r1, a/two@r2" in said.err
    repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "model=a/two", code=2)
    repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "model=a/two@r2")
    assert benchmarks(repo)["Flickr30kI2TRetrieval"]["subject"] == {"revision": "r2"}


def test_variants_of_a_run_are_told_and_taken_when_asked_for(tmp_path: Path, repo: Sandbox) -> None:
    folder = tmp_path / "in" / MODEL / REVISION
    variant = {**FLICKR, "task_name": "STS12"}
    write(folder, ("A.json", FLICKR), ("experiments/dim_128/B.json", variant))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert (
        "left out experiments/dim_128 (1 files): a variant of the run, with other arguments: --set experiment=dim_128"
        in said.err
    )
    assert list(benchmarks(repo)) == ["Flickr30kI2TRetrieval"]
    repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "experiment=dim_128")
    assert list(benchmarks(repo)) == ["Flickr30kI2TRetrieval", "STS12"]


def test_a_choice_of_tasks_splits_and_metrics(tmp_path: Path, repo: Sandbox) -> None:
    both = {"test": FLICKR["scores"]["test"], "dev": FLICKR["scores"]["test"]}
    write(tmp_path / "in", ("A.json", {**FLICKR, "scores": both}), ("B.json", {**FLICKR, "task_name": "B"}))
    chosen = ("--set", "tasks=Flickr30kI2TRetrieval", "--set", "split=dev", "--set", "metrics=main,map_at_10")
    repo.embver("import", "mteb", str(tmp_path / "in"), *chosen)
    (record,) = benchmarks(repo).values()
    assert (record["id"], [m["key"] for m in record["metrics"]]) == (
        "Flickr30kI2TRetrieval/dev",
        ["ndcg_at_10", "map_at_10"],
    )
    said = repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "tasks=C", code=2)
    assert "there is no result of the task C" in said.err
    assert "there are: Flickr30kI2TRetrieval, B" in said.err
    said = repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "split=train", code=2)
    assert "there are: split=test, split=dev" in said.err
    said = repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "splits=test", code=2)
    assert "its options: tasks, split, subsets, metrics, model, experiment, raw" in said.err


# ---- what is no result


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"task_name": "X", "scores": {"test": [', "x.json:1:40: ends in the middle, it is cut off"),
        (b"task_name: X\n", "x.json:1:1: is no JSON: Expecting value"),
        (b"", "x.json: is empty"),
        (b"[1]", "x.json: is a list, and no result of MTEB"),
        (b'{"a": 1}', "x.json: is JSON, and no result of MTEB: it has neither 'task_name' nor 'mteb_dataset_name'"),
        (b'{"task_name": "X"}', "x.json: is JSON, and no result of MTEB: it has neither 'scores' nor 'mteb_dataset_name'"),
        (b'{"task_name": "X",\n "scores": {},\n "scores": {"test": []}}', "x.json:3:2: has 'scores' twice, with one of two values"),
        (b'{"task_name": "X", "scores": {}}', "x.json: holds no scores"),
        (b'{"task_name": "X", "scores": []}', "x.json: scores is a list, where a mapping of splits is expected"),
        (b'{"task_name": "X", "scores": {"test": {}}}', "x.json: scores.test is a mapping, where a list of results is expected"),
        (b'{"task_name": "X", "scores": {"test": [7]}}', "x.json: scores.test[0] is a number, where a mapping of numbers is expected"),
        (b'{"task_name": 7, "scores": {"test": [{}]}}', "x.json: task_name is a number, where a text is expected"),
        (b'{"task_name": "X", "scores": {"test": [{"main_score": "0.7"}]}}', "x.json: scores.test.main_score is a text, no number"),
        (b'{"task_name": "X", "scores": {"test": [{}, {}]}}', "x.json: has two results for the split test, subset default"),
        (b'{"task_name": "X", "scores": {"test": [{}]}, "date": "soon"}', "x.json: date is 'soon', which is no date"),
        (b'{"task_name": "X\xff"}', "x.json:1: is not UTF-8, so it is no JSON"),
        (b"[" * 200_000, "x.json: is nested too deep to be a result"),
        (b'{"dataset": "d", "pretrained": "p", "metrics": {}}', "x.json: is a result of CLIP_benchmark"),
    ],
)  # fmt: skip
def test_what_is_no_result_is_told_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_task(data, "x.json")
    assert str(caught.value) == said


def test_the_same_thing_said_twice_is_harmless() -> None:
    data = json.dumps(FLICKR).encode().replace(b'"task_name"', b'"mteb_version": "1.14.15", "task_name"')
    assert parse_task(data, "x.json").version == "1.14.15"


def test_one_bad_file_among_many_is_told_and_the_rest_is_taken(tmp_path: Path, repo: Sandbox) -> None:
    (tmp_path / "secret.json").write_bytes(json.dumps({**FLICKR, "task_name": "Secret"}).encode())
    folder = write(
        tmp_path / "in", ("A.json", FLICKR), ("B.json", b'{"task_name": '), ("note.json", {"a": 1})
    )
    (folder / "out.json").symlink_to(tmp_path / "secret.json")
    (folder / "nothing.json").symlink_to(tmp_path / "nothing")
    (folder / "loop").symlink_to(folder)
    with (folder / "large.json").open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    said = repo.embver("import", "mteb", str(folder))
    for line in (
        "left out B.json:1:15: ends in the middle, it is cut off",
        "left out note.json: is JSON, and no result of MTEB: it has neither 'task_name' nor 'mteb_dataset_name'",
        "left out out.json: it is a link out of the folder",
        "left out nothing.json: it is a link to nothing",
        "left out loop: it is a link to a folder",
        f"left out large.json: has 100 MiB; no more than {MAX_BYTES // 2**20} MiB of JSON are read",
    ):
        assert line in said.err
    assert list(benchmarks(repo)) == ["Flickr30kI2TRetrieval"]


def test_a_bad_file_alone_and_a_wrong_place_are_refused(tmp_path: Path, repo: Sandbox) -> None:
    write(tmp_path / "in", ("B.json", b'{"task_name": '))
    assert (
        "B.json:1:15: ends in the middle"
        in repo.embver("import", "mteb", str(tmp_path / "in" / "B.json"), code=3).err
    )
    assert (
        "none of its 1 files is a result of MTEB"
        in repo.embver("import", "mteb", str(tmp_path / "in"), code=3).err
    )
    assert "does not exist" in repo.embver("import", "mteb", "nowhere", code=2).err
    (tmp_path / "empty").mkdir()
    assert "holds no .json" in repo.embver("import", "mteb", str(tmp_path / "empty"), code=2).err
    assert benchmarks(repo) == {}


def test_a_result_that_names_a_place_is_taken_and_its_file_is_not_kept(tmp_path: Path, repo: Sandbox) -> None:
    row = {**FLICKR["scores"]["test"][0], "previous_results_model_meta": {"name": "/home/ada/model"}}
    write(tmp_path / "in", ("A.json", {**FLICKR, "scores": {"test": [row]}}))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert "left out the bytes of A.json: its name: it is a place on somebody's disk" in said.err
    assert "path" not in benchmarks(repo)["Flickr30kI2TRetrieval"]["source"]
    assert "ada" not in repo.card.read_text(encoding="utf-8")
    repo.embver("import", "mteb", str(tmp_path / "in"), "--set", "raw=always", "--replace")
    assert (repo.next / "benchmarks" / "raw" / "mteb" / "A.json").is_file()


def test_a_path_starts_where_the_command_was_given(tmp_path: Path, repo: Sandbox) -> None:
    write(repo.root / "results", ("A.json", FLICKR))
    assert Path.cwd() != repo.root
    repo.embver("import", "mteb", "results/A.json")
    assert list(benchmarks(repo)) == ["Flickr30kI2TRetrieval"]


def test_no_number_of_a_card_is_nan(repo: Sandbox, tmp_path: Path) -> None:
    write(
        tmp_path / "in",
        ("A.json", {**FLICKR, "scores": {"test": [{**FLICKR["scores"]["test"][0], "recall_at_10": NAN}]}}),
    )
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert "left out recall_at_10: NaN or infinite in some results: null in the card" in said.err
    values = [metric["value"] for metric in benchmarks(repo)["Flickr30kI2TRetrieval"]["metrics"]]
    assert None in values
    assert all(value is None or math.isfinite(value) for value in values)


def test_many_records_are_replaced_in_one_go_and_their_comments_stay(tmp_path: Path, repo: Sandbox) -> None:
    def result(number: int, score: float) -> dict[str, Any]:
        row = {**FLICKR["scores"]["test"][0], "main_score": score, "ndcg_at_10": score}
        return {**FLICKR, "task_name": f"T{number:03}", "scores": {"test": [row]}}

    write(tmp_path / "one", *((f"T{n:03}.json", result(n, 0.5)) for n in range(200)))
    write(tmp_path / "two", *((f"T{n:03}.json", result(n, 0.5 if n == 70 else 0.6)) for n in range(201)))
    repo.embver("import", "mteb", str(tmp_path / "one"))
    text = repo.card.read_text(encoding="utf-8")
    text = text.replace("  - {id: T005", "  # the sixth\n  - {id: T005").replace(",\n", ",  # slow\n", 1)
    repo.card.write_text(text, encoding="utf-8")
    report = repo.embver("import", "mteb", str(tmp_path / "two"), "--replace", "--json").json
    assert (len(report["taken"]), len(report["replaced"]), len(report["unchanged"])) == (1, 199, 1)
    found = benchmarks(repo)
    assert [found[f"T{n:03}"]["metrics"][0]["value"] for n in (0, 70, 199, 200)] == [0.6, 0.5, 0.6, 0.6]
    text = repo.card.read_text(encoding="utf-8")
    assert "  # the sixth\n  - {id: T005" in text
    assert ",  # slow\n" in text


@pytest.mark.parametrize(
    ("folder", "name", "revision"),
    [
        ("openai__clip/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268", "openai/clip", REVISION),
        ("openai__clip/v1.0", "openai/clip", "v1.0"),
        ("LASER2/no_revision_available", "LASER2", None),
        ("LASER2/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268", "LASER2", REVISION),
        ("openai__clip", "openai/clip", None),
        ("openai__clip/v1.0/experiments/dim_128", "openai/clip", "v1.0"),
        ("results", None, None),
    ],
)
def test_the_folders_say_which_model_it_is(
    folder: str, name: str | None, revision: str | None, tmp_path: Path
) -> None:
    write(tmp_path / folder, ("A.json", FLICKR))
    file = str(tmp_path / folder / "A.json")
    assert read_results(tmp_path / folder / "A.json", file).model == Model(name=name, revision=revision)


def test_a_programming_language_is_no_language(tmp_path: Path, repo: Sandbox) -> None:
    row = {**FLICKR["scores"]["test"][0], "languages": ["eng-Latn", "python-Code", "go-Code"]}
    write(tmp_path / "in", ("A.json", {**FLICKR, "scores": {"test": [row]}}))
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    assert "left out languages: python-Code, go-Code: no language (BCP 47): in the raw files" in said.err
    assert benchmarks(repo)["Flickr30kI2TRetrieval"]["dataset"]["languages"] == ["eng-Latn"]


def test_percents_are_not_taken_for_fractions(tmp_path: Path, repo: Sandbox) -> None:
    row = {**FLICKR["scores"]["test"][0], "main_score": 71.49, "ndcg_at_10": 71.49}
    write(
        tmp_path / "in",
        ("A.json", FLICKR),
        ("B.json", {**FLICKR, "task_name": "B", "scores": {"test": [row]}}),
    )
    said = repo.embver("import", "mteb", str(tmp_path / "in"))
    told = "B.json: ndcg_at_10 is 71.49, which is no fraction: MTEB's numbers are fractions, is it percent?"
    assert f"left out {told}" in said.err
    assert list(benchmarks(repo)) == ["Flickr30kI2TRetrieval"]
    assert told in repo.embver("import", "mteb", str(tmp_path / "in" / "B.json"), code=3).err
