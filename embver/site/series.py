"""Benchmark numbers over versions, as lines that break where numbers may not be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from embver.card import Benchmark
from embver.metric import Metric
from embver.site.model import SiteEmbedding, SiteVersion

_WORDS = {"better": "clearly better", "worse": "clearly worse", "same": "within noise"}
_TONES = {"improvement": "better", "regression": "worse", "undecided": "same", "same": "same"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One number of one version; `line` tells apart what must not be joined."""

    version: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    line: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of one benchmark over all versions, oldest first; a version without it has an empty point."""

    benchmark: str
    metric: str
    unit: str
    higher_is_better: bool
    is_main: bool
    points: tuple[Point, ...]

    @property
    def known(self) -> tuple[Point, ...]:
        """Return the points that hold a number."""
        return tuple(point for point in self.points if point.value is not None)

    @property
    def breaks(self) -> tuple[str, ...]:
        """Return the versions at which the data set or the harness changed."""
        known = self.known
        return tuple(after.version for before, after in pairwise(known) if before.line != after.line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A metric beside the previous version's; `word` says what the difference is worth."""

    metric: Metric
    before: Metric | None
    delta: float | None
    word: str
    tone: str  # better, worse, same, unknown


def series_of(embedding: SiteEmbedding) -> tuple[Series, ...]:
    """Return every metric of every benchmark, main metrics first, else in the order of the newest card."""
    found: dict[tuple[str, str], Metric] = {}
    for version in reversed(embedding.versions):
        for benchmark in version.card.benchmarks:
            for metric in benchmark.metrics:
                found.setdefault((benchmark.id, metric.key), metric)
    tables = [_points(version) for version in embedding.versions]
    empty = [Point(version=version.number) for version in embedding.versions]
    return tuple(
        _series(key, metric, (table.get(key, none) for table, none in zip(tables, empty, strict=True)))
        for key, metric in found.items()
    )


def main_series(embedding: SiteEmbedding) -> Series | None:
    """Return the line of the metric that the current version quotes first."""
    quoted = embedding.current.card.main_metric
    if quoted is None:
        return None
    wanted = (quoted[0].id, quoted[1].key)
    return next(line for line in series_of(embedding) if (line.benchmark, line.metric) == wanted)


def _series(key: tuple[str, str], metric: Metric, points: Iterable[Point]) -> Series:
    return Series(
        benchmark=key[0],
        metric=key[1],
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        is_main=metric.is_main,
        points=tuple(points),
    )


def _points(version: SiteVersion) -> dict[tuple[str, str], Point]:
    """Return the numbers of a version by benchmark and metric; of two that are called alike the first counts."""
    found: dict[tuple[str, str], Point] = {}
    for benchmark in reversed(version.card.benchmarks):
        line = benchmark.comparable
        for metric in reversed(benchmark.metrics):
            found[benchmark.id, metric.key] = Point(
                version=version.number, value=metric.value, low=metric.low, high=metric.high, line=line
            )
    return found


def benchmark_of(version: SiteVersion, benchmark_id: str) -> Benchmark | None:
    """Return a version's benchmark by its id, or None."""
    return next((entry for entry in version.card.benchmarks if entry.id == benchmark_id), None)


def steps_of(
    version: SiteVersion, earlier: SiteVersion | None
) -> tuple[tuple[Benchmark, tuple[Step, ...]], ...]:
    """Return each benchmark of a version with its metrics beside those of the version before it."""
    against = earlier.release.reference if earlier else None
    made = []
    for benchmark in version.card.benchmarks:
        before = benchmark_of(earlier, benchmark.id) if earlier else None
        is_alike = before is not None and benchmark.comparable == before.comparable
        steps = (
            step_of(metric, benchmark, before, against=against, is_alike=is_alike)
            for metric in benchmark.metrics
        )
        made.append((benchmark, tuple(steps)))
    return tuple(made)


def step_of(
    metric: Metric,
    benchmark: Benchmark,
    earlier: Benchmark | None,
    *,
    against: str | None = None,
    is_alike: bool | None = None,
) -> Step:
    """Return a metric's difference to the previous version, `against`, and whether it is more than noise.

    `is_alike` tells whether the two may be compared, where that is known.

    By the paired test that the card holds against this very version, query by query; else by the intervals: where they
    do not overlap it is clear, which is stricter.
    """
    before = earlier.metric(metric.key) if earlier else None
    if metric.value is None:  # whatever the version before had: what is missing is this version's number
        known = before if before is not None and before.value is not None else None
        return Step(metric=metric, before=known, delta=None, word="no number recorded", tone="unknown")
    if earlier is None or before is None or before.value is None:
        return Step(metric=metric, before=None, delta=None, word="not measured before", tone="unknown")
    if is_alike is None:
        is_alike = benchmark.comparable == earlier.comparable
    if not is_alike:
        word = "another data set or harness: not comparable"
        return Step(metric=metric, before=before, delta=None, word=word, tone="unknown")
    delta = metric.value - before.value
    tone = _paired_tone(metric, benchmark, against)
    if tone is None:
        if metric.low is None or metric.high is None or before.low is None or before.high is None:
            return Step(
                metric=metric, before=before, delta=delta, word="no interval recorded", tone="unknown"
            )
        is_clear = metric.low > before.high or before.low > metric.high
        tone = "same" if not is_clear else "better" if (delta > 0) == metric.higher_is_better else "worse"
    return Step(metric=metric, before=before, delta=delta, word=_WORDS[tone], tone=tone)


def _paired_tone(metric: Metric, benchmark: Benchmark, against: str | None) -> str | None:
    """Return what the card's paired test says of a metric against a version, None where it holds none."""
    if against is None or (benchmark.plain.get("compared") or {}).get("against") != against:
        return None
    for entry in benchmark.plain.get("metrics", ()):
        if entry["key"] == metric.key:
            return _TONES.get(str((entry.get("change") or {}).get("verdict")))
    return None
