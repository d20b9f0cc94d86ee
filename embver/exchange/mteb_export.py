"""Write MTEB's result files again: byte by byte where the raw file is kept, else as far as the records hold it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from embver.exchange.kept_files import KeptFiles, Record
from embver.exchange.mteb import FORMAT
from embver.exchange.mteb_folder import META, SETTINGS
from embver.exchange.mteb_records import HARNESS, MAIN
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, MissingFieldsError


def export_mteb(
    records: Sequence[Record], kept: KeptFiles, beside: Mapping[str, bytes], *, folder: str
) -> Export:
    """Return the files of a results folder, `ORG__NAME/REVISION/TASK.json`, and what they do not hold.

    Raises MissingFieldsError where a record without its raw file lacks what MTEB requires.
    """
    own = [record for record in records if is_mteb(record)]
    left = _others(records, own)
    files: dict[str, RawFile] = {}
    made: dict[str, list[Record]] = {}
    for record in own:
        data = kept.of(record)
        if data is not None:
            path = f"{folder}{str(record['source']['path']).rpartition('/')[2]}"
            files[path] = RawFile(path=path, data=data)
        elif str((record.get("dataset") or {}).get("config", "")).startswith("mean of "):
            left.append(LeftOut(what=record["id"], why="a mean over subsets, whose raw file is not kept"))
        else:
            made.setdefault(str((record.get("task") or {}).get("name")), []).append(record)
    _check(made)
    for task, rows in made.items():
        path = f"{folder}{task}.json"
        files[path] = RawFile(path=path, data=_bytes(plain_of(rows)))
        left.append(
            LeftOut(what=task, why="its raw file is not kept: only the numbers of the card are written")
        )
    settings = [line for rows in made.values() for row in rows if (line := _settings(row))]
    for name in (META, SETTINGS):
        if name in beside:
            files[f"{folder}{name}"] = RawFile(path=f"{folder}{name}", data=beside[name])
        elif name == SETTINGS and settings:
            data = "".join(f"{json.dumps(line)}\n" for line in settings).encode()
            files[f"{folder}{name}"] = RawFile(path=f"{folder}{name}", data=data)
    return Export(files=tuple(files.values()), left_out=tuple(left))


def is_mteb(record: Record) -> bool:
    """Tell whether a record came from a result file of MTEB, and not from what somebody published of it."""
    source, harness = record.get("source") or {}, record.get("harness") or {}
    return bool(
        source.get("format") == FORMAT or (harness.get("name") == HARNESS and not source.get("format"))
    )


def plain_of(rows: Sequence[Record]) -> dict[str, Any]:
    """Return one result file from the records of its splits and subsets."""
    first = rows[0]
    versions = {row: (record.get("harness") or {}).get("version") for row, record in enumerate(rows)}
    is_one = len(set(versions.values())) == 1
    scores: dict[str, list[dict[str, Any]]] = {}
    for number, record in enumerate(rows):
        dataset = record.get("dataset") or {}
        row = _row(record, dataset)
        if not is_one and versions[number]:
            row["mteb_version"] = versions[number]
        scores.setdefault(dataset["split"], []).append(row)
    run = (first.get("run") or {}) if len(rows) == 1 else {}
    plain: dict[str, Any] = {
        "dataset_revision": first["dataset"]["revision"],
        "task_name": first["task"]["name"],
        "mteb_version": versions[0] if is_one else None,
        "scores": scores,
        "evaluation_time": run.get("duration_s"),
        "kg_co2_emissions": run.get("kg_co2"),
    }
    date = (first.get("run") or {}).get("date")
    return {**plain, **({"date": _seconds(date)} if date else {})}


def _row(record: Record, dataset: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    main = None
    for metric in record["metrics"]:
        if metric["key"] != MAIN:
            row[metric["key"]] = metric["value"]
        if metric.get("main"):
            main = metric["value"]
    return {
        **row,
        MAIN: main,
        "hf_subset": dataset.get("config") or "default",
        "languages": list(dataset.get("languages") or ()),
    }


def _check(made: Mapping[str, Sequence[Record]]) -> None:
    missing = []
    for records in made.values():
        for record in records:
            place, dataset = f"benchmarks[{record['id']}]", record.get("dataset") or {}
            named = (
                ("dataset.revision", "dataset_revision", dataset.get("revision")),
                ("dataset.split", "a split of scores", dataset.get("split")),
                ("task.name", "task_name", (record.get("task") or {}).get("name")),
                ("metrics[].main", "main_score", any(metric.get("main") for metric in record["metrics"])),
            )
            missing += [(f"{place}.{field}", wanted) for field, wanted, value in named if not value]
    if missing:
        raise MissingFieldsError("an MTEB result", tuple(missing))


def _settings(record: Record) -> dict[str, Any] | None:
    """Return a line of run_settings.jsonl, where the record says with what it was run."""
    env, harness, dataset = record.get("env") or {}, record.get("harness") or {}, record.get("dataset") or {}
    if not env and not harness.get("kwargs"):
        return None
    version = {**({HARNESS: harness["version"]} if harness.get("version") else {}), **env}
    return {
        "task": record["task"]["name"],
        "splits": [dataset["split"]],
        "version": version,
        "encode_kwargs": dict(harness.get("kwargs") or {}),
        "subsets": [dataset.get("config") or "default"],
    }


def _others(records: Sequence[Record], own: Sequence[Record]) -> list[LeftOut]:
    rest = [record for record in records if record not in own]
    harnesses = dict.fromkeys(
        str((record.get("harness") or {}).get("name", "something else")) for record in rest
    )
    return (
        [
            LeftOut(
                what=f"{len(rest)} benchmarks",
                why=f"measured with {', '.join(harnesses)}, not from files of MTEB",
            )
        ]
        if rest
        else []
    )


def _seconds(date: str) -> float:
    found = datetime.fromisoformat(date.replace("Z", "+00:00"))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _bytes(plain: Mapping[str, Any]) -> bytes:
    """Return a result as MTEB writes it: indented by two, no line break at the end."""
    return json.dumps(plain, indent=2).encode()
