"""What a person sees: data on stdout, everything else on stderr, colour only on a terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}
# One of our own colours; a control sign, a sign that changes the direction in which text runs, or a byte of a name
# in Git that is no UTF-8.
_UNSAFE = re.compile(
    rf"\x1b\[(?:0|{'|'.join(_STYLES.values())})m|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
STATUS_STYLES = {"deprecated": "yellow", "yanked": "red"}
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
        import json

        print(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False), file=sys.stdout)

    def json_rows(self, keys: Sequence[str], rows: Sequence[tuple[Hashable, ...]]) -> None:
        """Print an array of flat objects, one a line; indenting thousands takes longer than finding them."""
        import json

        encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
        columns = []
        for key, column in zip(keys, zip(*rows, strict=True), strict=bool(rows)):
            texts = {value: f"{encode(key)}: {encode(value)}" for value in set(column)}
            columns.append([texts[value] for value in column])
        objects = ("{" + ", ".join(row) + "}" for row in zip(*columns, strict=True))
        print("[\n" + ",\n".join(objects) + "\n]" if rows else "[]", file=sys.stdout)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows in columns; styled cells keep their width."""
        self.columns(dict(zip(head, zip(*rows, strict=True) if rows else ([] for _ in head), strict=True)))

    def columns(self, columns: Mapping[str, Sequence[str]]) -> None:
        """Print a table by its columns, each below its name; styled cells keep their width."""
        padded = [_padded((name, *cells)) for name, cells in columns.items()]
        lines = ["  ".join(row).rstrip() for row in zip(*padded, strict=True)]
        self.print("\n".join((self.style(lines[0], "dim"), *lines[1:])))

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

    def status(self, word: str) -> str:
        """Return active, deprecated or yanked in its colour."""
        return self.style(word, STATUS_STYLES[word]) if word in STATUS_STYLES else word

    def verdict(self, word: str | None) -> str:
        """Return a verdict's word in its colour."""
        return self.style(word, VERDICT_STYLES.get(word, "bold")) if word and word != "none" else "-"


def _padded(cells: Sequence[str]) -> list[str]:
    """Return a column's cells with spaces up to the widest."""
    widths = {cell: _width(cell) for cell in set(cells)}
    widest = max(widths.values())
    padded = {cell: cell + " " * (widest - width) for cell, width in widths.items()}
    return [padded[cell] for cell in cells]


def _width(text: str) -> int:
    """Return the columns a text takes: no escape codes, wide signs twice."""
    if text.isascii() and text.isprintable():
        return len(text)
    import unicodedata

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

    def shown(match: re.Match[str]) -> str:
        sign = match[0]
        return sign if len(sign) > 1 and is_coloured else f"\\u{ord(sign[0]):04x}{sign[1:]}"

    is_plain = text.isascii() and text.replace("\n", "").isprintable()
    return text if is_plain else _UNSAFE.sub(shown, text)
