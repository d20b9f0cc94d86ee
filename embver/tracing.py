"""Draw a metric over versions: only comparable numbers make a step, and each stands on its ancestor. Ground floor.

How sure a step is comes from outside (`judge`): `measure/significance.py` has the test over the scores of each query.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from embver.card import Benchmark, Card
from embver.comparability import BOUNDS, Basis, basis_of, differences, flaw_of
from embver.intervals import Interval, difference_of
from embver.metric import Metric
from embver.multiple import holm
from embver.series import Judged, PairedScores, Point, QueryScores, Series, Step
from embver.suspects import Suspect

SIGNIFICANCE: Final = 0.05
# Scores are kept with six digits, and so is their mean.
_ROUNDING: Final = 2e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedVersion:
    """A version in a series: its card as it stands now, and the version that it stands on (`previous`).

    `notes` are told with the step that ends here.
    """

    reference: str
    card: Card
    previous: str | None
    is_yanked: bool = False
    notes: tuple[str, ...] = ()


Judge = Callable[[Sequence[PairedScores]], Sequence[Judged]]
ScoresOf = Callable[[str, str], QueryScores]  # by reference and benchmark
SuspectsOf = Callable[[str, str, Benchmark], tuple[Suspect, ...]]  # by the two references


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A version's number as its card has it; `basis` is what has to be equal for two of them to be compared."""

    version: TracedVersion
    point: Point
    benchmark: Benchmark | None = None
    metric: Metric | None = None
    basis: Basis = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A step that is not judged yet; `pair` holds the scores where both versions kept them."""

    before: _Reading
    after: _Reading
    notes: tuple[str, ...]
    not_comparable: str | None = None
    pair: PairedScores | None = None


def build_series(
    name: str,
    versions: Sequence[TracedVersion],
    lines: Sequence[tuple[str, str]],
    *,
    scores: ScoresOf,
    judge: Judge,
    suspects: SuspectsOf | None = None,
    asks: Callable[[Step], bool] = lambda _: True,
) -> tuple[Series, ...]:
    """Return the series of each (benchmark, metric) over versions in SemVer order.

    A step leads from the nearest ancestor among the versions that has the number. Its verdict holds after Holm's
    correction over the steps of its series. What may have caused it is worked out of the steps that `asks` wants it of.
    """
    return tuple(_series(name, versions, line, scores, judge, suspects, asks) for line in lines)


def _series(
    name: str,
    versions: Sequence[TracedVersion],
    line: tuple[str, str],
    scores: ScoresOf,
    judge: Judge,
    suspects: SuspectsOf | None,
    asks: Callable[[Step], bool],
) -> Series:
    readings = {version.reference: _read(version, *line) for version in versions}
    numbers: dict[Basis, int] = {}
    for reading in readings.values():
        if reading.metric is not None:
            numbers.setdefault(reading.basis, len(numbers))
    drafts = [
        draft
        for reading in readings.values()
        if reading.metric is not None and (draft := _draft(reading, readings, scores)) is not None
    ]
    steps = _judged(drafts, judge)
    if suspects is not None:
        steps = [
            replace(step, suspects=suspects(step.from_, step.to, draft.after.benchmark))
            if asks(step)
            else step
            for step, draft in zip(steps, drafts, strict=True)
            if draft.after.benchmark is not None
        ]
    newest = next((reading.metric for reading in reversed(readings.values()) if reading.metric), None)
    return Series(
        name=name,
        benchmark=line[0],
        metric=line[1],
        unit=newest.unit if newest else "fraction",
        higher_is_better=newest.higher_is_better if newest else True,
        points=tuple(
            replace(reading.point, line=numbers[reading.basis]) if reading.metric else reading.point
            for reading in readings.values()
        ),
        steps=tuple(steps),
    )


# ---- points


def _read(version: TracedVersion, benchmark_id: str, key: str) -> _Reading:
    """Return a version's number, or why it has none."""
    mine = [entry for entry in version.card.benchmarks if entry.id == benchmark_id]
    found = [metric for entry in mine for metric in entry.metrics if metric.key == key]
    lacking = None
    if not mine:
        lacking = "it has no such benchmark"
    elif len(mine) > 1:
        lacking = f"its card has {len(mine)} benchmarks named {benchmark_id}"
    elif not found:
        lacking = f"its benchmark has no {key}"
    elif len(found) > 1:
        lacking = f"its benchmark has {len(found)} numbers named {key}"
    else:
        lacking = flaw_of(found[0])
    if lacking is not None:
        point = Point(reference=version.reference, lacking=lacking, is_yanked=version.is_yanked)
        return _Reading(version=version, point=point)
    metric = found[0]
    point = Point(
        reference=version.reference,
        value=metric.value,
        low=_finite(metric.low),
        high=_finite(metric.high),
        is_yanked=version.is_yanked,
    )
    return _Reading(
        version=version, point=point, benchmark=mine[0], metric=metric, basis=basis_of(mine[0], metric)
    )


def _finite(end: Any) -> float | None:
    return end if isinstance(end, int | float) and math.isfinite(end) else None


# ---- steps


