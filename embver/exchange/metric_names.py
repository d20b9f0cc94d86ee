"""What the keys of a harness's numbers mean, from a data file: canonical name, unit, direction, direction of search.

The same word means different things: CLIP's papers and CLIP_benchmark call recall@k what MTEB calls hit_rate_at_k (and
called cv_recall_at_k before 2.0); MTEB's recall_at_k is another number. So a name counts for a harness and a range of
its versions only.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from embver.sense_records import is_in_range

FRACTION: Final = "fraction"
NUMBER: Final = "number"  # neither fraction nor percent: a card compares it with its like only
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricName:
    """What one key means; `canonical` is None where embver has no name for it."""

    canonical: str | None = None
    unit: str = FRACTION
    higher_is_better: bool = True
    category: str | None = None  # t2i: asked with a text, an image is sought


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    pattern: re.Pattern[str]
    name: MetricName
    since: tuple[int, ...] | None
    until: tuple[int, ...] | None
    beside: str | None
    without: str | None

    def is_of(self, version: tuple[int, ...] | None) -> bool:
        """Tell whether the row is about a version; an unknown one it is about."""
        if version is None:
            return True
        return (self.since is None or version >= self.since) and (self.until is None or version < self.until)

    def is_among(self, keys: Mapping[str, Any]) -> bool:
        """Tell whether the row is about a result with these keys."""
        has, lacks = self.beside, self.without
        return (has is None or has in keys) and (lacks is None or lacks not in keys)


def metric_name(
    harness: str, version: str | None, key: str, keys: Mapping[str, Any] | None = None
) -> MetricName | None:
    """Return what a key of a harness means, or None where nobody wrote it down; `keys` are those of its result."""
    fitting = _fitting(harness, version, key)
    return next((name for row, name in fitting if row.is_among(keys or {})), None)


@functools.lru_cache(maxsize=16384)
def _fitting(harness: str, version: str | None, key: str) -> tuple[tuple[_Row, MetricName], ...]:
    """Return the rows for a key; a folder of a thousand results asks for the same few hundred keys."""
    numbers = version_numbers(version)
    found = []
    for row in _rows().get(harness, ()):
        match = row.pattern.fullmatch(key)
        if match and row.is_of(numbers):
            cut = match[1] if match.groups() else ""
            canonical = row.name.canonical.replace("{k}", cut) if row.name.canonical else None
            found.append((row, replace(row.name, canonical=canonical)))
    return tuple(found)


def headline() -> frozenset[str]:
    """Return the canonical names that a record holds by default, beside its main number."""
    return frozenset(_file()["headline"])


def mains() -> tuple[str, ...]:
    """Return the keys that MTEB's tasks use as their main score, those of most tasks first."""
    return tuple(_file()["mains"])


def version_numbers(version: str | None) -> tuple[int, ...] | None:
    """Return a version's numbers, of a range `2.12.16-2.15.4` those of its beginning; None where there are none."""
    if not version or not version[0].isdigit():
        return None
    first = re.split(r"[-+ ]|\.dev|rc|[ab]\d", version)[0]
    return tuple(int(part) for part in _DIGITS.findall(first)) or None


def off_scale(records: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first number that cannot be what its unit says, as `ndcg_at_10 is 71.49`; or None."""
    for metric in (metric for record in records for metric in record["metrics"]):
        value, unit = metric["value"], metric.get("unit", "fraction")
        if value is not None and not is_in_range(metric["key"], unit, value):
            return f"{metric['key']} is {value}, which is no {unit}"
    return None


@functools.cache
def _file() -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(
        Path(__file__).with_name("metric_names.json").read_text(encoding="utf-8")
    )
    return plain


@functools.cache
def _rows() -> dict[str, tuple[_Row, ...]]:
    return {name: tuple(map(_row, rows)) for name, rows in _file()["harnesses"].items()}


def _row(plain: Mapping[str, Any]) -> _Row:
    return _Row(
        pattern=re.compile(re.escape(plain["key"]).replace(re.escape("{k}"), r"(\d+)")),
        name=MetricName(
            canonical=plain.get("canonical"),
            unit=plain.get("unit", FRACTION),
            higher_is_better=plain.get("higher_is_better", True),
            category=plain.get("category"),
        ),
        since=version_numbers(plain.get("since")),
        until=version_numbers(plain.get("until")),
        beside=plain.get("beside"),
        without=plain.get("without"),
    )
