"""The decision rule: every number a verdict depends on (compat.md section 5, rule version 1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How to measure and what to demand. A record stores the values it was judged by.

    Recalls, shares and hit rates are fractions in 0..1; a bound named after a class is that class's own.
    """

    rule_version: int = 1

    k: int = 10
    documents_per_neighbour: int = 25
    splits: int = 8
    draws: int = 2000
    seed: int = 0
    minimum_queries: int = 256

    equivalent_distance_p99: float = 1e-4
    equivalent_recall: float = 0.99
    equivalent_share_bias: float = 0.02

    compatible_share_bias: float = 0.05
    compatible_recall: float = 0.95
    compatible_recall_mixed: float = 0.90
    labelled_loss: float = 0.01
    labelled_flips: float = 0.02
    # Not in compat.md: a version that hardly finds its own labelled pairs has nothing to lose on them, and
    # route B would pass for a random rotation of its queries.
    labelled_found: float = 0.10

    bridged_arr: float = 0.85
    bridged_gain: float = 0.0

    def __post_init__(self) -> None:
        """Refuse counts that measure nothing."""
        for name in ("k", "documents_per_neighbour", "splits", "draws", "minimum_queries"):
            if getattr(self, name) < 1:
                raise ValueError(f"rule: {name} must be at least 1, not {getattr(self, name)}")

    def neighbours(self, documents: int) -> int:
        """Return k for a gallery of this size: at most one document in 25, at least 1."""
        return max(1, min(self.k, documents // self.documents_per_neighbour))

    def to_plain(self) -> dict[str, Any]:
        """Return the rule as plain data."""
        return asdict(self)
