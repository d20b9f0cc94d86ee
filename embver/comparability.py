"""Tell which numbers of a benchmark may be compared, and if not, what differs. Ground floor."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from embver.card import Benchmark
from embver.metric import Metric

Basis = tuple[tuple[str, str], ...]
# What of a protocol makes two numbers comparable (standards.md section 5). The similarity is not of these: each version
# ranks by its own metric, and what its users find is what is compared.
PROTOCOL: Final = ("queries", "candidates", "relevance", "tie_break", "folds", "where")
BOUNDS: Final = {"fraction": 1.0, "percent": 100.0}  # the greatest value of a unit


def not_comparable(before: Benchmark, after: Benchmark, key: str) -> str | None:
    """Return why a metric of two benchmark records must not be compared, or None."""
    old, new = before.metric(key), after.metric(key)
    if old is None or new is None:
        return f"{'one' if old or new else 'neither'} of the two has {'no ' if old or new else ''}{key}"
    said = [flaw for flaw in (flaw_of(old), flaw_of(new)) if flaw is not None]
    return "; ".join(said or differences(basis_of(before, old), basis_of(after, new))) or None


def flaw_of(metric: Metric) -> str | None:
    """Return why a card's number is none, or None."""
    value: Any = metric.value
    if value is None:
        return f"its {metric.key} is empty"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"its {metric.key} is {value}, which is not a number"
    most = BOUNDS.get(metric.unit, math.inf)
    return f"its {metric.key} is {value}, which is no {metric.unit}" if abs(value) > most else None


def basis_of(benchmark: Benchmark, metric: Metric) -> Basis:
    """Return by name what two numbers have to agree in: data set, revision, protocol, harness, unit, direction."""
    dataset, harness = benchmark.plain.get("dataset") or {}, benchmark.plain.get("harness") or {}
    protocol, task = benchmark.plain.get("protocol") or {}, benchmark.plain.get("task") or {}
    named = {
        "data set": dataset.get("id"),
        "configuration of the data set": dataset.get("config"),
        "revision of the data set": dataset.get("revision"),
        "split": dataset.get("split"),
        "digest of the data set": dataset.get("sha256"),
        "harness": harness.get("name"),
        "modalities": task.get("category"),
        **{key.replace("_", " "): protocol.get(key) for key in PROTOCOL},
        "unit": metric.unit,
        "direction": "higher is better" if metric.higher_is_better else "lower is better",
    }
    return tuple((name, _told(value)) for name, value in named.items())


def _told(value: Any) -> str:
    if value is None:
        return "not recorded"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def differences(before: Basis, after: Basis) -> tuple[str, ...]:
    """Return what makes two numbers incomparable, in words: `queries: 1024 -> 1000`."""
    return tuple(
        f"{name}: {_short(old)} -> {_short(new)}"
        for (name, old), (_, new) in zip(before, after, strict=True)
        if old != new
    )


def _short(text: str) -> str:
    is_digest = len(text) == 64 and all(sign in "0123456789abcdef" for sign in text)
    return f"{text[:12]}…" if is_digest else text
