"""Change many entries of one of a card's lists, each in its own few lines: a card is read twice, and not once an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embver.errors import EmbverError
from embver.store.card_splice import Splice
from embver.store.card_style import FieldOrder, same
from embver.store.cards import CardText, edit_card, read_card_text, update_card


def edit_entries(card: CardText, name: str, values: Mapping[int, Any]) -> CardText:
    """Return a card with entries of a top-level list changed, by their numbers; comments within them stay.

    Raises CardError and EmbverError as `edit_card` does.
    """
    mark = "\ufeff" if card.text.startswith("\ufeff") else ""
    body = card.text.removeprefix(mark)
    entries = next((value for key, value in card.root.value if key.value == name), None)
    splice = Splice(text=body, root=card.root, plain=card.plain, order=FieldOrder({}))
    parts = {number: _lines(splice, entries, number) for number in values} if entries is not None else {}
    if entries is None or entries.flow_style or None in parts.values():
        return edit_card(card, [((name, number), value) for number, value in values.items()])
    for number in sorted(values, reverse=True):
        start, end = parts[number] or (0, 0)
        head = f"{name}:{splice.newline}"
        edited = update_card(head + body[start:end], [((name, 0), values[number])])
        body = body[:start] + edited.removeprefix(head) + body[end:]
    edited_card = read_card_text(mark + body, path=card.path)
    wanted = [values.get(number, entry) for number, entry in enumerate(card.plain[name])]
    if edited_card.problems or not same(edited_card.plain, {**card.plain, name: wanted}):
        raise EmbverError(
            f"{name} cannot be edited in the way that this card is written",
            hint="write each entry on lines of its own, then try again",
        )
    return edited_card


def _lines(splice: Splice, entries: Any, number: int) -> tuple[int, int] | None:
    """Return where the lines of an entry begin and end; None where they are not its own."""
    node = entries.value[number]
    start, end = splice.line_start(node.start_mark.index), splice.line_end(splice.end(node))
    column = entries.start_mark.column
    return (start, end) if splice.text[start + column : start + column + 2] == "- " else None
