"""The careful walk from a card's parsed nodes to plain data, where there is something to refuse: what, and at which line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from embver.problem import Problem, dotted
from embver.store.card_nodes import MAX_DEPTH, Odd, Place, Where, is_no_text, typed

MAX_PROBLEMS: Final = 1000


@dataclass(slots=True, kw_only=True)
class Reading:
    """One walk from nodes to plain data, collecting what is wrong on the way."""

    path: str
    text: str
    problems: list[Problem] = field(default_factory=list)
    unread: list[Where] = field(default_factory=list)
    integral: list[Place] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    noted: set[tuple[int, str]] = field(default_factory=set)

    def mapping(self, node: Any, where: Where) -> dict[str, Any]:
        """Return a mapping node as a dict; of two equal keys the first one counts."""
        if not self.enter(node, where):
            return {}
        plain: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if key_node.id != "scalar" or (not key_node.style and is_no_text(key)):
                self.refuse(key_node, None, "key-not-text", "a field's name is a text", "put it in quotes")
                continue
            self.check_marks(key_node, None)
            if key == "<<" and not key_node.style:
                self.refuse(key_node, None, "merge-key", "merge keys are not allowed", "write the fields out")
            elif key in plain:
                name = dotted((*where, key))
                message = f"{name} is there already, in line {lines[key]}"
                self.refuse(key_node, None, "duplicate-key", message, "keep one of the two")
            else:
                lines[key] = key_node.start_mark.line + 1
                self.keep(plain, key, self.value(value_node, (*where, key)))
        return plain

    def value(self, node: Any, where: Where) -> Any:
        """Return any node as plain data."""
        if node.id == "mapping":
            return self.mapping(node, where)
        if node.id == "sequence":
            if not self.enter(node, where):
                return []
            entries: list[Any] = []
            for number, entry in enumerate(node.value):
                self.keep(entries, number, self.value(entry, (*where, number)))
            return entries
        self.check_marks(node, where)
        if node.style:
            return node.value
        try:
            return typed(node.value)
        except Odd as odd:
            self.refuse(node, where, *odd.args)
            return None

    def keep(self, container: Any, key: Any, value: Any) -> None:
        """Put a value into a list or mapping, and remember a whole number that is written as a fraction."""
        if isinstance(value, float) and value.is_integer():
            self.integral.append((container, key))
        if isinstance(container, list):
            container.append(value)
        else:
            container[key] = value

    def enter(self, node: Any, where: Where) -> bool:
        """Check a collection itself; tell whether to walk into it."""
        self.check_marks(node, where)
        # Reached by an alias: its anchor is refused, and walking again is how laughs multiply.
        if id(node) in self.seen:
            return False
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
        if len(self.problems) >= MAX_PROBLEMS:
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
