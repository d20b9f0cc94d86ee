"""Versions as the guard sees them, without a repository: a space, and the verdicts that were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from embver.guard.stamp import StampedSpace
from embver.levels import Verdict


def an_id(digit: str) -> str:
    return f"space:sha256:{digit * 64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A version with its recorded verdicts, by reference and by (reference, query modality, document modality)."""

    stamped_space: StampedSpace
    verdicts: Mapping[object, Verdict] = field(default_factory=dict)
    measured: Mapping[str, Verdict] = field(default_factory=dict)

    def verdict_with(
        self, reference: str, *, modalities: tuple[str, str] | None = None, measure: bool = False
    ) -> Verdict | None:
        found = self.verdicts.get((reference, *modalities) if modalities else reference)
        return self.measured.get(reference) if found is None and measure else found


def a_version(
    version: str,
    digit: str,
    *,
    dimensions: int = 4,
    measured: Mapping[str, Verdict] | None = None,
    **verdicts: Verdict,
) -> Known:
    """Return products@VERSION; `verdicts` are by the other version, such as v1_0_0=Verdict.COMPATIBLE."""
    by_reference = {f"products@{key[1:].replace('_', '.')}": verdict for key, verdict in verdicts.items()}
    space = StampedSpace(
        space_id=an_id(digit), reference=f"products@{version}", dimensions=(dimensions,), metric="cosine"
    )
    return Known(stamped_space=space, verdicts=by_reference, measured=measured or {})
