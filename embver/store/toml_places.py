"""Where an entry of the settings stands: TOML's reader does not tell."""

from __future__ import annotations

import re

_ANY_HEAD = re.compile(r"\s*\[")


def line_of(text: str, name: str, number: int) -> int:
    """Return the line of the n-th `[[NAME]]`, or of `NAME =` where the list is written in one."""
    head = re.compile(rf"\s*\[\[\s*(?:tool\s*\.\s*embver\s*\.\s*)?{name}\s*\]\]")
    lines = text.split("\n")
    heads = [index for index, line in enumerate(lines, start=1) if head.match(line)]
    if number < len(heads):
        return heads[number]
    return next((index for index, line in enumerate(lines, start=1) if re.match(rf"\s*{name}\s*=", line)), 1)


def place_of(text: str, line: int, key: str) -> str:
    """Return line:column of a key's value in the entry that begins at a line."""
    lines = text.split("\n")
    for index in range(line, len(lines)):
        if _ANY_HEAD.match(lines[index]):
            break
        found = re.match(rf"\s*{key}\s*=\s*", lines[index])
        if found:
            return f"{index + 1}:{found.end() + 1}"
    return f"{line}:1"
