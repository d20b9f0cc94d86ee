"""A run of an MLflow database file (SQLite), read as it is: never created, never written, never upgraded.

The client opens no database of another version than its own, and makes one where there is none; the tables that are
read here have stood since MLflow 1.0 (those of data sets since 2.4, of logged models since 3.0).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from embver.errors import EmbverError
from embver.exchange.mlflow import Dataset, Run, point
from embver.exchange.tracked_metrics import Point
from embver.intake import AbsentError, MalformedError

MAGIC: Final = b"SQLite format 3\0"
_WAIT_S: Final = 5.0  # for another program's lock
_KNOWN: Final = 12


def read_run(path: Path, run: str, keys: Sequence[str], *, place: str) -> Run:
    """Return a run with all values of some metrics; raise AbsentError, MalformedError or EmbverError."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise MalformedError(place, "that is no SQLite database", hint="give the file behind sqlite:///")
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=_WAIT_S)
        ) as database:
            return _run(database, run, keys, place)
    except MalformedError:
        raise
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise EmbverError(
                f"{place} is locked by another program", hint="try again in a moment"
            ) from error
        raise MalformedError(place, f"that is no database of MLflow ({error})") from error
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise MalformedError(place, f"the database cannot be read ({error})") from error


def _run(database: sqlite3.Connection, run: str, keys: Sequence[str], place: str) -> Run:
    def rows(query: str, *values: str) -> list[Any]:
        return database.execute(query, values).fetchall()

    def tables(*names: str) -> bool:
        there = {name for (name,) in rows("select name from sqlite_master where type = 'table'")}
        return set(names) <= there

    if not tables("runs", "params", "tags", "metrics", "latest_metrics"):
        raise MalformedError(place, "this database holds no runs of MLflow")
    found = rows("select status, lifecycle_stage, artifact_uri from runs where run_uuid = ?", run)
    if not found:
        query = "select run_uuid from runs order by start_time desc limit ?"
        known = tuple(name for (name,) in database.execute(query, (_KNOWN,)))
        raise AbsentError(f"{place} has no run {run}", known=known)
    status, lifecycle, artifacts = found[0]
    latest = rows("select key, value, step, is_nan from latest_metrics where run_uuid = ?", run)
    has_data = tables("inputs", "input_tags", "datasets")
    return Run(
        id=run,
        status=str(status),
        is_deleted=lifecycle == "deleted",
        params={
            key: str(value) for key, value in rows("select key, value from params where run_uuid = ?", run)
        },
        metrics={key: _point(value, step, is_nan) for key, value, step, is_nan in latest},
        tags={
            key: str(value or "")
            for key, value in rows("select key, value from tags where run_uuid = ?", run)
        },
        datasets=tuple(Dataset(**dict(zip(_DATA, row, strict=True))) for row in rows(_DATASETS, run))
        if has_data
        else (),
        models=tuple(model for (model,) in rows(_MODELS, run)) if has_data else (),
        registered=tuple(f"{name}/{version}" for name, version in rows(_REGISTERED, run))
        if tables("model_versions")
        else (),
        artifacts=str(artifacts or ""),
        series={key: [_point(*row) for row in rows(_SERIES, run, key)] for key in keys},
    )


_DATA: Final = ("name", "digest", "source", "profile", "context")
_DATASETS: Final = (
    "select d.name, d.digest, coalesce(d.dataset_source, ''), coalesce(d.dataset_profile, ''), coalesce(t.value, '') "
    "from inputs i join datasets d on i.source_id = d.dataset_uuid and i.source_type = 'DATASET' "
    "left join input_tags t on t.input_uuid = i.input_uuid and t.name = 'mlflow.data.context' "
    "where i.destination_id = ? and i.destination_type = 'RUN' order by i.rowid"
)
_MODELS: Final = (
    "select destination_id from inputs where source_type = 'RUN_OUTPUT' and source_id = ? "
    "and destination_type = 'MODEL_OUTPUT' order by step, destination_id"
)
_REGISTERED: Final = "select name, version from model_versions where run_id = ? order by name, version"
_SERIES: Final = (
    "select value, step, is_nan from metrics where run_uuid = ? and key = ? order by step, timestamp, value"
)


def _point(value: Any, step: Any, is_nan: Any) -> Point:
    return point("nan" if is_nan else value, step)
