"""One number that was measured. Ground floor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One number of a benchmark, with its confidence interval where one is known."""

    key: str
    value: float | None  # None where the harness gave none
    is_main: bool = False
    unit: str = "fraction"
    higher_is_better: bool = True
    low: float | None = None
    high: float | None = None

    @property
    def told(self) -> str:
        """Return the number to three places, under its key; a dash where there is none."""
        return f"{self.key} -" if self.value is None else f"{self.key} {self.value:.3f}"
