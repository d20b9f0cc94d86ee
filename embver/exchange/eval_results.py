"""Hugging Face's `.eval_results/*.yaml`: a list of numbers, each for a data set and a task of it.

An entry has one value, and says neither which metric it is nor on what scale: MTEB writes its main score times 100.
An older draft had `config` and `split` in the place of `task_id`; both are read, `task_id` is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embver.exchange.json_file import finite
from embver.exchange.metric_names import metric_name
from embver.exchange.mteb_tasks import Task, task_called
from embver.intake import LeftOut

FORMAT: Final = "hf.eval_results"
HARNESS: Final = "eval_results"  # of an entry that does not say what computed it
RAW: Final = "benchmarks/raw/eval-results"
UNSPECIFIED: Final = "unspecified"
PERCENT: Final = "percent"
_MTEB_URL: Final = "embeddings-benchmark/mteb"
_MTEB_SAYS = re.compile(r"\bMTEB v?([0-9][\w.\-]*)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?")
_ALL: Final = frozenset({"dataset", "value", "verifyToken", "date", "source", "notes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One number, as its file has it."""

    dataset: str
    value: float
    task_id: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    token: str | None = None
    date: str | None = None
    url: str | None = None
    source: str | None = None
    notes: str | None = None

    @property
    def task(self) -> str:
        """Return the task's id, as the current format calls it."""
        return self.task_id or "_".join(part for part in (self.config, self.split) if part) or "default"


def parse_entry(plain: Any, place: str) -> tuple[Entry | None, list[LeftOut]]:
    """Return one entry, None for what is none, and what of it no record has a place for."""

    def lost(what: str, why: str) -> tuple[None, list[LeftOut]]:
        return None, [LeftOut(what=f"{place}{what}", why=why)]

    if not isinstance(plain, Mapping):
        return lost("", "is no mapping with a data set and a value")
    dataset, source = plain.get("dataset"), plain.get("source") or {}
    if not isinstance(dataset, Mapping) or not isinstance(dataset.get("id"), str) or not dataset["id"]:
        return lost("", "has no dataset.id")
    if not isinstance(source, Mapping):
        return lost("", "its source is no mapping")
    value = finite(plain.get("value"))
    if value is None:
        return lost("", f"its value is {str(plain.get('value'))[:40]!r}, which is no number")
    texts = {key: dataset.get(key) for key in ("task_id", "config", "split", "revision")}
    texts |= {key: plain.get(key) for key in ("verifyToken", "date", "notes")}
    texts |= {"url": source.get("url"), "name": source.get("name")}
    wrong = next((key for key, text in texts.items() if not isinstance(text, str | None)), None)
    if wrong is not None:
        return lost("", f"its {wrong} is no text: put it in quotes")
    left = [LeftOut(what=f"{place}.{key}", why="no field of the card") for key in plain if key not in _ALL]
    if source.get("user"):
        left.append(LeftOut(what=f"{place}.source.user", why="it names a person or a machine"))
    date = texts["date"]
    if date and not _DATE.fullmatch(date):
        left.append(LeftOut(what=f"{place}.date", why=f"{date[:30]!r} is no date"))
        date = None
    entry = Entry(
        dataset=dataset["id"],
        value=value,
        task_id=texts["task_id"],
        config=texts["config"],
        split=texts["split"],
        revision=texts["revision"],
        token=texts["verifyToken"],
        date=date,
        url=texts["url"],
        source=texts["name"] or (str(source["org"]) if source.get("org") else None),
        notes=texts["notes"],
    )
    return entry, left


