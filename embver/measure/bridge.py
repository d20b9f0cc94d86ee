"""A map from a new version's queries into the old version's space, so that an old index can still be asked.

Direction: new query -> old space; the index stays (Drift-Adapter, arXiv 2509.23471; Query Drift Compensation, 2506.00037
for the shift). Orthogonal maps need centring (arXiv 2510.13406), and an in-sample fit on n <= 2 d pairs is worthless
(compat.md section 1), so such a fit is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embver.measure.geometry import rotation
from embver.measure.rows import Array, lengths

Method = Literal["shift", "procrustes", "scaled", "ridge"]
METHODS: tuple[Method, ...] = ("shift", "procrustes", "scaled", "ridge")

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that are tried, in units of the mean variance of the source."""

ROWS_A_DIMENSION = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bridge:
    """A map x -> (x - source_mean) @ matrix + target_mean of rows (n, a) to rows (n, b).

    `matrix` (a, b) is None for a shift. With `normalise` rows are made unit length before the map and after it.
    """

    method: Method
    source_mean: Array
    target_mean: Array
    matrix: Array | None
    normalise: bool

    @property
    def dimensions(self) -> tuple[int, int]:
        """Return how long a vector is before and after the map."""
        return len(self.source_mean), len(self.target_mean)

    def apply(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return rows (n, a) of the new version, or one row (a,), as the old version's index understands them.

        Raise ValueError for another number of dimensions, and for a row that has no direction where one is needed.
        """
        found = np.atleast_2d(np.asarray(rows, dtype=np.float64))
        if found.ndim != 2 or found.shape[1] != len(self.source_mean):
            raise ValueError(
                f"this bridge takes rows of {len(self.source_mean)} dimensions, not of the shape {rows.shape}"
            )
        moved = (self._unit(found) if self.normalise else found) - self.source_mean
        if self.matrix is not None:
            moved = moved @ self.matrix
        moved = moved + self.target_mean
        made = (self._unit(moved) if self.normalise else moved).astype(np.float32)
        return made if rows.ndim == 2 else made[0]

    @staticmethod
    def _unit(rows: Array) -> Array:
        norms = lengths(rows)
        if not np.isfinite(norms).all() or not norms.all():
            bad = int(np.flatnonzero(~np.isfinite(norms) | (norms == 0))[0])
            raise ValueError(f"row {bad} has no direction (all zeros, NaN or infinity): nothing to map")
        unit: Array = rows / norms[:, None]
        return unit


def fit_bridges(source: Array, target: Array, *, normalise: bool) -> Iterator[Bridge]:
    """Yield a map of each kind that n pairs of rows, (n, a) and (n, b), can be fitted to; the ridge at each penalty.

    A shift needs one dimension on both sides. The others need more than 2 max(a, b) pairs.
    """
    means = source.mean(axis=0), target.mean(axis=0)

    def made(method: Method, matrix: Array | None) -> Bridge:
        return Bridge(
            method=method,
            source_mean=kept(means[0]),
            target_mean=kept(means[1]),
            matrix=None if matrix is None else kept(matrix),
            normalise=normalise,
        )

    if source.shape[1] == target.shape[1]:
        yield made("shift", None)
    if len(source) < pairs_needed(source.shape[1], target.shape[1]):
        return
    x, y = source - means[0], target - means[1]
    covariance, variance = x.T @ y, x.T @ x
    turn = rotation(covariance)
    yield made("procrustes", turn)
    turned = x @ turn
    squares = np.einsum("nd,nd->d", turned, turned)
    scales = np.divide(
        np.einsum("nd,nd->d", turned, y), squares, out=np.ones_like(squares), where=squares > 1e-12
    )
    yield made("scaled", turn * scales)
    unit = max(float(np.trace(variance)) / len(variance), 1e-30)
    for penalty in PENALTIES:
        yield made("ridge", np.linalg.solve(variance + penalty * unit * np.eye(len(variance)), covariance))


def kept(numbers: Array) -> Array:
    """Return numbers as a file keeps them, in float32: what is judged is what is applied later."""
    return numbers.astype(np.float32).astype(np.float64)


def pairs_needed(before: int, after: int) -> int:
    """Return the least number of pairs to fit a matrix on: more than twice the larger dimension."""
    return ROWS_A_DIMENSION * max(before, after) + 1
