"""The shape of cards and settings, as the published schemas say it, and all checks of one card in one report.

Two libraries read the schemas. jsonschema is the reference; jsonschema-rs is 100 times faster, takes an eighth of a
second less to import, and stands on the good path wherever its wheel is installed. A few cards that are right need
neither (`store/sure.py`). Tests hold all three to the same answer on every card there is.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any, Final

from embver.problem import Flaw, Problem
from embver.store.cards import CardText
from embver.store.resources import resource_folder
from embver.store.sure import is_surely_valid

Where = tuple[str | int, ...]

_KINDS: Final = {"card": "the card", "settings": "the settings"}
# Nobody reads more than this of one card, and a card may be written to have more.
MAX_FLAWS: Final = 1000
_MAX_MISMATCHES: Final = 2 * MAX_FLAWS
# So many of a process are first looked at without a library: to load one takes as long as to look at forty.
_FIRST: Final = iter(range(32))


def check_shape(plain: Any, kind: str = "card") -> tuple[Flaw, ...]:
    """Return everything in which plain data differs from the schema of a `card` or of `settings`."""
    found = mismatches(plain, kind)
    if not found:
        return ()
    from embver.store.schema_words import flaws_of

    flaws: dict[Flaw, None] = {}
    for flaw in chain.from_iterable(flaws_of(mismatch, _KINDS[kind]) for mismatch in found):
        flaws[flaw] = None
        if len(flaws) == MAX_FLAWS:
            return tuple(flaws)
    newer = [flaw for flaw in flaws if flaw.rule == "schema-newer"]
    # What another schema allows or asks for is not known here.
    return tuple(newer or sorted(flaws, key=lambda flaw: (str(flaw.where), flaw.rule, flaw.message)))


def check_card(card_text: CardText, *, folder: str | None, with_sense: bool = True) -> tuple[Problem, ...]:
    """Return every problem of a card: of its text, its shape and its sense; sorted by place.

    `folder` is the name of the folder that the card lies in, None if that does not matter. Sense is looked for in
    what has the right shape, unless `with_sense` is false.
    """
    if not card_text.is_read:
        return card_text.problems
    plain = card_text.plain
    if "shape" not in card_text.memo:
        card_text.memo["shape"] = check_shape(plain) + _fractions(card_text)
    flaws = card_text.memo["shape"]
    if not flaws and not card_text.problems:
        if not with_sense:
            return ()
        from embver.sense import check_sense

        flaws = check_sense(plain, folder=folder)
        if not flaws:
            return ()
    else:
        from embver.store.card_parts import sense_of_the_rest, without_echoes

        # Where not all is told, nobody knows what the rest has for a shape.
        is_told = len(flaws) < MAX_FLAWS and not any(flaw.rule == "schema-newer" for flaw in flaws)
        flaws = without_echoes(flaws, card_text.unread)
        if with_sense and is_told:
            flaws += sense_of_the_rest(plain, folder, flaws, card_text)
    problems = [*card_text.problems, *(card_text.problem_from(flaw) for flaw in flaws)]
    return tuple(
        sorted(problems, key=lambda p: (p.path, p.line, p.column, p.rule, p.message))  # hints may be None
    )


def _fractions(card_text: CardText) -> tuple[Flaw, ...]:
    """Return the whole numbers that are written as fractions where a whole number is expected.

    JSON Schema takes 512.0 for an integer, Python's `range` does not. With a half in its place, JSON Schema
    refuses it too, wherever in the schema its place is.
    """
    places = card_text.integral
    if not places:
        return ()
    values = [container[key] for container, key in places]
    try:
        for container, key in places:
            container[key] = 0.5
        wheres = [
            mismatch.where
            for mismatch in mismatches(card_text.plain, "card")
            if mismatch.keyword == "type" and "integer" in mismatch.expected
        ]
    finally:
        for (container, key), value in zip(places, values, strict=True):
            container[key] = value
    from embver.store.schema_words import whole_number_flaw

    found = ((where, value_at(card_text.plain, where)) for where in wheres)
    return tuple(
        whole_number_flaw(where, value)
        for where, value in found
        if isinstance(value, float) and value.is_integer()
    )


def value_at(plain: Any, where: Iterable[str | int]) -> Any:
    """Return what stands at a place; LookupError or TypeError if there is no such place."""
    for part in where:
        plain = plain[part]
    return plain


# ---- the two libraries


def mismatches(plain: Any, kind: str) -> list[Any]:
    """Return what the fast library finds, or the reference where there is none or it cannot say."""
    if next(_FIRST, None) is not None and is_surely_valid(plain, schema_of(kind), schema_of(kind)):
        return []
    fast = fast_validator(kind)
    if fast is not None:
        try:
            return [] if fast.is_valid(plain) else list(islice(fast_mismatches(plain, kind), _MAX_MISMATCHES))
        except (ValueError, TypeError, LookupError):
            pass  # TOML's dates and infinities, and what it finds but cannot name
    return list(islice(reference_mismatches(plain, kind), _MAX_MISMATCHES))


@functools.cache
def schema_of(kind: str) -> dict[str, Any]:
    """Return a schema as data."""
    import json

    plain: dict[str, Any] = json.loads(_schema_text(kind))
    return plain


def _schema_text(kind: str) -> str:
    return (resource_folder("schemas") / kind / "v1.json").read_text(encoding="utf-8")


@functools.cache
def fast_validator(kind: str) -> Any:
    """Return jsonschema-rs' validator, or None where it is not installed."""
    try:
        from jsonschema_rs import Draft202012Validator
    except ImportError:
        return None
    return Draft202012Validator(_schema_text(kind))


