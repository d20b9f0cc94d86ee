"""Compare two versions' cards by meaning, each difference with the level that it calls for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embver import history
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import Card
from embver.diff import Change, compare
from embver.errors import UsageError
from embver.levels import Level
from embver.policy import Reason, explain


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    """Two versions field by field, each difference with the level it calls for."""

    old: str
    new: str
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...]  # one a change, the weightiest first

    @property
    def level(self) -> Level:
        """Return what the card alone calls for: the highest level of all changes."""
        return max((reason.level for reason in self.reasons), default=Level.NONE)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver diff --json`."""
        return {"a": self.old, "b": self.new, "changes": plain_changes(self.changes, self.reasons)}


def plain_changes(changes: tuple[Change, ...], reasons: tuple[Reason, ...]) -> list[dict[str, Any]]:
    """Return changes with the level, the reason and the presumption that each has; JSON-safe, values whole."""
    # A measurement that breaks is a reason, too, and has no change of its own.
    by_path = {reason.path: reason.to_plain() for reason in reasons}
    return [{**change.to_plain(), **by_path.get(change.path, {})} for change in changes]


def diff(work: Workspace, old: str, new: str) -> DiffReport:
    """Compare two versions' cards by meaning."""
    first, second = work.source(old), work.source(new)
    changes = compare(comparable(work.card(first)), comparable(work.card(second)))
    own = work.settings.policy_for(second.reference.partition("@")[0])
    return DiffReport(
        old=first.reference, new=second.reference, changes=changes, reasons=explain(changes, own)
    )


def default_pair(work: Workspace, name: str) -> tuple[str, str]:
    """Return what `embver diff NAME` compares: `next/` with what it goes on from, else the latest two releases."""
    current = history.latest(work.standing(work.check_name(name)))
    if current is None:
        raise UsageError(f"{name} has no release to compare with", hint=f"embver show {name}@next")
    if work.path(work.folder(name, NEXT), CARD).is_file():
        base = work.base(work.card(work.next_source(name))) or current
        return base.reference, f"{name}@{NEXT}"
    if current.previous is None:
        raise UsageError(f"{current.reference} is the first release", hint=f"embver show {current.reference}")
    return current.previous, current.reference


def comparable(card: Card) -> dict[str, Any]:
    """Return what two versions are compared by: not what may grow, nor the words about the change itself.

    Nor bridges: a map that leads to an older version is no part of what this one serves.
    """
    skip = ("benchmarks", "compatibility", "status", "notes", "changes", "override", "allowed_regressions")
    plain = {key: value for key, value in card.plain.items() if key not in skip}
    if any(artifact.role == "bridge" for artifact in card.artifacts):
        plain["artifacts"] = [entry for entry in plain["artifacts"] if entry["role"] != "bridge"]
    return plain
