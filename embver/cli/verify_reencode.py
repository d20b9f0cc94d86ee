"""What `embver verify --reencode` prints of one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.tiers import Tier

if TYPE_CHECKING:
    from embver.actions.reencode_report import Modality, Reencoded

_COLOURS = {Tier.R0: "green", Tier.R1: "green", Tier.R2: "yellow", Tier.NONE: "red"}
_MOST_DIFFERENCES = 6


def show_reencoded(found: Reencoded, out: Output) -> None:
    """Print the tier, what it rests on by modality, and what differs between the two environments."""
    if found.tier is None:
        out.print(f"{found.reference} {out.style('could not be encoded again', 'yellow')}")
    else:
        word = out.style(found.tier.word, _COLOURS[found.tier])
        out.print(f"{found.reference} encoded again: {word}, {found.tier.meaning}")
    for modality in found.modalities:
        if modality.measures is not None:
            out.print(f"  {modality.modality:<8}{_measured(modality)}")
    if found.probe is not None:
        out.print(
            f"  probe   {found.probe['name']}, {found.probe['items']:,} items: {found.probe['verdict']}"
        )
    for why in found.why:
        out.print(f"  {why}")
    _show_environment(found, out)


def _measured(modality: Modality) -> str:
    found = modality.measures
    assert found is not None
    said = f"{found.identical:,} of {found.rows:,} rows bit for bit"
    if found.identical == found.rows:
        return said
    said += f", 1-cos {found.distance_p99:.2g} at the 99th percentile"
    if found.neighbours is not None:
        said += f", {found.neighbours.value:.2%} of {found.k} neighbours again (at least {found.neighbours.lcb:.2%})"
    return said


def _show_environment(found: Reencoded, out: Output) -> None:
    if found.is_same_environment:
        out.print(f"  environment as in the card ({(found.here or '')[:19]}…)")
        return
    if found.here is None:
        return
    if found.recorded is None:
        out.print("  the card does not say in which environment it was encoded")
    elif not found.differs:
        out.print("  another embver wrote the card: its encode step gave other bits")
    more = len(found.differs) - _MOST_DIFFERENCES
    for each in found.differs[:_MOST_DIFFERENCES]:
        out.print(f"  differs {each}")
    if more > 0:
        out.print(f"  and {more} more (--json lists all)")
