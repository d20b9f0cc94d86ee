"""What a schema says of a value that does not fit, in words that a person can act on."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from embver.problem import Flaw, dotted

Where = tuple[str | int, ...]

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
_WORD_LIMIT: Final = 100
_MAX_GUESSES: Final = 100  # each takes up to a millisecond


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One keyword of a schema that a value does not fulfil, whichever library found it.

    `where` is the value's place, `schema` the object that holds the keyword, `expected` what it says; `is_name` tells
    that `value` is not at that place but the name of a field there.
    """

    where: Where
    keyword: str
    expected: Any
    schema: Mapping[str, Any]
    value: Any
    is_name: bool = False


def flaws_of(mismatch: Mismatch, whole: str) -> Iterator[Flaw]:
    """Yield what is wrong in words; `whole` names what was checked, as in "the card"."""
    name = _cut(dotted(mismatch.where)) or whole
    if mismatch.is_name:
        yield _bad_name(mismatch, mismatch.where, name)
    elif mismatch.where == ("schema",) and mismatch.keyword == "const":
        yield _other_schema(mismatch)
    elif mismatch.keyword in _DESCRIBE:
        yield from _DESCRIBE[mismatch.keyword](mismatch, mismatch.where, name)
    else:
        message = f"{name} does not fulfil `{mismatch.keyword}` of the schema"
        yield Flaw(where=mismatch.where, rule="schema", message=message)


def _other_schema(error: Mismatch) -> Flaw:
    known, value = error.expected, error.value
    if isinstance(value, int) and not isinstance(value, bool) and value > known:
        message = f"the card follows schema {value}, this embver knows {known}"
        # A new schema of the card is a new MAJOR of embver, and has its number.
        hint = f"pip install 'embver>={_shown(value)}'"
        return Flaw(where=error.where, rule="schema-newer", message=message, hint=hint)
    message = f"schema is {_shown(value)}, where a whole number is expected that this embver knows: {known}"
    return Flaw(where=error.where, rule="not-allowed-value", message=message, hint=f"schema: {known}")


def _unknown(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    known = list(error.schema.get("properties", ()))
    unknown = [key for key in error.value if key not in known]
    for number, key in enumerate(unknown):
        hint = _did_you_mean(key, known) if number < _MAX_GUESSES else None
        if hint is None and not where and "extra" in known:
            hint = "your own fields go under `extra:`"
        yield Flaw(
            where=(*where, key),
            rule="unknown-field",
            message=f"{_cut(repr(key))} is no field of {name}",
            hint=hint or _known("fields", known),
        )


def _missing(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    for key in error.expected:
        if key not in error.value:
            yield _missing_one(error.schema, where, key, name)


def _missing_one(schema: Mapping[str, Any], where: Where, key: str, name: str) -> Flaw:
    examples = schema.get("properties", {}).get(key, {}).get("examples") or [None]
    shown = json.dumps(examples[0], ensure_ascii=False)
    hint = f"{key}: {shown}" if examples[0] is not None and len(shown) <= 60 else None
    return Flaw(where=where, rule="missing-field", message=f"{name} needs {key!r}", hint=hint)


def _neither(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    """Describe an `anyOf` whose branches each name fields of which one set has to be there."""
    ways = [" and ".join(branch["required"]) for branch in error.expected if "required" in branch]
    yield Flaw(where=where, rule="missing-field", message=f"{name} needs either {' or '.join(ways)}")


def _dependent(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    for key, needed in error.expected.items():
        for other in needed if key in error.value else ():
            if other not in error.value:
                hint = "embver encode and embver release write it" if key == "version" else None
                message = f"{name} has a {key}, so it needs {other!r}"
                yield Flaw(where=where, rule="missing-field", message=message, hint=hint)


def _wrong_type(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    wanted = error.expected if isinstance(error.expected, list) else [error.expected]
    value = error.value
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


def whole_number_flaw(where: Where, value: float) -> Flaw:
    """Describe a number such as 512.0 where a whole number is expected."""
    message = f"{_cut(dotted(where))} is {value}, where a whole number is expected"
    return Flaw(where=where, rule="wrong-type", message=message, hint=f"without the fraction: {value:.0f}")


_BOOLEANS: Final = MappingProxyType(
    {"yes": "true", "on": "true", "true": "true", "y": "true"}
    | {"no": "false", "off": "false", "false": "false", "n": "false"}
)


def _not_allowed(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    allowed = error.expected if error.keyword == "enum" else [error.expected]
    words = [_shown(value) for value in allowed]
    message = f"{name} is {_shown(error.value)}, not {'one of ' if len(words) > 1 else ''}{', '.join(words)}"
    hint = _did_you_mean(str(error.value), words)
    yield Flaw(where=where, rule="not-allowed-value", message=message, hint=hint)


def _pattern(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    schema = error.schema
    title, examples = str(schema.get("title", "what is expected")), schema.get("examples") or [None]
    wanted = str(schema.get("description", title)).removesuffix(".")
    message = f"{name} is {_shown(error.value)}, where this is expected: {wanted}"
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


def _range(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    said = _BOUNDS[error.keyword].format(_shown(error.expected))
    yield Flaw(where=where, rule="range", message=f"{name} is {_shown(error.value)}, {said}")


def _length(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    if not error.value:
        hint = "remove the line if it is not known"
        yield Flaw(where=where, rule="empty", message=f"{name} is empty", hint=hint)
        return
    least = "at least" if error.keyword.startswith("min") else "at most"
    unit = "characters" if isinstance(error.value, str) else "entries"
    message = f"{name} has {len(error.value)} {unit}, {least} {error.expected} are expected"
    yield Flaw(where=where, rule="length", message=message)


def _twice(error: Mismatch, where: Where, name: str) -> Iterator[Flaw]:
    seen = set()
    for number, entry in enumerate(error.value):
        key = identity(entry)
        if key in seen:
            message = f"{_shown(entry)} is in {name} twice"
            yield Flaw(where=(*where, number), rule="twice", message=message, hint="remove one")
        seen.add(key)


def identity(value: Any) -> Any:
    """Return something hashable that is equal for equal JSON values: 1 and 1.0 are one value, 1 and true are two."""
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(identity(item) for item in value))
    return (isinstance(value, bool), value)


def _bad_name(error: Mismatch, where: Where, name: str) -> Flaw:
    key, words = error.value, [str(word) for word in error.schema.get("enum", ())]
    rule, message = "unknown-field", f"{_cut(repr(key))} is no field of {name}"
    if not words:
        rule, message = "pattern", f"{_cut(repr(key))} is no name that {name} can hold"
    return Flaw(
        where=(*where, key),
        rule=rule,
        message=message,
        hint=_did_you_mean(key, words) or _known("fields", words),
    )


_Describe = Callable[[Mismatch, Where, str], Iterator[Flaw]]
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
    "maxLength": _length,
    "minProperties": _length,
    "uniqueItems": _twice,
}


def _did_you_mean(word: str, known: list[str]) -> str | None:
    return _nearest(word, tuple(known)) if len(word) <= _WORD_LIMIT else None


@functools.lru_cache(maxsize=1024)
def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None


def _known(noun: str, known: list[str]) -> str | None:
    return f"{noun}: {', '.join(known)}" if 0 < len(known) <= _LIST_LIMIT else None


def _shown(value: Any, limit: int = 60) -> str:
    """Return a value as a card would have it, cut if it is long."""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return _cut(text, limit)


def _cut(text: str, limit: int = 60) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
