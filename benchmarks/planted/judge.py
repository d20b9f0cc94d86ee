"""Judge plants by the whole benchmark, without the code that is tried: which of them do what they were planted for.

A case is tried only if its plant works: a single culprit makes the benchmark fall, put in alone and taken out alone, and
no field beside it costs more; two that interact cost more together than the sum of each alone; noise moves nothing.
Every effect is tested by flipping the signs of the clusters' differences (Fisher's randomisation test, 10,000 draws).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.planted.case import Case
from benchmarks.planted.drafts import Change, Draft, begun, drafted
from benchmarks.planted.scores import Bench

FLIPS = 10_000
LEVEL = 0.01
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A mean difference of a benchmark's score, and how likely signs by chance give as much."""

    value: float
    p_value: float

    @property
    def is_loss(self) -> bool:
        """Tell whether the score surely falls."""
        return self.value < 0 and self.p_value < LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a case's step really does; `flaw` says why its plant does not work, None if it does."""

    total: Effect
    alone: tuple[float, ...] = ()
    flaw: str | None = None


def judge(bench: Bench, case: Case) -> Judgement:
    """Judge a case by the whole benchmark."""
    if case.kind == "noise":
        return _judge_noise(bench, case)
    changes = (*case.beside, *case.planted)
    old = begun(case.draft(), changes)
    scores = _Scores(bench=bench, case=case)
    before, after = scores.of(old), scores.of(drafted(old, changes))
    total = scores.effect(after - before)
    if not total.is_loss:
        return Judgement(total=total, flaw="nothing falls that could be traced")
    if case.kind == "interaction":
        one, other = (scores.of(drafted(old, (change,))) for change in case.planted)
        together = scores.effect(scores.of(drafted(old, case.planted)) - one - other + before)
        is_most = together.is_loss and together.value <= total.value / 2
        flaw = None if is_most else "the two do not need one another"
        return Judgement(
            total=total, alone=(float((one - before).mean()), float((other - before).mean())), flaw=flaw
        )
    (culprit,) = case.planted
    forward, back = _both_ways(scores, old, changes, culprit)
    if not (forward.is_loss and back.is_loss):
        return Judgement(total=total, flaw="the culprit costs nothing that can be measured")
    mean = (forward.value + back.value) / 2
    for change in case.beside:
        ways = _both_ways(scores, old, changes, change)
        if sum(way.value for way in ways) / 2 <= mean / 2:
            return Judgement(total=total, flaw=f"{change.key}, planted as a decoy, costs as much")
    return Judgement(total=total, alone=(forward.value, back.value))


def _judge_noise(bench: Bench, case: Case) -> Judgement:
    """Judge every step of a case of noise on all queries, of which the case itself asks a sample."""
    scores = _Scores(bench=bench, case=case)
    effects = []
    draft = begun(case.draft(), [change for step in case.steps for change in step])
    before = scores.of(draft)
    for step in case.steps:
        draft = drafted(draft, step)
        after = scores.of(draft)
        effects.append(scores.effect(after - before))
        before = after
    worst = min(effects, key=lambda effect: effect.p_value)
    return Judgement(total=worst, flaw="a step of it moves the benchmark" if worst.p_value < LEVEL else None)


def _both_ways(
    scores: _Scores, old: Draft, changes: tuple[Change, ...], one: Change
) -> tuple[Effect, Effect]:
    """Return what one change does alone, and what it does after all others."""
    rest = tuple(change for change in changes if change is not one)
    forward = scores.of(drafted(old, (one,))) - scores.of(old)
    back = scores.of(drafted(old, changes)) - scores.of(drafted(old, rest))
    return scores.effect(forward), scores.effect(back)


@dataclass(slots=True, kw_only=True)
class _Scores:
    bench: Bench
    case: Case
    clusters: NDArray[np.int64] | None = None

    def of(self, draft: Draft) -> Array:
        items = self.bench.items(self.case.benchmark)
        found = self.bench.evaluate(draft, self.case.benchmark, items)
        self.clusters = found.clusters
        # Files keep six digits, and equal scores are to be equal.
        return np.round(found.per_query[self.case.metric], 6)

    def effect(self, difference: Array) -> Effect:
        assert self.clusters is not None
        return effect_of(difference, self.clusters)


def effect_of(difference: Array, clusters: NDArray[np.int64]) -> Effect:
    """Return the mean of per-query differences (n,), tested with signs flipped cluster by cluster (n,)."""
    sums = np.bincount(clusters, weights=difference)
    sums = sums[sums != 0]
    value = float(difference.mean())
    if not len(sums):
        return Effect(value=value, p_value=1.0)
    signs = np.random.default_rng(0).choice((-1.0, 1.0), size=(FLIPS, len(sums)))
    as_much = int((np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9).sum())
    return Effect(value=value, p_value=(as_much + 1) / (FLIPS + 1))
