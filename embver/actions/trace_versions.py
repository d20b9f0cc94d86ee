"""The versions of an embedding as a series needs them: cards as they stand now, and what each stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from embver.actions.current import current_cards
from embver.actions.listing import check_known
from embver.actions.workspace import NEXT, Workspace
from embver.card import Card
from embver.errors import UsageError
from embver.history import Release
from embver.tracing import TracedVersion


def traced_versions(
    work: Workspace, name: str, *, with_next: bool = False, cards: Mapping[str, Card] | None = None
) -> tuple[TracedVersion, ...]:
    """Return every release of an embedding in SemVer order, then `next/` if asked for; two git processes read all cards.

    `cards` are those that were read already, by NAME@VERSION: what is not among them is left out. Raises UsageError for a
    name that is not known, or that has no release.
    """
    releases = work.releases_of(work.check_name(name))
    if not releases:
        check_known(work, name)
        raise UsageError(f"{name} has no release yet", hint=f"embver release {name}")
    if cards is not None:
        releases = tuple(release for release in releases if release.reference in cards)
    read = current_cards(work, releases) if cards is None else (cards[each.reference] for each in releases)
    yanked = work.lifecycle_of(name).yanked
    versions = []
    for place, (release, card) in enumerate(zip(releases, read, strict=True)):
        previous, notes = _previous(release, card, releases[:place], releases)
        versions.append(
            TracedVersion(
                reference=release.reference,
                card=card,
                previous=previous,
                is_yanked=release.reference in yanked,
                notes=notes,
            )
        )
    if with_next:
        card = work.card(work.next_source(name))
        base = work.base(card)
        previous = base.reference if base else None
        versions.append(TracedVersion(reference=f"{name}@{NEXT}", card=card, previous=previous))
    return tuple(versions)


def _previous(
    release: Release, card: Card, lower: Sequence[Release], releases: Sequence[Release]
) -> tuple[str | None, tuple[str, ...]]:
    """Return the version that a release stands on, by its tag, else by its card, else the one before it by number."""
    named = release.previous or card.plain.get("previous")
    if named in (None, "", "none"):
        if release.level == "first" or not lower:
            return None, ()
        taken = lower[-1].reference
        return taken, (f"the tag of {release.reference} names no version before it: {taken} is taken",)
    if any(each.reference == named for each in releases):
        return str(named), ()
    if not lower:
        return None, ()
    taken = lower[-1].reference
    return taken, (f"{release.reference} stands on {named}, which has no tag here: {taken} is taken",)
