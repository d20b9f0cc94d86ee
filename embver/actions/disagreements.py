"""Find where tags and cards do not say the same of a version's life: tags decide, cards are what people read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from embver.actions.workspace import CARD, Workspace
from embver.lifecycle import ACTIVE, DEPRECATED, YANKED, Status

# What a state other than `active` looks like in a card's bytes: almost no card has one, and 10,000 cards need not
# be parsed to say so.
_STATES = (DEPRECATED.encode(), YANKED.encode())
_VERBS = {DEPRECATED: "deprecate", YANKED: "yank"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One version of which tags and card, or two tags, say different things, and what to type."""

    reference: str
    path: str  # of the card, or a tag's name
    why: str
    hint: str


def disagreements(work: Workspace) -> tuple[Disagreement, ...]:
    """Return every disagreement between the tags and the cards that HEAD holds; three git processes in all.

    A card that HEAD does not hold is another branch's to tell.
    """
    return (*_of_cards(work), *_of_tags(work))


def _of_cards(work: Workspace) -> Iterator[Disagreement]:
    head = work.repo.head()
    entries = work.repo.tree(head, work.settings.embeddings) if head else ()
    blobs = {entry.path: entry.blob for entry in entries if entry.path.endswith(f"/{CARD}")}
    paths = [f"{work.folder(release.name, release.version)}/{CARD}" for release in work.releases]
    texts = iter(work.repo.read_many([blobs[path] for path in paths if path in blobs]))
    for release, path in zip(work.releases, paths, strict=True):
        if path not in blobs:
            continue
        status = work.lifecycle.status(release.reference)
        said = _state(next(texts) or b"")
        if said != status.state:
            why = f"its card says {said}, its tags {status.state}"
            yield Disagreement(
                reference=release.reference,
                path=path,
                why=why,
                hint=_command(release.reference, status, said),
            )


def _of_tags(work: Workspace) -> Iterator[Disagreement]:
    commits = {release.reference: release.commit for release in work.releases}
    for event in work.lifecycle.events:
        at = commits.get(event.reference)
        if at != event.commit:
            why = "another commit than its release" if at else "a version that has no release"
            yield Disagreement(
                reference=event.reference,
                path=event.tag,
                why=f"the tag {event.tag} lies on {why}",
                hint=f"embver show {event.reference}" if at else f"embver list {event.name}",
            )


def _state(data: bytes) -> str:
    if not any(word in data for word in _STATES):
        return ACTIVE
    from embver.store.cards import read_card_text

    status = read_card_text(data, path=CARD).plain.get("status")
    return str(status.get("state", ACTIVE)) if isinstance(status, dict) else ACTIVE


def _command(reference: str, status: Status, said: str) -> str:
    """Return what lets both say the same: what the tags say once more, or what only the card says taken back."""
    if status.is_active:
        verb = _VERBS.get(said, "deprecate")
        return f"embver {verb} {reference} --reason TEXT, or embver {verb} {reference} --undo"
    verb = _VERBS[status.state]
    successor = f" --successor {status.successor}" if status.successor else ""
    return f"embver {verb} {reference} --reason {shlex.quote(status.reason or 'TEXT')}{successor}"
