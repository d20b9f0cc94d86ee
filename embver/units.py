"""Numbers of a card as people read them, with the unit that their field's name or meaning gives them. Ground floor."""

from __future__ import annotations

from collections.abc import Sequence

_SUFFIXES = (("_s", "s"), ("_ms", "ms"), ("_gib", "GiB"), ("_hz", "Hz"), ("_kg", "kg"), ("_j", "J"))
# Counts, whose field says of what: they are grouped by thousands, which a seed or a year is not.
_COUNTED = ("rows", "max_length", "dimensions", "served_dimensions", "parameters", "cores", "queries", "candidates",
            "steps", "epochs", "items", "count", "n")  # fmt: skip
_SIZES = ("bytes", "kB", "MB", "GB", "TB")
_RATE_HZ = ("preprocessing", "[resample]", "rate")


def with_unit(where: Sequence[str], value: object) -> str | None:
    """Return a number at a place of a card with its unit, such as `118.4 s`; None where it has none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    names = [part for part in where if not part.startswith("[")]
    name = names[-1] if names else ""
    above = names[-2] if len(names) > 1 else ""
    if name == "size_bytes":
        return f"{size(value)} ({value:,} bytes)" if value >= 1000 else f"{value:,} bytes"
    if above.endswith("_per_s"):
        return f"{value:,} {name}s/s"
    if above == "items":
        return f"{value:,}"
    if name in _COUNTED:
        return f"{value:,} tokens" if name == "max_length" else f"{value:,}"
    if tuple(where[-3:]) == _RATE_HZ:
        return f"{value:,} Hz"
    unit = next((unit for suffix, unit in _SUFFIXES if name.endswith(suffix)), None)
    return f"{value:,} {unit}" if unit else None


def size(size_bytes: float) -> str:
    """Return a size as people say it, in powers of 1,000."""
    amount = float(size_bytes)
    for unit in _SIZES:
        if amount < 1000 or unit == _SIZES[-1]:
            return f"{amount:,.0f} {unit}" if unit == "bytes" else f"{amount:,.1f} {unit}"
        amount /= 1000
    raise AssertionError
