"""How one cloud of vectors moved to another: paired cosine, means, norms, CKA, Procrustes. Diagnosis, not a gate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embver.measure.rows import Array, IntArray, lengths

FEWEST = 64
"""Below this many rows the diagnosis of two clouds says more of the sample than of the spaces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedCosine:
    """The cosine of each item's old and new vector, summed up; `distance_p99` is the 99th percentile of 1 - c."""

    mean: float
    p1: float
    minimum: float
    distance_p99: float
    centred_mean: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """How one side of a stratum moved. What needs equal dimensions, or 64 rows, is None without them."""

    identical: bool
    cosine: PairedCosine | None
    mean_shift: float | None
    norm_ratio: float | None
    cka: float | None
    procrustes: float | None


def paired_cosine(old: Array, new: Array) -> PairedCosine:
    """Sum up the cosines of rows (n, d) with rows (n, d).

    1 - c is computed as |x - y|**2 / 2 of the unit rows, which keeps its digits where c is near 1. The centred
    mean is the same after removing each side's mean: an anisotropic space has a high cosine for free.
    """
    distance = _cosine_distance(old, new)
    p99, worst = np.quantile(distance, [0.99, 1.0]).tolist()
    centred = _cosine_distance(old - old.mean(axis=0), new - new.mean(axis=0))
    return PairedCosine(
        mean=1.0 - float(distance.mean()),
        p1=1.0 - p99,
        minimum=1.0 - worst,
        distance_p99=p99,
        centred_mean=1.0 - float(centred.mean()),
    )


def mean_shift(old: Array, new: Array) -> float:
    """Return the distance between the means of two clouds of one dimension."""
    return float(np.linalg.norm(new.mean(axis=0) - old.mean(axis=0)))


def norm_ratio(old: Array, new: Array) -> float | None:
    """Return mean length of new rows / mean length of old rows; None if the old ones have none."""
    before = float(lengths(old).mean())
    return float(lengths(new).mean()) / before if before else None


def debiased_cka(first: Array, second: Array) -> float | None:
    """Return the linear CKA of (n, a) and (n, b) with the unbiased HSIC of Song et al. 2012, eq. 5; at most 1.

    The biased form gives independent Gaussians 0.6 where n is near d (compat.md section 3). None if a cloud is
    a single point. Works on features: O(n a b) and no Gram matrix.
    """
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = _unbiased_hsic(first, first) * _unbiased_hsic(second, second)
    return _unbiased_hsic(first, second) / float(np.sqrt(scale)) if scale > 0 else None


def held_out_procrustes(
    source: Array, target: Array, groups: IntArray, *, seed: int, folds: int = 5
) -> float | None:
    """Return the mean cosine of source (n, a), rotated onto target (n, b), over rows that the fit has not seen.

    Both are centred on the fitted rows; the rotation is U V' of source' target = U S V' (Schoenemann 1966), for
    unequal dimensions that of the smaller one padded with zeros. Rows of a group stay in one fold. In-sample
    fits are worthless for n <= 2 d (compat.md section 1). None with fewer groups than folds.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < folds:
        return None
    fold = np.random.default_rng(seed).permutation(len(names))[member] % folds
    distances = []
    for held in range(folds):
        fitted = fold != held
        source_mean, target_mean = source[fitted].mean(axis=0), target[fitted].mean(axis=0)
        covariance = (source[fitted] - source_mean).T @ (target[fitted] - target_mean)
        left, _, right = np.linalg.svd(covariance, full_matrices=False)
        mapped = (source[~fitted] - source_mean) @ (left @ right)
        distances.append(_cosine_distance(mapped, target[~fitted] - target_mean))
    return 1.0 - float(np.concatenate(distances).mean())


def movement(
    old: Array,
    new: Array,
    groups: IntArray,
    *,
    identical: bool,
    metric: str,
    seed: int,
    diagnose: bool = True,
) -> Movement:
    """Describe how rows (n, a), as served, became (n, b); CKA and Procrustes only to `diagnose`."""
    comparable = old.shape[1] == new.shape[1]
    enough = diagnose and len(old) >= FEWEST
    return Movement(
        identical=identical,
        cosine=paired_cosine(old, new) if comparable else None,
        mean_shift=mean_shift(old, new) if comparable else None,
        norm_ratio=norm_ratio(old, new) if metric != "cosine" else None,
        cka=debiased_cka(old, new) if enough else None,
        procrustes=held_out_procrustes(new, old, groups, seed=seed) if enough else None,
    )


def _cosine_distance(first: Array, second: Array) -> Array:
    """Return 1 - cosine of paired rows; two zero rows are 0 apart, and one zero row 1 from the other's."""
    apart: Array = np.square(_unit(first) - _unit(second)).sum(axis=1) / 2
    lone = (lengths(first) > 0) != (lengths(second) > 0)
    return np.where(lone, 1.0, apart)


def _unit(rows: Array) -> Array:
    """Return rows of unit length; a zero row, which centring can make, stays zero."""
    norms = lengths(rows)[:, None]
    return np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)


def _unbiased_hsic(first: Array, second: Array) -> float:
    """Return the unbiased HSIC of the linear kernels of two centred clouds, up to 1 / (n (n - 3)); n > 3."""
    n = len(first)
    diagonal_1, diagonal_2 = (np.einsum("nd,nd->n", rows, rows) for rows in (first, second))
    # Centred rows sum to zero, so a row of the kernel without its diagonal sums to minus the diagonal.
    product = float(np.square(first.T @ second).sum()) - float(diagonal_1 @ diagonal_2)
    totals = float(diagonal_1.sum()) * float(diagonal_2.sum()) / ((n - 1) * (n - 2))
    return product + totals - 2.0 / (n - 2) * float(diagonal_1 @ diagonal_2)
