"""Tell quickly that plain data certainly fits a schema, without a schema library; where unsure, the library is asked.

Nearly always settings and cards are right. To load a library takes as long as to look at forty cards here; a keyword or a
case that is not known here is never a yes. A test holds this against the libraries over every card there is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

_NOTES: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "default"})
# By the exact type: True is no number, and 1.0, which JSON Schema takes for an integer, is left to the library.
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
_SCALARS: Final = (str, int, bool, type(None))
Schema = Mapping[str, Any] | bool


def is_surely_valid(plain: Any, schema: Schema, root: Mapping[str, Any]) -> bool:
    """Tell whether a schema certainly accepts plain data; `root` is the schema that local references look into."""
    if isinstance(schema, bool):
        return schema
    for keyword, expected in schema.items():
        if keyword in _NOTES:
            continue
        check = _CHECKS.get(keyword)
        if check is None or not check(plain, expected, schema, root):
            return False
    return True


def _type(plain: Any, expected: Any, _schema: Any, _root: Any) -> bool:
    names = [expected] if isinstance(expected, str) else expected
    is_right = any(type(plain) in _TYPES.get(name, ()) for name in names)
    return is_right and (type(plain) is not float or plain - plain == 0)  # JSON has neither NaN nor infinity


def _reference(plain: Any, expected: str, _schema: Any, root: Mapping[str, Any]) -> bool:
    defined = root.get("$defs", {}).get(expected.removeprefix("#/$defs/"))
    return defined is not None and is_surely_valid(plain, defined, root)


def _const(plain: Any, expected: Any, _schema: Any, _root: Any) -> bool:
    return type(plain) in _SCALARS and type(plain) is type(expected) and plain == expected


def _enum(plain: Any, expected: list[Any], schema: Any, root: Any) -> bool:
    return any(_const(plain, value, schema, root) for value in expected)


def _properties(plain: Any, expected: Mapping[str, Schema], schema: Mapping[str, Any], root: Any) -> bool:
    if type(plain) is not dict:
        return True
    other = schema.get("additionalProperties", True)
    return all(
        type(key) is str and is_surely_valid(value, expected.get(key, other), root)
        for key, value in plain.items()
    )


def _additional(plain: Any, expected: Schema, schema: Mapping[str, Any], root: Any) -> bool:
    if "patternProperties" in schema:
        return False
    if "properties" in schema or type(plain) is not dict:
        return True  # looked at together with the properties
    return all(is_surely_valid(value, expected, root) for value in plain.values())


def _names(plain: Any, expected: Schema, _schema: Any, root: Any) -> bool:
    return type(plain) is not dict or all(
        type(key) is str and is_surely_valid(key, expected, root) for key in plain
    )


def _required(plain: Any, expected: list[str], _schema: Any, _root: Any) -> bool:
    return type(plain) is not dict or all(key in plain for key in expected)


def _dependent(plain: Any, expected: Mapping[str, list[str]], _schema: Any, _root: Any) -> bool:
    return type(plain) is not dict or all(
        other in plain for key, others in expected.items() if key in plain for other in others
    )


def _items(plain: Any, expected: Schema, schema: Mapping[str, Any], root: Any) -> bool:
    if type(plain) is not list or "prefixItems" in schema:
        return type(plain) is not list
    return all(is_surely_valid(value, expected, root) for value in plain)


def _unique(plain: Any, expected: bool, _schema: Any, _root: Any) -> bool:
    if not expected or type(plain) is not list:
        return True
    kinds = {type(value) for value in plain}
    return kinds in ({str}, {int}, set()) and len(set(plain)) == len(plain)


def _pattern(plain: Any, expected: str, _schema: Any, _root: Any) -> bool:
    # Every pattern of ours is anchored at both ends (a test holds that).
    return type(plain) is not str or re.fullmatch(expected, plain) is not None


def _all(plain: Any, expected: list[Schema], _schema: Any, root: Any) -> bool:
    return all(is_surely_valid(plain, schema, root) for schema in expected)


def _any(plain: Any, expected: list[Schema], _schema: Any, root: Any) -> bool:
    return any(is_surely_valid(plain, schema, root) for schema in expected)


def _if(plain: Any, expected: Any, schema: Mapping[str, Any], root: Any) -> bool:
    """Look at `if`, where it asks for one property of a certain text; any other question is left to the library."""
    try:
        (key,), ((own, asked),) = expected["required"], expected["properties"].items()
        (word,) = asked.values()
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    if own != key or not isinstance(word, str) or list(asked) != ["const"] or set(expected) != _IF:
        return False
    if type(plain) is not dict or type(plain.get(key)) is not str or "else" in schema:
        return False
    return plain[key] != word or is_surely_valid(plain, schema.get("then", True), root)


def _then(_plain: Any, _expected: Any, schema: Mapping[str, Any], _root: Any) -> bool:
    return "if" in schema  # looked at there


def _measured(
    kinds: tuple[type, ...], measure: Callable[[Any], Any], is_right: Callable[[Any, Any], bool]
) -> Callable[[Any, Any, Any, Any], bool]:
    def check(plain: Any, expected: Any, _schema: Any, _root: Any) -> bool:
        return type(plain) not in kinds or is_right(measure(plain), expected)

    return check


_IF: Final = {"required", "properties"}
_count = partial(_measured, measure=len)
_number = partial(_measured, (int, float), lambda value: value)
_CHECKS: Final[dict[str, Callable[[Any, Any, Any, Any], bool]]] = {
    "type": _type,
    "$ref": _reference,
    "const": _const,
    "enum": _enum,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "dependentRequired": _dependent,
    "items": _items,
    "uniqueItems": _unique,
    "pattern": _pattern,
    "allOf": _all,
    "anyOf": _any,
    "if": _if,
    "then": _then,
    "minLength": _count((str,), is_right=lambda value, least: value >= least),
    "maxLength": _count((str,), is_right=lambda value, most: value <= most),
    "minItems": _count((list,), is_right=lambda value, least: value >= least),
    "maxItems": _count((list,), is_right=lambda value, most: value <= most),
    "minProperties": _count((dict,), is_right=lambda value, least: value >= least),
    "minimum": _number(lambda value, least: value >= least),
    "maximum": _number(lambda value, most: value <= most),
    "exclusiveMinimum": _number(lambda value, least: value > least),
    "exclusiveMaximum": _number(lambda value, most: value < most),
}
