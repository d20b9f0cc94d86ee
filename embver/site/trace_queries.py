"""Which queries a step lost and won, and what they have in common. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embver.groups import Group, Moved, Moves, share_words
from embver.site.text import code, escape, listed
from embver.site.trace_chart import group_drawing

_MOST_GROUPS, _MOST_EXAMPLES, _MOST_ALIKE = 5, 3, 3
_MOST_TOUCHED = 2
_LONGEST_EXAMPLE = 90
_WORDS = {
    ("lost", True): ("lost", "found before"),
    ("won", True): ("won", "not found before"),
    ("lost", False): ("that fell", "that could fall"),
    ("won", False): ("that rose", "that could rise"),
}
_NOTHING = "Nothing that they have in common stands out."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRow:
    """What lost (or won) queries have in common."""

    words: str
    also: str
    counted: str
    of_moved: str
    of_able: str
    drawing: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueriesView:
    """Queries that a step moved one way."""

    title: str
    able: str
    beside: str
    rows: tuple[GroupRow, ...]
    examples: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Queries as people see them, by id: words, and the page's symbol of a small picture."""

    words: Mapping[str, str]
    pictures: Mapping[str, str]


def queries_views(moves: Moves | None, shown: Shown) -> tuple[QueriesView, ...]:
    """Return the queries lost, then those won."""
    if moves is None:
        return ()
    return tuple(_view(moved, moves, shown) for moved in (moves.lost, moves.won) if moved.queries)


def _view(moved: Moved, moves: Moves, shown: Shown) -> QueriesView:
    count = len(moved.queries)
    way, could = _WORDS[moved.way, moves.is_binary]
    several = "query" if count == 1 else "queries"
    groups = list(moved.main[:_MOST_GROUPS])
    told = {clause for group in groups for clause in (group.clause, *group.also)}
    groups += [group for group in moved.touched if group.clause not in told][:_MOST_TOUCHED]
    return QueriesView(
        title=f"{count:,} {several} {way}, of {moves.queries:,}",
        able=f"of the {moved.able:,} {could}",
        beside="for example, beside what is to be found" if shown.pictures else "for example",
        rows=tuple(_group(group, shown) for group in groups),
        examples=() if groups else _examples(moved.queries, shown),
        note="" if groups or count == 1 or not moved.clauses_tried else _NOTHING,
    )


def _group(group: Group, shown: Shown) -> GroupRow:
    also = listed([escape(clause) for clause in group.also[:_MOST_ALIKE]])
    return GroupRow(
        words=escape(group.clause),
        also=f"the same queries {also}" if also else "",
        counted=f"{group.count:,} of {group.moved:,}",
        of_moved=share_words(group.count, group.moved),
        of_able=share_words(group.base, group.able),
        drawing=group_drawing(group.count / max(group.moved, 1), group.base / max(group.able, 1)),
        examples=_examples(group.examples, shown),
    )


def _examples(ids: Sequence[str], shown: Shown) -> tuple[str, ...]:
    made = []
    for id_ in ids[:_MOST_EXAMPLES]:
        told = shown.words.get(id_) or id_
        cut = told if len(told) <= _LONGEST_EXAMPLE else f"{told[:_LONGEST_EXAMPLE]}\u2026"
        words = code(cut, title=id_ if cut != id_ else None)
        made.append(f"<span>{words}{_picture(shown.pictures.get(id_))}</span>")
    return tuple(made)


def _picture(symbol: str | None) -> str:
    return f'<svg class="ev-pic" aria-hidden="true"><use href="#{symbol}"/></svg>' if symbol else ""
