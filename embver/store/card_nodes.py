"""From a card's parsed nodes to plain data: the types of the YAML 1.2 core schema, and what is refused on the way.

A node is PyYAML's: `id` (scalar, sequence, mapping), `value`, `start_mark` (line, column, index), and `style`, which
is empty for a scalar without quotes. Nothing here imports YAML. `quick_plain` reads a card that has nothing to
refuse, and keeps no places; `card_walk` walks again where there is something, and says what and where.
"""

from __future__ import annotations

import re
from typing import Any, Final

Where = tuple[str | int, ...]
# Where a number stands that is whole but written as a fraction (1.0): the list or mapping, and its index or key.
Place = tuple[Any, Any]

MAX_DEPTH: Final = 64
_MAX_INTEGER: Final = 2**53 - 1  # RFC 8785: what every JSON reader holds exactly

_INTEGER = re.compile(r"[-+]?[0-9]+")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")


class Odd(Exception):  # noqa: N818  (never leaves the reading of a card)
    """There is something to refuse; `args` are rule, message and hint."""


def typed(text: str) -> Any:
    """Return a scalar without quotes as the YAML 1.2 core schema types it; raise Odd for what readers differ on."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        if _LEADING_ZERO.fullmatch(text):
            message = f"{text[:40]} is decimal to one YAML reader and octal to another"
            raise Odd(
                "number-leading-zero", message, "write it without the zero, or in quotes if it is a text"
            )
        number = int(text, 0 if _BASED.fullmatch(text) else 10) if len(text) < 100 else _MAX_INTEGER + 1
        if abs(number) > _MAX_INTEGER:
            message = "a whole number beyond ±(2**53 - 1) is not held exactly by every reader"
            raise Odd("number-too-large", message, "put it in quotes if it is a text")
        return number
    if _NOT_FINITE.fullmatch(text):
        raise Odd("number-not-finite", f"{text} is no number", "leave the field out")
    if not _FLOAT.fullmatch(text):
        return text
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise Odd("number-not-finite", f"{text[:40]} is no number", "put it in quotes if it is a text")
    return value


def quick_plain(node: Any, integral: list[Place], depth: int = 0) -> Any:
    """Return a node as plain data; raise Odd at anything that `card_walk` refuses but tags and anchors."""
    value = node.value
    kind = node.id
    if kind == "scalar":
        return value if node.style else typed(value)
    if depth >= MAX_DEPTH:
        raise Odd
    if kind == "sequence":
        entries: list[Any] = []
        for number, item in enumerate(value):
            entry = quick_plain(item, integral, depth + 1)
            if entry.__class__ is float and entry.is_integer():
                integral.append((entries, number))
            entries.append(entry)
        return entries
    plain: dict[str, Any] = {}
    for key_node, item in value:
        key = key_node.value
        if key_node.id != "scalar" or (not key_node.style and _is_no_name(key)) or key in plain:
            raise Odd
        # Most values are scalars, which are worth a call less.
        if item.id == "scalar":
            entry = item.value
            if not item.style and (entry in _WORDS or entry[0] in _NUMBER_STARTS):
                entry = typed(entry)
        else:
            entry = quick_plain(item, integral, depth + 1)
        if entry.__class__ is float and entry.is_integer():
            integral.append((plain, key))
        plain[key] = entry
    return plain


def _is_no_name(key: str) -> bool:
    """Tell whether a key without quotes is a merge key or no text."""
    if key in _WORDS or key == "<<":
        return True
    return key[0] in _NUMBER_STARTS and is_no_text(key)


def is_no_text(text: str) -> bool:
    return text in _WORDS or bool(
        _INTEGER.fullmatch(text)
        or _BASED.fullmatch(text)
        or _FLOAT.fullmatch(text)
        or _NOT_FINITE.fullmatch(text)
    )
