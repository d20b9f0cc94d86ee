"""YAML files whose document is a list, as other tools write them: read and written with what reads and writes cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from embver.problem import Problem
from embver.store.card_style import entry_lines
from embver.store.cards import read_card_text

_NAME = "entries"


def read_list_text(data: bytes, *, path: str) -> tuple[list[Any] | None, tuple[Problem, ...]]:
    """Return a list's entries, None for what is no list, and what is wrong with the text, each at its place.

    The list is put below a field, two columns to the right: so it is read like a card, with nothing ambiguous in it.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return None, (Problem(path=path, line=line, column=1, rule="encoding", message="is not UTF-8"),)
    lines = text.replace("\r\n", "\n").split("\n")
    start = next((n for n, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), 0)
    if lines[start].rstrip() == "---":
        lines[start] = ""
    moved = "\n".join([f"{_NAME}:", *(f"  {line}" if line.strip() else "" for line in lines)])
    card = read_card_text(moved, path=path)
    problems = tuple(replace(p, line=max(1, p.line - 1), column=max(1, p.column - 2)) for p in card.problems)
    found = card.plain.get(_NAME)
    return (found if isinstance(found, list) else None), problems


def dump_list(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return entries as a YAML list, a field a line."""
    lines: list[str] = []
    for entry in entries:
        own: list[str] = []
        for key, value in entry.items():
            own += entry_lines(key, value, (_NAME, 0, key), column=2)
        lines += [f"- {own[0][2:]}", *own[1:]]
    return "\n".join(lines) + "\n" if lines else "[]\n"
