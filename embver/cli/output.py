"""What a person sees: data on stdout, everything else on stderr, colour only on a terminal."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}
_CODES = tuple(f"\x1b[{code}m" for code in ("0", *_STYLES.values()))
LEVEL_STYLES = {"major": "red", "minor": "yellow", "patch": "green", "first": "blue", "none": "dim"}
VERDICT_STYLES = {
    "identical": "green",
    "equivalent": "green",
    "compatible": "green",
    "inconclusive": "yellow",
    "bridgeable": "yellow",
    "incompatible": "red",
}


class Output:
    """Prints for one command."""

    def __init__(self, *, is_json: bool, environment: Mapping[str, str]) -> None:
        self.is_json = is_json
        self._plain = bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
        self._forced = bool(environment.get("FORCE_COLOR"))

    # ---- stdout: data

    def print(self, text: str = "") -> None:
        """Print a line of data."""
        print(_safe(text, is_coloured=self._is_coloured(sys.stdout)), file=sys.stdout)

    def json(self, plain: Any) -> None:
        """Print the one JSON document of a command."""
        print(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False), file=sys.stdout)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns; styled cells keep their width."""
        widths = [max(_width(row[column]) for row in (head, *rows)) for column in range(len(head))]
        self.print(self.style(_row(head, widths), "dim"))
        for row in rows:
            self.print(_row(row, widths))

    # ---- stderr: all else

    def say(self, text: str = "") -> None:
        """Print a line for people, on stderr."""
        print(_safe(text, is_coloured=self._is_coloured(sys.stderr)), file=sys.stderr)

    def hint(self, text: str) -> None:
        """Print the next command to type."""
        self.say(f"{self.style('next:', 'dim', sys.stderr)} {text}")

    def error(self, message: str, *, hint: str | None) -> None:
        """Print what is wrong, and the next command to type."""
        self.say(f"{self.style('error:', 'red', sys.stderr)} {message}")
        if hint:
            self.hint(hint)

    def refuse(self, message: str, *, reasons: Sequence[str], hint: str | None) -> None:
        """Print a refusal with every reason."""
        self.say(f"{self.style('✗', 'red', sys.stderr)} {self.style(message, 'bold', sys.stderr)}")
        for reason in reasons:
            self.say(f"    · {reason}")
        if hint:
            self.hint(hint)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """Yield a function (what, done, total) that draws a bar on a terminal and a line a stage elsewhere."""
        if not sys.stderr.isatty():
            finished: set[str] = set()

            def report(what: str, done: int, total: int) -> None:
                if done >= total and what not in finished:
                    finished.add(what)
                    self.say(f"  {what}: {done:,} of {total:,}")

            yield report
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TaskID,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("  {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        tasks: dict[str, TaskID] = {}
        with Progress(*columns, console=Console(stderr=True)) as bar:

            def draw(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what, total=total)
                bar.update(tasks[what], completed=done, total=total)

            yield draw

    # ---- style

    def style(self, text: str, name: str, stream: TextIO | None = None) -> str:
        """Return a text in a style, or as it is where the stream is no terminal."""
        if not self._is_coloured(stream or sys.stdout):
            return text
        return f"\x1b[{_STYLES[name]}m{text}\x1b[0m"

    def _is_coloured(self, stream: TextIO) -> bool:
        return not self._plain and (self._forced or stream.isatty())

    def level(self, word: str | None, text: str | None = None) -> str:
        """Return a level's word, or another text for it, in its colour."""
        return self.style(text or word, LEVEL_STYLES.get(word, "bold")) if word else "-"

    def verdict(self, word: str | None) -> str:
        """Return a verdict's word in its colour."""
        return self.style(word, VERDICT_STYLES.get(word, "bold")) if word and word != "none" else "-"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Return the columns a text takes: no escape codes, wide signs twice."""
    if text.isascii() and text.isprintable():
        return len(text)
    width, is_escape = 0, False
    for sign in text:
        if sign == "\x1b":
            is_escape = True
        elif is_escape:
            is_escape = sign != "m"
        else:
            width += 2 if unicodedata.east_asian_width(sign) in "WF" else 1
    return width


def _safe(text: str, *, is_coloured: bool) -> str:
    """Return a text whose only escape codes are our own colours: a card's text must not move the cursor."""
    if text.isascii() and text.isprintable():
        return text
    made = []
    for index, sign in enumerate(text):
        is_colour = is_coloured and sign == "\x1b" and text.startswith(_CODES, index)
        is_control = unicodedata.category(sign) == "Cc" and sign not in "\n\t"
        is_override = sign in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        made.append(f"\\u{ord(sign):04x}" if (is_control and not is_colour) or is_override else sign)
    return "".join(made)
