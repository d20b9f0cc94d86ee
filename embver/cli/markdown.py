"""Markdown for a pull request: what a card holds is shown and never interpreted, also not by the code host.

A card's values stand in code, where no host looks for mentions, links or markup. Words in prose are escaped, and what
a host would make a link of after that (`@name`, `#12`, addresses) is broken by a mark that nobody sees.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

_LONGEST = 300
_MOST_ROWS = 100  # a code host refuses a comment of more than 65,536 signs
_PLAIN_CODE = re.compile(r"[^`|\\<>&]+")
_SYNTAX = re.compile(r"[&<>\"'`*_\[\]|\\~$]")
_LINKED = re.compile(r"[@#]|:(?=[\w+/-])|(?<=www)\.|(?<=\bGH)-", re.IGNORECASE)
_BREAK = "&#8203;"


def code(text: str) -> str:
    """Return a text as inline code that stays within its cell; nothing for no text."""
    text = visible(text)
    if not text:
        return ""
    # Entities are not read between backticks, and a backslash before a pipe would end the cell.
    if _PLAIN_CODE.fullmatch(text):
        return f"`{text}`"
    return f"<code>{_SYNTAX.sub(lambda match: f'&#{ord(match[0])};', text)}</code>"


def prose(text: str) -> str:
    """Return words that no Markdown, HTML or host takes for anything else."""
    parts, start = [], 0
    shown = visible(text)
    for match in _LINKED.finditer(shown):
        parts.append(_escaped(shown[start : match.start() + 1]) + _BREAK)
        start = match.start() + 1
    return "".join([*parts, _escaped(shown[start:])])


def _escaped(text: str) -> str:
    return _SYNTAX.sub(lambda match: f"&#{ord(match[0])};", text)


def visible(text: str) -> str:
    """Return a text as one line of signs that can be seen, cut where no reader would go on."""
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join("\ufffd" if _is_hidden(sign) else sign for sign in line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _is_hidden(sign: str) -> bool:
    # The joiner of emoji hides nothing; marks of direction and of no width do.
    return sign != "\u200d" and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; rows that no comment has room for are counted."""
    listed = list(rows)
    more = len(listed) - _MOST_ROWS
    shown = (
        [*listed[:_MOST_ROWS], ("", f"… and {more:,} more", *[""] * (len(head) - 2))] if more > 0 else listed
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *shown))
