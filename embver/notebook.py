"""How results show themselves in a notebook: small tables in HTML, everything in them escaped. Ground floor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MAX_ROWS = 200  # a notebook keeps what it shows


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table with a title; what goes beyond 200 rows is counted, not shown."""
    listed = list(rows)
    blocks = [f"<p><b>{escape(title)}</b></p>", "<table>"]
    if head:
        blocks.append(_row(head, "th"))
    blocks += [_row(row, "td") for row in listed[:MAX_ROWS]]
    blocks.append("</table>")
    if len(listed) > MAX_ROWS:
        blocks.append(f"<p>and {len(listed) - MAX_ROWS:,} more</p>")
    return "".join(blocks)


def _row(cells: Sequence[object], tag: str) -> str:
    made = "".join(f"<{tag}>{escape('' if cell is None else str(cell))}</{tag}>" for cell in cells)
    return f"<tr>{made}</tr>"
