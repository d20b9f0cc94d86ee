"""Tell whether a licence allows less than another one, where that is plain. Ground floor.

Licences are ranked by what they ask of somebody who uses vectors: nothing or a notice, sharing alike, sharing of whole
works, sharing over a network too, no commerce or no changes. One that is in no family, such as `LicenseRef-internal`,
has no rank, and nothing is said of it.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PERMISSIVE = 1
_FAMILIES = (
    (0, r"CC0-|CC-PDDC$|PDDL-|Unlicense$|0BSD$|MIT-0$"),
    (5, r"CC-BY-(?:NC|ND)"),
    (2, r"CC-BY-SA-|ODbL-|CDLA-Sharing-|LGPL-|LGPLLR$|MPL-|EPL-|CDDL-|EUPL-"),
    (3, r"GPL-|OSL-"),
    (4, r"AGPL-|SSPL-"),
    (
        1,
        r"CC-BY-|MIT$|Apache-|BSD-|ISC$|Zlib$|BSL-|ODC-By-|CDLA-Permissive-|Artistic-2|PostgreSQL$|Python-2|PSF-",
    ),
)
_TOKEN = re.compile(r"[()]|[^\s()]+")


def is_tighter(before: object, after: object) -> bool:
    """Tell whether a licence expression plainly takes away what another one allowed."""
    old, new = _rank_of(before), _rank_of(after)
    return old is not None and new is not None and new > max(old, _PERMISSIVE)


def is_wider(before: object, after: object) -> bool:
    """Tell whether a licence expression plainly allows all that another one did, and more."""
    old, new = _rank_of(before), _rank_of(after)
    return old is not None and new is not None and new < old and new <= _PERMISSIVE


def _rank_of(text: object) -> int | None:
    return _rank(text) if isinstance(text, str) else None


@lru_cache(maxsize=64)
def _rank(text: str) -> int | None:
    """Return the rank of an SPDX expression: of `OR` the least, of `AND` the greatest; None if a part has none."""
    either: list[int] = []
    both: list[int] = []
    words = _TOKEN.findall(text)
    if "(" in words or ")" in words:
        return None  # rare, and not worth a second reader of expressions
    is_exception = False
    for word in words:
        if is_exception or word.upper() == "WITH":
            is_exception = not is_exception
        elif word.upper() == "OR":
            either.append(max(both, default=0))
            both = []
        elif word.upper() != "AND":
            rank = next((rank for rank, family in _FAMILIES if re.match(family, word, re.IGNORECASE)), None)
            if rank is None:
                return None
            both.append(rank)
    return min([*either, max(both)]) if both else None
