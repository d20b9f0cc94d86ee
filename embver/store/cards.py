"""Cards as text: read with every place kept, changed in place, written anew. The one module that knows YAML.

Reading takes PyYAML's C parser with types of its own, those of the YAML 1.2 core schema (0.5 ms a card): `no`, `on`,
dates and `1_000` are texts. What YAML readers take differently, or what can be turned against them, is refused with
its place: tags, anchors, merge keys, duplicate keys, several documents. Changes are made on the text itself
(`card_edit`), so that nothing else of the file moves.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from embver.errors import CardError, EmbverError
from embver.problem import Flaw, Problem, dotted
from embver.store.card_nodes import MAX_DEPTH, Odd, Place, Where, quick_plain
from embver.store.card_text import MAX_NODES, Refused, decode, may_be_too_much
from embver.store.resources import resource_folder

if TYPE_CHECKING:
    from embver.store.card_edit import Entry
    from embver.store.card_style import FieldOrder

# A node with a tag or an anchor, or an alias; the text is searched only where one of the signs is in it.
_MARKED = re.compile(r"(?:^|[\s\[{,:?\-])[&!*]", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_MANY_CHILDREN: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CardText:
    """A card as it stands in its file: text, data, and what was wrong in making the one from the other.

    `plain` is {} where the text could not be read at all; `unread` are the places whose value was refused, and
    `integral` those of whole numbers written as fractions (1.0), which JSON Schema takes for integers.
    """

    path: str
    text: str
    plain: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    unread: tuple[Where, ...] = ()
    integral: tuple[Place, ...] = field(default=(), repr=False, compare=False)
    root: Any = field(default=None, repr=False, compare=False)
    index: dict[int, dict[str, tuple[Any, Any]]] = field(default_factory=dict, repr=False, compare=False)
    memo: dict[str, tuple[Flaw, ...]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_read(self) -> bool:
        """Tell whether there is data to look at, whatever else may be wrong."""
        return self.root is not None

    def locate(self, where: Where) -> tuple[int, int]:
        """Return (line, column), both from 1, of a place in the data: the deepest part of it that exists."""
        if self.root is None:
            return (1, 1)
        node, mark = self.root, self.root.start_mark
        for part in where:
            pair = self._child(node, part)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        return (mark.line + 1, mark.column + 1)

    def _child(self, node: Any, part: str | int) -> tuple[Any, Any] | None:
        """Return (what to point at, the value) of one step into a node, or None where there is none."""
        if node.id == "sequence" and isinstance(part, int) and 0 <= part < len(node.value):
            return (node.value[part], node.value[part])
        if node.id != "mapping" or not isinstance(part, str):
            return None
        if len(node.value) <= _MANY_CHILDREN:
            return next((pair for pair in node.value if pair[0].value == part), None)
        if id(node) not in self.index:
            # The first of two equal keys counts, so it comes last here.
            self.index[id(node)] = {
                pair[0].value: pair for pair in reversed(node.value) if pair[0].id == "scalar"
            }
        return self.index[id(node)].get(part)

    def problem_from(self, flaw: Flaw) -> Problem:
        """Return a flaw in the data as a problem in the file."""
        line, column = self.locate(flaw.where)
        return Problem(
            path=self.path, line=line, column=column, rule=flaw.rule, message=flaw.message, hint=flaw.hint
        )


def read_card_text(text: str | bytes, *, path: str) -> CardText:
    """Read a card's text; what is wrong with it is in `problems`, never raised."""
    decoded = ""
    try:
        decoded = decode(text)
        body = decoded.removeprefix("\ufeff")
        root = _compose(body)
    except Refused as refused:
        line, column = refused.place
        problem = Problem(
            path=path, line=line, column=column, rule=refused.rule, message=refused.message, hint=refused.hint
        )
        return CardText(path=path, text=decoded, plain={}, problems=(problem,))
    # The pattern alone takes 0.15 ms; most cards have none of these signs.
    if not (("&" in body or "!" in body or "*" in body) and _MARKED.search(body)):
        integral: list[Place] = []
        try:
            quick = quick_plain(root, integral)
            return CardText(path=path, text=decoded, plain=quick, integral=tuple(integral), root=root)
        except Odd:
            pass  # there is something to refuse: the slower walk says what, and where
    from embver.store.card_walk import Reading

    reading = Reading(path=path, text=body)
    plain = reading.mapping(root, ())
    return CardText(
        path=path,
        text=decoded,
        plain=plain,
        problems=tuple(sorted(reading.problems, key=lambda problem: (problem.line, problem.column))),
        unread=tuple(reading.unread),
        integral=tuple(reading.integral),
        root=root,
    )


def update_card(text: str, updates: Sequence[tuple[Sequence[str | int | Entry], Any]]) -> str:
    """Return the text with fields set, or removed where the value is None; only the lines of those fields change.

    A place is a way through the data: names, and of a list's entries their number or an `Entry` that says by what they
    are known; an entry that is not there is added at the end. The edit is made on the text, at the places the parser reported: a round trip through ruamel.yaml writes every line
    anew. A mapping that is there already is updated field by field, so that comments within it stay; a list keeps its
    equal entries. The result is read again and compared with what was meant. Raises CardError for a text that cannot
    be read, EmbverError for a place that cannot be edited.
    """
    return edit_card(read_card_text(text, path="card.yaml"), updates).text


