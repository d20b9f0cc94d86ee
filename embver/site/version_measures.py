"""The part of a version's page that says what was measured: compatibility by stratum, benchmarks. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embver.card import Benchmark, Compatibility
from embver.site.charts import interval
from embver.site.series import Step
from embver.site.text import digest, escape, number, parameters
from embver.site.words import verdict_badge

# Key of a stratum's record, label, what the number means.
MEANINGS: tuple[tuple[str, str, str], ...] = (
    (
        "recall_new_query_old_index",
        "New queries on the old index",
        "Of the ten items that an old query finds, the share that the new query finds as well.",
    ),
    (
        "recall_old_query_new_index",
        "Old queries on the new index",
        "The same with the roles exchanged: clients that are not updated yet.",
    ),
    (
        "recall_mixed_index",
        "New queries on a mixed index",
        "The same where half of the items are old vectors and half are new: a migration under way.",
    ),
    (
        "recall_new_new",
        "New queries on the new index",
        "The same with everything re-encoded: how far the neighbours themselves changed. It decides nothing.",
    ),
    (
        "share_bias",
        "Share bias",
        "How far new vectors crowd out old ones in a mixed index: 0 is fair, 0.5 finds new ones only.",
    ),
    ("paired_cosine", "Paired cosine", "Between the old and the new vector of each query: 1 is unmoved."),
)
_SAME = number(0.0, signed=True)
_ROUTES = {"A": "overlap (route A)", "B": "labels (route B)"}
LABELLED: tuple[tuple[str, str, str], ...] = (
    ("old_old", "Old queries, old index", "What users had before."),
    ("new_old", "New queries, old index", "Only the query side was updated."),
    ("old_new", "Old queries, new index", "Only the index was updated."),
    ("mixed", "New queries, mixed index", "Half of the index was updated."),
    ("new_new", "New queries, new index", "Everything was updated."),
    ("negative_flips", "Negative flips", "Queries that found it before and miss it now."),
)
BRIDGED: tuple[tuple[str, str, str], ...] = (
    ("kept", "Keep the old encoder", "Old queries on the old index: what a bridge has to beat."),
    ("misaligned", "No bridge", "New queries on the old index as they are."),
    ("bridged", "Bridged", "New queries on the old index, translated by the map."),
    ("full", "Re-encode all", "New queries on the new index: what there is to gain."),
    ("arr", "Recovered", "The bridged rate as a share of that after re-encoding all."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One direction of search: a column of the table."""

    name: str
    badge: str
    about: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number in every stratum: a row of the table."""

    label: str
    meaning: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A measurement against one earlier version."""

    against: str
    badge: str
    about: str
    strata: tuple[Stratum, ...]
    measures: tuple[Measure, ...]
    labelled: tuple[Measure, ...]
    bridged: tuple[Measure, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric beside the previous version's."""

    key: str
    is_main: bool
    value: str
    bounds: str
    before: str
    delta: str
    word: str
    tone: str
    drawing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A metric that moved by more than noise."""

    benchmark: str
    key: str
    before: str
    value: str
    word: str
    tone: str
    is_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkView:
    """One evaluation."""

    id: str
    about: str
    rows: tuple[MetricRow, ...]


def comparison(record: Compatibility) -> Comparison:
    """Return a compatibility record for the page; measures that no stratum has are left out."""
    strata = record.strata
    labelled = [_with_bounds(stratum) for stratum in strata]
    about = [f"rule version {escape(record.plain['rule_version'])}"] if "rule_version" in record.plain else []
    probe = record.plain.get("probe")
    if probe:
        about.append(f"probe set {digest(probe) if isinstance(probe, str) else parameters(probe)}")
    return Comparison(
        against=escape(record.against),
        badge=verdict_badge(record.verdict),
        about=" \u00b7 ".join(about),
        strata=tuple(_stratum(stratum) for stratum in strata),
        measures=_measures(MEANINGS, strata),
        labelled=_measures(LABELLED, labelled),
        bridged=_measures(BRIDGED, [stratum.get("bridge") or {} for stratum in strata]),
    )


def _with_bounds(stratum: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stratum's labelled numbers, each with its change against what users had and that change's bound."""
    labelled = dict(stratum.get("labelled") or {})
    for key, change in (stratum.get("labelled_change") or {}).items():
        if key in labelled and isinstance(change, Mapping) and "low" in change:
            labelled[key] = {"value": labelled[key], "change": change.get("value"), "at_least": change["low"]}
    flips = (stratum.get("labelled_flips") or {}).get("mixed") or {}
    if "negative_flips" in labelled and "high" in flips:
        labelled["negative_flips"] = {"value": labelled["negative_flips"], "high": flips["high"]}
    return labelled


def _measures(
    words: tuple[tuple[str, str, str], ...], records: Sequence[Mapping[str, Any]]
) -> tuple[Measure, ...]:
    return tuple(
        Measure(label=label, meaning=meaning, values=tuple(_bounded(record.get(key)) for record in records))
        for key, label, meaning in words
        if any(record.get(key) is not None for record in records)
    )


def _stratum(stratum: Mapping[str, Any]) -> Stratum:
    about = []
    if "n" in stratum:
        about.append(f"{number(stratum['n'])} queries")
    if "documents" in stratum:
        about.append(f"{number(stratum['documents'])} documents")
    if "dimensions" in stratum:
        about.append(f"the first {number(stratum['dimensions'])} dimensions")
    if stratum.get("bridge"):
        about.append(f"bridge by {escape(stratum['bridge'].get('method', ''))}")
    if stratum.get("route"):
        about.append(f"decided by {escape(_ROUTES.get(str(stratum['route']), stratum['route']))}")
    return Stratum(
        name=f"{escape(stratum.get('query', ''))} \u2192 {escape(stratum.get('document', ''))}"
        + (f" at {number(stratum['dimensions'])}" if "dimensions" in stratum else ""),
        badge=verdict_badge(stratum.get("verdict")),
        about=", ".join(about),
        reasons=tuple(escape(reason) for reason in stratum.get("reasons") or ()),
    )


def _bounded(entry: Any) -> str:
    """Return a number with its bounds; a lower bound alone is what a claim of compatibility rests on."""
    if entry is None:
        return '<span class="ev-none">\u2013</span>'
    if not isinstance(entry, Mapping):
        return f"<b>{number(entry, fixed=True)}</b>"
    if "query" in entry and "document" in entry:
        return _noted(entry["query"], f"documents {number(entry['document'], fixed=True)}")
    if "change" in entry:
        change, low = number(entry["change"], signed=True), number(entry["at_least"], signed=True)
        return _noted(entry["value"], "unchanged" if change == low == _SAME else f"{change}, \u2265 {low}")
    main = next((entry[key] for key in ("value", "mean", "estimate") if key in entry), None)
    if main is None:
        return parameters(entry)
    low, high = (
        number(entry[key], fixed=True) if entry.get(key) is not None else "" for key in ("low", "high")
    )
    if low and high:
        return _noted(main, f"{low} to {high}")
    return _noted(main, f"\u2265 {low}" if low else f"\u2264 {high}" if high else "")


def _noted(main: object, note: str) -> str:
    return f"<b>{number(main, fixed=True)}</b>" + (f" <small>{note}</small>" if note else "")


Steps = tuple[tuple[Benchmark, tuple[Step, ...]], ...]


def benchmark_views(steps: Steps) -> tuple[BenchmarkView, ...]:
    """Return each benchmark with its metrics beside the previous version's."""
    return tuple(
        BenchmarkView(
            id=escape(benchmark.id),
            about=_about(benchmark.plain),
            rows=tuple(_metric_row(each) for each in told),
        )
        for benchmark, told in steps
    )


def _metric_row(step: Step) -> MetricRow:
    metric = step.metric
    bounds = drawing = ""
    if metric.low is not None and metric.high is not None:
        bounds = f"{number(metric.low)} to {number(metric.high)}"
        mine = _triple(metric)
        drawing = interval(_triple(step.before), mine) if mine else ""
    return MetricRow(
        key=escape(metric.key),
        is_main=metric.is_main,
        value=number(metric.value),
        bounds=bounds,
        before=number(step.before.value) if step.before else "",
        delta=number(step.delta, signed=True) if step.delta is not None else "",
        word=step.word,
        tone=step.tone,
        drawing=drawing,
    )


def moves(steps: Steps, *, most: int = 4) -> tuple[Move, ...]:
    """Return the metrics that clearly changed, one of each benchmark (its main one if that moved), the largest first."""
    found: list[tuple[float, Move]] = []
    for benchmark, told in steps:
        clear = [step for step in told if step.tone in ("better", "worse") and step.delta is not None]
        for step in sorted(clear, key=lambda step: (not step.metric.is_main, -abs(step.delta or 0.0)))[:1]:
            assert step.before is not None
            assert step.delta is not None
            move = Move(
                benchmark=escape(benchmark.id),
                key=escape(step.metric.key),
                before=number(step.before.value),
                value=number(step.metric.value),
                word=step.word,
                tone=step.tone,
                is_up=step.delta > 0,
            )
            found.append((-abs(step.delta), move))
    return tuple(move for _, move in sorted(found, key=lambda pair: pair[0])[:most])


def _triple(metric: Any) -> tuple[float, float, float] | None:
    if metric is None or metric.value is None or metric.low is None or metric.high is None:
        return None
    return (metric.low, metric.value, metric.high)


def _about(plain: Mapping[str, Any]) -> str:
    """Return what was asked of what, in one line."""
    dataset, protocol = plain.get("dataset") or {}, plain.get("protocol") or {}
    parts = [escape(" ".join(str(dataset[k]) for k in ("id", "revision", "split") if dataset.get(k)))]
    for key in ("queries", "candidates"):
        if key in protocol:
            parts.append(f"{number(protocol[key])} {key}")
    task = plain.get("task") or {}
    if task.get("category"):
        parts.append(escape(task["category"]))
    harness = plain.get("harness") or {}
    if harness:
        parts.append(escape(" ".join(str(harness[k]) for k in ("name", "version") if harness.get(k))))
    if plain.get("date"):
        parts.append(escape(plain["date"]))
    return " \u00b7 ".join(part for part in parts if part)
