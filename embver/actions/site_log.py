"""Read all releases for the site: a card that cannot be shown hides no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embver.actions.current import FlawedCard, readable_cards
from embver.actions.workspace import Workspace
from embver.card import Card
from embver.lifetag import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLog:
    """What the site is made of: cards, those that are not valid today, and what became of each release.

    Of a card that is not valid `cards` holds what can be shown, if anything can.
    """

    flawed: tuple[FlawedCard, ...]
    cards: Mapping[str, Card]  # by NAME@VERSION
    events: Mapping[str, tuple[Event, ...]]  # by NAME@VERSION, in the order of their tags' dates


def site_log(work: Workspace) -> SiteLog:
    """Return what there is of every release: two git processes read the cards of all."""
    listed = work.releases
    cards: dict[str, Card] = {}
    flawed = []
    for release, found in zip(listed, readable_cards(work, listed), strict=True):
        card = found.card if isinstance(found, FlawedCard) else found
        if isinstance(found, FlawedCard):
            flawed.append(found)
        if card is not None:
            cards[release.reference] = card
    events: dict[str, list[Event]] = {}
    for event in sorted(work.lifecycle.events, key=lambda event: (event.date, event.number or 0, event.tag)):
        events.setdefault(event.reference, []).append(event)
    return SiteLog(
        flawed=tuple(flawed),
        cards=cards,
        events={reference: tuple(listed_) for reference, listed_ in events.items()},
    )
