"""A table, or a changelog, that people kept by hand: CSV, TSV, a Markdown table, or headings with dates and lists. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from embver.intake import MalformedError

MAX_BYTES: Final = 16 << 20
# `## [1.2.0] - 2024-05-01`, `### v1.2.0 (2024-05-01)`, `## 1.2.0`
_HEADING: Final = re.compile(
    r"#{1,4}\s+\[?v?(\d+\.\d+\.\d+[^\s\])]*)\]?(?:\([^)]*\))?\s*(?:[-\u2013\u2014(,:]*\s*(\d{4}-\d{2}-\d{2})\)?)?.*"
)
_ITEM: Final = re.compile(r"\s*[-*+]\s+(.*\S)")
_RULE: Final = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(?:\|\s*:?-{1,}:?\s*)*\|?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its cells by column, and the line where it begins."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Columns in their order, and the rows below them."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def read_table(data: bytes, place: str) -> Table:
    """Return the table of a file; MalformedError with FILE:LINE for what is none.

    The name decides the form: `.md` is Markdown, `.tsv` is separated by tabs, anything else by commas or semicolons,
    whichever the first line has more of.
    """
    if len(data) > MAX_BYTES:
        raise MalformedError(place, f"has {len(data) / 2**20:,.0f} MiB: no table that people kept by hand")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(f"{place}:{line}", "is not UTF-8", hint="save it as UTF-8") from error
    if "\0" in text:
        raise MalformedError(f"{place}:{text.count(chr(10), 0, text.index(chr(0))) + 1}", "is no text")
    suffix = place.rpartition(".")[2].lower()
    if suffix in ("md", "markdown"):
        return _markdown(text, place)
    first = text.lstrip("\n").partition("\n")[0]
    delimiter = "\t" if suffix == "tsv" else ";" if first.count(";") > first.count(",") else ","
    return _separated(text, place, delimiter)


def _separated(text: str, place: str, delimiter: str) -> Table:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    lines: list[tuple[int, list[str]]] = []
    end = 0
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((end + 1, cells))
            end = reader.line_num
    except csv.Error as error:
        raise MalformedError(f"{place}:{reader.line_num}", f"is no table: {error}") from error
    return _table(lines, place)


def _markdown(text: str, place: str) -> Table:
    lines = text.splitlines()
    for number, line in enumerate(lines[1:], 1):
        if "|" in lines[number - 1] and "-" in line and "|" in line and _RULE.fullmatch(line):
            rows = [(number, _cells(lines[number - 1]))]
            for at, below in enumerate(lines[number + 1 :], number + 2):
                if "|" not in below:
                    break
                rows.append((at, _cells(below)))
            return _table(rows, place)
    found = list(_headings(lines))
    if not found:
        raise MalformedError(place, "holds neither a table nor headings such as `## 1.2.0 - 2024-05-01`")
    return Table(columns=("version", "date", "changes"), rows=tuple(found))


def _headings(lines: list[str]) -> Iterator[Row]:
    """Yield a row for each heading with a version; what is listed below it are its changes, a line each."""
    begun: tuple[int, str, str] | None = None
    items: list[str] = []
    for number, line in enumerate([*lines, "# "], 1):
        match = _HEADING.fullmatch(line) if line.startswith("#") else None
        # `### Added` stands within a version; a heading of another kind ends it.
        is_end = match is not None or (line.startswith("#") and not line.startswith("###"))
        if not is_end:
            item = _ITEM.fullmatch(line)
            if item is not None and begun is not None:
                items.append(item[1])
            continue
        if begun is not None:
            yield Row(
                line=begun[0], cells={"version": begun[1], "date": begun[2], "changes": "\n".join(items)}
            )
        begun, items = ((number, match[1], match[2] or "") if match else None), []


def _cells(line: str) -> list[str]:
    """Return the cells of a row of a Markdown table; `\\|` is no edge."""
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", inner)]


def _table(lines: list[tuple[int, list[str]]], place: str) -> Table:
    if not lines:
        raise MalformedError(place, "is empty")
    (head_line, head), *rest = lines
    columns = tuple(cell.strip() for cell in head)
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise MalformedError(f"{place}:{head_line}", f"has two columns {twice!r}")
    made = []
    for line, cells in rest:
        if len(cells) > len(columns):
            raise MalformedError(f"{place}:{line}", f"has {len(cells)} cells below {len(columns)} columns")
        values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False) if name}
        made.append(Row(line=line, cells=values))
    return Table(columns=columns, rows=tuple(made))
