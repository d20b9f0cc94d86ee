"""Changes of a card as text: grouped by what they call for, values with their units, long ones cut where they agree."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.diff import Change, Kind
from embver.levels import Level
from embver.paths import format_path
from embver.units import with_unit

if TYPE_CHECKING:
    from embver.policy import Reason

LONGEST = 72
_KEPT = 12  # of what two long values have in common
_DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_SIGNS = {Kind.ADDED: ("+", "green"), Kind.REMOVED: ("-", "red"), Kind.CHANGED: ("~", "yellow")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes that call for one level for one reason."""

    level: Level
    why: str
    changes: tuple[Change, ...]


def grouped(changes: Iterable[Change], reasons: Sequence[Reason]) -> tuple[Group, ...]:
    """Return changes by level and reason, the weightiest first; what is not encoded yet is no change."""
    from embver.rules import UNKNOWN

    by_path = {change.path: change for change in changes}
    made: dict[tuple[Level, str], list[Change]] = {}
    for reason in reasons:
        change = by_path.pop(reason.path, None)
        if change is not None and reason.why != UNKNOWN:
            why = reason.why if reason.level else "no level: no vector moves by it"
            made.setdefault((reason.level, why), []).append(change)
    return tuple(Group(level=level, why=why, changes=tuple(each)) for (level, why), each in made.items())


def change_lines(
    groups: Iterable[Group], out: Output, *, indent: str = "", limit: int | None = None
) -> Iterator[str]:
    """Yield the lines of groups: level and reason, then a line a change; of more than `limit` the rest is counted."""
    for group in groups:
        word = group.level.word.upper() if group.level else "words"
        head = f"{out.level(group.level.word, word)}{' ' * (7 - len(word))}"
        yield f"{indent}{head}{group.why}" if group.level else f"{indent}{out.style(group.why, 'dim')}"
        shown = group.changes[:limit]
        for change in shown:
            sign, colour = _SIGNS[change.kind]
            yield f"{indent}  {out.style(sign, colour)} {_place(change)}: {change_text(change)}"
        if len(shown) < len(group.changes):
            yield out.style(f"{indent}    and {len(group.changes) - len(shown)} more", "dim")


def _place(change: Change) -> str:
    """Return the path of a change; of a word that is added to a list, which is its own name, the list's."""
    value = change.before if change.after is None else change.after
    is_word = change.where[-1] == f"[{value}]"
    return format_path(change.where[:-1]) if is_word else change.path


def change_text(change: Change) -> str:
    """Return what became of a value, on one line."""
    before, after = sides(change)
    if change.kind is Kind.CHANGED:
        return f"{before} -> {after}"
    return after if change.kind is Kind.ADDED else before


def sides(change: Change) -> tuple[str, str]:
    """Return both values of a change as short text; empty for one that is not there."""
    before = "" if change.kind is Kind.ADDED else value_text(change.where, change.before)
    after = "" if change.kind is Kind.REMOVED else value_text(change.where, change.after)
    short = _DIGEST.sub(r"\1…", before), _DIGEST.sub(r"\1…", after)
    if short[0] != short[1]:
        before, after = short
    return _cut(before, _common(before, after)), _cut(after, _common(before, after))


def value_text(where: Sequence[str], value: Any) -> str:
    """Return a value on one line as a card has it, a number with its unit."""
    from embver.store.card_style import flow_text

    told = with_unit(where, value)
    if told is not None:
        return told
    if isinstance(value, str):
        # A space at an end, a line break, no text at all: what a person would not see stands in quotes.
        return value if value and value == " ".join(value.split()) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping) and "step" in value and len(value) == 1:
        return str(value["step"])
    return flow_text(value)


def _common(before: str, after: str) -> int:
    """Return how many signs two texts have in common at their beginning."""
    if not before or not after:
        return 0
    length = min(len(before), len(after))
    return next((index for index in range(length) if before[index] != after[index]), length)


def _cut(text: str, common: int) -> str:
    """Return a text that fits on a line; where both sides begin alike, what differs stays."""
    if len(text) <= LONGEST:
        return text
    if common > LONGEST // 2:
        text = f"…{text[common - _KEPT :]}"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