@functools.cache
def reference_validator(kind: str) -> Any:
    """Return jsonschema's validator."""
    # jsonschema takes 0.1 s to import: only where something is checked.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    rules = {"pattern": _check_pattern, "uniqueItems": _check_unique}
    types = Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number)
    checker: Any = extend(Draft202012Validator, rules, type_checker=types)  # type: ignore[no-untyped-call]
    return checker(schema_of(kind))


def fast_mismatches(plain: Any, kind: str) -> Iterator[Any]:
    """Yield what jsonschema-rs finds; LookupError or TypeError for what has no place in the schema."""
    from embver.store.schema_words import Mismatch

    for error in fast_validator(kind).iter_errors(plain):
        where, is_name = tuple(error.instance_path), error.kind.name == "propertyNames"
        inner = error.kind.error if is_name else error
        path = list(error.schema_path)
        schema = value_at(schema_of(kind), path[:-1])
        value = _named_at(plain, where)
        yield Mismatch(
            where=where,
            keyword=path[-1],
            expected=schema[path[-1]],
            schema=schema,
            value=inner.instance if is_name else value,
            is_name=is_name,
        )


def _named_at(plain: Any, where: Where) -> Any:
    # The paths of jsonschema-rs leave out empty names: where there is one, they may mean another place.
    for part in where:
        if isinstance(plain, dict) and "" in plain:
            raise LookupError(where)
        plain = plain[part]
    if isinstance(plain, dict) and "" in plain:
        raise LookupError(where)
    return plain


def reference_mismatches(plain: Any, kind: str) -> Iterator[Any]:
    """Yield what jsonschema finds."""
    from embver.store.schema_words import Mismatch

    for error in reference_validator(kind).iter_errors(plain):
        yield Mismatch(
            where=tuple(error.absolute_path),
            keyword=error.validator,
            expected=error.validator_value,
            schema=error.schema,
            value=error.instance,
            is_name="propertyNames" in error.absolute_schema_path,
        )


def _is_number(_checker: Any, value: Any) -> bool:
    # JSON has neither NaN nor infinity; TOML has both.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_pattern(validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]) -> Iterator[Any]:
    # Python's `$` also matches before a line break at the end; in JSON Schema it does not.
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _check_unique(validator: Any, is_on: bool, instance: Any, _schema: Mapping[str, Any]) -> Iterator[Any]:
    # jsonschema compares each with each where a list's entries have no order.
    from jsonschema import ValidationError

    from embver.store.schema_words import identity

    is_list = is_on and validator.is_type(instance, "array")
    if is_list and len({identity(entry) for entry in instance}) < len(instance):
        yield ValidationError("has an entry twice")
