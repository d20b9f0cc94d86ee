"""A run of MLflow, however it was read: its parts, and what a card takes over of them.

`mlflow_rest` asks a tracking server, `mlflow_database` and `mlflow_folder` read files; none of them needs MLflow itself.
`mlflow_client` is for what only the client can reach. All give a `Run`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embver.exchange.tracked import Data, TrackedRun, counted, from_text, is_finite, listed, tracked_data
from embver.exchange.tracked_metrics import Point
from embver.intake import LeftOut

SOURCE: Final = "mlflow"
RUN_ID: Final = re.compile(r"[A-Za-z0-9][\w-]{0,255}")
_PAGE: Final = re.compile(r"(https?://[^#]*?)/?#/.*?runs/([A-Za-z0-9][\w-]*)")  # a run's page in the browser
_TAGS: Final = ("mlflow.source.git.commit", "mlflow.source.git.repoURL")
_ROLES: Final = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
    "distillation": "distillation",
}
_LONGEST: Final = 6000  # what MLflow cuts a parameter's value to
_STATES: Final = {
    "FAILED": "the run failed",
    "KILLED": "the run was killed",
    "RUNNING": "the run still goes on, or was never ended",
    "SCHEDULED": "the run has not begun",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """An input of a run; `source` and `profile` are JSON texts, `context` is what it was used for."""

    name: str
    digest: str
    source: str = ""
    profile: str = ""
    context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as MLflow knows it; `series` holds all values of the metrics that were asked for."""

    id: str
    status: str
    is_deleted: bool = False
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Point] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    models: tuple[str, ...] = ()  # ids of logged models
    registered: tuple[str, ...] = ()  # NAME/VERSION of registered models
    artifacts: str = ""
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)


def split_reference(text: str) -> tuple[str | None, str]:
    """Return the tracking URI of a reference (None: not said) and the run's id: `URI#ID`, `ID` or a page's address."""
    text = text.removeprefix("mlflow:")
    page = _PAGE.match(text)
    if page:
        return page[1], page[2]
    place, hash_sign, run = text.rpartition("#")
    return (place or None, run) if hash_sign else (None, text.removeprefix("runs:/"))


def point(value: Any, step: Any = None) -> Point:
    """Return one value of a series; MLflow writes what is not finite as a text, and as the largest float."""
    number = float(value)
    at = int(step) if step is not None else None
    return Point(value=number if is_finite(number) else None, step=at)


def tracked(run: Run, uri: str, *, root: Path, tags: Sequence[str] = ()) -> TrackedRun:
    """Return what a tracker's run is to a card; paths below `root` become relative, `tags` are those asked for."""
    system = [name for name in run.metrics if name.startswith("system/")]
    metrics = tuple(sorted(name for name in run.metrics if name not in system))
    kept = {name: value for name, value in run.tags.items() if name in tags}
    asides: dict[str, Any] = {
        "models": [f"models:/{model}" for model in run.models],
        "registered_models": [f"models:/{version}" for version in run.registered],
        "tags": kept,
    }
    return TrackedRun(
        tracker=SOURCE,
        uri=uri,
        failure="the run was deleted" if run.is_deleted else _STATES.get(run.status),
        hyperparameters={key: from_text(value) for key, value in run.params.items()},
        metrics=metrics,
        not_finite=tuple(name for name in metrics if run.metrics[name].value is None),
        data=tracked_data(_data(entry, root) for entry in run.datasets),
        commit=run.tags.get("mlflow.source.git.commit"),
        repository=run.tags.get("mlflow.source.git.repoURL"),
        asides={key: value for key, value in asides.items() if value},
        left_out=tuple(_left_out(run, system, tags)),
        warnings=tuple(_warnings(run, tags)),
    )


def _left_out(run: Run, system: Sequence[str], tags: Sequence[str]) -> Iterator[LeftOut]:
    if system:
        yield LeftOut(
            what=f"{counted(len(system), 'system metric')} ({listed(sorted(system))})",
            why="they say how busy a machine was, and not which",
        )
    own = sorted(name for name in run.tags if not name.startswith("mlflow.") and name not in tags)
    if own:
        yield LeftOut(
            what=f"{counted(len(own), 'tag')} ({listed(own)})", why=f"not asked for: --set tags={own[0]}"
        )
    theirs = sorted(name for name in run.tags if name.startswith("mlflow.") and name not in (*_TAGS, *tags))
    if theirs:
        yield LeftOut(what=listed(theirs), why="MLflow's own notes of who ran what where")


def _warnings(run: Run, tags: Sequence[str]) -> Iterator[str]:
    for key, value in run.params.items():
        if len(value) >= _LONGEST:
            yield f"param {key} has {len(value):,} characters: MLflow may have cut it"
    absent = [name for name in tags if name not in run.tags]
    if absent:
        yield f"the run has no tag {', '.join(absent)}"


def _data(entry: Dataset, root: Path) -> Data:
    profile = _mapping(entry.profile)
    rows = profile.get("num_rows")
    return Data(
        name=entry.name,
        # Eight digits that MLflow computes from a part of the data, or any text: no evidence of what the bytes were.
        version=f"mlflow-digest:{entry.digest}" if entry.digest else None,
        uri=_place(_mapping(entry.source), root),
        rows=rows if isinstance(rows, int) and not isinstance(rows, bool) and rows >= 0 else None,
        role=_ROLES.get(entry.context.lower()),
    )


def _place(source: Mapping[str, Any], root: Path) -> str | None:
    """Return where a data set came from: a URI, or a path from the repository's root where it lies below that."""
    found = source.get("uri") or source.get("url")
    if not isinstance(found, str) or not found:
        # A source on the hub has a path and a revision.
        path, revision = source.get("path"), source.get("revision")
        if not isinstance(path, str) or path.startswith(("/", "~")):
            return None
        return f"hf://datasets/{path}" + (f"@{revision}" if isinstance(revision, str) else "")
    path = Path(found.removeprefix("file://"))
    if path.is_absolute() and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return found


def _mapping(text: str) -> Mapping[str, Any]:
    try:
        plain = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return plain if isinstance(plain, dict) else {}
