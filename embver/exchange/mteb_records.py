"""Turn MTEB's results into benchmark records of a card: one a task, split and subset, or their mean, called that.

MTEB itself quotes the mean over the subsets of a split. Where there are several, so does the record: it says so in
`dataset.config`, with what subsets they were, so that a mean over others is never compared with it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from embver.exchange.json_file import finite
from embver.exchange.metric_names import FRACTION, NUMBER, MetricName, headline, mains, metric_name
from embver.exchange.mteb import FORMAT, Row, TaskFile
from embver.exchange.mteb_folder import ReadFile, Results
from embver.exchange.mteb_tasks import Task, task_called
from embver.language import language_flaw

HARNESS: Final = "mteb"
RAW: Final = "benchmarks/raw/mteb"
MAIN: Final = "main_score"
_MOST_LANGUAGES: Final = 12
_MOST_SUBSETS: Final = 6
_MOST_UNKNOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What of the results is wanted; None: all tasks, all splits, the mean over subsets, the headline metrics."""

    tasks: frozenset[str] | None = None
    splits: frozenset[str] | None = None
    subsets: frozenset[str] | None = None  # frozenset({"all"}): each for itself
    metrics: frozenset[str] = frozenset({"headline"})

    @property
    def is_mean(self) -> bool:
        """Tell whether several subsets become one record."""
        return self.subsets is None

    def has(self, row: Row) -> bool:
        """Tell whether a row is wanted."""
        is_split = self.splits is None or row.split in self.splits
        return is_split and (self.subsets is None or "all" in self.subsets or row.subset in self.subsets)


def records_of(file: ReadFile, results: Results, choice: Choice, *, is_kept: bool) -> list[dict[str, Any]]:
    """Return the records of one result file, in its order; none where nothing of it is wanted."""
    task = file.task
    by_split: dict[str, list[Row]] = {}
    for row in task.rows:
        if choice.has(row) and row.numbers:
            by_split.setdefault(row.split, []).append(row)
    records = []
    for split, rows in by_split.items():
        if len(rows) > 1 and choice.is_mean:
            records.append(_record(file, results, mean_row(split, rows), choice, is_kept=is_kept))
        else:
            records += [_record(file, results, row, choice, is_kept=is_kept) for row in rows]
    return records


def record_id(task: str, split: str, subset: str) -> str:
    """Return what a record is known by: the task, and its split and subset where they are not test and default."""
    return "/".join([task, *([split] if split != "test" else []), *([subset] if subset != "default" else [])])


def mean_row(split: str, rows: Sequence[Row]) -> Row:
    """Return the mean of a split's subsets, over the numbers that each of them has; as MTEB quotes it."""
    shared = set.intersection(*(set(row.numbers) for row in rows))
    scores: dict[str, float | None] = {}
    for key in rows[0].numbers:
        if key in shared:
            values = [row.numbers[key] for row in rows]
            known = [value for value in values if value is not None]
            scores[key] = round(math.fsum(known) / len(known), 6) if len(known) == len(values) else None
    versions = dict.fromkeys(row.version for row in rows)
    languages = dict.fromkeys(language for row in rows for language in row.languages)
    return Row(
        split=split,
        subset=mean_name([row.subset for row in rows]),
        scores=scores,
        numbers=scores,
        languages=tuple(languages),
        version=next(iter(versions)) if len(versions) == 1 else None,
        duration_s=None,
    )


def mean_name(subsets: Sequence[str]) -> str:
    """Return what the mean over subsets is called: with their names, or their number and a digest of the names."""
    names = sorted(subsets)
    if len(names) <= _MOST_SUBSETS and sum(map(len, names)) < 60:
        return f"mean of {', '.join(names)}"
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return f"mean of {len(names)} subsets {digest[:8]}"


def main_key(row: Row, known: Task | None) -> str | None:
    """Return the key of the number to quote: what the task's main score is called, where the numbers agree.

    A file of since 1.11 says only how much it is; `main_score` itself stands for it where no key is equal to it.
    """
    numbers = row.numbers
    wanted = [key for key in _aliases(known.main) if key in numbers] if known else []
    if MAIN not in numbers:
        return wanted[0] if wanted else None
    score = numbers[MAIN]
    if score is None:
        return next((key for key in wanted if numbers[key] is None), MAIN)
    equal = [key for key in (*wanted, *mains()) if numbers.get(key) == score]
    return equal[0] if equal else MAIN


def _aliases(main: str) -> tuple[str, ...]:
    """Return a main score's key and what older versions called it."""
    return (
        main,
        main.replace("hit_rate_at_", "cv_recall_at_"),
        main.replace("cosine_", "cos_sim_"),
        *(("map",) if main == "map_at_1000" else ()),
    )


def _record(file: ReadFile, results: Results, row: Row, choice: Choice, *, is_kept: bool) -> dict[str, Any]:
    task, model = file.task, results.model
    version = row.version or task.version
    known = task_called(task.task)
    is_mean = row.subset.startswith("mean of ")
    settings = results.settings.get((task.task, row.split, row.subset)) if not is_mean else None
    identity = record_id(task.task, row.split, "default" if is_mean else row.subset)
    record: dict[str, Any] = {"id": identity, "task": _task(task.task, known)}
    record["dataset"] = _dataset(task, row, known)
    record["metrics"] = metrics_of(row, main_key(row, known), version, choice.metrics)
    record["harness"] = _harness(version, settings)
    env = _environment(settings)
    if env:
        record["env"] = env
    run = _run(task, row)
    if run:
        record["run"] = run
    if model.revision:
        record["subject"] = {"revision": model.revision}
    record["source"] = {
        "format": FORMAT,
        "format_version": task.format_version,
        **({"path": f"{RAW}/{file.file_name}"} if is_kept else {}),
        "sha256": file.sha256,
        "size_bytes": len(file.data),
    }
    return record


