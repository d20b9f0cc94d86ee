"""Judge what was measured: the verdict of a stratum, by which route, for which reasons (compat.md section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from embver.levels import Verdict
from embver.measure.bridging import BridgeMeasures
from embver.measure.checks import Check, State, needed_to_fail, needed_to_pass
from embver.measure.routes import bridge_words, equivalent, one_sided, route_a, route_b
from embver.measure.rule import Rule
from embver.measure.strata import StratumMeasures

Route = Literal["A", "B"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumVerdict:
    """The verdict of one stratum: `route` by which it is compatible (A: same neighbours, B: labels no worse),
    the reasons as sentences, and for an inconclusive one the number of queries that would settle it.
    """

    verdict: Verdict
    route: Route | None = None
    reasons: tuple[str, ...]
    needed: int | None = None


def judge_all(verdicts: Sequence[StratumVerdict]) -> Verdict:
    """Return the overall verdict: a claim must hold in every stratum, so the worst one. None: inconclusive."""
    return Verdict.worst([each.verdict for each in verdicts]) if verdicts else Verdict.INCONCLUSIVE


def judge_stratum(
    measures: StratumMeasures,
    rule: Rule,
    *,
    structure: Sequence[str] = (),
    bridge: BridgeMeasures | None = None,
) -> StratumVerdict:
    """Judge one stratum by the rule.

    Compatible needs a lower bound that passes; incompatible an upper bound that fails on both routes. What lies
    between is inconclusive, and so is everything measured on fewer than the minimum of queries, but for equal
    vectors, unequal dimensions and a space that fell into one point, which need no statistics. `structure` says
    what of the space changed: such versions are incompatible whatever their vectors. A `bridge` that is enough
    makes an incompatible stratum bridgeable.
    """
    found = _judge(measures, rule, tuple(structure))
    return found if bridge is None else judge_bridge(found, bridge, rule)


def judge_bridge(found: StratumVerdict, bridge: BridgeMeasures, rule: Rule) -> StratumVerdict:
    """Return an incompatible stratum's verdict with what a bridge makes of it; any other one as it is."""
    if found.verdict is not Verdict.INCOMPATIBLE:
        return found
    verdict = Verdict.BRIDGEABLE if bridge.is_enough(rule) else Verdict.INCOMPATIBLE
    return replace(found, verdict=verdict, reasons=(*found.reasons, *bridge_words(bridge, rule)))


def _judge(measures: StratumMeasures, rule: Rule, structure: tuple[str, ...]) -> StratumVerdict:
    """Judge a stratum without a bridge."""
    certain = _without_statistics(measures, structure)
    if certain is not None:
        return certain
    note = one_sided(measures, rule)
    equal = equivalent(measures, rule)
    routes: dict[Route, list[Check]] = {"A": route_a(measures, rule)}
    if measures.labelled is not None:
        routes["B"] = route_b(measures, rule)
    if measures.queries < rule.minimum_queries:
        few = f"{measures.queries} queries are fewer than the {rule.minimum_queries} a verdict needs"
        needed = max(rule.minimum_queries, _needed(routes, measures.queries) or 0)
        return StratumVerdict(
            verdict=Verdict.INCONCLUSIVE, reasons=(few, *_texts(routes["A"]), *note), needed=needed
        )
    if _state(equal) is State.HOLDS:
        return StratumVerdict(verdict=Verdict.EQUIVALENT, reasons=_texts(equal) + note)
    for route, checks in routes.items():
        if _state(checks) is State.HOLDS:
            return StratumVerdict(verdict=Verdict.COMPATIBLE, route=route, reasons=_texts(checks) + note)
    unlabelled = (
        () if "B" in routes else ("no labelled pairs, so better results cannot excuse other results",)
    )
    if all(_state(checks) is State.FAILS for checks in routes.values()):
        failed = [check for checks in routes.values() for check in checks if check.state is State.FAILS]
        return StratumVerdict(verdict=Verdict.INCOMPATIBLE, reasons=_texts(failed) + unlabelled + note)
    possible = [checks for checks in routes.values() if _state(checks) is not State.FAILS]
    unsettled = [check for checks in possible for check in checks if check.state is State.OPEN]
    return StratumVerdict(
        verdict=Verdict.INCONCLUSIVE,
        reasons=_texts(unsettled) + unlabelled + note,
        needed=_needed(routes, measures.queries),
    )


def _without_statistics(measures: StratumMeasures, structure: tuple[str, ...]) -> StratumVerdict | None:
    """Return the verdict where no number of queries could change it, or None."""
    if structure:
        return StratumVerdict(verdict=Verdict.INCOMPATIBLE, reasons=structure)
    if not measures.is_comparable:
        before, after = measures.dimensions
        reason = f"the dimension changes from {before} to {after}: old and new vectors cannot be compared"
        return StratumVerdict(verdict=Verdict.INCOMPATIBLE, reasons=(reason,))
    if measures.query_side.identical and measures.document_side.identical:
        return StratumVerdict(verdict=Verdict.IDENTICAL, reasons=("every vector is the same, bit for bit",))
    if measures.collapsed:
        sides = " and ".join(measures.collapsed)
        was = any(side.startswith("old") for side in measures.collapsed)
        means = "there are no neighbours to keep" if was else "they tell nothing apart any more"
        return StratumVerdict(
            verdict=Verdict.INCONCLUSIVE if was else Verdict.INCOMPATIBLE,
            reasons=(f"all {sides} are one and the same vector: {means}",),
        )
    return None


def _needed(routes: dict[Route, list[Check]], queries: int) -> int | None:
    """Return the queries that would settle the verdict, if more of them found the same numbers.

    Either one route passes, and the easiest one counts; or all fail, and the hardest one does.
    """
    passing = [
        needed_to_pass(checks, queries) for checks in routes.values() if all(check.holds for check in checks)
    ]
    if passing:
        return min((count for count in passing if count is not None), default=None)
    failing = [needed_to_fail(checks, queries) for checks in routes.values()]
    known = [count for count in failing if count is not None]
    return max(known) if len(known) == len(failing) else None


def _state(checks: Sequence[Check]) -> State:
    return State.of_all([check.state for check in checks])


def _texts(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return the reasons of several checks, each once: routes share conditions."""
    return tuple(dict.fromkeys(check.text for check in checks))
