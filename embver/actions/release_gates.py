"""Hold a release against the gates of its embedding, and write down what a person lets through all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from embver.actions.workspace import NEXT, Workspace
from embver.errors import PolicyError
from embver.gates import Outcome

if TYPE_CHECKING:
    from embver.actions.gate import GateReport
    from embver.actions.release_level import ReleaseRequest


def next_gates(work: Workspace, name: str) -> GateReport | None:
    """Return what became of the gates of the working version, or None where the embedding has none.

    The caller has seen that its vectors are those of its card. Raises ConfigError where a gate names what there is not.
    """
    gates = work.settings.gates_for(name)
    if not gates:
        return None
    from embver.actions.gate import gate

    return gate(work, f"{name}@{NEXT}", gates, is_fresh=True)


def check_gates(work: Workspace, request: ReleaseRequest, *, by: str | None) -> dict[str, Any] | None:
    """Return what the card has to say of gates that were not met; None where all were.

    Raises PolicyError with every threshold that was not, unless the request lets regressions through. `by` is who
    decides, by name.
    """
    report = next_gates(work, request.name)
    if report is None or report.is_passed:
        return None
    if not request.allows_regression:
        against = f", held against {report.against}" if report.against else ""
        lacking = next((each for each in report.refusing if each.new is None), None)
        hint = f"embver release {request.name} --allow-regression --reason TEXT, if it is worth it"
        raise PolicyError(
            f"refused: {request.name} does not pass its gates{against}",
            reasons=refusals(report.refusing),
            hint=f"embver bench {request.name}" if lacking else hint,
        )
    return {
        "reason": request.reason,
        **({"by": by} if by else {}),
        "gates": [_record(outcome) for outcome in report.refusing],
    }


def refusals(outcomes: tuple[Outcome, ...]) -> tuple[str, ...]:
    """Return every threshold that was not met in a line, after the number and what it was."""
    return tuple(
        f"{outcome.gate.title}{_numbers(outcome)}: {check.sentence}"
        for outcome in outcomes
        for check in outcome.refusals
    )


def allowed_lines(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a card says was let through, a line a threshold."""
    lines = []
    for entry in record["gates"]:
        title = entry.get("name") or f"{entry['benchmark']} {entry['metric']}"
        moved = (
            f" {entry['before']:.4f} -> {entry['after']:.4f}"
            if "before" in entry and "after" in entry
            else ""
        )
        lines += [f"{title}{moved}: {failed['rule']}: {failed['why']}" for failed in entry["failed"]]
    return tuple(lines)


def _numbers(outcome: Outcome) -> str:
    step = outcome.step
    if step is None or step.before is None or outcome.new is None:
        return ""
    return f" {step.before:.4f} -> {outcome.new:.4f}"


def _record(outcome: Outcome) -> dict[str, Any]:
    gate, step = outcome.gate, outcome.step
    numbers = {
        "before": step.before if step else None,
        "after": outcome.new,
        "low": step.low if step else None,
        "high": step.high if step else None,
    }
    return {
        **({"name": gate.name} if gate.name else {}),
        "benchmark": gate.benchmark,
        "metric": gate.metric,
        **({"against": step.from_} if step else {}),
        **{key: value for key, value in numbers.items() if value is not None},
        "failed": [
            {"rule": check.rule, "limit": check.limit, "why": check.why} for check in outcome.refusals
        ],
    }
