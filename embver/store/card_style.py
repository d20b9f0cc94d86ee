"""How embver writes values into a card: short mappings on one line, quotes only where some YAML reader needs them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Path = tuple[str | int, ...]  # a number is an entry of a list

WIDTH: Final = 160
# Sections that people edit line by line stay open, however short they are.
_OPEN: Final = frozenset({("space",), ("encoders",), ("training",), ("encode",)})
_SPACED: Final = frozenset(
    {"space", "encoders", "training", "corpus", "changes", "fingerprint", "benchmarks"}
)

# Safe without quotes in YAML 1.1 and 1.2, in flow and in block: letters of any script, digits and what stands in
# versions, paths, names and sentences. A colon, a comma or a bracket asks for quotes.
_SAFE = re.compile(r"[^\W\d_](?:[\w ./@+()'\-%^~=;]*[\w./@+()'%])?|[\d_./](?:[\w./@+\-]*[\w])?", re.UNICODE)
_SAFE_IN_BLOCK = re.compile(r"[^\W\d_](?:[\w ./@+()'\-%^~=;,!?\[\]{}\"&*$]*[\w./@+()'%!?\]}\"])?", re.UNICODE)
# Words and numbers that YAML 1.1 or 1.2 does not read as a text (yaml.org/type, YAML 1.2.2 section 10.3.2).
_TYPED = re.compile(
    r"(?:y|n|yes|no|on|off|true|false|null|~|=|<<"
    r"|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?0x[0-9a-f_]+|[-+]?[0-9][0-9_]*"
    r"|[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:e[-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?\.inf|\.nan"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)",
    re.IGNORECASE,
)
_UNSEEN = re.compile("[\x00-\x09\x0b-\x1f]")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class FieldOrder:
    """The order in which the schema names the fields of each mapping."""

    schema: Mapping[str, Any]

    def of(self, where: Path) -> tuple[str, ...]:
        """Return the known fields of the mapping at a place, in order; none where names are free."""
        node = self._resolved(self.schema)
        for part in where:
            inner = (
                node.get("items", {}) if isinstance(part, int) else node.get("properties", {}).get(part, {})
            )
            node = self._resolved(inner)
        return tuple(node.get("properties", ()))

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = node.get("$ref", "")
        return self.schema["$defs"][reference.rpartition("/")[2]] if reference else node


def scalar_text(value: Any) -> str:
    """Return one value as YAML 1.1 and 1.2 readers alike will read it back; ValueError for what they cannot."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float_text(value)
    if not isinstance(value, str):
        raise TypeError(f"a card holds no {type(value).__name__}")
    if _SAFE.fullmatch(value) and _is_plain(value):
        return value
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))


