"""A repository's own rules for levels: `[[policy]]` of its settings, checked against the card's fields and the table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embver.diff import Kind
from embver.errors import ConfigError
from embver.fields import Field, fields_of, read_path
from embver.levels import Level
from embver.presumption import OwnRule, Rule, Strength
from embver.rules import TABLE
from embver.store.resources import resource_folder
from embver.store.toml_places import line_of, place_of


def card_fields() -> tuple[Field, ...]:
    """Return every field of a card, from the published schema."""
    return fields_of(
        json.loads((resource_folder("schemas") / "card" / "v1.json").read_text(encoding="utf-8"))
    )


def read_own_rules(entries: Sequence[Mapping[str, Any]], *, file: str, text: str) -> tuple[OwnRule, ...]:
    """Return the rules in the settings' order; raise ConfigError with every mistake at its file:line:column.

    A path must be a card's field, and no rule may call for less than a hard MAJOR of the table where both speak.
    """
    fields = card_fields()
    rules, mistakes, hints = [], [], []
    for number, entry in enumerate(entries):
        line = line_of(text, "policy", number)
        try:
            path = read_path(fields, entry["path"])
        except ValueError as error:
            told, _, meant = str(error).partition("; ")
            mistakes.append(f"{file}:{place_of(text, line, 'path')}: policy[{number}].path: {told}")
            hints.append(meant or "embver explain lists every field with its rule")
            continue
        kinds = (Kind(entry["change"]),) if "change" in entry else tuple(Kind)
        rule = OwnRule(
            path=path,
            level=Level.parse(entry["level"]),
            why=" ".join(entry["why"].split()),
            place=f"{file}:{line}",
            kinds=kinds,
            names=tuple(entry.get("names", ())),
        )
        for told, hint in _lowered(rule):
            mistakes.append(f"{file}:{place_of(text, line, 'level')}: policy[{number}]: {told}")
            hints.append(hint)
        rules.append(rule)
    if mistakes:
        raise ConfigError("\n".join(mistakes), hint=hints[0])
    return tuple(rules)


def _lowered(rule: OwnRule) -> Iterator[tuple[str, str]]:
    """Yield the first hard MAJOR that a rule would lower, in words, and what to write instead."""
    for row in TABLE:
        if row.strength is not Strength.HARD or not rule.may_lower(row) or _has_softer(rule, row):
            continue
        occasion = "" if len(row.kinds) == len(Kind) else f" ({row.occasion})"
        what = f"{row.path}{occasion} is a hard MAJOR: {row.why}; no rule lowers it"
        others = [kind.value for kind in Kind if kind not in row.kinds]
        more = f'`change = "{others[0]}"`, or ' if others and len(rule.path) >= len(row.parts) - 1 else ""
        yield what, f"{more}a path that does not reach it"
        return


def _has_softer(rule: OwnRule, row: Rule) -> bool:
    """Tell whether a rule speaks also of changes that are not the hard ones: another licence is not always a tighter one."""
    others = (
        other for other in TABLE if other.strength is not Strength.HARD and other.pattern == row.pattern
    )
    return row.when is not None and any(rule.may_lower(other) for other in others)
