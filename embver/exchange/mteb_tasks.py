"""What MTEB says of its own tasks: kind, direction, main score, data set. From a data file.

`tests/exchange/results_oracle.py` makes it from MTEB itself, and a test holds it to the MTEB that is installed.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task; `revision` is the beginning of the data set's, whose name `dataset` is at that revision only."""

    type: str
    category: str
    main: str
    dataset: str
    revision: str


def task_called(name: str) -> Task | None:
    """Return what is known of a task, or None."""
    row = _rows().get(name) if name else None
    if row is None:
        return None
    kind, category, main, dataset, revision = row
    return Task(type=kind, category=category, main=main, dataset=dataset, revision=revision)


@functools.cache
def _rows() -> dict[str, list[str]]:
    plain: dict[str, list[str]] = json.loads(
        Path(__file__).with_name("mteb_tasks.json").read_text(encoding="utf-8")
    )
    return plain