def edit_card(card: CardText, updates: Sequence[tuple[Sequence[str | int | Entry], Any]]) -> CardText:
    """Return a card with fields set as by `update_card`, as text and data: its text is not read once more."""
    from embver.store.card_edit import apply_update, intended, resolved
    from embver.store.card_style import same

    order, path = _field_order(), card.path
    mark = "\ufeff" if card.text.startswith("\ufeff") else ""
    body, card = card.text.removeprefix(mark), _readable(card)
    for place, new in updates:
        for where, value in resolved(card.plain, place, new):
            wanted = intended(card.plain, where, value)
            while True:
                edited = apply_update(body, card.root, card.plain, where, value, order)
                if edited is None or edited == body:
                    break
                body, card = edited, _readable(read_card_text(edited, path=path))
                if value is None:
                    break  # once: what comes after an entry of a list has its number now
            if not same(card.plain, wanted):
                raise EmbverError(
                    f"{dotted(where)} cannot be edited in the way that this card is written",
                    hint="write that field as `key: value` on a line of its own, then try again",
                )
    return replace(card, text=mark + body)


def dump_plain(plain: dict[str, Any]) -> str:
    """Return a whole card as text: top-level fields in the schema's order, in the style of embver's own cards."""
    from embver.store.card_style import dump_card, same

    text = dump_card(plain, _field_order())
    if not same(_readable(read_card_text(text, path="card.yaml")).plain, plain):
        raise EmbverError("the card holds values that YAML readers would read differently")
    return text


def _readable(card: CardText) -> CardText:
    if card.problems:
        raise CardError(f"the card cannot be edited: {card.problems[0].format()}", problems=card.problems)
    return card


@functools.cache
def _field_order() -> FieldOrder:
    import json

    from embver.store.card_style import FieldOrder

    path = resource_folder("schemas") / "card" / "v1.json"
    return FieldOrder(json.loads(path.read_text(encoding="utf-8")))


@functools.cache
def _parser() -> Any:
    """Return a parser class whose nodes carry explicit tags only; C where PyYAML was built with it."""
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class Untyped:
        """Stands in for PyYAML's resolver, which is asked at every node: types are found in `card_nodes`."""

        def resolve(self, _kind: Any, _value: Any, _implicit: Any) -> str:
            return ""

        def descend_resolver(self, _node: Any, _index: Any) -> None:
            """Keep no path."""

        def ascend_resolver(self) -> None:
            """Keep no path."""

    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:  # PyYAML without libyaml: 17 times slower, the same nodes

        class PureParser(Reader, Scanner, Parser, Composer, Untyped):
            def __init__(self, text: str) -> None:
                Reader.__init__(self, text)
                Scanner.__init__(self)
                Parser.__init__(self)
                Composer.__init__(self)

            def dispose(self) -> None:
                """Do what the C parser's counterpart does: nothing is left to free."""

        return PureParser

    class FastParser(CParser, Untyped):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)

    return FastParser


def _compose(text: str) -> Any:
    """Return the root node; raise Refused if the text is no single YAML document with a mapping."""
    from yaml import MarkedYAMLError, YAMLError

    try:
        if "%" in text and (directive := _DIRECTIVE.search(text)):
            line = text.count("\n", 0, directive.start()) + 1
            hint = "remove the line: a card is YAML 1.2"
            raise Refused(line, 1, "directive", "a card has no YAML directives", hint)
        if may_be_too_much(text):
            _check_size(text)
        loader = _parser()(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        if "single document" in str(error.context):
            raise Refused(line, column, "several-documents", "a card is one document") from None
        raise Refused(line, column, "yaml-syntax", *_explained(text, line, error)) from None
    except YAMLError as error:
        raise Refused(1, 1, "yaml-syntax", " ".join(str(error).split())) from None
    except RecursionError:
        raise Refused(1, 1, "too-deep", f"nested deeper than {MAX_DEPTH} levels") from None
    if root is None:
        raise Refused(1, 1, "empty-card", "the card is empty", "embver new NAME writes one to start from")
    if root.id != "mapping":
        place = (root.start_mark.line + 1, root.start_mark.column + 1)
        raise Refused(*place, "not-a-mapping", "a card is a mapping of fields", "schema: 1")
    return root


def _explained(text: str, line: int, error: Any) -> tuple[str, str | None]:
    said = str(error.problem or error.context or "not YAML")
    lines = text.splitlines()
    around = lines[line - 1] if line <= len(lines) else ""
    if "\t" in around and "token" in said:
        return "a tab cannot indent a line", "use spaces"
    if said.startswith("found undefined alias"):
        return "`*` begins an alias, which a card does not have", "put the text in quotes"
    return said, None


def _check_size(text: str) -> None:
    """Raise Refused where a text holds too much, or too deep; the parser's events take no memory."""
    from yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

    loader, depth, count = _parser()(text), 0, 0
    try:
        while (event := loader.get_event()) is not None:
            mark: Any = event.start_mark
            if isinstance(event, CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    message = f"nested deeper than {MAX_DEPTH} levels"
                    raise Refused(mark.line + 1, mark.column + 1, "too-deep", message)
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            count += isinstance(event, ScalarEvent | CollectionStartEvent)
            if count > MAX_NODES:
                message = f"more than the {MAX_NODES} values and names that a card may have"
                raise Refused(mark.line + 1, mark.column + 1, "too-many-values", message)
    finally:
        loader.dispose()
