"""Metrics of a run that somebody asks for: which value of a series, under which name, in which benchmark's record.

A tracker's number is the last of a series, and the best one is another: a record says which it is, and at which step.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, Final

from embver.errors import UsageError
from embver.intake import AbsentError, Taken

PICKS: Final = ("last", "max", "min")
UNITS: Final = ("fraction", "percent")
# Measures that run from 0 to 1: a number above 1 under such a name is in percent, or is something else.
_FRACTION: Final = re.compile(
    r"(?i)(^|[^a-z])(hit|recall|precision|ndcg|mrr|map|accuracy|acc|auc|f1|r)(?:[@_\d]|$)|accuracy"
)

# What an importer of runs can be told, for its `OPTIONS`.
OPTIONS: Final[Mapping[str, str]] = {
    "metrics": "metrics for a benchmark's record: KEY=NAME:max, KEY=NAME:min or KEY=NAME:last, commas between",
    "benchmark": "the id of that record in the card",
    "unit": "what those metrics are in: fraction or percent",
    "params": "patterns of the hyperparameters to take, commas between; all by default",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a series; `value` is None where it is not finite."""

    value: float | None
    step: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedMetric:
    """One metric: its key in the tracker, its name in the card, which value, and that value once it is found."""

    key: str
    name: str
    pick: str
    point: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asks of a run, beside what is always taken."""

    metrics: tuple[WantedMetric, ...] = ()
    benchmark: str | None = None
    unit: str | None = None
    parameters: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def found(
        self,
        points: Mapping[str, Sequence[Point]],
        *,
        known: Iterable[str],
        uri: str,
        summaries: Mapping[tuple[str, str], Point] | None = None,
    ) -> Wanted:
        """Return it with the values, from the series or else from what the tracker itself keeps of them, by key and pick.

        Raises AbsentError for a metric that the run does not have, UsageError for a value that cannot be told.
        """
        metrics, warnings = [], []
        kept = summaries or {}
        for wanted in self.metrics:
            series = points.get(wanted.key) or [
                each for each in [kept.get((wanted.key, wanted.pick))] if each
            ]
            if not series and wanted.key in known:
                there = [f"{wanted.key}={wanted.name}:{pick}" for pick in PICKS if (wanted.key, pick) in kept]
                raise UsageError(
                    f"the {wanted.pick} of {wanted.key} is not to be had: the tracker keeps only a summary",
                    hint=f"--set metrics={there[0]}" if there else "import it from the run's own files",
                )
            if not series:
                near = get_close_matches(wanted.key, list(known), n=5, cutoff=0.3)
                raise AbsentError(f"{uri} has no metric {wanted.key!r}", known=tuple(near or sorted(known)))
            point = picked(series, wanted.pick)
            if point.value is None:
                warnings.append(f"{wanted.pick} of {wanted.key} is not finite: the card gets null")
            self._check_unit(wanted, point)
            metrics.append(replace(wanted, point=point))
        return replace(self, metrics=tuple(metrics), warnings=tuple(warnings))

    def _check_unit(self, wanted: WantedMetric, point: Point) -> None:
        is_fraction = is_measure(wanted.name)
        if point.value is None or not abs(point.value) > 1 or not is_fraction or self.unit == "percent":
            return
        raise UsageError(
            f"{wanted.key} is {point.value:g}, and {wanted.name} runs from 0 to 1",
            hint="if it is in percent: --set unit=percent",
        )


def wanted_of(options: Mapping[str, str]) -> Wanted:
    """Read the options of a run's import; raise UsageError."""
    metrics = tuple(
        _wanted_metric(text.strip()) for text in options.get("metrics", "").split(",") if text.strip()
    )
    benchmark, unit = options.get("benchmark"), options.get("unit")
    if bool(metrics) != (benchmark is not None):
        raise UsageError(
            "metrics go into a benchmark's record: say both",
            hint="--set benchmark=ID --set metrics=KEY=NAME:max",
        )
    if unit not in (None, *UNITS):
        raise UsageError(f"unit {unit}: one of {', '.join(UNITS)}")
    doubled = [each.name for n, each in enumerate(metrics) if each.name in {one.name for one in metrics[:n]}]
    if doubled:
        raise UsageError(f"two metrics would be called {doubled[0]} in the card")
    patterns = tuple(text.strip() for text in options.get("params", "").split(",") if text.strip())
    return Wanted(metrics=metrics, benchmark=benchmark, unit=unit, parameters=patterns)


def _wanted_metric(text: str) -> WantedMetric:
    """Read `KEY=NAME:PICK`; a key may hold colons, its name in the card may be left out."""
    body, _, pick = text.rpartition(":")
    if pick not in PICKS:
        raise UsageError(
            f"metric {text}: say which value of the series it is",
            hint=f"{text}:max, {text}:min or {text}:last",
        )
    key, equals, name = body.rpartition("=")
    if not equals:
        key = name = body
    if not key or not name:
        raise UsageError(f"metric {text} is not KEY=NAME:{pick}")
    return WantedMetric(key=key, name=name, pick=pick)


def is_measure(name: str) -> bool:
    """Tell whether a name is that of a measure from 0 to 1, such as recall."""
    return bool(_FRACTION.search(name))


def picked(series: Sequence[Point], pick: str) -> Point:
    """Return the last value of a series (by step, then by place), or its first highest or lowest finite one."""
    if pick == "last":
        steps = [-math.inf if point.step is None else point.step for point in series]
        return max(zip(steps, range(len(series)), series, strict=True), key=lambda entry: entry[:2])[2]
    finite = [point for point in series if point.value is not None]
    if not finite:
        return Point(value=None)
    values = [point.value for point in finite if point.value is not None]
    best = max(values) if pick == "max" else min(values)
    return next(point for point in finite if point.value == best)


def benchmark_record(tracker: str, uri: str, wanted: Wanted) -> Taken:
    """Return the benchmark's record; what its protocol and data were is not known, and not said."""
    metrics: list[dict[str, Any]] = []
    notes = []
    for each in wanted.metrics:
        assert each.point is not None
        metrics.append(
            {"key": each.name, "value": each.point.value} | ({"unit": wanted.unit} if wanted.unit else {})
        )
        at = (
            f" at step {each.point.step:g}"
            if each.point.step is not None and each.point.value is not None
            else ""
        )
        notes.append(f"{each.name} is the {each.pick} of {each.key}{at}")
    assert wanted.benchmark is not None
    value = {
        "id": wanted.benchmark,
        "metrics": metrics,
        "source": {"format": tracker, "uri": uri},
        "notes": f"{'; '.join(notes)}.",
    }
    keys = ", ".join(each.key for each in wanted.metrics)
    return Taken(where=("benchmarks", ("id", wanted.benchmark)), value=value, origin=f"metric {keys}")
