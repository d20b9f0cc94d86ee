"""Rows of vectors as they are compared: float64, finite, of unit length where the metric is cosine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

METRICS = ("cosine", "dot", "euclidean")


def served(vectors: NDArray[Any], *, metric: str, name: str = "vectors", ids: Sequence[str] = ()) -> Array:
    """Return rows (n, d) in float64, of unit length if the metric is cosine.

    `name` and `ids` only serve the message. Raise ValueError for an unknown metric, a shape that is not
    (n, d), a row that is not finite, and a zero row under cosine: such rows are errors of the encode step,
    and a cosine of 0 for them would hide it (compat.md section 5, pitfalls).
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}: one of {', '.join(METRICS)}")
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(f"{name}: rows of vectors have the shape (n, d), not {vectors.shape}")
    rows: Array = np.asarray(vectors, dtype=np.float64)
    finite = np.asarray(np.isfinite(rows).all(axis=1))
    if not finite.all():
        raise ValueError(f"{name}: {_row(finite, ids)} is not finite (NaN or infinity)")
    if metric != "cosine":
        return rows
    norms = lengths(rows)
    directed: Mask = np.greater(norms, 0.0)
    if not directed.all():
        raise ValueError(f"{name}: {_row(directed, ids)} is all zeros; it has no direction")
    unit: Array = rows / norms[:, None]
    return unit


def lengths(rows: Array) -> Array:
    """Return the Euclidean length of each row (n, d), as (n,)."""
    norms: Array = np.linalg.norm(rows, axis=1)
    return norms


def same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Tell whether two matrices hold the same values; -0.0 and +0.0 are one value (compat.md section 8)."""
    return np.array_equal(first, second)


def codes(labels: Sequence[str], known: dict[str, int]) -> IntArray:
    """Return one integer a label, equal for equal labels, extending `known`; an empty label is nobody's equal."""
    found = (known.setdefault(label or f"\0{len(known)}", len(known)) for label in labels)
    return np.fromiter(found, dtype=np.int64, count=len(labels))


def _row(good: Mask, ids: Sequence[str]) -> str:
    """Name the first row that is not good, and how many there are."""
    bad = np.flatnonzero(~good)
    first = int(bad[0])
    item = f" ({ids[first]!r})" if first < len(ids) else ""
    others = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    return f"row {first}{item}{others}"
