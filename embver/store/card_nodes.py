"""From a card's parsed nodes to plain data: the types of the YAML 1.2 core schema, and what is refused on the way.

A node is PyYAML's: `id` (scalar, sequence, mapping), `value`, `start_mark` (line, column, index), and `style`, which
is empty for a scalar without quotes. Nothing here imports YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from embver.problem import Problem, dotted

Where = tuple[str | int, ...]

MAX_DEPTH: Final = 64
_MAX_PROBLEMS: Final = 1000
_MAX_INTEGER: Final = 2**53 - 1  # RFC 8785: what every JSON reader holds exactly

_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")


@dataclass(slots=True, kw_only=True)
class Reading:
    """One walk from nodes to plain data, collecting what is wrong on the way."""

    path: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    unread: list[Where] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    noted: set[tuple[int, str]] = field(default_factory=set)

    def mapping(self, node: Any, where: Where) -> dict[str, Any]:
        """Return a mapping node as a dict; of two equal keys the first one counts."""
        if not self.enter(node, where):
            return {}
        plain: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if key_node.id != "scalar" or (not key_node.style and _is_no_text(key)):
                self.refuse(key_node, None, "key-not-text", "a field's name is a text", "put it in quotes")
                continue
            self.check_marks(key_node, None)
            if key == "<<" and not key_node.style:
                self.refuse(key_node, None, "merge-key", "merge keys are not allowed", "write the fields out")
            elif key in plain:
                first = next(other for other, _ in node.value if other.value == key).start_mark.line + 1
                name = dotted((*where, key))
                self.refuse(key_node, None, "duplicate-key", f"{name} is there already, in line {first}")
            else:
                plain[key] = self.value(value_node, (*where, key))
        return plain

    def value(self, node: Any, where: Where) -> Any:
        """Return any node as plain data."""
        if node.id == "mapping":
            return self.mapping(node, where)
        if node.id == "sequence":
            if not self.enter(node, where):
                return []
            return [self.value(entry, (*where, number)) for number, entry in enumerate(node.value)]
        self.check_marks(node, where)
        return node.value if node.style else self.plain_scalar(node, where)

    def plain_scalar(self, node: Any, where: Where) -> Any:
        """Return a scalar without quotes as the YAML 1.2 core schema types it."""
        text: str = node.value
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _NUMBER_STARTS:
            return text
        if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
            number = int(text, 0 if _BASED.fullmatch(text) else 10) if len(text) < 100 else _MAX_INTEGER + 1
            if abs(number) > _MAX_INTEGER:
                message = "a whole number beyond ±(2**53 - 1) is not held exactly by every reader"
                self.refuse(node, where, "number-too-large", message, "put it in quotes if it is a text")
                return None
            return number
        if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and abs(float(text)) == float("inf")):
            self.refuse(node, where, "number-not-finite", f"{text[:40]} is no number", "leave the field out")
            return None
        return float(text) if _FLOAT.fullmatch(text) else text

    def enter(self, node: Any, where: Where) -> bool:
        """Check a collection itself; tell whether to walk into it."""
        self.check_marks(node, where)
        if id(node) in self.seen:
            return (
                False  # reached by an alias: its anchor is refused, and walking again is how laughs multiply
            )
        self.seen.add(id(node))
        if len(where) >= MAX_DEPTH:
            self.refuse(node, where, "too-deep", f"nested deeper than {MAX_DEPTH} levels")
            return False
        return True

    def check_marks(self, node: Any, where: Where | None) -> None:
        """Refuse a tag or an anchor: a node's own text begins with it."""
        first = self.text[node.start_mark.index : node.start_mark.index + 1]
        if first == "!":
            self.refuse(node, where, "tag", "tags are not allowed", "put the text in quotes")
        elif first == "&":
            self.refuse(node, where, "anchor", "anchors and aliases are not allowed", "write the value out")

    def refuse(
        self, node: Any, where: Where | None, rule: str, message: str, hint: str | None = None
    ) -> None:
        """Note a problem at a node; `where` is the place in the data that is not to be relied on, if there is one."""
        if where is not None:
            self.unread.append(where)
        if (node.start_mark.index, rule) in self.noted:
            return  # the same node, reached again by an alias
        self.noted.add((node.start_mark.index, rule))
        if len(self.problems) >= _MAX_PROBLEMS:
            return
        mark = node.start_mark
        self.problems.append(
            Problem(
                path=self.path,
                line=mark.line + 1,
                column=mark.column + 1,
                rule=rule,
                message=message,
                hint=hint,
            )
        )


def _is_no_text(text: str) -> bool:
    return text in _WORDS or bool(
        _INTEGER.fullmatch(text)
        or _BASED.fullmatch(text)
        or _FLOAT.fullmatch(text)
        or _NOT_FINITE.fullmatch(text)
    )
