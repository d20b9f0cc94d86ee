"""Compare cards, wherever they come from."""

from __future__ import annotations

import os

from embver.api.card import Card
from embver.api.reports import CardDiff, card_diff
from embver.api.version import Version

Described = Version | Card | str | os.PathLike[str]


def compare(old: Described, new: Described) -> CardDiff:
    """Compare two cards field by field: versions, cards, or paths of card files; no repository is needed.

    The level of each change is what embver's own table says; `Repository.compare` knows the rules of a team too.
    """
    return card_diff(_card(old), _card(new))


def _card(described: Described) -> Card:
    if isinstance(described, Version):
        return described.card
    return described if isinstance(described, Card) else Card.load(described)
