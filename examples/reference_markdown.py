"""What the reference pages are made of: pages, tables, code."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any


def page(title: str, lead: str, *blocks: str) -> str:
    """Return a page: title, lead, blocks."""
    note = "<!-- Written by examples/reference.py. Do not edit: run it again. -->"
    return "\n\n".join([f"# {title}", note, lead, *(block.strip("\n") for block in blocks)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(value: Any) -> str:
    """Return a value as code, one that is no text as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if text.strip() == text and text else f'`"{text}"`'
