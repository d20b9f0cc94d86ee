"""A run of an MLflow file store (`mlruns/`), read from its files. The client calls this store deprecated and refuses it.

A run is a folder `EXPERIMENT/ID` of `meta.yaml`, `params/`, `tags/` and `metrics/`, one file a name; a name with a slash is a
folder. Deleted runs and experiments lie there too (`lifecycle_stage`, `.trash`). The YAML is read by whoever calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from embver.exchange.mlflow import RUN_ID, Dataset, Run, point
from embver.exchange.tracked_metrics import Point
from embver.intake import AbsentError, MalformedError

Meta = Callable[[Path], Mapping[str, Any]]  # a file of YAML, every value as the text it is

_STATES: Final = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
_LARGEST_BYTES: Final = 32 << 20
_KNOWN: Final = 12


def is_store(folder: Path) -> bool:
    """Tell whether a folder is a file store: it has experiments."""
    return folder.is_dir() and any(_experiments(folder))


def read_run(store: Path, run: str, keys: Sequence[str], *, meta: Meta) -> Run:
    """Return a run with all values of some metrics; raise AbsentError or MalformedError."""
    folder = next(
        (
            each / run
            for each in _experiments(store)
            if RUN_ID.fullmatch(run) and (each / run / "meta.yaml").is_file()
        ),
        None,
    )
    if folder is None:
        found = (
            path
            for each in _experiments(store)
            for path in each.glob("*/meta.yaml")
            if (path.parent / "params").is_dir()
        )
        known = sorted(found, key=lambda path: -path.stat().st_mtime)[:_KNOWN]
        raise AbsentError(f"{store.name} has no run {run}", known=tuple(path.parent.name for path in known))
    about = meta(folder / "meta.yaml")
    series = dict(_files(folder / "metrics"))
    return Run(
        id=run,
        status=_STATES.get(str(about.get("status")), str(about.get("status"))),
        is_deleted=about.get("lifecycle_stage") == "deleted",
        params={name: _text(path) for name, path in _files(folder / "params")},
        metrics={name: _points(path)[-1] for name, path in series.items()},
        tags={name: _text(path) for name, path in _files(folder / "tags")},
        datasets=tuple(_datasets(folder, meta)),
        models=tuple(sorted(path.parent.name for path in folder.glob("outputs/*/meta.yaml"))),
        registered=tuple(_registered(store, run, meta)),
        artifacts=str(about.get("artifact_uri") or ""),
        series={key: _points(series[key]) for key in keys if key in series},
    )


def _experiments(store: Path) -> Iterator[Path]:
    """Yield the folders of experiments, those that were deleted too."""
    for pattern in ("*/meta.yaml", ".trash/*/meta.yaml"):
        for path in sorted(store.glob(pattern)):
            if path.parent.name != "models" and not path.parent.is_symlink():
                yield path.parent


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names and files below a folder; a link is not followed, it could lead anywhere."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.resolve().is_relative_to(folder.resolve()):
            yield path.relative_to(folder).as_posix(), path


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise MalformedError(path.name, f"larger than {_LARGEST_BYTES >> 20} MiB")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(path.name, "that is no text in UTF-8") from error


def _points(path: Path) -> list[Point]:
    """Return a metric's values by step; each line is TIME VALUE STEP, of old stores TIME VALUE."""
    found: list[tuple[int, int, Point]] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        parts = line.split(" ")
        try:
            each = point(parts[1], parts[2] if len(parts) > 2 else 0)
            found.append((int(each.step or 0), int(parts[0]), each))
        except (ValueError, IndexError) as error:
            raise MalformedError(
                f"{path.name}:{number}", "that is no value of a metric: TIME VALUE STEP"
            ) from error
    if not found:
        raise MalformedError(path.name, "a metric without a value")
    return [each for _, _, each in sorted(found, key=lambda entry: entry[:2])]


def _datasets(run: Path, meta: Meta) -> Iterator[Dataset]:
    for path in sorted(run.glob("inputs/*/meta.yaml")):
        link = meta(path)
        file = run.parent / "datasets" / str(link.get("source_id", "")) / "meta.yaml"
        if link.get("source_type") != "DATASET" or not file.is_file():
            continue
        found, tags = meta(file), link.get("tags")
        context = tags.get("mlflow.data.context", "") if isinstance(tags, Mapping) else ""
        yield Dataset(
            name=str(found.get("name", "")),
            digest=str(found.get("digest", "")),
            source=str(found.get("source", "")),
            profile=str(found.get("profile", "")),
            context=str(context),
        )


def _registered(store: Path, run: str, meta: Meta) -> Iterator[str]:
    for path in sorted(store.glob("models/*/version-*/meta.yaml")):
        found = meta(path)
        if found.get("run_id") == run:
            yield f"{found.get('name')}/{found.get('version')}"
