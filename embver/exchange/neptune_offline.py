"""A run that a client of Neptune 1.x logged without a network: a folder of `metadata.json` and `data-N.log`, lines of JSON.

Each line is an operation: `{"obj": {"type": "AssignFloat", "path": ["params", "lr"], "value": 0.1}, "version": 3}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from embver.exchange.neptune import Run, point
from embver.exchange.tracked_metrics import Point
from embver.intake import AbsentError, MalformedError

_ASSIGNS: Final = ("AssignFloat", "AssignInt", "AssignString", "AssignBool")
_ABOUT: Final = "metadata.json"
_LONGEST_LINE: Final = 16 << 20


def is_offline_run(folder: Path) -> bool:
    """Tell whether a folder is a run that was logged offline."""
    return (folder / _ABOUT).is_file() and any(folder.glob("data-*.log"))


def read_run(folder: Path) -> Run:
    """Return the run; raise AbsentError or MalformedError with the line."""
    about = _about(folder / _ABOUT)
    values: dict[str, Any] = {}
    series: dict[str, list[Point]] = {}
    tags: list[str] = []
    others: dict[str, set[str]] = {}
    logs = sorted(folder.glob("data-*.log"), key=lambda path: (len(path.name), path.name))
    if not logs:
        raise AbsentError(f"{folder.name} holds no data-N.log")
    for place, each in _operations(logs):
        kind, steps = str(each.get("type", "")), each.get("path")
        path = "/".join(map(str, steps)) if isinstance(steps, list) else str(steps or "")
        try:
            if kind in _ASSIGNS:
                values[path] = each["value"]
            elif kind == "LogFloats":
                found = series.setdefault(path, [])
                for entry in each["values"]:
                    step = entry.get("step")
                    found.append(point(float(entry["value"]), float(len(found) if step is None else step)))
            elif kind == "AddStrings" and path == "sys/tags":
                tags += map(str, each["values"])
            else:
                others.setdefault(kind, set()).add(path)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise MalformedError(place, f"that is no operation of Neptune ({error})") from error
    return Run(
        project=str(about.get("projectId") or about.get("project_id") or "offline"),
        id=str(about.get("containerId") or about.get("structureId") or folder.name),
        values=values,
        series={path: sorted(found, key=lambda each: each.step or 0) for path, found in series.items()},
        tags=tuple(dict.fromkeys(tags)),
        others={kind: tuple(paths) for kind, paths in others.items()},
        version=str(about["version"]) if about.get("version") else None,
    )


def _about(path: Path) -> Mapping[str, Any]:
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MalformedError(path.name, f"cannot be read: {error}") from error
    if not isinstance(plain, dict):
        raise MalformedError(path.name, "that is no run of Neptune")
    return plain


def _operations(logs: list[Path]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield operations with their place; raise MalformedError."""
    for log in logs:
        with log.open("rb") as file:
            for number, line in enumerate(iter(lambda file=file: file.readline(_LONGEST_LINE), b""), start=1):  # type: ignore[misc]
                if not line.strip():
                    continue
                place = f"{log.name}:{number}"
                try:
                    plain = json.loads(line)
                    operation = plain["obj"]
                except (ValueError, KeyError, TypeError) as error:
                    raise MalformedError(
                        place, "that is no operation of Neptune, or it was cut off"
                    ) from error
                if not isinstance(operation, dict):
                    raise MalformedError(place, "that is no operation of Neptune")
                yield place, operation
