"""Places in a card as people write them, `encoders.text.preprocessing[tokenize]`, and patterns of them. Ground floor.

A place is a tuple of parts; an entry of a list is a part in brackets. In a pattern `*` stands for any one part, and
`[*]` or `[shop-*]` for an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

Parts = tuple[str, ...]

_PART = re.compile(r"\[[^\[\]]+\]|[^.\[\]\s][^.\[\]]*")
_ORDINAL = re.compile(r":[0-9]+\]$")


def format_path(parts: Iterable[str]) -> str:
    """Return a place as people write it."""
    text = ""
    for part in parts:
        text += part if part.startswith("[") else (f".{part}" if text else part)
    return text


def parse_path(text: str) -> Parts:
    """Read a place; raise ValueError if it is none. `a.[b]` is taken for `a[b]`."""
    parts = tuple(_PART.findall(text))
    if not parts or format_path(parts) != text.strip().replace(".[", "["):
        raise ValueError(
            f"{text!r} is no path of a card, such as encoders.text.pooling or training.data[*].rows"
        )
    return parts


def part_fits(have: str, want: str) -> bool:
    """Tell whether a part is one that a pattern's part stands for; `[replace:2]` is a `[replace]`."""
    if want in ("*", have):
        return True
    if not want.startswith("["):
        return False
    if have.startswith("[") and "*" in want:
        return fnmatchcase(have[1:-1], want[1:-1])
    return _ORDINAL.sub("]", have) == want


def covers(pattern: Parts, parts: Parts) -> bool:
    """Tell whether a pattern speaks of a place, or of what it lies in; the place may be a pattern itself."""
    if len(parts) < len(pattern):
        return False
    return all(part_fits(have, want) for have, want in zip(parts, pattern, strict=False))


def may_meet(one: Parts, other: Parts) -> bool:
    """Tell whether two patterns may speak of the same place, as far as the shorter one goes."""
    pairs = zip(one, other, strict=False)
    return all(part_fits(left, right) or part_fits(right, left) for left, right in pairs)
