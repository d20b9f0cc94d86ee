"""The rest of a card that has mistakes: what of it has the right shape still has to make sense.

All mistakes are told in one go, and each once: what follows from a mistake is none of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from embver.problem import Flaw
from embver.store.cards import CardText

Where = tuple[str | int, ...]

# Where a field's name was refused, nobody knows what is missing.
_TORN = ("duplicate-key", "merge-key", "key-not-text")


def without_echoes(flaws: Iterable[Flaw], unread: Iterable[Where]) -> tuple[Flaw, ...]:
    """Return flaws of shape less those at places whose value was refused: what stands there now is no mistake."""
    refused = set(unread)
    return tuple(
        flaw
        for flaw in flaws
        if not any(flaw.where[:depth] in refused for depth in range(len(flaw.where) + 1))
    )


def sense_of_the_rest(
    plain: dict[str, Any], folder: str | None, flaws: Iterable[Flaw], card_text: CardText
) -> tuple[Flaw, ...]:
    """Return the contradictions in what of a card has the right shape.

    What lacks a field because of a mistake in the same mapping (`max_lenght`) is left out.
    """
    from embver.sense import check_sense

    broken = {flaw.where for flaw in flaws if flaw.rule != "missing-field"} | set(card_text.unread)
    incomplete = broken | {flaw.where for flaw in flaws}
    is_torn = any(problem.rule in _TORN for problem in card_text.problems)
    rest = _without(plain, broken)
    inside = {where[:depth] for where in incomplete for depth in range(1, len(where) + 1)}
    inside |= {() for where in incomplete if len(where) <= 1}
    found = []
    for flaw in check_sense(rest, folder=folder):
        is_below = any(flaw.where[:depth] in broken for depth in range(1, len(flaw.where) + 1))
        if not (is_below or (flaw.lacking is not None and (is_torn or flaw.lacking in inside))):
            found.append(flaw)
    return tuple(found)


def _without(plain: dict[str, Any], broken: Iterable[Where]) -> dict[str, Any]:
    """Return the data less some places; an entry of a list leaves a gap, so that the others keep their places.

    Only what holds a broken place is copied: a copy of the whole takes longer than all checks.
    """
    rest = dict(plain)
    own: dict[Where, Any] = {(): rest}
    for where in sorted(broken, key=len):
        holder: Any = rest
        try:
            for depth, part in enumerate(where[:-1], start=1):
                inner = holder[part]
                if where[:depth] not in own:
                    holder[part] = own[where[:depth]] = inner.copy()
                holder = holder[part]
            last: Any = where[-1]
            if isinstance(holder, list):
                holder[last] = None
            else:
                holder.pop(last, None)
        except (LookupError, TypeError, AttributeError):
            continue  # it went with what it was in, or is the whole card
    return rest