def _task(name: str, known: Task | None) -> dict[str, str]:
    told = {"name": name, "type": known.type if known else "", "category": known.category if known else ""}
    return {key: value for key, value in told.items() if value}


def _dataset(task: TaskFile, row: Row, known: Task | None) -> dict[str, Any]:
    revision = task.revision
    is_same = bool(known and known.revision and revision and revision.startswith(known.revision))
    languages = [language for language in row.languages if not language_flaw(language)]
    dataset: dict[str, Any] = {}
    if known and is_same and known.dataset:
        dataset["id"] = known.dataset
    dataset["config"] = row.subset
    if revision and not revision.startswith("dataset revision not"):
        dataset["revision"] = revision
    dataset["split"] = row.split
    if languages and len(languages) <= _MOST_LANGUAGES:
        dataset["languages"] = languages
    return dataset


def metrics_of(
    row: Row, main: str | None, version: str | None, wanted: frozenset[str]
) -> list[dict[str, Any]]:
    """Return the metrics of a record, the main one first: the headline, all of them, or those that are named."""
    numbers = row.numbers
    names = {
        key: metric_name(HARNESS, version, key, numbers) for key in numbers if key != MAIN or main == MAIN
    }
    keys = [key for key, name in names.items() if _is_wanted(key, name, main, wanted)]
    # An old file of a task that nobody knows: what its keys mean is known, or at least what they are.
    keys = keys or [key for key, name in names.items() if name] or list(names)[:_MOST_UNKNOWN]
    return [
        _metric(row, key, names[key], numbers[key], is_main=key == main)
        for key in sorted(keys, key=lambda key: key != main)
    ]


def _is_wanted(key: str, name: MetricName | None, main: str | None, wanted: frozenset[str]) -> bool:
    canonical = name.canonical if name else None
    if key == main or "all" in wanted or key in wanted or canonical in wanted:
        return True
    # The accuracy of a retrieval result is its recall@1 once more.
    return "headline" in wanted and canonical in headline() and key != "accuracy"


def _metric(
    row: Row, key: str, name: MetricName | None, value: float | None, *, is_main: bool
) -> dict[str, Any]:
    unit = name.unit if name else FRACTION if key == MAIN and _is_fraction(value) else NUMBER
    metric: dict[str, Any] = {"key": key}
    if name and name.canonical:
        metric["canonical"] = name.canonical
    metric["value"] = value
    if is_main:
        metric["main"] = True
    if unit != FRACTION:
        metric["unit"] = unit
    if name and not name.higher_is_better:
        metric["higher_is_better"] = False
    return {**metric, **spread(row, key, value)}


def spread(row: Row, key: str, value: float | None) -> dict[str, Any]:
    """Return the standard deviation over the experiments that a number is the mean of, where the file lists them."""
    listed: Any = row.scores.get("scores_per_experiment")
    values: list[Any] = []
    if isinstance(listed, list):
        values = [entry.get(key) for entry in listed if isinstance(entry, Mapping)]
    elif key == "v_measure" and isinstance(row.scores.get("v_measures"), Mapping):
        levels = list(row.scores["v_measures"].values())
        values = levels[0] if len(levels) == 1 and isinstance(levels[0], list) else []
    numbers = [number for number in map(finite, values) if number is not None]
    if value is None or len(numbers) < 2 or len(numbers) != len(values):
        return {}
    mean = math.fsum(numbers) / len(numbers)
    if abs(mean - value) > 1e-4:
        return {}  # it is not their mean, so their spread says nothing of it
    variance = math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)
    return {"std": round(math.sqrt(variance), 6), "n_runs": len(numbers)}


def _is_fraction(value: float | None) -> bool:
    return value is None or 0 <= value <= 1


def _harness(version: str | None, settings: Mapping[str, Any] | None) -> dict[str, Any]:
    harness: dict[str, Any] = {"name": HARNESS}
    if version and not version.startswith("mteb version not"):
        harness["version"] = version
    given = settings.get("encode_kwargs") if settings else None
    kept = (
        {key: value for key, value in given.items() if _is_scalar(value)}
        if isinstance(given, Mapping)
        else {}
    )
    return {**harness, **({"kwargs": kept} if kept else {})}


def _environment(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    versions = settings.get("version") if settings else None
    if not isinstance(versions, Mapping):
        return {}
    return {str(key): value for key, value in versions.items() if key != HARNESS and isinstance(value, str)}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | bool) or finite(value) is not None


def _run(task: TaskFile, row: Row) -> dict[str, Any]:
    is_alone = len(task.rows) == 1
    duration_s = row.duration_s if row.duration_s is not None else task.duration_s if is_alone else None
    run: dict[str, Any] = {}
    if task.date_s is not None:
        run["date"] = iso_date(task.date_s)
    if duration_s is not None:
        run["duration_s"] = round(duration_s, 3)
    if is_alone and task.kg_co2 is not None:
        run["kg_co2"] = task.kg_co2
    return run


def iso_date(seconds: float) -> str:
    """Return seconds since 1970 as a card writes a time: UTC, to the second."""
    return datetime.fromtimestamp(int(seconds), tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
