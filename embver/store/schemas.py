"""The shape of cards and settings: what the published schemas say, in words that a person can act on."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from embver.problem import Flaw, Problem, dotted
from embver.sense import check_sense
from embver.store.cards import CardText
from embver.store.resources import resource_folder

Where = tuple[str | int, ...]

_KINDS: Final = MappingProxyType({"card": "the card", "settings": "the settings"})
_TYPES: Final = MappingProxyType(
    {
        "object": "a mapping",
        "array": "a list",
        "string": "a text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
    }
)
_LIST_LIMIT: Final = 12


def check_shape(plain: Any, kind: str = "card") -> tuple[Flaw, ...]:
    """Return everything in which plain data differs from the schema of a `card` or of `settings`."""
    flaws: dict[Flaw, None] = {}
    for error in _validator(kind).iter_errors(plain):
        for flaw in _flaws(error, _KINDS[kind]):
            flaws[flaw] = None
    return tuple(flaws)


def check_card(card_text: CardText, *, folder: str | None) -> tuple[Problem, ...]:
    """Return every problem of a card: of its text, its shape and, if that is right, its sense; sorted by place.

    `folder` is the name of the folder that the card lies in, None if that does not matter.
    """
    if not card_text.is_read:
        return card_text.problems
    found = list(card_text.problems)
    # What a refused value was replaced by is no second problem.
    unread = set(card_text.unread)
    found += [
        card_text.problem_from(flaw)
        for flaw in check_shape(card_text.plain)
        if not any(flaw.where[:depth] in unread for depth in range(len(flaw.where) + 1))
    ]
    if not found:
        found = [card_text.problem_from(flaw) for flaw in check_sense(card_text.plain, folder=folder)]
    return tuple(
        sorted(found, key=lambda p: (p.path, p.line, p.column, p.rule, p.message))  # hints may be None
    )


@functools.cache
def _validator(kind: str) -> Any:
    # jsonschema takes 0.1 s to import: only where something is checked.
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    schema = json.loads((resource_folder("schemas") / kind / "v1.json").read_text(encoding="utf-8"))
    checker: Any = extend(Draft202012Validator, {"pattern": _check_pattern})  # type: ignore[no-untyped-call]
    return checker(schema)


def _check_pattern(validator: Any, pattern: str, instance: Any, _schema: Mapping[str, Any]) -> Iterator[Any]:
    # Python's `$` also matches before a line break at the end; in JSON Schema it does not.
    from jsonschema import ValidationError

    if validator.is_type(instance, "string") and not re.fullmatch(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _flaws(error: Any, whole: str) -> Iterator[Flaw]:
    where: Where = tuple(error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        yield _bad_name(error, where, _named(where, whole))
        return
    describe = _DESCRIBE.get(error.validator)
    if describe is None:
        yield Flaw(where=where, rule="schema", message=f"{_named(where, whole)}: {error.message}")
        return
    yield from describe(error, where, _named(where, whole))


def _named(where: Where, whole: str) -> str:
    return dotted(where) or whole


def _unknown(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    known = list(error.schema.get("properties", ()))
    for key in error.instance:
        if key in known:
            continue
        hint = _did_you_mean(key, known)
        if hint is None and not where and "extra" in known:
            hint = "your own fields go under `extra:`"
        yield Flaw(
            where=(*where, key),
            rule="unknown-field",
            message=f"{key!r} is no field of {name}",
            hint=hint or _known("fields", known),
        )


def _missing(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    for key in error.validator_value:
        if key not in error.instance:
            yield _missing_one(error.schema, where, key, name)


def _missing_one(schema: Mapping[str, Any], where: Where, key: str, name: str) -> Flaw:
    examples = schema.get("properties", {}).get(key, {}).get("examples") or [None]
    shown = json.dumps(examples[0], ensure_ascii=False)
    hint = f"{key}: {shown}" if examples[0] is not None and len(shown) <= 60 else None
    return Flaw(where=where, rule="missing-field", message=f"{name} needs {key!r}", hint=hint)


def _neither(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    """Describe an `anyOf` whose branches each name fields of which one set has to be there."""
    ways = [" and ".join(branch["required"]) for branch in error.validator_value if "required" in branch]
    yield Flaw(where=where, rule="missing-field", message=f"{name} needs either {' or '.join(ways)}")


def _dependent(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    for key, needed in error.validator_value.items():
        for other in needed if key in error.instance else ():
            if other not in error.instance:
                yield _missing_one(error.schema, where, other, name)


def _wrong_type(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    value = error.instance
    hint = None
    if "string" in wanted and (value is None or isinstance(value, bool | int | float)):
        hint = f'in quotes it is a text: "{_shown(value)}"'
    elif isinstance(value, str) and "boolean" in wanted and value.lower() in _BOOLEANS:
        hint = f"write {_BOOLEANS[value.lower()]}"
    elif isinstance(value, str) and {"integer", "number"} & set(wanted) and re.fullmatch(r"-?[0-9.]+", value):
        hint = f"without quotes it is a number: {value}"
    elif value is None:
        hint = "remove the line if it is not known"
    expected = " or ".join(_TYPES[kind] for kind in wanted)
    yield Flaw(
        where=where,
        rule="wrong-type",
        message=f"{name} is {_shown(value)}, where {expected} is expected",
        hint=hint,
    )


_BOOLEANS: Final = MappingProxyType(
    {"yes": "true", "on": "true", "true": "true", "y": "true"}
    | {"no": "false", "off": "false", "false": "false", "n": "false"}
)


def _not_allowed(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    allowed = error.validator_value if error.validator == "enum" else [error.validator_value]
    words = [_shown(value) for value in allowed]
    message = (
        f"{name} is {_shown(error.instance)}, not {'one of ' if len(words) > 1 else ''}{', '.join(words)}"
    )
    hint = _did_you_mean(str(error.instance), words)
    yield Flaw(where=where, rule="not-allowed-value", message=message, hint=hint)


def _pattern(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    schema = error.schema
    title, examples = str(schema.get("title", "what is expected")), schema.get("examples") or [None]
    wanted = str(schema.get("description", title)).removesuffix(".")
    message = f"{name} is {_shown(error.instance)}, where this is expected: {wanted}"
    hint = f"as in {_shown(examples[0], 100)}" if examples[0] is not None else None
    yield Flaw(where=where, rule="pattern", message=message, hint=hint)


_BOUNDS: Final = MappingProxyType(
    {
        "minimum": "less than {}",
        "maximum": "more than {}",
        "exclusiveMinimum": "not more than {}",
        "exclusiveMaximum": "not less than {}",
    }
)


def _range(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    said = _BOUNDS[error.validator].format(_shown(error.validator_value))
    yield Flaw(where=where, rule="range", message=f"{name} is {_shown(error.instance)}, {said}")


def _length(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    if not error.instance:
        hint = "remove the line if it is not known"
        yield Flaw(where=where, rule="empty", message=f"{name} is empty", hint=hint)
        return
    least = "at least" if error.validator.startswith("min") else "at most"
    message = f"{name} has {len(error.instance)} entries, {least} {error.validator_value} are expected"
    yield Flaw(where=where, rule="length", message=message)


def _twice(error: Any, where: Where, name: str) -> Iterator[Flaw]:
    for number, entry in enumerate(error.instance):
        if entry in error.instance[:number]:
            message = f"{_shown(entry)} is in {name} twice"
            yield Flaw(where=(*where, number), rule="twice", message=message, hint="remove one")


def _bad_name(error: Any, where: Where, name: str) -> Flaw:
    key, words = error.instance, [str(word) for word in error.schema.get("enum", ())]
    rule, message = "unknown-field", f"{key!r} is no field of {name}"
    if not words:
        rule, message = "pattern", f"{key!r} is no name that {name} can hold"
    return Flaw(
        where=(*where, key),
        rule=rule,
        message=message,
        hint=_did_you_mean(key, words) or _known("fields", words),
    )


_Describe = Callable[[Any, Where, str], Iterator[Flaw]]
_DESCRIBE: Final[Mapping[str, _Describe]] = {
    "additionalProperties": _unknown,
    "required": _missing,
    "anyOf": _neither,
    "dependentRequired": _dependent,
    "type": _wrong_type,
    "enum": _not_allowed,
    "const": _not_allowed,
    "pattern": _pattern,
    "minimum": _range,
    "maximum": _range,
    "exclusiveMinimum": _range,
    "exclusiveMaximum": _range,
    "minItems": _length,
    "maxItems": _length,
    "minLength": _length,
    "minProperties": _length,
    "uniqueItems": _twice,
}


def _did_you_mean(word: str, known: list[str]) -> str | None:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None


def _known(noun: str, known: list[str]) -> str | None:
    return f"{noun}: {', '.join(known)}" if 0 < len(known) <= _LIST_LIMIT else None


def _shown(value: Any, limit: int = 60) -> str:
    """Return a value as a card would have it, cut if it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[: limit - 1] + "…"
