"""What may have moved a benchmark between two versions: the changed fields, those that could not have set apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embver.blocks import WEIGHTS, block_of, is_detail, kind_of, likelihood, step_name, why_of
from embver.card import Card
from embver.diff import Change, Kind, compare
from embver.exoneration import Facts, prepares, why_not
from embver.paths import format_path
from embver.presumption import OwnRule, Strength
from embver.rules import rule_for
from embver.suspect_words import told

# Fields of a release that tell of it, and are no part of what it does.
_RECORDS = ("benchmarks", "compatibility", "status", "notes", "changes", "override", "allowed_regressions")
_DIMENSION = ("space", "dimensions")  # it follows from the weights, or from a cut of what they give
# Of what the weights come with, the field that says most; the rest stands beside it.
_LEADS = (("model", "id"), ("base", "id"), ("model", "revision"), ("weights",), ("files",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """One changed thing of a step, with what speaks for or against it.

    `rank` counts from 1 among those that can matter, the likeliest first; it is 0 for those that cannot. `block` is what
    an experiment sets back together (`embver.blocks`), None for what none can. `changes` are the fields that changed
    with it: of one thing there is one suspect, however many fields tell of it. `place` counts a step from 1.
    """

    where: tuple[str, ...]
    kind: Kind
    before: Any
    after: Any
    rank: int
    can_matter: bool
    why: str
    block: str | None = None
    changes: tuple[Change, ...] = ()
    place: int | None = None

    @property
    def path(self) -> str:
        """Return the place as people write it."""
        return format_path(self.where)

    @property
    def summary(self) -> str:
        """Return what happened in a few words: `lowercase removed at 2`, `max_length 24 -> 16`."""
        changes = self.changes or (
            Change(where=self.where, kind=self.kind, before=self.before, after=self.after),
        )
        return told(self.where, self.kind, changes, block=self.block, place=self.place)

    def to_plain(self) -> dict[str, Any]:
        """Return the suspect with the stable keys of `embver trace --json`."""
        return {
            "path": self.path,
            "kind": self.kind.value,
            "before": self.before,
            "after": self.after,
            "rank": self.rank,
            "can_matter": self.can_matter,
            "why": self.why,
            "block": self.block,
            "summary": self.summary,
            "changes": [change.to_plain() for change in self.changes],
        }


def suspects_between(
    before: Card,
    after: Card,
    *,
    query: str,
    document: str,
    own: Iterable[OwnRule] = (),
    texts: Callable[[], Sequence[str]] | None = None,
) -> tuple[Suspect, ...]:
    """Return what changed between two versions, ranked for a benchmark that asks with one modality for another.

    `texts` gives the benchmark's texts: a step that changes none of them is set apart. It is called only if needed.
    """
    changes = compare(_compared(before), _compared(after))
    return rank_suspects(
        changes,
        query=query,
        document=document,
        before=before.plain,
        after=after.plain,
        own=own,
        texts=texts,
    )


def rank_suspects(
    changes: Sequence[Change],
    *,
    query: str,
    document: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    own: Iterable[OwnRule] = (),
    texts: Callable[[], Sequence[str]] | None = None,
) -> tuple[Suspect, ...]:
    """Return the changes of a step as suspects, those that can matter first, the likeliest at the top.

    `query` and `document` are the modalities that the benchmark asks with and finds. `before` and `after` are the plain
    cards: without them places of steps, the noise floor and equal weights are not known, and fewer fields are set apart.
    """
    facts = Facts(
        query=query,
        document=document,
        before=before or {},
        after=after or {},
        own=tuple(own),
        texts=texts,
    )
    groups: dict[tuple[str, str | None], list[Change]] = {}
    for change in changes:
        reason = why_not(change, facts)
        groups.setdefault((_group(change, changes, reason), reason), []).append(change)
    made = [_suspect(members, facts, reason) for (_, reason), members in groups.items()]
    others = any(each.can_matter and each.block for each in made)
    made = [_in_company(each, facts, others=others) for each in made]
    guilty = sorted((each for each in made if each.can_matter), key=lambda each: _order(each, facts))
    ranked = [replace(each, rank=number) for number, each in enumerate(guilty, start=1)]
    return (*ranked, *(each for each in made if not each.can_matter))


def told_together(suspects: Iterable[Suspect]) -> str:
    """Return what may be said of a step from its suspects alone: the only change, or what changed together."""
    guilty = [each.summary for each in suspects if each.can_matter]
    if not guilty:
        return "no change that can matter"
    return f"only change: {guilty[0]}" if len(guilty) == 1 else f"changed together: {'; '.join(guilty)}"


def _compared(card: Card) -> dict[str, Any]:
    return {key: value for key, value in card.plain.items() if key not in _RECORDS}


def _group(change: Change, changes: Sequence[Change], reason: str | None) -> str:
    """Return a key that is the same for changes of one thing; of those set apart for one reason, by section."""
    block, where = block_of(change.where), change.where
    if where == _DIMENSION:
        cuts = [each for each in changes if kind_of(block_of(each.where)) == "projection"]
        block = block_of(cuts[0].where) if cuts else WEIGHTS
    if reason is not None:
        return f"apart {where[0]} {block}"
    if block is not None:
        return f"block {block}"
    what = " prepares" if prepares(change) else ""
    return f"field {format_path(where[:2] if where[0] == 'encode' else where)}{what}"


def _suspect(members: Sequence[Change], facts: Facts, reason: str | None) -> Suspect:
    lead = _lead(members)
    block = block_of(lead.where)
    if block and reason is not None and rule_for(lead, facts.own).strength is Strength.WORDS:
        block = None  # words about it, which nothing can set back
    where = lead.where
    if block == WEIGHTS and lead.where[-1] not in ("id", "revision"):
        where = lead.where[:3] if lead.where[0] == "encoders" else lead.where
    elif len(members) > 1 and block != WEIGHTS:
        where = _common(members)
    kinds = {change.kind for change in members}
    return Suspect(
        where=where,
        kind=lead.kind if len(kinds) == 1 or where == lead.where else Kind.CHANGED,
        before=lead.before if where == lead.where else _side(members, where, before=True),
        after=lead.after if where == lead.where else _side(members, where, before=False),
        rank=0,
        can_matter=reason is None,
        why=reason or why_of(block),
        block=block,
        changes=tuple(members),
        place=_place(lead, facts),
    )


def _lead(members: Sequence[Change]) -> Change:
    """Return the change that a group is told by: of weights what says most, else the first but for the dimension."""
    if any(block_of(change.where) == WEIGHTS and change.where[0] != "space" for change in members):
        for parts in _LEADS:
            for change in members:
                if change.where[0] == "encoders" and change.where[2 : 2 + len(parts)] == parts:
                    return change
    return next((change for change in members if change.where != _DIMENSION), members[0])


def _common(members: Sequence[Change]) -> tuple[str, ...]:
    """Return the place that all changes lie in; of those of several sections, that of the first."""
    first = members[0].where
    length = 0
    while all(change.where[: length + 1] == first[: length + 1] for change in members) and length < len(
        first
    ):
        length += 1
    if length < 2 and first[0] == "encoders":
        length = 3
    return first[: max(length, 1)]


def _side(members: Sequence[Change], where: tuple[str, ...], *, before: bool) -> dict[str, Any] | None:
    """Return what the fields of a group were, or are, by their place below the group's own."""
    missing = Kind.ADDED if before else Kind.REMOVED
    found = {
        format_path(change.where[len(where) :] if change.where[: len(where)] == where else change.where)
        or change.path: change.before if before else change.after
        for change in members
        if change.kind is not missing
    }
    return found or None


