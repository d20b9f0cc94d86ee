"""One condition of the rule against one measured number: passed, failed, or not settled by these probes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from embver.measure.bootstrap import Estimate


class State(Enum):
    """What an interval says of a threshold."""

    HOLDS = "holds"
    OPEN = "open"
    FAILS = "fails"

    @classmethod
    def of_all(cls, states: Sequence[State]) -> State:
        """Return the state of a conjunction: one failure decides it, one open condition keeps it open."""
        if State.FAILS in states:
            return State.FAILS
        return State.OPEN if State.OPEN in states else State.HOLDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition and what came of it.

    `holds` tells whether the estimate itself, without its interval, meets the threshold; `reach` is the width
    of the interval towards the threshold in units of its distance: over 1 the interval straddles it.
    """

    text: str
    state: State
    holds: bool
    reach: float

    def needed(self, queries: int) -> int | None:
        """Return the queries that would settle it; None if the estimate sits on the threshold.

        An interval narrows with the square root of the queries: n >= (z sd / h)**2.
        """
        if math.isinf(self.reach):
            return None
        return math.ceil(queries * max(1.0, self.reach**2))


def at_least(text: str, found: Estimate, threshold: float) -> Check:
    """Check that a number is at least so much: its lower bound passes, its upper bound fails."""
    holds = found.value >= threshold
    return Check(
        text=text,
        state=_state(found.lcb >= threshold, found.ucb < threshold),
        holds=holds,
        reach=_reach(found.value, found.lcb if holds else found.ucb, threshold),
    )


def at_most(text: str, found: Estimate, threshold: float) -> Check:
    """Check that a number is at most so much: its upper bound passes, its lower bound fails."""
    holds = found.value <= threshold
    return Check(
        text=text,
        state=_state(found.ucb <= threshold, found.lcb > threshold),
        holds=holds,
        reach=_reach(found.value, found.ucb if holds else found.lcb, threshold),
    )


def within(text: str, found: Estimate, limit: float) -> Check:
    """Check that a number lies in -limit..limit: its two-sided interval is inside, or outside."""
    holds = abs(found.value) <= limit
    inside = -limit <= found.low and found.high <= limit
    sign = 1.0 if found.value >= 0 else -1.0
    outer, inner = (found.high, found.low) if sign > 0 else (-found.low, -found.high)
    return Check(
        text=text,
        state=_state(inside, found.low > limit or found.high < -limit),
        holds=holds,
        reach=_reach(abs(found.value), outer if holds else inner, limit),
    )


def plainly(text: str, *, holds: bool) -> Check:
    """Check something that has no interval."""
    return Check(text=text, state=State.HOLDS if holds else State.FAILS, holds=holds, reach=0.0)


def needed_to_pass(checks: Sequence[Check], queries: int) -> int | None:
    """Return the queries that would settle every open condition; None if some never would."""
    each = [check.needed(queries) for check in checks if check.state is State.OPEN]
    known = [count for count in each if count is not None]
    return max(known, default=queries) if len(known) == len(each) else None


def needed_to_fail(checks: Sequence[Check], queries: int) -> int | None:
    """Return the queries that would settle the failing condition nearest to it; None without one."""
    each = [
        queries if check.state is State.FAILS else check.needed(queries)
        for check in checks
        if not check.holds
    ]
    return min((count for count in each if count is not None), default=None)


def _state(passed: bool, failed: bool) -> State:
    return State.HOLDS if passed else State.FAILS if failed else State.OPEN


def _reach(value: float, bound: float, threshold: float) -> float:
    """Return the width towards the threshold over the distance to it."""
    width, distance = abs(value - bound), abs(value - threshold)
    if not distance:
        return math.inf if width else 0.0
    return width / distance
