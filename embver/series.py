"""A metric over the versions of an embedding: points, the steps between them, and where no step may be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from embver.suspects import Suspect

Verdict = Literal["improvement", "regression", "noise", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One number of one version, in the unit of its series, with its 95 % interval where one is known.

    `value` is None where the version lacks the number; `lacking` says why. `line` is equal for the numbers that may be
    compared with one another, and counts from 0; it is None where there is no number.
    """

    reference: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    lacking: str | None = None
    line: int | None = None
    is_yanked: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a point in `embver trace --json`."""
        return {
            "reference": self.reference,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "lacking": self.lacking,
            "line": self.line,
            "yanked": self.is_yanked,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A version beside the one that it stands on (`from_`), by ancestry and not by time.

    `delta` is after minus before, with its interval `low` to `high`. `test` is `paired-permutation` where both versions
    kept the scores of their queries, `intervals` where only the cards' intervals were there, None where nothing could be
    said: then `not_comparable` says why. `p_value` is after Holm's correction over the steps of the series.
    `is_significant` holds for an improvement and for a regression. `notes` say what else there is to know: a version
    between the two without a number, a raw file that is missing or is not the one that its card names.
    """

    from_: str
    to: str
    before: float | None
    after: float | None
    delta: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    test: str | None = None
    verdict: Verdict = "unknown"
    not_comparable: str | None = None
    suspects: tuple[Suspect, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Tell whether the step is more than noise."""
        return self.verdict in ("improvement", "regression")

    @property
    def fields(self) -> tuple[Suspect, ...]:
        """Return the changed fields that can matter, the likeliest first."""
        return tuple(each for each in self.suspects if each.can_matter)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a step in `embver trace --json`; the likeliest field comes first."""
        return {
            "from": self.from_,
            "to": self.to,
            "before": self.before,
            "after": self.after,
            "delta": self.delta,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "test": self.test,
            "verdict": self.verdict,
            "significant": self.is_significant,
            "not_comparable": self.not_comparable,
            "notes": list(self.notes),
            "fields": [each.to_plain() for each in self.suspects],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of one benchmark over the versions of an embedding, in SemVer order."""

    name: str
    benchmark: str
    metric: str
    unit: str
    higher_is_better: bool
    points: tuple[Point, ...]
    steps: tuple[Step, ...]

    @property
    def worst(self) -> Step | None:
        """Return the regression that cost most, or None."""
        fallen = [step for step in self.steps if step.verdict == "regression" and step.delta is not None]
        return max(fallen, key=lambda step: abs(step.delta or 0.0), default=None)

    def step_to(self, reference: str) -> Step | None:
        """Return the step that ends at a version, or None."""
        return next((step for step in self.steps if step.to == reference), None)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a series in `embver trace --json`."""
        return {
            "name": self.name,
            "benchmark": self.benchmark,
            "metric": self.metric,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "points": [each.to_plain() for each in self.points],
            "steps": [each.to_plain() for each in self.steps],
        }


# ---- what a step is judged by


class QueryScores(Protocol):
    """The scores of each query of a benchmark (`store.scores.Scores`)."""

    @property
    def queries(self) -> tuple[str, ...]:
        """Return the ids of the queries."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Return which queries are drawn together."""

    @property
    def per_query(self) -> Mapping[str, Sequence[float]]:
        """Return the scores by metric, in the order of the queries."""

    @property
    def lacking(self) -> str | None:
        """Return why there are none, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedScores:
    """The scores (n,) of the same queries in two versions; those of one cluster (n,) are drawn together."""

    before: Sequence[float]
    after: Sequence[float]
    clusters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The mean of after - before with its 95 % interval, and the p-value of no change.

    `moved` counts the clusters whose score differs; `is_testable` is False where they are too few for any test.
    """

    value: float
    low: float
    high: float
    p_value: float
    moved: int
    is_testable: bool
    test: str
