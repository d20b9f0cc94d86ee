"""What a card says of measurements and decisions: benchmarks, compatibility, override, status. Ground floor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from embver.problem import Flaw
from embver.sense_words import entries

Where = tuple[str | int, ...]

# What a unit allows, and what measures of correlation and similarity allow whatever their unit.
_RANGES: Final = {"fraction": (0.0, 1.0), "percent": (0.0, 100.0)}
_SIGNED: Final = r"pearson|spearman|kendall|cos(?:ine)?|corr|mcc|matthews|silhouette|kappa|r2|rand"
_NEEDS_REASON: Final = ("deprecated", "yanked")


def check_records(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    """Yield contradictions in what was measured and decided."""
    yield from _benchmarks(plain)
    yield from _compatibility(plain)
    yield from _override(plain.get("override"))
    yield from _status(plain)


def _benchmarks(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    dimensions = (plain.get("space") or {}).get("dimensions")
    mine = f"{plain.get('name')}@{plain.get('version')}"
    ids: set[str] = set()
    for number, benchmark in entries(plain.get("benchmarks")):
        name = benchmark.get("id")
        if name is not None and name in ids:
            message, hint = (
                f"the benchmark {name} is there already",
                "another id, or one record with both metrics",
            )
            yield Flaw(where=("benchmarks", number, "id"), rule="benchmark-twice", message=message, hint=hint)
        ids.add(str(name))
        served = (benchmark.get("subject") or {}).get("served_dim")
        if served is not None and dimensions is not None and served > dimensions:
            yield Flaw(
                where=("benchmarks", number, "subject", "served_dim"),
                rule="served-dimension-too-large",
                message=f"{served} is more than the vectors' {dimensions} dimensions",
            )
        if (benchmark.get("compared") or {}).get("against") == mine:
            place = ("benchmarks", number, "compared", "against")
            message, hint = f"{mine} is this very version", "name the version that it was compared with"
            yield Flaw(where=place, rule="against-itself", message=message, hint=hint)
        keys: set[str] = set()
        for index, metric in entries(benchmark.get("metrics")):
            where: Where = ("benchmarks", number, "metrics", index)
            key = metric.get("key")
            if key is not None and key in keys:
                message = f"the metric {key} is there already"
                yield Flaw(where=(*where, "key"), rule="metric-twice", message=message, hint="remove one")
            keys.add(str(key))
            yield from _metric(metric, where)


def _interval(value: Any, interval: Mapping[str, Any], where: Where) -> Iterator[Flaw]:
    low, high = interval.get("low"), interval.get("high")
    if low is not None and high is not None and low > high:
        message = f"the interval ends at {high}, before it begins at {low}"
        yield Flaw(where=where, rule="interval-order", message=message, hint="exchange low and high")
    elif value is not None and ((low is not None and value < low) or (high is not None and value > high)):
        yield Flaw(
            where=where,
            rule="interval-holds-value",
            message=f"{value} lies outside its interval {low} to {high}",
        )


def _change(metric: Mapping[str, Any], change: Mapping[str, Any], where: Where) -> Iterator[Flaw]:
    yield from _interval(change.get("value"), change, where)
    verdict, low, high = change.get("verdict"), change.get("low"), change.get("high")
    if verdict not in ("improvement", "regression") or low is None or high is None:
        return
    is_up = (verdict == "improvement") == metric.get("higher_is_better", True)
    if not (low > 0 if is_up else high < 0):
        yield Flaw(
            where=(*where, "verdict"),
            rule="change-verdict",
            message=f"{metric.get('key')}: from {low} to {high} is no {verdict}",
            hint="verdict: undecided" if low <= 0 <= high else None,
        )


def is_in_range(key: str, unit: str, value: float) -> bool:
    """Tell whether a number can be what its unit says; a correlation may be negative."""
    least, most = _RANGES.get(unit, (float("-inf"), float("inf")))
    if value < least == 0.0 and re.search(_SIGNED, key, re.IGNORECASE):
        least = -most
    return least <= value <= most


def _metric(metric: Mapping[str, Any], where: Where) -> Iterator[Flaw]:
    value = metric.get("value")
    yield from _interval(value, metric.get("ci") or {}, (*where, "ci"))
    if metric.get("change"):
        yield from _change(metric, metric["change"], (*where, "change"))
    unit, key = metric.get("unit", "fraction"), str(metric.get("key"))
    if value is not None and not is_in_range(key, unit, value):
        yield Flaw(
            where=(*where, "value"),
            rule="metric-range",
            message=f"{key} is {value}, which is no {unit}",
            hint="unit: percent, or a value between 0 and 1"
            if unit == "fraction"
            else "a value between 0 and 100, or another unit",
        )


def _compatibility(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    mine, seen = f"{plain.get('name')}@{plain.get('version')}", set()
    encoders = plain.get("encoders")
    for number, record in entries(plain.get("compatibility")):
        against = record.get("against")
        where: Where = ("compatibility", number, "against")
        if against is not None and against in seen:
            message = f"{against} is there already"
            yield Flaw(
                where=where, rule="compatibility-twice", message=message, hint="keep the later measurement"
            )
        seen.add(against)
        if against == mine:
            message, hint = f"{mine} is this very version", "name the version that it was measured against"
            yield Flaw(where=where, rule="against-itself", message=message, hint=hint)
        seen_strata: set[tuple[Any, Any, Any]] = set()
        for index, stratum in entries(record.get("strata")):
            pair = (stratum.get("query"), stratum.get("document"))
            place: Where = ("compatibility", number, "strata", index)
            key = (*pair, stratum.get("dimensions"))
            if None not in pair and key in seen_strata:
                message = f"the stratum {pair[0]} to {pair[1]} is there already"
                yield Flaw(where=place, rule="stratum-twice", message=message, hint="remove one")
            seen_strata.add(key)
            for role, modality in zip(("query", "document"), pair, strict=True):
                if stratum.get("n") == 0:
                    continue  # nothing was measured: a modality that was withdrawn is recorded so
                if modality is not None and isinstance(encoders, Mapping) and modality not in encoders:
                    yield Flaw(
                        where=(*place, role),
                        rule="modality-without-encoder",
                        message=f"{modality} was measured, but there is no encoders.{modality}",
                        hint=f"describe it under encoders.{modality}",
                        lacking=("encoders",),
                    )


def _override(override: Any) -> Iterator[Flaw]:
    if not isinstance(override, Mapping) or "chosen" not in override:
        return
    from embver.levels import Level  # few cards have an override

    chosen, computed = Level.parse(override["chosen"]), override.get("computed")
    if chosen is Level.NONE:
        yield Flaw(
            where=("override", "chosen"),
            rule="override-level",
            message="a release has at least the level patch",
            hint="chosen: patch",
        )
    is_raised = computed is not None and chosen > Level.parse(computed)
    if "reason" not in override and not is_raised:
        yield Flaw(
            where=("override",),
            rule="override-needs-reason",
            message="a level that is not above the computed one needs a reason",
            hint="reason: why users will not notice",
            lacking=("override",),
        )


def _status(plain: Mapping[str, Any]) -> Iterator[Flaw]:
    status = plain.get("status")
    if not isinstance(status, Mapping):
        return
    state = status.get("state")
    if state in _NEEDS_REASON and "reason" not in status:
        yield Flaw(
            where=("status",),
            rule="status-needs-reason",
            message=f"whoever uses a {state} version wants to know why",
            hint="reason: what is wrong with it",
            lacking=("status",),
        )
    if status.get("successor") == f"{plain.get('name')}@{plain.get('version')}":
        yield Flaw(
            where=("status", "successor"),
            rule="successor-is-itself",
            message="a version does not succeed itself",
            hint="name the version to move to",
        )
