"""Ask some of a benchmark's queries: drawn evenly over what their items say of themselves and over their length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from embver.actions.ablate_ends import Question
from embver.digest import sha256_of
from embver.errors import UsageError
from embver.probe import ProbeItem

LEAST: Final = 30  # fewer queries give no interval worth reading


def sampled(question: Question, size: int) -> Question:
    """Return the question with about so many of its queries; all documents stay, so that no rank gets easier.

    Queries of one pair are drawn together, since they are no independent witnesses. In the order of their attributes,
    then their length, then a digest of their id, every n-th is taken: each stratum has its share (systematic sampling
    with implicit strata; Cochran 1977, chapter 8). Raises UsageError for too few.
    """
    if size < LEAST:
        raise UsageError(f"--sample {size}: at least {LEAST} queries")
    if size >= len(question.queries):
        return question
    groups: dict[str, list[ProbeItem]] = {}
    for item in question.queries:
        groups.setdefault(item.pair or f"\0{item.id}", []).append(item)
    part = size / len(question.queries)
    # The n-th group is taken where n * part passes a whole number: as many as asked, evenly along the order.
    chosen = [
        item
        for place, group in enumerate(sorted(groups.values(), key=_stratum))
        if int((place + 1) * part) > int(place * part)
        for item in group
    ]
    return replace(question, queries=tuple(sorted(chosen, key=lambda item: item.id)))


def strata_words(items: Sequence[ProbeItem]) -> str:
    """Return what the queries were spread over."""
    keys = sorted({key for item in items for key in item.attributes})
    return ", ".join([*keys, "length"] if any(item.text for item in items) else keys) or "their ids"


def _stratum(group: Sequence[ProbeItem]) -> tuple[tuple[tuple[str, str], ...], int, str]:
    first = group[0]
    attributes = tuple(sorted(first.attributes.items()))
    return attributes, len(first.text or ""), sha256_of(first.id.encode())
