"""Splice one field, or one entry of a list, into a card's text, at the places that the parser reported.

A node has `id` (scalar, sequence, mapping), `value`, `start_mark` and `end_mark` (line, column, index), and
`flow_style` or `style`. Knows nodes, no YAML library. Each call makes one small edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embver.errors import EmbverError
from embver.problem import dotted
from embver.store.card_style import (
    FieldOrder,
    Path,
    entry_lines,
    flow_text,
    is_inline,
    item_lines,
    line_text,
    same,
    scalar_text,
)

_COLON = re.compile(r"[ \t]*:")
_COMMENT_GAP = re.compile(r"[ \t]+(?=#)")
# The headings of the example card, and the fields that stand below each.
_HEADINGS: Final = (
    ("# ---- written by", frozenset({"fingerprint", "encode", "artifacts"})),
    ("# ---- may grow", frozenset({"benchmarks", "compatibility", "status", "notes"})),
)


class Removal:
    """Stands for "this goes", which None does not inside a mapping."""


REMOVE: Final = Removal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """A card's text with all that an edit of it needs."""

    text: str
    root: Any
    plain: Mapping[str, Any]
    order: FieldOrder

    def edit(self, path: Path, value: Any) -> str:
        """Set or remove one field or entry whose holder exists; anything that was there below it goes."""
        mapping, outer = self.root, None
        holders = [self.root]
        for part in path[:-1]:
            if isinstance(part, int):
                mapping, outer = mapping.value[part], None
            else:
                outer = next(pair for pair in mapping.value if pair[0].value == part)
                mapping = outer[1]
            holders.append(mapping)
        last = path[-1]
        if isinstance(last, int):
            return self.edit_entry(mapping, outer, path, last, value)
        pair = next((pair for pair in mapping.value if pair[0].value == last), None)
        if isinstance(value, Removal):
            assert pair is not None
            if len(mapping.value) == 1 and outer is not None and not mapping.flow_style:
                return self.replace(outer, {}, path[:-1])
            if len(mapping.value) == 1 and len(path) > 1 and not mapping.flow_style:
                number = path[-2]
                assert isinstance(number, int)
                return self.edit_entry(holders[-2], None, path[:-1], number, {})
            return self.remove_flow(mapping, pair) if mapping.flow_style else self.remove_block(mapping, pair)
        if pair is not None and mapping.flow_style:
            start, end = pair[1].start_mark.index, pair[1].end_mark.index
            space = " " if self.text[start - 1 : start] == ":" else ""
            return self.splice(start, end, space + flow_text(value))
        if pair is not None:
            return self.replace(pair, value, path)
        return self.add(mapping, path, value)

    def edit_entry(self, entries: Any, outer: Any, path: Path, number: int, value: Any) -> str:
        """Set, add or remove one entry of a list; `outer` is the field that holds the list, if one does."""
        nodes, is_gone = entries.value, isinstance(value, Removal)
        node = nodes[number] if number < len(nodes) else None
        if entries.flow_style:
            if node is None:
                place = nodes[-1].end_mark.index if nodes else entries.start_mark.index + 1
                return self.splice(place, place, (", " if nodes else "") + flow_text(value))
            if not is_gone:
                return self.splice(node.start_mark.index, node.end_mark.index, flow_text(value))
            return self.remove_flow_part(entries, [(entry, entry) for entry in nodes], number)
        if node is not None and not is_gone and (node.id == "scalar" or node.flow_style):
            lines = self.item(value, path[:-1], entries.start_mark.column)
            if len(lines) == 1 and node.end_mark.line == node.start_mark.line:
                return self.splice(node.start_mark.index, self.end(node), lines[0].lstrip(" ")[2:])
        data = list(self.data(path[:-1]))
        data[number : number + 1] = [] if is_gone else [value]
        edited = self.replace_items(entries, data, path[:-1]) if data else None
        if edited is not None:
            return edited
        if outer is None:
            raise EmbverError(f"{dotted(path[:-1])} is a list in a list, which is not edited entry by entry")
        return self.replace(outer, data, path[:-1])

    # -- a field that is there

    def replace(self, pair: tuple[Any, Any], value: Any, path: Path) -> str:
        """Give a field of a block mapping another value; a comment on its line stays."""
        key, old = pair
        after_colon, end = self.after_colon(key), self.end(old)
        is_list = isinstance(value, list | tuple)
        if is_list and old.id == "sequence" and not old.flow_style and not is_inline(value, path):
            edited = self.replace_items(old, value, path)
            if edited is not None:
                return edited
        below = old.start_mark.line > key.start_mark.line
        if is_inline(value, path):
            if not below or old.id == "scalar" or old.flow_style:
                return self.replace_inline(pair, end, value)
            kept = self.splice(self.line_end(after_colon), self.line_end(end), "")
            return f"{kept[:after_colon]} {line_text(value)}{kept[after_colon:]}"
        column, name = key.start_mark.column, str(path[-1])
        first, *lines = entry_lines(name, value, path, column=column, **self.indents())
        sign = first[column + len(scalar_text(name)) + 1 :]  # of a text of several lines: ` |`
        block = "".join(line + self.newline for line in lines)
        if below:
            start = self.line_end(after_colon)
            kept = self.text[after_colon:start] or self.newline
            return self.splice(after_colon, max(start, self.line_end(end)), sign + kept + block)
        # The value leaves its line, the comment behind it stays there.
        tail = self.text[end : self.line_end(end)]
        head = self.text[:after_colon] + sign + (tail.rstrip("\r\n") if "#" in tail else "") + self.newline
        return head + block + self.text[self.line_end(end) :]

    def replace_inline(self, pair: tuple[Any, Any], end: int, value: Any) -> str:
        """Replace a value on its line; a comment behind it stays in its column, if there is room."""
        new, start = self.spaced(pair, value), pair[1].start_mark.index
        gap = _COMMENT_GAP.match(self.text, end)
        if gap is None or "\n" in self.text[start:end]:
            return self.splice(start, end, new)
        width = max(2, len(gap[0]) + (end - start) - len(new))
        return self.splice(start, gap.end(), new + " " * width)

    def replace_items(self, old: Any, value: Sequence[Any], path: Path) -> str | None:
        """Replace the entries of a block list that differ; None if its lines are not one entry after the other."""
        nodes, column = old.value, old.start_mark.column
        data = self.data(path)
        starts = [self.line_start(node.start_mark.index) for node in nodes]
        ends = [self.line_end(self.end(node)) for node in nodes]
        whole = all(self.text[start + column : start + column + 2] == "- " for start in starts)
        if not whole or any(start < end for start, end in zip(starts[1:], ends, strict=False)):
            return None
        texts = [self.text[a:b] for a, b in zip(starts, ends, strict=True)]
        new = ["".join(x + self.newline for x in self.item(item, path, column)) for item in value]
        front = 0
        while front < min(len(texts), len(new)) and same(data[front], value[front]):
            front += 1
        back = 0
        while back < min(len(texts), len(new)) - front and same(data[-1 - back], value[-1 - back]):
            back += 1
        first, last = front, len(texts) - back
        start = starts[first] if first < last else (ends[first - 1] if first else starts[0])
        stop = ends[last - 1] if first < last else start
        return self.splice(start, stop, "".join(new[front : len(new) - back]))

    def data(self, path: Path) -> Any:
        found: Any = self.plain
        for part in path:
            found = found[part]
        return found

    def item(self, item: Any, path: Path, column: int) -> list[str]:
        return item_lines(item, path, column=column, **self.indents())

    def remove_block(self, mapping: Any, pair: tuple[Any, Any]) -> str:
        key, value = pair
        start, end = self.line_start(key.start_mark.index), self.line_end(self.end(value))
        if not self.text[start : key.start_mark.index].strip(" "):
            return self.splice(start, end, "")
        # The first field of a list's entry stands behind its dash; the next one, or its comment, takes that place.
        following = mapping.value[1][0].start_mark.index
        return self.splice(key.start_mark.index, end if self.text[end:following].strip() else following, "")

    def remove_flow(self, mapping: Any, pair: tuple[Any, Any]) -> str:
        return self.remove_flow_part(mapping, mapping.value, mapping.value.index(pair))

    def remove_flow_part(self, holder: Any, parts: Sequence[tuple[Any, Any]], number: int) -> str:
        """Remove one of the parts (first node, last node) of a flow mapping or list, with its comma."""
        if len(parts) == 1:
            return self.splice(holder.start_mark.index + 1, holder.end_mark.index - 1, "")
        if number == 0:
            return self.splice(parts[0][0].start_mark.index, parts[1][0].start_mark.index, "")
        return self.splice(parts[number - 1][1].end_mark.index, parts[number][1].end_mark.index, "")

    # -- a field that is not there yet

    def add(self, mapping: Any, path: Path, value: Any) -> str:
        """Put a new field where the schema has it: after the last of those that come before it."""
        keys, name = [key.value for key, _ in mapping.value], str(path[-1])
        known = self.order.of(path[:-1])
        before = known[: known.index(name)] if name in known else tuple(keys)
        previous = max((number for number, key in enumerate(keys) if key in before), default=None)
        if mapping.flow_style:
            return self.add_flow(mapping, previous, f"{flow_text(name)}: {flow_text(value)}")
        first = mapping.value[0][0].start_mark
        if previous is None and self.text[self.line_start(first.index) : first.index].strip(" "):
            previous = 0  # the first field of a list's entry stands behind its dash
        lines = entry_lines(name, value, path, column=first.column, **self.indents())
        block = "".join(line + self.newline for line in lines)
        place = self.heading_end(name, keys, before) if len(path) == 1 else None
        if place is None and previous is None:
            place = self.line_start(first.index)
        elif place is None:
            place = self.line_end(self.end(mapping.value[previous][1]))
        head = self.text[:place]
        return head + ("" if not head or head.endswith("\n") else self.newline) + block + self.text[place:]

    def add_flow(self, mapping: Any, previous: int | None, entry: str) -> str:
        if not mapping.value:
            return self.splice(mapping.start_mark.index + 1, mapping.end_mark.index - 1, entry)
        if previous is None:
            place = mapping.value[0][0].start_mark.index
            return self.splice(place, place, f"{entry}, ")
        place = mapping.value[previous][1].end_mark.index
        return self.splice(place, place, f", {entry}")

    def heading_end(self, key: str, keys: Sequence[str], before: Sequence[str]) -> int | None:
        """Return the place below the heading of a field's section, if it stands there and is the place to be."""
        for heading, section in _HEADINGS:
            if key not in section or any(other in section and other in before for other in keys):
                continue
            match = re.search(rf"^{re.escape(heading)}.*$(?:\r?\n#(?! ----).*$)*", self.text, re.MULTILINE)
            return self.line_end(match.end()) if match else None
        return None

    # -- the text

    @property
    def newline(self) -> str:
        first = self.text.find("\n")
        return "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    def splice(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]

    def spaced(self, pair: tuple[Any, Any], value: Any) -> str:
        # An absent value begins right behind its colon.
        start = pair[1].start_mark.index
        return (" " if self.text[start - 1 : start] == ":" else "") + line_text(value)

    def after_colon(self, key: Any) -> int:
        match = _COLON.match(self.text, key.end_mark.index)
        if match is None:
            raise EmbverError(
                f"the field {key.value!r} is not written as `key: value`, so it cannot be edited"
            )
        return match.end()

    def line_start(self, index: int) -> int:
        return self.text.rfind("\n", 0, index) + 1

    def line_end(self, index: int) -> int:
        """Return the place behind the line break that ends the line of a place."""
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1

    def end(self, node: Any) -> int:
        """Return where a node's own text ends; the parser counts what follows a block to it."""
        if node.id == "scalar":
            end = int(node.end_mark.index)
            if node.style in ("|", ">"):
                return max(int(node.start_mark.index), len(self.text[:end].rstrip()))
            return end
        if node.flow_style or not node.value:
            return int(node.end_mark.index)
        return self.end(node.value[-1][1] if node.id == "mapping" else node.value[-1])

    def indents(self) -> dict[str, int]:
        """Return by how much this card indents mappings (`step`) and lists (`offset`); the first of each decides."""
        found: dict[str, int] = {}
        for key, value in _block_pairs(self.root):
            if value.id == "scalar" or value.flow_style:
                continue
            indent = value.start_mark.column - key.start_mark.column
            found.setdefault("step" if value.id == "mapping" else "offset", indent)
        return {"step": found.get("step", 2), "offset": found.get("offset", found.get("step", 2))}


def _block_pairs(node: Any) -> Iterator[tuple[Any, Any]]:
    if node.id == "scalar" or node.flow_style:
        return
    for entry in node.value:
        if node.id == "mapping":
            yield entry
        yield from _block_pairs(entry[1] if node.id == "mapping" else entry)
