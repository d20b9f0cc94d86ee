"""Say which level a change of a field calls for, and why: the rows of the table, and the repository's own rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from embver.diff import Kind
from embver.errors import UsageError
from embver.fields import Field, find_field, read_path
from embver.levels import Level
from embver.paths import Parts, covers, format_path, may_meet
from embver.presumption import OwnRule, Rule, Strength
from embver.rules import TABLE
from embver.store.own_rules import card_fields

SCHEMA = "schemas/card/v1.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row that speaks of a field, as people are shown it."""

    path: str
    occasion: str
    level: Level
    strength: Strength
    why: str
    source: str = "embver"  # or file:line of the repository's own rule
    replaced_by: str | None = None  # file:line of the rule that takes its place

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a row in `embver explain --json`."""
        return {
            "field": self.path,
            "when": self.occasion,
            "level": self.level.word,
            "presumption": self.strength.value,
            "why": self.why,
            "may_be_lowered": self.strength.is_lowered,
            "source": self.source,
            "replaced_by": self.replaced_by,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A field of the card with the rows that speak of it, and of what lies below it."""

    path: str
    field: Field
    rows: tuple[Row, ...]
    below: tuple[Row, ...]

    @property
    def strengths(self) -> tuple[Strength, ...]:
        """Return the presumptions among the rows that count, each once."""
        return tuple(dict.fromkeys(row.strength for row in self.rows if row.replaced_by is None))

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver explain PATH --json`."""
        return {
            "path": self.path,
            "title": self.field.title,
            "description": self.field.description,
            "type": self.field.type,
            "required": self.field.is_required,
            "examples": list(self.field.examples),
            "schema": f"{SCHEMA}{self.field.pointer}",
            "rules": [row.to_plain() for row in self.rows],
            "presumptions": {strength.value: strength.meeting for strength in self.strengths},
            "below": [row.to_plain() for row in self.below],
        }


def explain(text: str, own: tuple[OwnRule, ...] = ()) -> Explained:
    """Return what the table and a repository's own rules say of a field; raise UsageError for an unknown one."""
    fields = card_fields()
    try:
        parts = read_path(fields, text)
    except ValueError as error:
        told, _, meant = str(error).partition("; did you mean ")
        raise UsageError(
            told, hint=f"embver explain {meant.rstrip('?').split(' or ')[0]!r}" if meant else "embver explain"
        ) from error
    field = find_field(fields, parts)
    assert field is not None
    below = [
        _row(rule)
        for rule in TABLE
        # Text has no resize step: a row for every modality may speak of fields that this one has not.
        if rule.lies_below(parts) and find_field(fields, (*parts, *rule.parts[len(parts) :])) is not None
    ]
    return Explained(
        path=format_path(parts),
        field=field,
        rows=tuple(_rows_of(parts, own)),
        below=(*(_own_row(rule) for rule in own if _lies_below(rule, parts)), *below),
    )


def whole_table(own: tuple[OwnRule, ...] = ()) -> tuple[Row, ...]:
    """Return every row in the order in which they are tried: hard ones, the repository's own, the others."""
    hard = [_row(rule) for rule in TABLE if rule.strength is Strength.HARD]
    rest = [_row(rule) for rule in TABLE if rule.strength is not Strength.HARD]
    return (*hard, *(_own_row(rule) for rule in own), *rest)


def _rows_of(parts: Parts, own: Iterable[OwnRule]) -> list[Row]:
    """Return the rows that may decide for a place; one that an earlier row leaves nothing to is left out."""
    mine = [rule for rule in own if len(rule.path) <= len(parts) and may_meet(rule.path, parts)]
    taken: dict[Kind, str] = {}
    for rule in mine:
        if covers(rule.path, parts) and not rule.names:
            taken.update((kind, rule.place) for kind in rule.kinds if kind not in taken)
    hard: list[Row] = []
    rest: list[Row] = []
    open_kinds = set(Kind)
    for entry in TABLE:
        if not entry.may_speak_of(parts) or not open_kinds & set(entry.kinds):
            continue
        places = {taken.get(kind) for kind in entry.kinds if kind in open_kinds}
        is_firm = entry.strength is Strength.HARD or entry.is_unknown
        replaced_by = next(iter(places)) if len(places) == 1 and not is_firm else None
        row = _row(entry, replaced_by=replaced_by)
        if (hard or rest) and entry.when is None and set(entry.kinds) == set(Kind):
            row = replace(row, occasion="otherwise")
        (hard if entry.strength is Strength.HARD else rest).append(row)
        if entry.when is None and entry.speaks_of(parts):
            open_kinds -= set(entry.kinds)
    return [*hard, *(_own_row(rule) for rule in mine), *rest]


def _row(rule: Rule, *, replaced_by: str | None = None) -> Row:
    return Row(
        path=rule.path,
        occasion=rule.occasion,
        level=rule.level,
        strength=rule.strength,
        why=rule.why,
        replaced_by=replaced_by,
    )


def _own_row(rule: OwnRule) -> Row:
    kinds = [kind.value for kind in rule.kinds]
    occasion = "changes in any way" if len(kinds) == len(Kind) else " or ".join(kinds)
    return Row(
        path=f"{format_path(rule.path)} …",
        occasion=f"{occasion}, of {', '.join(rule.names)}" if rule.names else occasion,
        level=rule.level,
        strength=Strength.OWN,
        why=f"{rule.why} ({rule.place})",
        source=rule.place,
    )


def _lies_below(rule: OwnRule, parts: Parts) -> bool:
    return len(rule.path) > len(parts) and may_meet(rule.path, parts)
