"""Read the registry: the log of releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embver.actions.current import current_cards
from embver.actions.diffing import comparable
from embver.actions.listing import check_known
from embver.actions.workspace import Workspace
from embver.card import Card
from embver.diff import Change, compare
from embver.history import Release
from embver.levels import Level
from embver.lifecycle import NO_STATUS, Lifecycle, Status
from embver.policy import Reason, as_released, explain


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One release with what changed in it since the one before."""

    release: Release
    card: Card
    changes: tuple[Change, ...]
    status: Status = NO_STATUS
    stages: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return what each change calls for, by the rules of its time; worked out when asked for, as it takes longest."""
        return as_released(explain(self.changes), self.release.message)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver log --json`."""
        return {
            "reference": self.release.reference,
            "date": self.release.date,
            "level": self.release.level,
            "verdict": self.release.verdict,
            "status": self.status.state,
            "status_record": self.status.to_record(),
            "stages": list(self.stages),
            "words": [dict(entry) for entry in self.card.plain.get("changes") or ()],
            "changes": [change.to_plain() for change in self.changes],
        }


def log(work: Workspace, name: str | None = None) -> tuple[LogEntry, ...]:
    """Return releases, the newest first, each with its difference to the one that its tag names as previous."""
    listed = work.releases if name is None else work.releases_of(work.check_name(name))
    if name is not None and not listed:
        check_known(work, name)
    cards = dict(zip([release.reference for release in listed], current_cards(work, listed), strict=True))
    return entries_of(listed, cards, work.lifecycle if name is None else work.lifecycle_of(name))


def entries_of(listed: Sequence[Release], cards: Mapping[str, Card], life: Lifecycle) -> tuple[LogEntry, ...]:
    """Return the releases whose cards are known, the newest first, each with its difference to the one before it."""
    entries = []
    for release in reversed(listed):
        card = cards.get(release.reference)
        if card is None:
            continue
        previous = cards.get(release.previous or "")
        changes = compare(comparable(previous), comparable(card)) if previous else ()
        entries.append(
            LogEntry(
                release=release,
                card=card,
                changes=changes,
                status=life.status(release.reference),
                stages=life.stages_of(release.reference),
            )
        )
    return tuple(entries)


def settled(entry: LogEntry) -> tuple[Reason, ...]:
    """Return a release's reasons as it was released: what was presumed worse was measured to be safe."""
    word = entry.release.level
    reasons = entry.reasons
    if word in (None, "first"):
        return reasons
    level = Level.parse(str(word))
    return tuple(
        replace(reason, level=level, why=f"{reason.why}; measured {entry.release.verdict}")
        if reason.level > level
        else reason
        for reason in reasons
    )