def _draft(after: _Reading, readings: Mapping[str, _Reading], scores: ScoresOf) -> _Draft | None:
    """Return the step that leads to a version, or None where none of its ancestors has the number."""
    notes: list[str] = list(after.version.notes)
    seen, reference = {after.version.reference}, after.version.previous
    while reference is not None and reference in readings and reference not in seen:
        seen.add(reference)
        before = readings[reference]
        if before.metric is not None:
            break
        notes.append(f"{reference} is passed over: {before.point.lacking}")
        reference = before.version.previous
    else:
        return None
    said = differences(before.basis, after.basis)
    if said:
        return _Draft(before=before, after=after, notes=tuple(notes), not_comparable="; ".join(said))
    pair, why = _paired(before, after, scores)
    return _Draft(before=before, after=after, notes=(*notes, *why), pair=pair)


def _paired(
    before: _Reading, after: _Reading, scores: ScoresOf
) -> tuple[PairedScores | None, tuple[str, ...]]:
    """Return the scores of the same queries in two versions; else None and why, once for each version."""
    assert before.benchmark is not None
    assert after.metric is not None
    key, benchmark = after.metric.key, before.benchmark.id
    sides, why = [], []
    for reading in (before, after):
        found = scores(reading.version.reference, benchmark)
        values = found.per_query.get(key)
        lacking = found.lacking or (f"its raw file has no {key}" if not values else None)
        if (
            lacking is None
            and values
            and abs(sum(values) / len(values) - (reading.point.value or 0.0)) > _ROUNDING
        ):
            lacking = f"the scores of its queries do not make the {key} of its card"
        if lacking is not None:
            why.append(f"{reading.version.reference}: {lacking}")
        sides.append(found)
    if not why and sides[0].queries != sides[1].queries:
        why.append(f"{before.version.reference}: its queries were others")
    if not why and sides[0].pairs != sides[1].pairs:
        why.append(f"{before.version.reference}: its queries belonged to other pairs")
    if why:
        return None, tuple(why)
    old, new = sides[0].per_query[key], sides[1].per_query[key]
    return PairedScores(before=old, after=new, clusters=sides[1].pairs), ()


def _judged(drafts: Sequence[_Draft], judge: Judge) -> list[Step]:
    paired = [n for n, draft in enumerate(drafts) if draft.pair is not None]
    found: dict[int, Judged | None] = dict(
        zip(paired, judge([draft.pair for draft in drafts if draft.pair is not None]), strict=True)
    )
    for n, draft in enumerate(drafts):
        if draft.pair is None and draft.not_comparable is None:
            found[n] = _by_intervals(draft)
    tested = [n for n, each in found.items() if each is not None and each.is_testable]
    adjusted = dict(zip(tested, holm([each.p_value for n in tested if (each := found[n])]), strict=True))
    return [_step(draft, found.get(n), adjusted.get(n), len(tested)) for n, draft in enumerate(drafts)]


def _by_intervals(draft: _Draft) -> Judged | None:
    """Judge a step by what the two cards say alone; None where one of them gives no interval."""
    assert draft.before.metric is not None
    assert draft.after.metric is not None
    sides = []
    for reading in (draft.before, draft.after):
        assert reading.benchmark is not None
        entry = next(each for each in reading.benchmark.plain["metrics"] if each["key"] == reading.metric.key)  # type: ignore[union-attr]
        scale = BOUNDS.get(str(entry.get("unit", "fraction")), 1.0)
        sides.append(Interval.from_plain(float(entry["value"]), entry.get("ci") or {}, scale=scale))
    found = None if None in sides else difference_of(sides[0], sides[1])  # type: ignore[arg-type]
    if found is None:
        return None
    return Judged(
        value=found.value, low=found.low, high=found.high, p_value=found.p_value, moved=0, is_testable=True,
        test="intervals",
    )  # fmt: skip


def _step(draft: _Draft, judged: Judged | None, adjusted: float | None, tests: int) -> Step:
    before, after = draft.before, draft.after
    step = Step(
        from_=before.version.reference,
        to=after.version.reference,
        before=before.point.value,
        after=after.point.value,
        not_comparable=draft.not_comparable,
        notes=draft.notes,
    )
    if draft.not_comparable is not None:
        return step
    if judged is None:
        delta = round((after.point.value or 0.0) - (before.point.value or 0.0), 6)
        why = "neither the scores of the queries nor an interval of both versions are there"
        return replace(step, delta=delta, not_comparable=why)
    is_up = after.metric is None or after.metric.higher_is_better
    is_apart = judged.low > 0 or judged.high < 0
    is_sure = adjusted is not None and adjusted <= SIGNIFICANCE and is_apart
    notes = list(draft.notes)
    if judged.moved and not judged.is_testable:
        notes.append(f"{_counted(judged.moved, draft)}: too few to tell from chance")
    elif not is_sure and judged.p_value <= SIGNIFICANCE and is_apart:
        notes.append(
            f"taken alone it would count (p = {judged.p_value:.2g}); among {tests} steps it does not"
        )
    return replace(
        step,
        delta=round(judged.value, 6),
        low=round(judged.low, 6),
        high=round(judged.high, 6),
        p_value=judged.p_value if adjusted is None else adjusted,
        test=judged.test,
        verdict="noise" if not is_sure else "improvement" if (judged.value > 0) == is_up else "regression",
        notes=tuple(notes),
    )


def _counted(moved: int, draft: _Draft) -> str:
    """Return how many queries moved, in words; where some are drawn together, how many groups of them."""
    clusters = draft.pair.clusters if draft.pair else ()
    what = "query" if len(set(clusters)) == len(clusters) else "group of queries"
    plural = {"query": "queries", "group of queries": "groups of queries"}[what]
    return f"only 1 {what} differs" if moved == 1 else f"only {moved} {plural} differ"
