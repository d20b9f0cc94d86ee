"""A run of Neptune, whose service is gone: what was exported or logged offline, and what a card takes over of it.

`neptune_parquet` reads the exporter's files, `neptune_offline` those of a client without a network. Both give a `Run`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from embver.exchange.tracked import TrackedRun, counted, is_finite, listed
from embver.exchange.tracked_metrics import Point
from embver.intake import LeftOut

SOURCE: Final = "neptune"
# Where people keep parameters: Neptune has no place of its own for them. All else that is a number is a result.
_PARAMETERS: Final = ("parameters", "params", "hyperparameters", "hparams", "config", "args")
_OWN: Final = ("sys", "monitoring", "source_code")
_COMMIT: Final = "source_code/git/commit_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: single values by path, series of numbers by path, and references to files."""

    project: str
    id: str
    values: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind -> paths that are not taken
    is_incomplete: str | None = None  # why
    digest: str | None = None
    version: str | None = None


def point(value: float, step: float | None = None) -> Point:
    """Return one value of a series."""
    return Point(value=value if is_finite(value) else None, step=step)


def points(run: Run) -> dict[str, Sequence[Point]]:
    """Return all that may be asked for as a metric: series, and single numbers outside of the parameters."""
    return {**{path: [point(value)] for path, value in _results(run)}, **run.series}


def _results(run: Run) -> Iterator[tuple[str, float]]:
    for path, value in run.values.items():
        if _space(path) in (*_PARAMETERS, *_OWN) or isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            yield path, float(value)


def _space(path: str) -> str:
    return path.partition("/")[0] if "/" in path else ""


def tracked(run: Run, uri: str, *, tags: Sequence[str] = (), patterns: Sequence[str] = ()) -> TrackedRun:
    """Return what a tracker's run is to a card; with `patterns` any value may be a parameter, under its whole path."""
    named = {path: value for path, value in run.values.items() if _space(path) not in _OWN}
    if not patterns:
        named = {
            path.partition("/")[2]: value for path, value in named.items() if _space(path) in _PARAMETERS
        }
    values = points(run)
    taken = {path for path in run.values if patterns or _space(path) in _PARAMETERS}
    texts = sorted(
        path for path in run.values if path not in taken and path not in values and _space(path) not in _OWN
    )
    asides = {"files": dict(run.files), "tags": [tag for tag in run.tags if tag in tags]}
    # What stands under "system" is how busy a machine was.
    metrics = tuple(sorted(path for path in values if _space(path) not in _OWN))
    commit = run.values.get(_COMMIT)
    return TrackedRun(
        tracker=SOURCE,
        uri=uri,
        digest=run.digest,
        version=run.version,
        failure=_failure(run),
        hyperparameters={path: _plain(value) for path, value in named.items() if path},
        parameters_are="attribute",
        metrics=metrics,
        not_finite=tuple(path for path in metrics if values[path][-1].value is None),
        commit=commit if isinstance(commit, str) else None,
        asides={key: value for key, value in asides.items() if value},
        left_out=tuple(_left_out(run, texts, tags)),
        warnings=tuple(f"the run has no tag {tag}" for tag in tags if tag not in run.tags),
    )


def _failure(run: Run) -> str | None:
    if run.is_incomplete:
        return run.is_incomplete
    if run.values.get("sys/failed") is True:
        return "the run failed"
    state = str(run.values.get("sys/state", "")).lower()
    return "the run was still going on when it was written" if state in ("active", "running") else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value


def _left_out(run: Run, texts: Sequence[str], tags: Sequence[str]) -> Iterator[LeftOut]:
    if texts:
        yield LeftOut(
            what=f"{counted(len(texts), 'attribute')} ({listed(texts)})",
            why=f"not known to be parameters; to take one: --set params={texts[0]}",
        )
    own = sorted(path for path in {**run.values, **run.series} if _space(path) in _OWN and path != _COMMIT)
    if own:
        yield LeftOut(
            what=f"{counted(len(own), 'attribute')} ({listed(own)})",
            why="Neptune's own notes of who ran what where, and how busy the machine was",
        )
    for kind, paths in sorted(run.others.items()):
        yield LeftOut(
            what=f"{counted(len(paths), 'attribute')} ({listed(sorted(paths))})",
            why=f"a card holds no {kind}",
        )
    rest = sorted(tag for tag in run.tags if tag not in tags)
    if rest:
        yield LeftOut(
            what=f"{counted(len(rest), 'tag')} ({listed(rest)})", why=f"not asked for: --set tags={rest[0]}"
        )
