"""Read JSON that somebody else wrote: in bounds, with its place where it is wrong, nothing taken that is ambiguous.

`NaN` and `Infinity`, which Python writes and JSON does not have, are read: every fifth result file of MTEB holds one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from embver.intake import MalformedError

MAX_BYTES: Final = (
    32 * 1024 * 1024
)  # the largest MTEB result file there is has 20 MB (41,000 pairs of languages)


def read_bytes(path: Path, place: str) -> bytes:
    """Return a file's bytes; MalformedError for one that is too large to be a result, before it is read."""
    try:
        size_bytes = path.stat().st_size
        if size_bytes > MAX_BYTES:
            raise MalformedError(
                place,
                f"has {size_bytes / 2**20:,.0f} MiB; no more than {MAX_BYTES // 2**20} MiB of JSON are read",
                hint="keep the numbers that you need in a file of their own",
            )
        return path.read_bytes()
    except OSError as error:
        raise MalformedError(place, f"cannot be read: {error.strerror}") from error


def parse_json(data: bytes, place: str) -> Any:
    """Return a JSON document as plain data; MalformedError with FILE:LINE:COLUMN where it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(f"{place}:{line}", "is not UTF-8, so it is no JSON") from error
    if not text.strip():
        raise MalformedError(place, "is empty")
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(text.rstrip())
        why = "ends in the middle, it is cut off" if is_cut else f"is no JSON: {error.msg}"
        raise MalformedError(f"{place}:{error.lineno}:{error.colno}", why) from error
    except _TwinError as error:
        line, column = _second_place(text, error.key)
        raise MalformedError(
            f"{place}:{line}:{column}", f"has {error.key!r} twice, with one of two values"
        ) from error
    except RecursionError as error:
        raise MalformedError(place, "is nested too deep to be a result") from error
    except ValueError as error:  # a number of thousands of digits
        raise MalformedError(place, f"is no JSON that can be read: {error}") from error


class _TwinError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        seen: set[str] = set()
        for key, value in pairs:
            # The same thing said twice is harmless.
            if key in seen and plain[key] != next(first for name, first in pairs if name == key):
                raise _TwinError(key)
            seen.add(key)
            del value
    return plain


def _second_place(text: str, key: str) -> tuple[int, int]:
    """Return the line and column of a key's last place in a text: near enough to be found by a person."""
    found = max(text.rfind(json.dumps(key)), text.rfind(json.dumps(key, ensure_ascii=False)), 0)
    return text.count("\n", 0, found) + 1, found - text.rfind("\n", 0, found)


def finite(value: Any) -> float | int | None:
    """Return a number that a card can hold, or None for anything else; true and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and abs(value) <= 2**53 else None


def leaves(plain: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every scalar of plain data under the name of the field that holds it."""
    if isinstance(plain, Mapping):
        for key, value in plain.items():
            yield from leaves(value, str(key))
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield from leaves(value, name)
    else:
        yield name, plain
