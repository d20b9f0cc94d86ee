"""What a case is asked: how much, how often, on how many cores, and with which shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a case runs; `items` None is the case's own number, `is_tiny` takes shapes that a test can pay for."""

    folder: Path
    rounds: int = 5
    items: int | None = None
    threads: int = 1
    is_tiny: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def items_or(self, usual: int) -> int:
        """Return how many items are encoded."""
        return self.items or usual
