"""Gates: what a repository's owner asks of a number, and what became of it. Ground floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:  # what reads settings needs gates alone
    from embver.series import Step

State = Literal["pass", "fail", "unjudged", "allowed"]
Missing = Literal["fail", "pass"]

_WORST_FIRST: Final[tuple[State, ...]] = ("fail", "unjudged", "allowed", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What one metric of a benchmark has to keep; thresholds are in the metric's own unit.

    A drop is a change for the worse: of a metric whose lower values are better, a rise. `missing` says what a gate that
    cannot be judged counts as, `place` where it is written (`embver.toml:12`).
    """

    benchmark: str
    metric: str
    min: float | None = None
    max: float | None = None
    max_drop: float | None = None
    max_drop_relative: float | None = None
    significant_drop: bool = False
    embedding: str | None = None
    name: str | None = None
    missing: Missing = "fail"
    place: str | None = None

    @property
    def title(self) -> str:
        """Return what people call the gate."""
        return self.name or f"{self.benchmark} {self.metric}"

    @property
    def needs_previous(self) -> bool:
        """Tell whether a threshold looks at another version."""
        return self.max_drop is not None or self.max_drop_relative is not None or self.significant_drop


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One threshold of a gate: whether the number meets it, and why."""

    rule: str  # the key in the settings: min, max, max_drop, max_drop_relative, significant_drop
    limit: float | bool
    state: State
    why: str

    @property
    def sentence(self) -> str:
        """Return the threshold and what became of it in one line."""
        limit = "" if self.limit is True else f" {number(float(self.limit))}"
        return f"{self.rule}{limit}: {self.why}"

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a threshold in `embver gate --json`."""
        return {"rule": self.rule, "limit": self.limit, "state": self.state, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A gate and what became of it; `new` and `old` are in the metric's unit, None where the version lacks the number.

    `step` leads from the version that it is held against, None where there is none.
    """

    gate: Gate
    checks: tuple[Check, ...]
    new: float | None
    unit: str
    higher_is_better: bool
    step: Step | None = None

    @property
    def state(self) -> State:
        """Return the worst state of all thresholds."""
        states = {check.state for check in self.checks}
        return next((state for state in _WORST_FIRST if state in states), "pass")

    @property
    def is_passed(self) -> bool:
        """Tell whether the gate lets the version through, with what it says of what cannot be judged."""
        return self.state in ("pass", "allowed") or (self.state == "unjudged" and self.gate.missing == "pass")

    @property
    def refusals(self) -> tuple[Check, ...]:
        """Return the thresholds because of which the gate does not let the version through."""
        refusing = ("fail",) if self.gate.missing == "pass" else ("fail", "unjudged")
        return tuple(check for check in self.checks if check.state in refusing)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a gate in `embver gate --json`."""
        gate, step = self.gate, self.step
        return {
            "name": gate.title,
            "benchmark": gate.benchmark,
            "metric": gate.metric,
            "place": gate.place,
            "missing": gate.missing,
            "state": self.state,
            "passed": self.is_passed,
            "against": step.from_ if step else None,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "old": step.before if step else None,
            "new": self.new,
            "delta": step.delta if step else None,
            "low": step.low if step else None,
            "high": step.high if step else None,
            "p_value": step.p_value if step else None,
            "test": step.test if step else None,
            "verdict": step.verdict if step else None,
            "not_comparable": step.not_comparable if step else None,
            "notes": list(step.notes) if step else [],
            "checks": [check.to_plain() for check in self.checks],
        }


def number(value: float) -> str:
    """Return a number with all the digits that a card has of it: what is 0.39996 is less than 0.4, and shows it."""
    return f"{value:.6g}"
