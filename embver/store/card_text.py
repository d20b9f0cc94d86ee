"""From a card's bytes to text that shows what it is: UTF-8, not too large, nothing in it that cannot be seen."""

from __future__ import annotations

import re
from typing import Final

MAX_BYTES: Final = 1 << 20
# The parser's nodes take 1 kB and 2 microseconds each: a megabyte of `1,1,1,...` would take half a gigabyte.
MAX_NODES: Final = 100_000
# Composing recurses in C, and no limit guards its stack: 100,000 open brackets end the process. Below this bound on
# the depth it is safe; above it, the depth is counted first.
_SAFE_DEPTH: Final = 1000
_LONG_OPENING = re.compile(r"^[ ?:\-]{400}", re.MULTILINE)

# Control characters, line breaks of YAML 1.1 only, directional overrides, a byte order mark within, lone surrogates:
# what makes a card look different from what it is.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)


class Refused(Exception):  # noqa: N818  (never leaves the reading of a card)
    """The text cannot be read; carries the one problem that says why."""

    def __init__(self, line: int, column: int, rule: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.place = (line, column)
        self.rule = rule
        self.message = message
        self.hint = hint


def decode(text: str | bytes) -> str:
    """Return a card's text as it stands, byte order mark included; raise Refused."""
    size_bytes = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "replace"))
    if size_bytes > MAX_BYTES:
        raise Refused(1, 1, "too-large", f"{size_bytes} bytes are more than a card may have: {MAX_BYTES}")
    if isinstance(text, bytes):
        text = _decode_bytes(text)
    body = text.removeprefix("\ufeff")
    unseen = _UNSEEN.search(body)
    if unseen:
        line, column = _place(body, unseen.start())
        shown = f"U+{ord(unseen[0]):04X}"
        raise Refused(
            line,
            column,
            "unseen-character",
            f"the character {shown} cannot be seen",
            f'write it as "\\u{ord(unseen[0]):04x}"',
        )
    return text


def _decode_bytes(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or (b"\x00" in data[:2] and len(data) % 2 == 0):
        raise Refused(1, 1, "encoding", "the file is UTF-16 or UTF-32", "save it as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"), error.start)
        raise Refused(line, column, "encoding", "not UTF-8", "save it as UTF-8") from None


def _place(text: str, index: int) -> tuple[int, int]:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return (before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


def may_be_too_much(text: str) -> bool:
    """Tell whether a text may nest too deep or hold too many values to be composed, without parsing it."""
    if text.count("[") + text.count("{") > _SAFE_DEPTH:
        return True
    # Each level of a block begins further right than the last, but for a list under its key, in the same column.
    is_suspect = len(text) > MAX_NODES or text.count("- ") + text.count("? ") > _SAFE_DEPTH // 3
    if is_suspect and _LONG_OPENING.search(text):
        return True
    # What is not set apart by one of these is one scalar.
    return (
        len(text) > MAX_NODES
        and sum(text.count(sign) for sign in ",:[]{}?\n") + text.count("- ") >= MAX_NODES
    )
