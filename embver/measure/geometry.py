"""How one cloud of vectors moved to another: paired cosine, means, norms, CKA, Procrustes. Diagnosis, not a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embver.measure.rows import Array, IntArray, Vectors, chunks, lengths

FEWEST = 64
"""Below this many rows the diagnosis of two clouds says more of the sample than of the spaces."""


Rows = Vectors | Array

ROUGH = 1e-10
"""Eigenvalues below this share of the greatest are not told apart well enough to divide by."""


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
    """How one side of a stratum moved. What needs equal dimensions, or 64 rows, is None without them.

    `mean_length` is the length of the mean vector, old and new: near 0 where directions are spread evenly, and
    near 1 where they all share one.
    """

    identical: bool
    cosine: PairedCosine | None
    mean_shift: float | None
    norm_ratio: float | None
    cka: float | None
    procrustes: float | None
    mean_length: tuple[float, float] = (0.0, 0.0)


def mean_of(rows: Rows) -> Array:
    """Return the mean row, (d,), read in runs."""
    total = np.zeros(rows.shape[1])
    for part in chunks(len(rows)):
        total += rows[part].sum(axis=0)
    mean: Array = total / len(rows)
    return mean


def paired_cosine(old: Rows, new: Rows) -> PairedCosine:
    """Sum up the cosines of rows (n, d) with rows (n, d).

    1 - c is computed as |x - y|**2 / 2 of the unit rows, which keeps its digits where c is near 1. The centred
    mean is the same after removing each side's mean: an anisotropic space has a high cosine for free.
    """
    old_mean, new_mean = mean_of(old), mean_of(new)
    distance, centred = np.empty(len(old)), np.empty(len(old))
    for part in chunks(len(old)):
        before, after = old[part], new[part]
        distance[part] = cosine_distance(before, after)
        centred[part] = cosine_distance(before - old_mean, after - new_mean)
    p99, worst = np.quantile(distance, [0.99, 1.0]).tolist()
    return PairedCosine(
        mean=1.0 - float(distance.mean()),
        p1=1.0 - p99,
        minimum=1.0 - worst,
        distance_p99=p99,
        centred_mean=1.0 - float(centred.mean()),
    )


def mean_shift(old: Rows, new: Rows) -> float:
    """Return the distance between the means of two clouds of one dimension."""
    return float(np.linalg.norm(mean_of(new) - mean_of(old)))


def norm_ratio(old: Rows, new: Rows) -> float | None:
    """Return mean length of new rows / mean length of old rows; None if the old ones have none."""
    before, after = (
        sum(float(lengths(rows[part]).sum()) for part in chunks(len(rows))) / len(rows) for rows in (old, new)
    )
    return after / before if before else None


def is_constant(rows: Rows) -> bool:
    """Tell whether all rows, if there are several, are one point but for rounding: it tells nothing apart."""
    if len(rows) < 2:
        return False
    first = rows[0:1]
    farthest = max(float(lengths(rows[part] - first).max()) for part in chunks(len(rows)))
    return farthest <= 1e-6 * max(1e-30, float(lengths(first)[0]))


def debiased_cka(first: Rows, second: Rows) -> float | None:
    """Return the linear CKA of (n, a) and (n, b) with the unbiased HSIC of Song et al. 2012, eq. 5; at most 1.

    The biased form gives independent Gaussians 0.6 where n is near d (compat.md section 3). None if a cloud is
    a single point. Works on features: O(n a b) and no Gram matrix.
    """
    means = (mean_of(first), mean_of(second))
    pairs = ((0, 0), (1, 1), (0, 1))
    products = [np.zeros((len(means[i]), len(means[j]))) for i, j in pairs]
    diagonals = (np.empty(len(first)), np.empty(len(first)))
    for part in chunks(len(first)):
        rows = (first[part] - means[0], second[part] - means[1])
        for number, (i, j) in enumerate(pairs):
            products[number] += rows[i].T @ rows[j]
        for diagonal, each in zip(diagonals, rows, strict=True):
            diagonal[part] = np.einsum("nd,nd->n", each, each)
    itself, other, across = (
        _unbiased_hsic(product, diagonals[i], diagonals[j])
        for product, (i, j) in zip(products, pairs, strict=True)
    )
    return across / float(np.sqrt(itself * other)) if itself * other > 0 else None


def held_out_procrustes(
    source: Rows, target: Rows, groups: IntArray, *, seed: int, folds: int = 5
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
    # Centred on the whole first: what a fold leaves out is then a small difference and keeps its digits.
    means = (mean_of(source), mean_of(target))
    sums = [np.zeros((folds, len(mean))) for mean in means]
    products = np.zeros((folds, *(len(mean) for mean in means)))
    for held, part in _folded(fold, folds):
        left, right = source[part] - means[0], target[part] - means[1]
        products[held] += left.T @ right
        sums[0][held] += left.sum(axis=0)
        sums[1][held] += right.sum(axis=0)
    counts = np.bincount(fold, minlength=folds)
    product, totals = products.sum(axis=0), [each.sum(axis=0) for each in sums]
    distance = 0.0
    turns: dict[int, Array] = {}
    for held, part in _folded(fold, folds):
        fitted = len(fold) - counts[held]
        centres = [(total - each[held]) / fitted for total, each in zip(totals, sums, strict=True)]
        if held not in turns:
            turns = {held: rotation(product - products[held] - fitted * np.outer(*centres))}
        left, right = (
            rows[part] - mean - centre
            for rows, mean, centre in zip((source, target), means, centres, strict=True)
        )
        distance += float(cosine_distance(left @ turns[held], right).sum())
    return 1.0 - distance / len(fold)


def rotation(covariance: Array) -> Array:
    """Return U V' of a covariance (a, b) = U S V': the rotation nearest to it, rectangular where a is not b.

    Of a square one by the eigenvectors of its Gram matrix, a third of the time of an SVD, unless that loses digits.
    """
    if covariance.shape[0] == covariance.shape[1]:
        values, vectors = np.linalg.eigh(covariance.T @ covariance)
        if values[0] > ROUGH * values[-1]:
            return np.asarray(covariance @ ((vectors / np.sqrt(values)) @ vectors.T))
    left, _, right = np.linalg.svd(covariance, full_matrices=False)
    return np.asarray(left @ right)


def movement(
    old: Rows,
    new: Rows,
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
        mean_length=(float(np.linalg.norm(mean_of(old))), float(np.linalg.norm(mean_of(new)))),
    )


def cosine_distance(first: Array, second: Array) -> Array:
    """Return 1 - cosine of paired rows; two zero rows are 0 apart, and one zero row 1 from the other's."""
    (first, before), (second, after) = _unit(first), _unit(second)
    first -= second
    apart: Array = np.einsum("nd,nd->n", first, first) / 2
    lone = (before > 0) != (after > 0)
    return np.where(lone, 1.0, apart)


def _folded(fold: IntArray, folds: int) -> Iterator[tuple[int, IntArray]]:
    """Yield the rows of each fold in runs."""
    for held in range(folds):
        rows = np.flatnonzero(fold == held)
        for part in chunks(len(rows)):
            yield held, rows[part]


def _unit(rows: Array) -> tuple[Array, Array]:
    """Return rows of unit length with the lengths they had; a zero row, which centring can make, stays zero."""
    norms = lengths(rows)
    return rows / np.where(norms > 0, norms, 1.0)[:, None], norms


def _unbiased_hsic(product: Array, first: Array, second: Array) -> float:
    """Return the unbiased HSIC of two centred clouds, up to 1 / (n (n - 3)); n > 3.

    Given the product of their features (a, b) and the diagonals (n,) of their linear kernels.
    """
    n = len(first)
    # Centred rows sum to zero, so a row of the kernel without its diagonal sums to minus the diagonal.
    squares = float(np.square(product).sum()) - float(first @ second)
    totals = float(first.sum()) * float(second.sum()) / ((n - 1) * (n - 2))
    return squares + totals - 2.0 / (n - 2) * float(first @ second)
