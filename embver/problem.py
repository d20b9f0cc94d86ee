"""A problem in a file: where, what, which rule, what to do. Ground floor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong, at one place; sorts by file, line and column."""

    path: str
    line: int
    column: int
    rule: str
    message: str
    hint: str | None = None

    def format(self) -> str:
        """Return `file:line:column: what is wrong [rule] -> hint`."""
        text = f"{self.path}:{self.line}:{self.column}: {self.message} [{self.rule}]"
        return f"{text} -> {self.hint}" if self.hint else text

    def to_plain(self) -> dict[str, Any]:
        """Return the problem with the stable keys of `embver validate --json`."""
        return {
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "rule": self.rule,
            "message": self.message,
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A problem that knows its place in the card's data, not yet in the text.

    `where` is the way through the data, such as ("encoders", "text", "preprocessing", 2, "step"). What is wrong
    because something is missing names in `lacking` the mapping that should hold it.
    """

    where: tuple[str | int, ...]
    rule: str
    message: str
    hint: str | None = None
    lacking: tuple[str | int, ...] | None = None


def dotted(where: tuple[str | int, ...]) -> str:
    """Return a place in a card as people write it: `artifacts[0].sha256`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text
