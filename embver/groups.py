"""Which queries were lost and won between two versions, and what those have in common. Ground floor.

A group is over-represented where more of the lost queries belong to it than chance would take from those that could be
lost: one-sided exact test (Fisher 1935; the hypergeometric tail), corrected for the number of groups by Holm (1979).
Queries count one by one: several of one pair are not independent, and make small groups look surer than they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from embver.exact import over_representation
from embver.multiple import holm
from embver.traits import LEAST, Trait, members_of

SURE: Final = 0.05
EXAMPLES: Final = 3
STEPS: Final = (
    "step",
    "steps",
)  # columns of traits that tell of preprocessing steps (`text_steps.step_traits`)
_DIGITS: Final = 5e-7  # raw files keep six: less is no difference


Way = Literal["lost", "won"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Moved queries that have something in common.

    `count` of the `moved` queries belong to it, and `base` of the `able` ones that they are compared with. `p_value` is
    corrected, but for what a step touches. `also` says what else is true of exactly these queries. `explained_by` is the clause of a stronger
    group that accounts for this one: inside and outside of that one nothing is left of it.
    """

    column: str
    value: str
    clause: str
    count: int
    moved: int
    base: int
    able: int
    p_value: float
    examples: tuple[str, ...]
    also: tuple[str, ...] = ()
    explained_by: str | None = None

    @property
    def is_over_represented(self) -> bool:
        """Tell whether more belong to it than chance would take."""
        return self.p_value <= SURE

    @property
    def lift(self) -> float:
        """Return how many times as often as among those that could move; more than 1 is more often."""
        return (self.count / self.moved) / (self.base / self.able)

    @property
    def sentence(self) -> str:
        """Return the group in words: `209 of 212 contain upper-case letters`."""
        return f"{self.count:,} of {self.moved:,} {self.clause}"

    def to_plain(self) -> dict[str, Any]:
        """Return the group with the stable keys of `embver trace --queries --json`."""
        return {
            "column": self.column,
            "value": self.value,
            "clause": self.clause,
            "count": self.count,
            "of": self.moved,
            "base_count": self.base,
            "base_of": self.able,
            "lift": round(self.lift, 4),
            "p_value": float(f"{self.p_value:.3g}"),
            "also": list(self.also),
            "explained_by": self.explained_by,
            "examples": list(self.examples),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """The queries that moved one way: their ids, the most moved first, among the `able` that could; and their groups.

    They are compared with all that could move this way; where nearly all of those did, with every query (`against`).
    `groups` are those over-represented, the surest first. `clauses_tried` is how many things were looked at. `touched`
    says how many each changed preprocessing step touches, where that is over-represented or not: a step that touches
    every query is told by no difference between them.
    """

    way: Way
    queries: tuple[str, ...]
    able: int
    against: Literal["able", "all"] = "able"
    groups: tuple[Group, ...] = ()
    clauses_tried: int = 0
    touched: tuple[Group, ...] = ()

    @property
    def main(self) -> tuple[Group, ...]:
        """Return the groups that no stronger one accounts for."""
        return tuple(group for group in self.groups if group.explained_by is None)

    def to_plain(self) -> dict[str, Any]:
        """Return the side with the stable keys of `embver trace --queries --json`."""
        return {
            "count": len(self.queries),
            "able": self.able,
            "against": self.against,
            "queries": list(self.queries),
            "groups": [group.to_plain() for group in self.groups],
            "clauses_tried": self.clauses_tried,
            "touched": [group.to_plain() for group in self.touched],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What became of each query between two versions: lost, won or neither.

    `is_binary` tells whether a query is found or not, as with hit@k, or has a score in between.
    """

    queries: int
    lost: Moved
    won: Moved
    is_binary: bool = True

    def of(self, way: Way) -> Moved:
        """Return one of both sides."""
        return self.lost if way == "lost" else self.won


def moves(
    queries: Sequence[str],
    before: Sequence[float],
    after: Sequence[float],
    traits: Sequence[Trait] = (),
    *,
    higher_is_better: bool = True,
) -> Moves:
    """Return which queries fell and rose (for hit@k: 1 -> 0 and 0 -> 1), and what each side has in common.

    Scores and `queries` are in one order, which is that of the bits of `traits`. A query at the worst score of all
    could not fall, one at the best not rise. Raises ValueError for scores of other queries.
    """
    if not len(queries) == len(before) == len(after):
        raise ValueError(f"scores of {len(before)} and {len(after)} queries are not those of {len(queries)}")
    sign = 1 if higher_is_better else -1
    old, new = [sign * value for value in before], [sign * value for value in after]
    low, high = min([*old, *new], default=0.0), max([*old, *new], default=0.0)
    change = [b - a for a, b in zip(old, new, strict=True)]
    return Moves(
        queries=len(queries),
        lost=_moved("lost", queries, [-each for each in change], [value > low for value in old], traits),
        won=_moved("won", queries, change, [value < high for value in old], traits),
        is_binary={*old, *new} <= {low, high},
    )


def _moved(
    way: Way, queries: Sequence[str], far: Sequence[float], could: Sequence[bool], traits: Sequence[Trait]
) -> Moved:
    flags = [each > _DIGITS for each in far]
    order = sorted((n for n, flag in enumerate(flags) if flag), key=lambda n: (-far[n], queries[n]))
    moved, able = members_of(flags), members_of(could)
    is_spent = able.bit_count() - moved.bit_count() < LEAST
    base = (1 << len(queries)) - 1 if is_spent else able
    groups, tried = _groups(moved, base, traits)
    touching = [each for each in traits if each.column in STEPS and moved & each.members]
    touched = [(_group((each,), moved, base, _tail(each.members, moved, base)), each) for each in touching]
    return Moved(
        way=way,
        queries=tuple(queries[n] for n in order),
        able=able.bit_count(),
        against="all" if is_spent else "able",
        groups=tuple(_shown(group, members, order, queries) for group, members in groups),
        clauses_tried=tried,
        touched=tuple(_shown(group, each.members & moved, order, queries) for group, each in touched),
    )


def _group(same: Sequence[Trait], moved: int, able: int, p_value: float) -> Group:
    """Return traits of the same queries as one group, without examples."""
    first, members = same[0], same[0].members & able
    return Group(
        column=first.column,
        value=first.value,
        clause=first.clause,
        count=(members & moved).bit_count(),
        moved=moved.bit_count(),
        base=members.bit_count(),
        able=able.bit_count(),
        p_value=p_value,
        examples=(),
        also=tuple(each.clause for each in same[1:]),
    )


def _groups(moved: int, able: int, traits: Sequence[Trait]) -> tuple[list[tuple[Group, int]], int]:
    """Return the over-represented groups with the moved queries of each, the surest first; and how many were tried."""
    by_members: dict[int, list[Trait]] = {}
    for trait in traits:
        members = trait.members & able
        if LEAST <= members.bit_count() < able.bit_count():
            by_members.setdefault(members, []).append(trait)
    if not moved or not by_members:
        return [], len(by_members)
    tails = [_tail(members, moved, able) for members in by_members]
    corrected = holm(tails)
    found = []
    for (members, same), raw, p_value in zip(by_members.items(), tails, corrected, strict=True):
        if p_value > SURE:
            continue
        group = _group(same, moved, able, p_value)
        found.append((raw, group, members, same[0]))
    found.sort(key=lambda each: (each[0], -each[1].lift, each[1].clause))
    return _explained([(group, members, trait) for _, group, members, trait in found], moved, able), len(
        by_members
    )


def _explained(found: Sequence[tuple[Group, int, Trait]], moved: int, able: int) -> list[tuple[Group, int]]:
    """Return groups with the clause of the stronger one that accounts for each, where one does."""
    kept: list[tuple[Group, int, Trait]] = []
    made = []
    for group, members, trait in found:
        by = next(
            (
                other
                for other, theirs, nested in kept
                if (trait.is_nested and nested.is_nested and trait.column == nested.column)
                or not _adds(members, theirs, moved, able)
            ),
            None,
        )
        if by is None:
            kept.append((group, members, trait))
        made.append((replace(group, explained_by=by.clause if by else None), members & moved))
    return made


def _adds(members: int, stronger: int, moved: int, able: int) -> bool:
    """Tell whether a group is still over-represented inside or outside of a stronger one (at half the level each)."""
    parts = (able & stronger, able & ~stronger)
    return any(_tail(members & part, moved & part, part) <= SURE / 2 for part in parts)


def _tail(members: int, moved: int, able: int) -> float:
    return over_representation(
        (members & moved).bit_count(),
        (moved & able).bit_count(),
        (members & able).bit_count(),
        able.bit_count(),
    )


def _shown(group: Group, members: int, order: Sequence[int], queries: Sequence[str]) -> Group:
    """Return a group with up to three of its queries: the most moved, one between, the least moved."""
    bits = f"{members:b}"[::-1]
    own = [n for n in order if bits[n : n + 1] == "1"]
    count = min(EXAMPLES, len(own))
    places = sorted({round(step * (len(own) - 1) / max(count - 1, 1)) for step in range(count)})
    return replace(group, examples=tuple(queries[own[place]] for place in places))


def share_words(part: int, whole: int) -> str:
    """Return a share as people read it, `61 %`; one that is nearly none or all keeps a digit."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.0f} %" if share in (0, 100) or 1 <= share <= 99 else f"{share:.1f} %"
