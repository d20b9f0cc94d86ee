"""What encoding a release again came to: by modality, with the tier that holds of all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.actions.verify_files import Finding
from embver.tiers import Tier

if TYPE_CHECKING:
    from embver.encode.environment import Difference
    from embver.measure.repeat import Repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class Modality:
    """What came of one modality: the measures of its sample, or `why` nothing could be encoded again."""

    modality: str
    measures: Repeat | None
    tier: Tier | None
    missing: int = 0
    why: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry in JSON."""
        found = self.measures
        neighbours = found.neighbours if found else None
        return {
            "modality": self.modality,
            "tier": self.tier.word if self.tier else None,
            "rows": found.rows if found else 0,
            "identical": found.identical if found else None,
            "cosine_distance_p99": float(f"{found.distance_p99:.3g}") if found else None,
            "cosine_distance_max": float(f"{found.distance_max:.3g}") if found else None,
            "neighbours": {"value": round(neighbours.value, 4), "low": round(neighbours.lcb, 4), "k": found.k}
            if found and neighbours
            else None,
            "missing": self.missing,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Reencoded:
    """What came of one release; `tier` is None where nothing could be encoded again.

    `probe` is the verdict of the probe set where it was asked: whether vectors that are not equivalent are compatible,
    or in the place of items that are not here. `recorded` and `here` are environment fingerprints.
    """

    reference: str
    tier: Tier | None
    modalities: tuple[Modality, ...]
    recorded: str | None
    here: str | None
    profile: str = "strict"
    is_record_sound: bool = True  # the recorded fingerprint is that of what stands beside it in the card
    differs: tuple[Difference, ...] = ()
    probe: Mapping[str, Any] | None = None
    why: tuple[str, ...] = ()

    @property
    def is_same_environment(self) -> bool | None:
        """Tell whether this machine and software are those of the card; None where that is not known."""
        return self.recorded == self.here if self.recorded and self.here else None

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong: other vectors, or other bits on a machine that promises the same ones."""
        if self.tier is Tier.NONE:
            moved = "; ".join(_moved(each) for each in self.modalities if each.tier is Tier.NONE)
            said = f", and the probe set finds them {self.probe['verdict']}" if self.probe else ""
            yield self._finding(
                f"encoded again these are other vectors: {moved or 'the probe vectors moved'}{said}"
            )
        if not self.is_record_sound:
            yield self._finding("encode.environment is not the digest of what the card's encode says")
        elif self.is_same_environment and self.profile == "strict" and self.tier not in (Tier.R0, None):
            yield self._finding(
                "the environment is the card's own, and the bits are not: a kernel is not deterministic, or other "
                "inputs or options ran than the card says"
            )

    def _finding(self, why: str) -> Finding:
        return Finding(kind="changed", reference=self.reference, path="card.yaml", why=why)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry of `reencoded` in `embver verify --json`."""
        return {
            "reference": self.reference,
            "tier": self.tier.word if self.tier else None,
            "meaning": self.tier.meaning if self.tier else None,
            "modalities": [each.to_plain() for each in self.modalities],
            "probe": dict(self.probe) if self.probe else None,
            "environment": {
                "recorded": self.recorded,
                "here": self.here,
                "same": self.is_same_environment,
                "differs": [each.to_plain() for each in self.differs],
            },
            "why": list(self.why),
        }


def _moved(modality: Modality) -> str:
    found = modality.measures
    return (
        f"{modality.modality} 1-cos {found.distance_p99:.2g} at the 99th percentile"
        if found
        else modality.modality
    )
