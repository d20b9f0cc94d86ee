"""Data for the pages' own scripts: a page that is opened from a folder may load a script, but no JSON. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from embver.site.places import home, version_file

# The greatest whole number that a browser holds exactly; a seed may be larger.
_EXACT = 2**53 - 1
_LONG_NUMBER = re.compile(r"[:\[ ]-?\d{16,}\s*[,}\]]")


def data_script(key: str, plain: Any) -> str:
    """Return a script that hands plain data to the page under a key.

    The data are JSON within a text, which the page reads with `JSON.parse`: in an object literal a field named
    `__proto__` would be no field. All but ASCII is escaped, and `<`, so that no text of a card ends a script or a line.
    """
    return f"embverData({_quoted(json.dumps(key))}, {_quoted(json.dumps(_exact_json(plain)))});\n"


def _exact_json(plain: Any) -> str:
    """Return JSON in which a browser loses nothing: numbers that it cannot hold are texts."""
    try:
        text = json.dumps(plain, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_holdable(plain), separators=(",", ":"))
    return json.dumps(_holdable(plain), separators=(",", ":")) if _LONG_NUMBER.search(text) else text


def _holdable(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {str(key): _holdable(entry) for key, entry in plain.items()}
    if isinstance(plain, list | tuple):
        return [_holdable(entry) for entry in plain]
    is_exact = not isinstance(plain, int | float) or (math.isfinite(plain) and abs(plain) <= _EXACT)
    return plain if is_exact else str(plain)


def _quoted(literal: str) -> str:
    return literal.replace("<", "\\u003c")


def version_script(name: str, number: str) -> str:
    """Return where the data of a version lie: `changelog/products/data/1.2.0.js`."""
    return f"{home(name)}/data/{version_file(number).removesuffix('.md')}.js"


def numbers_script(name: str, chunk: int) -> str:
    """Return where a part of an embedding's benchmark numbers lies, counted from 1, the oldest first."""
    return f"{home(name)}/data/benchmarks-{chunk}.js"
