"""Read the registry: list, show, log, diff."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from embver import history
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import Card
from embver.diff import Change, compare
from embver.errors import UsageError
from embver.history import Release
from embver.levels import Level
from embver.policy import Reason, explain

# What a state other than `active` looks like in a card's bytes: almost no card has one, and 10,000 cards need
# not be parsed to say so.
_STATES = (b"deprecated", b"yanked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One release in a list, with its state as HEAD has it."""

    release: Release
    status: str

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver list --json`."""
        release = self.release
        return {
            "name": release.name,
            "version": str(release.version),
            "tag": release.tag,
            "commit": release.commit,
            "date": release.date,
            "level": release.level,
            "verdict": None if release.verdict in (None, "none") else release.verdict,
            "status": self.status,
        }


def list_releases(work: Workspace, name: str | None = None) -> tuple[Listed, ...]:
    """Return every release, or those of one embedding, in SemVer order."""
    releases = work.releases if name is None else history.of_name(work.releases, name)
    if name is not None and not releases:
        work.check_name(name)
        if name not in work.names():
            known = ", ".join(work.names())
            raise UsageError(
                f"there is no embedding {name!r}", hint=f"known: {known}" if known else f"embver new {name}"
            )
    # Blobs by id: a path in a revision is looked up tree by tree, four times as long.
    head = work.repo.head()
    entries = work.repo.tree(head, work.settings.embeddings) if head else ()
    ids = {entry.path: entry.blob for entry in entries if entry.path.endswith(f"/{CARD}")}
    found = [ids.get(f"{work.folder(release.name, release.version)}/{CARD}") for release in releases]
    held = [blob for blob in found if blob is not None]
    texts = dict(zip(held, work.repo.read_many(held), strict=True))
    blobs = [texts.get(blob) if blob else None for blob in found]
    return tuple(
        Listed(release=release, status=_state(data)) for release, data in zip(releases, blobs, strict=True)
    )


def _state(data: bytes | None) -> str:
    if data is None or not any(word in data for word in _STATES):
        return "active"
    from embver.store.cards import read_card_text

    status = read_card_text(data, path=CARD).plain.get("status")
    return str(status.get("state", "active")) if isinstance(status, dict) else "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One version: its release, if it has one, and its card."""

    reference: str
    release: Release | None
    card: Card

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
            "card": dict(self.card.plain),
        }


def show(work: Workspace, reference: str) -> Shown:
    """Return one version's card as it stands now."""
    source = work.source(reference)
    if source.release is None:
        return Shown(reference=source.reference, release=None, card=work.card(source))
    return Shown(
        reference=source.reference, release=source.release, card=work.current_cards([source.release])[0]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One release with what changed in it since the one before."""

    release: Release
    card: Card
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver log --json`."""
        return {
            "reference": self.release.reference,
            "date": self.release.date,
            "level": self.release.level,
            "verdict": self.release.verdict,
            "words": [dict(entry) for entry in self.card.plain.get("changes") or ()],
            "changes": [change.to_plain() for change in self.changes],
        }


def log(work: Workspace, name: str | None = None) -> tuple[LogEntry, ...]:
    """Return releases, the newest first, each with its difference to the one that its tag names as previous."""
    listed = [entry.release for entry in list_releases(work, name)]
    cards = dict(zip([release.reference for release in listed], work.current_cards(listed), strict=True))
    entries = []
    for release in reversed(listed):
        card = cards[release.reference]
        previous = cards.get(release.previous or "")
        changes = compare(comparable(previous), comparable(card)) if previous else ()
        entries.append(LogEntry(release=release, card=card, changes=changes, reasons=explain(changes)))
    return tuple(entries)


def settled(entry: LogEntry) -> tuple[Reason, ...]:
    """Return a release's reasons as it was released: what was presumed worse was measured to be safe."""
    word = entry.release.level
    if word in (None, "first"):
        return entry.reasons
    level = Level.parse(str(word))
    return tuple(
        replace(reason, level=level, why=f"{reason.why}; measured {entry.release.verdict}")
        if reason.level > level
        else reason
        for reason in entry.reasons
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffReport:
    """Two versions field by field, each difference with the level it calls for."""

    old: str
    new: str
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver diff --json`."""
        levels = {reason.path: reason.level.word for reason in self.reasons}
        return {
            "a": self.old,
            "b": self.new,
            "changes": [{**change.to_plain(), "level": levels.get(change.path)} for change in self.changes],
        }


def diff(work: Workspace, old: str, new: str) -> DiffReport:
    """Compare two versions' cards by meaning."""
    first, second = work.source(old), work.source(new)
    changes = compare(comparable(work.card(first)), comparable(work.card(second)))
    return DiffReport(old=first.reference, new=second.reference, changes=changes, reasons=explain(changes))


def default_pair(work: Workspace, name: str) -> tuple[str, str]:
    """Return what `embver diff NAME` compares: the latest release with `next/`, else with the one before."""
    mine = history.of_name(work.releases, work.check_name(name))
    current = history.latest(mine)
    if current is None:
        raise UsageError(f"{name} has no release to compare with", hint=f"embver show {name}@next")
    if work.path(work.folder(name, NEXT), CARD).is_file():
        return current.reference, f"{name}@{NEXT}"
    if current.previous is None:
        raise UsageError(f"{current.reference} is the first release", hint=f"embver show {current.reference}")
    return current.previous, current.reference


def comparable(card: Card) -> dict[str, Any]:
    """Return what two versions are compared by: not what may grow, nor the words about the change itself."""
    skip = ("benchmarks", "compatibility", "status", "notes", "changes", "override")
    return {key: value for key, value in card.plain.items() if key not in skip}
