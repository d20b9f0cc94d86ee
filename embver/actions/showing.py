"""Show one version. Apart from the log: it compares nothing, and loads only what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embver.actions.current import current_cards
from embver.actions.workspace import Workspace
from embver.card import Card
from embver.history import Release
from embver.lifecycle import NO_STATUS, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One version: its release, if it has one, and its card."""

    reference: str
    release: Release | None
    card: Card
    status: Status = NO_STATUS
    stages: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver show --json`."""
        release = self.release
        return {
            "reference": self.reference,
            "tag": release.tag if release else None,
            "commit": release.commit if release else None,
            "date": release.date if release else None,
            "level": release.level if release else None,
            "verdict": release.verdict if release else None,
            "status": self.status.state,
            "status_record": self.status.to_record(),
            "stages": list(self.stages),
            "card": dict(self.card.plain),
        }


def show(work: Workspace, reference: str) -> Shown:
    """Return one version's card as it stands now."""
    source = work.source(reference)
    if source.release is None:
        return Shown(reference=source.reference, release=None, card=work.card(source))
    life = work.lifecycle_of(source.release.name)
    return Shown(
        reference=source.reference,
        release=source.release,
        card=next(current_cards(work, [source.release])),
        status=life.status(source.reference),
        stages=life.stages_of(source.reference),
    )