def _place(change: Change, facts: Facts) -> int | None:
    """Return which step of its list was removed or added, counted from 1; None if that is not known."""
    if change.where[2:3] != ("preprocessing",) or len(change.where) != 4 or change.kind is Kind.CHANGED:
        return None
    card = facts.before if change.kind is Kind.REMOVED else facts.after
    steps = ((card.get("encoders") or {}).get(change.where[1]) or {}).get("preprocessing") or ()
    name, _, number = change.where[3][1:-1].rpartition(":")
    wanted = int(number) if name and number.isdigit() else 1
    places = [
        place for place, step in enumerate(steps, start=1) if step.get("step") == step_name(change.where[3])
    ]
    return places[wanted - 1] if len(places) >= wanted else None


def _in_company(suspect: Suspect, facts: Facts, *, others: bool) -> Suspect:
    """Set a machine or a batch apart where the floor is small and something else changed that can matter."""
    reason = facts.floor_clears(suspect.changes) if others and suspect.can_matter else None
    return replace(suspect, can_matter=False, why=reason) if reason else suspect


def _order(suspect: Suspect, facts: Facts) -> tuple[int, int, int]:
    kinds = (Kind.REMOVED, Kind.CHANGED, Kind.ADDED)
    modality = suspect.where[1] if suspect.where[0] == "encoders" else None
    place = likelihood(suspect.block)
    if all(is_detail(change.where, change.before, change.after) for change in suspect.changes):
        place = max(place, likelihood(WEIGHTS) + 1)
    return place, kinds.index(suspect.kind), int(modality != facts.query)