def flow_text(value: Any) -> str:
    """Return any value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar_text(key)}: {flow_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow_text(item) for item in value) + "]"
    return scalar_text(value)


def line_text(value: Any) -> str:
    """Return a value that stands on the line of its key: there a text may hold commas and brackets."""
    if isinstance(value, str) and _SAFE_IN_BLOCK.fullmatch(value) and _is_plain(value):
        return value
    return flow_text(value)


def is_inline(value: Any, where: Path) -> bool:
    """Tell whether a value stands on the line of its key, rather than below it."""
    if _has_lines(value):
        return False
    if isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            return False
        return len(flow_text(value)) <= WIDTH or not value
    if not isinstance(value, Mapping) or not value:
        return True
    if where in _OPEN or (len(where) == 2 and where[0] == "encoders"):
        return False
    return _depth(value) <= 2 and len(flow_text(value)) <= WIDTH


def entry_lines(
    key: str, value: Any, where: Path, *, column: int, step: int = 2, offset: int = 2
) -> list[str]:
    """Return the lines of one field at a column; `where` is its whole path, `offset` how far lists are indented."""
    head = f"{' ' * column}{scalar_text(key)}:"
    if is_inline(value, where):
        return [f"{head} {line_text(value)}"]
    if isinstance(value, str):
        return _literal(value, head, column=column + step)
    return [head, *block_lines(value, where, column=column, step=step, offset=offset)]


def block_lines(value: Any, where: Path, *, column: int, step: int = 2, offset: int = 2) -> list[str]:
    """Return the lines below a key that stands at `column`."""
    lines: list[str] = []
    if isinstance(value, Mapping):
        for key, item in value.items():
            lines += entry_lines(
                key, item, (*where, str(key)), column=column + step, step=step, offset=offset
            )
    else:
        for item in value:
            lines += item_lines(item, where, column=column + offset, step=step, offset=offset)
    return lines


def item_lines(item: Any, where: Path, *, column: int, step: int = 2, offset: int = 2) -> list[str]:
    """Return the lines of one entry of a list, its dash at `column`: one line, unless it is deep."""
    head = " " * column + "- "
    if isinstance(item, str) and _has_lines(item):
        return _literal(item, head.rstrip(), column=column + 2)
    if isinstance(item, Mapping) and item and (_depth(item) > 2 or _has_lines(item)):
        inner: list[str] = []
        for key, value in item.items():
            inner += entry_lines(
                key, value, (*where, "-", str(key)), column=column + 2, step=step, offset=offset
            )
        return [head + inner[0].lstrip(" "), *inner[1:]]
    if isinstance(item, Mapping) and _depth(item) == 2 and len(flow_text(item)) > WIDTH:
        return _wrapped(item, head)
    return [head + flow_text(item)]


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in a card, where 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def dump_card(plain: Mapping[str, Any], order: FieldOrder) -> str:
    """Return a whole card as text."""
    known = order.of(())
    lines: list[str] = []
    for key in [*(key for key in known if key in plain), *(key for key in plain if key not in known)]:
        if key in _SPACED and lines:
            lines.append("")
        lines += entry_lines(key, plain[key], (key,), column=0)
    return "\n".join(lines) + "\n"


def _is_plain(text: str) -> bool:
    return not _TYPED.fullmatch(text) and "  " not in text


def _has_lines(value: Any) -> bool:
    """Tell whether a value is, or a mapping or list holds, a text of several lines that can be written as such."""
    if isinstance(value, Mapping):
        return any(map(_has_lines, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_lines, value))
    return isinstance(value, str) and "\n" in value and _is_literal(value)


def _is_literal(text: str) -> bool:
    # What a reader cannot see at the end of a line, or could take for indentation, stands in quotes.
    body = text.removesuffix("\n")
    if not body or body[0] in " \n" or body[-1] == "\n" or _UNSEEN.search(body) or _ESCAPED.search(body):
        return False
    return all(line == line.rstrip() for line in body.split("\n"))


def _literal(text: str, head: str, *, column: int) -> list[str]:
    """Return a text of several lines as a block scalar (YAML 1.2.2 section 8.1.2)."""
    lines = text.removesuffix("\n").split("\n")
    sign = "|" if text.endswith("\n") else "|-"
    return [f"{head} {sign}", *(f"{' ' * column}{line}" if line else "" for line in lines)]


def _wrapped(item: Mapping[str, Any], head: str) -> list[str]:
    parts = [f"{scalar_text(key)}: {flow_text(value)}" for key, value in item.items()]
    lines, line = [], head + "{" + parts[0]
    for part in parts[1:]:
        if len(line) + len(part) + 3 > WIDTH:
            lines.append(line + ",")
            line = " " * (len(head) + 1) + part
        else:
            line += ", " + part
    return [*lines, line + "}"]


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list | tuple):
        return max((_depth(item) for item in value), default=0)
    return 0


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number that a card can hold")
    # YAML 1.1 reads 1e-05 as a text: its floats have a dot, and a sign in the exponent.
    digits, exponent_sign, exponent = repr(value).partition("e")
    return f"{digits}{'' if '.' in digits else '.0'}{exponent_sign}{exponent}" if exponent_sign else digits
