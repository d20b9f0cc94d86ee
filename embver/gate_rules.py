"""Judge a gate: hold a number, and what it was in another version, against its thresholds. Ground floor, pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from embver.gates import Check, Gate, Outcome, number
from embver.series import Series, Step

_EXACT: Final = 1e-9  # 0.41 - 0.40 is more than 0.01 in binary, and not to the person who wrote 0.01


def judge_gate(
    gate: Gate, series: Series, *, has_previous: bool, allowed: frozenset[str] = frozenset()
) -> Outcome:
    """Hold the last version of a series against a gate, beside the one that its last step leads from.

    `has_previous` tells whether there is a version before it at all, with the number or without. `allowed` are the rules
    of this gate that the version's card says were let through when it was released.
    """
    point, step = series.points[-1], series.steps[-1] if series.steps else None
    return Outcome(
        gate=gate,
        checks=tuple(_allowed(check, allowed) for check in _checks(gate, series, step, has_previous)),
        new=point.value,
        unit=series.unit,
        higher_is_better=series.higher_is_better,
        step=step,
    )


def unjudged(gate: Gate, why: str) -> Outcome:
    """Return the outcome of a gate of which nothing can be said."""
    checks = tuple(_unjudged(rule, limit, why) for rule, limit in _thresholds(gate))
    return Outcome(gate=gate, checks=checks, new=None, unit="fraction", higher_is_better=True)


def _thresholds(gate: Gate) -> Iterator[tuple[str, float | bool]]:
    limits = {"min": gate.min, "max": gate.max, "max_drop": gate.max_drop}
    for rule, limit in (limits | {"max_drop_relative": gate.max_drop_relative}).items():
        if limit is not None:
            yield rule, limit
    if gate.significant_drop:
        yield "significant_drop", True


def _checks(gate: Gate, series: Series, step: Step | None, has_previous: bool) -> Iterator[Check]:
    point = series.points[-1]
    for rule, limit in _thresholds(gate):
        if point.value is None:
            yield _unjudged(rule, limit, point.lacking or "there is no such number")
        elif rule in ("min", "max"):
            yield _absolute(rule, limit, point.value)
        elif step is None and not has_previous:
            yield Check(
                rule=rule, limit=limit, state="pass", why="there is no version before it to fall behind"
            )
        elif step is None:
            yield _unjudged(rule, limit, "no version before it has this number")
        else:
            yield _relative(rule, limit, step, series.higher_is_better)


def _absolute(rule: str, limit: float, value: float) -> Check:
    is_met = value >= limit - _EXACT if rule == "min" else value <= limit + _EXACT
    return _check(rule, limit, is_met, f"it is {number(value)}")


def _relative(rule: str, limit: float | bool, step: Step, is_up_better: bool) -> Check:
    """Judge a threshold that looks at the version before."""
    not_comparable = f"not comparable with {step.from_}: {step.not_comparable}"
    if step.before is None or step.after is None or step.delta is None:
        return _unjudged(rule, limit, not_comparable)
    if rule == "significant_drop":
        if step.test is None:
            return _unjudged(rule, limit, not_comparable)
        how = "by the intervals of the cards" if step.test == "intervals" else "by the paired test"
        told = "no significant change" if step.verdict == "noise" else f"a significant {step.verdict}"
        return _check(rule, limit, step.verdict != "regression", f"{told} {how}")
    change = step.after - step.before
    drop = -change if is_up_better else change
    if rule == "max_drop":
        return _check(rule, limit, drop <= limit + _EXACT, _moved(change, number(abs(change))))
    if step.before == 0:
        return _check(rule, limit, drop <= 0, _moved(change, f"{number(abs(change))} from zero"))
    share = drop / abs(step.before)
    return _check(rule, limit, share <= limit + _EXACT, _moved(change, f"{abs(share):.2%}"))


def _moved(change: float, by: str) -> str:
    return f"it {'fell' if change < 0 else 'rose'} by {by}" if change else "it did not move"


def _check(rule: str, limit: float | bool, is_met: bool, why: str) -> Check:
    return Check(rule=rule, limit=limit, state="pass" if is_met else "fail", why=why)


def _unjudged(rule: str, limit: float | bool, why: str) -> Check:
    return Check(rule=rule, limit=limit, state="unjudged", why=why)


def _allowed(check: Check, allowed: frozenset[str]) -> Check:
    if check.rule not in allowed or check.state == "pass":
        return check
    return replace(check, state="allowed", why=f"{check.why}; let through when it was released")
