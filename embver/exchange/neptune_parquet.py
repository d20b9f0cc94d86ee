"""A run of a Neptune export: Parquet files of one long table, `RUN_part_N.parquet`, as neptune-exporter wrote them.

The columns say which run a row is of; names of files and folders say only which parts belong together. Part 0 was renamed
last, so that a run without it was not written to its end.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.errors import MissingExtra
from embver.exchange.neptune import Run, point
from embver.exchange.tracked import listed
from embver.exchange.tracked_metrics import Point
from embver.intake import AbsentError, MalformedError

_PART: Final = re.compile(r"(.+)_part_(\d+)\.parquet")
_VALUES: Final = {
    "float": "float_value",
    "int": "int_value",
    "string": "string_value",
    "bool": "bool_value",
    "datetime": "datetime_value",
}
_ABOUT: Final = ("project_id", "run_id", "attribute_path", "attribute_type", "step", "timestamp")
_READ: Final = (*_ABOUT, *_VALUES.values(), "string_set_value", "file_value")
COLUMNS: Final = (*_READ, "histogram_value")
_ROWS: Final = 1 << 16
_KNOWN: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file that can be read, and whose parts belong to it."""

    path: Path
    stem: str
    number: int
    runs: frozenset[tuple[str, str]]  # (project, run)


def parts_below(folder: Path) -> list[Path]:
    """Return the export's files below a folder, links left aside."""
    return [
        path for path in sorted(folder.rglob("*_part_*.parquet")) if path.is_file() and not path.is_symlink()
    ]


def read_run(folder: Path, text: str) -> tuple[Run, tuple[str, ...]]:
    """Return the run that RUN, or PROJECT/RUN, means, and warnings of files that could not be read.

    Raises AbsentError, MalformedError or MissingExtra.
    """
    paths = parts_below(folder)
    if not paths:
        raise AbsentError(
            f"there is no file of a Neptune export below {folder.name}",
            hint="they are called RUN_part_0.parquet; name the folder that neptune-exporter wrote into",
        )
    parts, broken = [], {}
    for path in paths:
        try:
            parts.append(_part(path))
        except MalformedError as error:
            broken[path] = error
    known = sorted({run for part in parts for run in part.runs})
    fitting = [(project, run) for project, run in known if text in (run, f"{project}/{run}")]
    if not fitting:
        if broken and not known:
            raise next(iter(broken.values()))
        raise AbsentError(
            f"the export has no run {text}", known=tuple(f"{project}/{run}" for project, run in known)
        )
    if len(fitting) > 1:
        raise AbsentError(
            f"{len(fitting)} projects have a run {text}",
            known=tuple(f"{project}/{run}" for project, run in fitting),
        )
    mine = [part for part in parts if fitting[0] in part.runs]
    stems = {part.stem for part in mine}
    for path, flaw in broken.items():
        if _stem(path)[0] in stems:
            raise flaw  # a part of this very run
    warnings = tuple(f"{flaw}: left aside, it is of another run" for flaw in broken.values())
    return _run(fitting[0], mine, _gap(mine)), warnings


def _gap(mine: list[Part]) -> str | None:
    """Say which part is missing; None where all are there."""
    numbers = sorted(part.number for part in mine)
    missing = sorted(set(range(numbers[-1] + 1)) - set(numbers))
    said = listed(str(number) for number in missing)
    return f"the export is not complete: part {said} is missing" if missing else None


def _stem(path: Path) -> tuple[str, int]:
    found = _PART.fullmatch(path.name)
    return (found[1], int(found[2])) if found else (path.stem, 0)


def _part(path: Path) -> Part:
    """Look at one file: its columns, and whose rows it holds; raise MalformedError."""
    arrow = _arrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            missing = [name for name in COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise MalformedError(
                    path.name, f"that is no file of a Neptune export: it has no column {', '.join(missing)}"
                )
            runs = {
                (str(row["project_id"]), str(row["run_id"]))
                for batch in file.iter_batches(_ROWS, columns=["project_id", "run_id"])
                for row in arrow.Table.from_batches([batch])
                .group_by(batch.schema.names)
                .aggregate([])
                .to_pylist()
            }
    except MalformedError:
        raise
    except (arrow.ArrowException, OSError) as error:
        raise MalformedError(
            path.name, f"the file is damaged, or no Parquet ({_first_line(error)})"
        ) from error
    stem, number = _stem(path)
    return Part(path=path, stem=stem, number=number, runs=frozenset(runs))


def _rows(part: Part, run: tuple[str, str]) -> Iterator[dict[str, Any]]:
    arrow = _arrow()
    compute = arrow.compute
    try:
        with arrow.parquet.ParquetFile(part.path) as file:
            for batch in file.iter_batches(_ROWS, columns=list(_READ)):
                is_project = compute.equal(batch.column("project_id"), run[0])
                is_run = compute.equal(batch.column("run_id"), run[1])
                yield from batch.filter(compute.and_(is_project, is_run)).to_pylist()
    except (arrow.ArrowException, OSError) as error:
        raise MalformedError(part.path.name, f"the file is damaged ({_first_line(error)})") from error


def _run(named: tuple[str, str], parts: list[Part], gap: str | None) -> Run:
    values: dict[str, Any] = {}
    files: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    series: dict[str, list[tuple[float, Any, Point]]] = {}
    others: dict[str, set[str]] = {}
    for part in sorted(parts, key=lambda each: each.number):
        for row in _rows(part, named):
            path, kind = str(row["attribute_path"]), str(row["attribute_type"])
            if kind in _VALUES:
                values[path] = row[_VALUES[kind]]
            elif kind == "float_series" and row["float_value"] is not None:
                step = float(row["step"] or 0)
                entry = (step, row["timestamp"], point(row["float_value"], step))
                series.setdefault(path, []).append(entry)
            elif kind == "file" and row["file_value"]:
                files[path] = str(row["file_value"].get("path") or "")
            elif kind == "string_set" and path == "sys/tags":
                tags = tuple(map(str, row["string_set_value"] or ()))
            else:
                others.setdefault(kind.replace("_", " "), set()).add(path)
    return Run(
        project=named[0],
        id=named[1],
        values=values,
        series={path: _in_order(found) for path, found in series.items()},
        files={path: file for path, file in files.items() if file},
        tags=tags,
        others={kind: tuple(paths) for kind, paths in others.items()},
        is_incomplete=gap,
        digest=f"sha256:{_sha256(parts[0].path)}" if len(parts) == 1 else None,
    )


def _in_order(found: list[tuple[float, Any, Point]]) -> list[Point]:
    """Return values by step; of two at one step the later counts."""
    by_step: dict[float, tuple[Any, Point]] = {}
    for step, when, each in found:
        known = by_step.get(step)
        if known is None or when is None or known[0] is None or when >= known[0]:
            by_step[step] = (when, each)
    return [by_step[step][1] for step in sorted(by_step)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _arrow() -> Any:
    """Return pyarrow with the parts that are used here."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("neptune", needed_for="a Neptune export") from error
    return pyarrow
