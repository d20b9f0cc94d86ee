"""SPDX licence expressions (SPDX 3.0.1, annex B): read, and refused with the reason. Ground floor."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

# What most cards name, so that the whole list is rarely read.
_COMMON: Final = frozenset(
    {"Apache-2.0", "MIT", "BSD-3-Clause", "BSD-2-Clause", "GPL-3.0-only", "GPL-3.0-or-later", "AGPL-3.0-only"}
    | {
        "CC0-1.0",
        "CC-BY-4.0",
        "CC-BY-SA-4.0",
        "CC-BY-NC-4.0",
        "CC-BY-NC-SA-4.0",
        "ODbL-1.0",
        "ISC",
        "MPL-2.0",
    }
)
_OWN = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
_OWN_EXCEPTION = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?AdditionRef-[A-Za-z0-9.-]+")
_TOKEN = re.compile(r"[()]|[^\s()]+")
_MAX_TOKENS: Final = 200


class _Refused(Exception):  # noqa: N818  (never leaves this module)
    """The expression is none; the message says why."""


@lru_cache(maxsize=512)
def licence_flaw(text: str) -> str | None:
    """Return what is wrong with an SPDX licence expression, or None."""
    if text in _COMMON or _OWN.fullmatch(text):
        return None
    if text in ("NONE", "NOASSERTION"):
        return f"{text} is no licence: leave the field out"
    tokens = _TOKEN.findall(text)
    if len(tokens) > _MAX_TOKENS:
        return f"it has more than {_MAX_TOKENS} parts"
    try:
        rest = _either(tokens)
    except _Refused as refused:
        return str(refused)
    return f"{rest[0]!r} is not expected there" if rest else None


def nearest_licence(text: str) -> str | None:
    """Return the identifier that was probably meant, or None."""
    from difflib import get_close_matches

    if not 2 < len(text) <= 60:
        return None
    known = {name.lower(): name for name in _licences().values()}
    close = get_close_matches(text.lower().replace(" ", "-"), known, n=1, cutoff=0.7)
    return known[close[0]] if close else None


def _either(tokens: list[str]) -> list[str]:
    tokens = _both(tokens)
    while tokens and tokens[0] in ("OR", "or"):
        tokens = _both(tokens[1:])
    return tokens


def _both(tokens: list[str]) -> list[str]:
    tokens = _one(tokens)
    while tokens and tokens[0] in ("AND", "and"):
        tokens = _one(tokens[1:])
    return tokens


def _one(tokens: list[str]) -> list[str]:
    if not tokens:
        raise _Refused("a licence is missing at its end")
    first, rest = tokens[0], tokens[1:]
    if first == "(":
        rest = _either(rest)
        if not rest or rest[0] != ")":
            raise _Refused("a bracket is not closed")
        return rest[1:]
    if first == ")" or first.upper() in ("AND", "OR", "WITH"):
        raise _Refused(f"a licence is missing before {first!r}")
    if not _OWN.fullmatch(first) and first.removesuffix("+").lower() not in _licences():
        raise _Refused(f"{first!r} is not in the SPDX licence list")
    if rest and rest[0] in ("WITH", "with"):
        if len(rest) < 2 or not (_OWN_EXCEPTION.fullmatch(rest[1]) or rest[1].lower() in _exceptions()):
            raise _Refused(
                f"{rest[1]!r} is no SPDX exception" if len(rest) > 1 else "an exception is missing"
            )
        return rest[2:]
    return rest


@lru_cache(maxsize=1)
def _licences() -> dict[str, str]:
    from embver.spdx_ids import LICENSES

    return {name.lower(): name for name in LICENSES.split()}


@lru_cache(maxsize=1)
def _exceptions() -> frozenset[str]:
    from embver.spdx_ids import EXCEPTIONS

    return frozenset(EXCEPTIONS.lower().split())


def known_licence(text: str) -> str | None:
    """Return the identifier of SPDX's list as it is written there, of any case; None for what is not in the list."""
    return _licences().get(text.strip().lower())
