"""Change one field of a card in its text, at the places that the parser reported. Knows nodes, no YAML library.

A node has `id` (scalar, sequence, mapping), `value`, `start_mark` and `end_mark` (line, column, index), and
`flow_style` or `style`. Each call makes one small edit; the caller reads the text again before the next.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embver.errors import EmbverError
from embver.problem import dotted
from embver.store.card_style import FieldOrder, entry_lines, flow_text, is_inline, item_lines, line_text, same

Path = tuple[str, ...]

_COLON = re.compile(r"[ \t]*:")
_COMMENT_GAP = re.compile(r"[ \t]+(?=#)")
# The headings of the example card, and the fields that stand below each.
_HEADINGS: Final = (
    ("# ---- written by", frozenset({"fingerprint", "encode", "artifacts"})),
    ("# ---- may grow", frozenset({"benchmarks", "compatibility", "status", "notes"})),
)


class _Remove:
    """Stands for "this field goes", which None does not inside a mapping."""


_REMOVE: Final = _Remove()


def intended(plain: Mapping[str, Any], where: Path, value: Any) -> dict[str, Any]:
    """Return the data as it should be after an update; mappings on the way are made."""
    result = copy.deepcopy(dict(plain))
    node = result
    for depth, part in enumerate(where[:-1]):
        if node.get(part) is None:
            if value is None:
                return result
            node[part] = {}
        node = node[part]
        if not isinstance(node, dict):
            raise EmbverError(f"{dotted(where[: depth + 1])} is no mapping, it has no {where[depth + 1]!r}")
    if value is None:
        node.pop(where[-1], None)
    else:
        node[where[-1]] = value
    return result


def apply_update(
    text: str, root: Any, plain: Mapping[str, Any], where: Path, value: Any, order: FieldOrder
) -> str | None:
    """Return the text after the next edit that brings `where` nearer to `value`; None if it is there."""
    step = next(_steps(plain, where, _REMOVE if value is None else value), None)
    if step is None:
        return None
    path, new = step
    return _Editor(text=text, root=root, plain=plain, order=order).edit(path, new)


def _steps(plain: Any, where: Path, value: Any, done: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the single edits that are still needed, additions before removals so that no mapping runs empty."""
    key, rest = where[0], where[1:]
    if key not in plain or (plain[key] is None and rest):
        if not isinstance(value, _Remove):
            for part in reversed(rest):
                value = {part: value}
            yield ((*done, key), value)
    elif rest:
        yield from _steps(plain[key], rest, value, (*done, key))
    elif isinstance(value, _Remove):
        yield ((*done, key), value)
    else:
        yield from _differences(plain[key], value, (*done, key))


def _differences(old: Any, new: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if same(old, new):
        return
    if not (isinstance(old, Mapping) and isinstance(new, Mapping) and set(old) & set(new)):
        yield (path, new)
        return
    for key, item in new.items():
        if key in old:
            yield from _differences(old[key], item, (*path, key))
        else:
            yield ((*path, key), item)
    yield from (((*path, key), _REMOVE) for key in old if key not in new)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Editor:
    text: str
    root: Any
    plain: Mapping[str, Any]
    order: FieldOrder

    def edit(self, path: Path, value: Any) -> str:
        """Set or remove one field whose mapping exists; anything that was there below it goes."""
        mapping, outer = self.root, None
        for part in path[:-1]:
            outer = next(pair for pair in mapping.value if pair[0].value == part)
            mapping = outer[1]
        pair = next((pair for pair in mapping.value if pair[0].value == path[-1]), None)
        if isinstance(value, _Remove):
            assert pair is not None
            if len(mapping.value) == 1 and outer is not None and not mapping.flow_style:
                return self.replace(outer, {}, path[:-1])
            return self.remove_flow(mapping, pair) if mapping.flow_style else self.remove_block(pair)
        if pair is not None and mapping.flow_style:
            start, end = pair[1].start_mark.index, pair[1].end_mark.index
            space = " " if self.text[start - 1 : start] == ":" else ""
            return self.splice(start, end, space + flow_text(value))
        if pair is not None:
            return self.replace(pair, value, path)
        return self.add(mapping, path, value)

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
        lines = entry_lines(path[-1], value, path, column=key.start_mark.column, **self.indents())[1:]
        block = "".join(line + self.newline for line in lines)
        if below:
            start = self.line_end(after_colon)
            return self.splice(start, max(start, self.line_end(end)), block)
        # The value leaves its line, the comment behind it stays there.
        tail = self.text[end : self.line_end(end)]
        head = self.text[:after_colon] + (tail.rstrip("\r\n") if "#" in tail else "") + self.newline
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
        data: Any = self.plain
        for part in path:
            data = data[part]
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

    def item(self, item: Any, path: Path, column: int) -> list[str]:
        return item_lines(item, path, column=column, **self.indents())

    def remove_block(self, pair: tuple[Any, Any]) -> str:
        key, value = pair
        return self.splice(self.line_start(key.start_mark.index), self.line_end(self.end(value)), "")

    def remove_flow(self, mapping: Any, pair: tuple[Any, Any]) -> str:
        number = mapping.value.index(pair)
        if len(mapping.value) == 1:
            return self.splice(mapping.start_mark.index + 1, mapping.end_mark.index - 1, "")
        if number == 0:
            return self.splice(pair[0].start_mark.index, mapping.value[1][0].start_mark.index, "")
        before = mapping.value[number - 1][1]
        return self.splice(before.end_mark.index, pair[1].end_mark.index, "")

    # -- a field that is not there yet

    def add(self, mapping: Any, path: Path, value: Any) -> str:
        """Put a new field where the schema has it: after the last of those that come before it."""
        keys = [key.value for key, _ in mapping.value]
        known = self.order.of(path[:-1])
        before = known[: known.index(path[-1])] if path[-1] in known else tuple(keys)
        previous = max((number for number, key in enumerate(keys) if key in before), default=None)
        if mapping.flow_style:
            return self.add_flow(mapping, previous, f"{flow_text(path[-1])}: {flow_text(value)}")
        column = mapping.value[0][0].start_mark.column
        lines = entry_lines(path[-1], value, path, column=column, **self.indents())
        block = "".join(line + self.newline for line in lines)
        place = self.heading_end(path[0], keys, before) if len(path) == 1 else None
        if place is None and previous is None:
            place = self.line_start(mapping.value[0][0].start_mark.index)
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
