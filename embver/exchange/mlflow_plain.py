"""A run of MLflow as its REST interface and its client give it: plain data into a `Run`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embver.exchange.mlflow import Dataset, Run, point
from embver.exchange.tracked_metrics import Point
from embver.intake import MalformedError


def run_of(
    plain: Any,
    *,
    place: str,
    registered: Sequence[str] = (),
    series: Mapping[str, Sequence[Point]] | None = None,
) -> Run:
    """Read a run; raise MalformedError where the data have another shape."""
    try:
        info, data = plain["info"], plain.get("data") or {}
        inputs, outputs = plain.get("inputs") or {}, plain.get("outputs") or {}
        return Run(
            id=str(info.get("run_id") or info["run_uuid"]),
            status=str(info.get("status", "")),
            is_deleted=info.get("lifecycle_stage") == "deleted",
            params=_pairs(data.get("params")),
            metrics=dict(_points(data.get("metrics"))),
            tags=_pairs(data.get("tags")),
            datasets=tuple(map(_dataset, inputs.get("dataset_inputs") or ())),
            models=tuple(str(entry["model_id"]) for entry in outputs.get("model_outputs") or ()),
            registered=tuple(registered),
            artifacts=str(info.get("artifact_uri") or ""),
            series=series or {},
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedError(
            place,
            f"that is no run of MLflow ({type(error).__name__}: {error})",
            hint="an MLflow tracking server is needed, of version 1.0 or later",
        ) from error


def points_of(plain: Any, *, place: str) -> list[Point]:
    """Read values of a metric; raise MalformedError."""
    try:
        return [point(entry["value"], entry.get("step")) for entry in plain]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedError(place, f"these are no values of a metric ({error})") from error


def _pairs(plain: Any) -> dict[str, str]:
    """Return names and texts, from a mapping or a list of keys and values."""
    if isinstance(plain, Mapping):
        return {str(key): str(value) for key, value in plain.items()}
    return {str(entry["key"]): str(entry.get("value", "")) for entry in plain or ()}


def _points(plain: Any) -> Iterator[tuple[str, Point]]:
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield str(key), point(value)
        return
    for entry in plain or ():
        yield str(entry["key"]), point(entry["value"], entry.get("step"))


def _dataset(plain: Mapping[str, Any]) -> Dataset:
    found = plain["dataset"]
    return Dataset(
        name=str(found["name"]),
        digest=str(found.get("digest") or ""),
        source=str(found.get("source") or ""),
        profile=str(found.get("profile") or ""),
        context=_pairs(plain.get("tags")).get("mlflow.data.context", ""),
    )