def record_of(entry: Entry, *, unit: str | None, source: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of an entry; its unit is what was said, percent for MTEB's, else unspecified."""
    version = mteb_version(entry)
    is_mteb = version is not None or _MTEB_URL in (entry.url or "")
    known, task, config, split = mteb_task(entry.task) if is_mteb else (None, entry.task, None, None)
    metric: dict[str, Any] = {"key": "value"}
    if known:
        name = metric_name("mteb", version, known.main)
        metric = {"key": known.main, **({"canonical": name.canonical} if name and name.canonical else {})}
    metric |= {"value": entry.value, "main": True}
    scale = unit or (PERCENT if is_mteb else UNSPECIFIED)
    if scale != "fraction":
        metric["unit"] = scale
    details = {
        "id": entry.dataset,
        "config": config or entry.config,
        "revision": entry.revision,
        "split": split or entry.split,
    }
    record: dict[str, Any] = {
        "id": f"eval_results/{entry.dataset}/{entry.task}",
        "task": {"name": task, **({"type": known.type, "category": known.category} if known else {})},
        "dataset": {key: value for key, value in details.items() if value},
        "metrics": [metric],
        "harness": {"name": "mteb" if is_mteb else HARNESS, **({"version": version} if version else {})},
    }
    if entry.date:
        record["run"] = {"date": entry.date}
    record["source"] = {"format": FORMAT, **source, **({"uri": entry.url} if entry.url else {})}
    if entry.token:
        record["verified"] = {"token": entry.token}
    if entry.notes:
        record["notes"] = entry.notes
    return record


def mteb_version(entry: Entry) -> str | None:
    """Return the version of MTEB that an entry says it was obtained with."""
    said = _MTEB_SAYS.search(f"{entry.notes or ''} {entry.source or ''}")
    return said[1].rstrip(".-") if said else None


def mteb_task(task_id: str) -> tuple[Task | None, str, str | None, str | None]:
    """Return task, name, subset and split of MTEB's TASK_SUBSET_SPLIT; of a task that nobody knows the whole text."""
    parts = task_id.split("_")
    for end in range(len(parts), 0, -1):
        name = "_".join(parts[:end])
        known = task_called(name)
        rest = parts[end:]
        if known is not None and len(rest) != 1:
            return known, name, "_".join(rest[:-1]) or None, rest[-1] if rest else None
    return None, task_id, None, None


# ---- out


def entry_of(
    record: Mapping[str, Any], *, url: str | None = None, told: str | None = None
) -> dict[str, Any] | None:
    """Return a record as an entry, None where it names no data set: its main number, fractions times 100.

    `url` and `told` say where it is published, for a record that does not say so itself.
    """
    dataset, harness = record.get("dataset") or {}, record.get("harness") or {}
    metric = main_metric(record)
    if not dataset.get("id") or metric is None:
        return None
    source = record.get("source") or {}
    is_own = source.get("format") == FORMAT
    entry: dict[str, Any] = {"dataset": {"id": dataset["id"], "task_id": task_id_of(record)}}
    if dataset.get("revision"):
        entry["dataset"]["revision"] = dataset["revision"]
    is_fraction = metric.get("unit", "fraction") == "fraction" and not is_own
    entry["value"] = round(metric["value"] * 100, 5) if is_fraction else metric["value"]
    token = (record.get("verified") or {}).get("token")
    if token:
        entry["verifyToken"] = token
    date = (record.get("run") or {}).get("date") or record.get("date")
    if date:
        entry["date"] = date
    place = source.get("uri") or (None if is_own else url)
    if place:
        entry["source"] = {"url": place, **({"name": told} if told and place == url else {})}
    notes = record.get("notes") if is_own else _notes(metric, harness)
    if notes:
        entry["notes"] = notes
    return entry


def main_metric(record: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return a record's number to quote: its main one, else its first; None where it has none."""
    known: Sequence[Mapping[str, Any]] = [
        m for m in record.get("metrics") or () if m.get("value") is not None
    ]
    return next((metric for metric in known if metric.get("main")), known[0] if known else None)


def task_id_of(record: Mapping[str, Any]) -> str:
    """Return the id of a record's task: for MTEB's as MTEB writes it, else what the record is known by."""
    dataset, task = record.get("dataset") or {}, record.get("task") or {}
    name, config, split = task.get("name"), dataset.get("config"), dataset.get("split")
    is_own = (record.get("source") or {}).get("format") == FORMAT
    if (record.get("harness") or {}).get("name") == "mteb" and name:
        return "_".join([name, *([config or "default", split] if split else [])])
    return str(name) if is_own and name else str(record["id"])


def _notes(metric: Mapping[str, Any], harness: Mapping[str, Any]) -> str:
    scale = " x 100" if metric.get("unit", "fraction") == "fraction" else ""
    by = " ".join(str(harness[key]) for key in ("name", "version") if harness.get(key))
    return f"{metric.get('canonical') or metric['key']}{scale}" + (f", measured with {by}" if by else "")
