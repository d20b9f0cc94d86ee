"""Rows of vectors as they are compared: float64, finite, of unit length where the metric is cosine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

METRICS = ("cosine", "dot", "euclidean")

CHUNK = 2048
"""Rows that are float64 at once: 12 MiB at 768 dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Rows (n, d) kept as they are stored, maybe mapped; a part becomes float64, and unit, when it is asked for.

    So a comparison of 100,000 rows holds no second copy of them. `norms` (n,) is None where lengths count.
    """

    raw: NDArray[Any]
    norms: Array | None

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of rows and dimensions."""
        return self.raw.shape[0], self.raw.shape[1]

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, part: slice | IntArray | Mask) -> Array:
        rows: Array = np.asarray(self.raw[part], dtype=np.float64)
        return rows if self.norms is None else rows / self.norms[part][:, None]


def serve(vectors: NDArray[Any], *, metric: str, name: str = "vectors", ids: Sequence[str] = ()) -> Vectors:
    """Check rows (n, d) and return them as they are compared under a metric.

    `name` and `ids` only serve the message. Raise ValueError for an unknown metric, a shape that is not
    (n, d), a row that is not finite, and a zero row under cosine: such rows are errors of the encode step,
    and a cosine of 0 for them would hide it (compat.md section 5, pitfalls).
    """
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}: one of {', '.join(METRICS)}")
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise ValueError(f"{name}: rows of vectors have the shape (n, d), not {vectors.shape}")
    norms = np.empty(len(vectors))
    for part in chunks(len(vectors)):
        # NaN and infinity survive into the length, so that one pass over the rows finds both faults.
        with np.errstate(over="ignore", invalid="ignore"):
            norms[part] = lengths(np.asarray(vectors[part], dtype=np.float64))
    finite: Mask = np.isfinite(norms)
    if not finite.all():
        raise ValueError(f"{name}: {_row(finite, ids)} is not finite (NaN or infinity)")
    if metric != "cosine":
        return Vectors(raw=vectors, norms=None)
    directed: Mask = np.greater(norms, 0.0)
    if not directed.all():
        raise ValueError(f"{name}: {_row(directed, ids)} is all zeros; it has no direction")
    return Vectors(raw=vectors, norms=norms)


def served(vectors: NDArray[Any], *, metric: str, name: str = "vectors", ids: Sequence[str] = ()) -> Array:
    """Return all rows (n, d) in float64 at once; raise ValueError as `serve` does."""
    return serve(vectors, metric=metric, name=name, ids=ids)[:]


def chunks(rows: int, size: int = CHUNK) -> Iterator[slice]:
    """Cut a number of rows into runs."""
    return (slice(start, min(start + size, rows)) for start in range(0, rows, size))


def lengths(rows: Array) -> Array:
    """Return the Euclidean length of each row (n, d), as (n,)."""
    norms: Array = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return norms


def same(first: NDArray[Any], second: NDArray[Any]) -> bool:
    """Tell whether two matrices hold the same values; -0.0 and +0.0 are one value (compat.md section 8)."""
    return first.shape == second.shape and all(
        np.array_equal(first[part], second[part]) for part in chunks(len(first))
    )


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
