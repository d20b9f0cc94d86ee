from __future__ import annotations

import numpy as np
import pytest

from embver.measure import rows as rows_module
from embver.measure.geometry import (
    debiased_cka,
    held_out_procrustes,
    is_constant,
    mean_shift,
    movement,
    norm_ratio,
    paired_cosine,
    rotation,
)


def gaussian(n: int, d: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def turn(d: int, seed: int) -> np.ndarray:
    return np.linalg.qr(gaussian(d, d, seed))[0]


def gram_cka(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, equation 5, written out with Gram matrices."""
    n = len(x)

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        k, m = a @ a.T, b @ b.T
        np.fill_diagonal(k, 0)
        np.fill_diagonal(m, 0)
        one = np.ones(n)
        total = np.trace(k @ m) + (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
        return (total - 2 / (n - 2) * (one @ k @ m @ one)) / (n * (n - 3))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


def test_paired_cosine_is_the_naive_one():
    x, y = gaussian(300, 8, 1), gaussian(300, 8, 1) + 0.3 * gaussian(300, 8, 2)
    cosines = np.array([a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(x, y, strict=True)])
    found = paired_cosine(x, y)
    assert found.mean == pytest.approx(cosines.mean())
    assert found.p1 == pytest.approx(np.quantile(cosines, 0.01))
    assert found.minimum == pytest.approx(cosines.min())
    assert found.distance_p99 == pytest.approx(np.quantile(1 - cosines, 0.99))


def test_tiny_distances_keep_their_digits():
    x = np.tile([[1.0, 0.0]], (200, 1))
    y = np.tile([[1.0, 1e-7]], (200, 1))
    assert paired_cosine(x, y).distance_p99 == pytest.approx(0.5e-14, rel=1e-3)


def test_a_common_mean_flatters_the_cosine_and_not_the_centred_one():
    mean = 10 * np.eye(16)[0]
    found = paired_cosine(gaussian(500, 16, 1) + mean, gaussian(500, 16, 2) + mean)
    assert found.mean > 0.8
    assert abs(found.centred_mean) < 0.05


def test_mean_shift_and_norm_ratio():
    x = gaussian(50, 4, 1)
    assert mean_shift(x, x + np.array([3, 4, 0, 0])) == pytest.approx(5)
    assert norm_ratio(x, -2 * x) == pytest.approx(2)
    assert norm_ratio(np.zeros((3, 2)), np.ones((3, 2))) is None


def test_cka_is_the_gram_matrix_formula():
    x, y = gaussian(70, 9, 1) + 2, gaussian(70, 12, 2)
    y[:, :9] += x
    assert debiased_cka(x, y) == pytest.approx(gram_cka(x, y), rel=1e-9)


def test_cka_known_answers():
    x = gaussian(256, 300, 1)
    assert debiased_cka(x, 3 * x @ turn(300, 2) + 1) == pytest.approx(1.0)
    assert debiased_cka(x, gaussian(256, 300, 3)) == pytest.approx(0.0, abs=0.02)  # the biased form says 0.5
    assert debiased_cka(x, np.ones((256, 4))) is None


def test_procrustes_recovers_a_rotation_and_a_shift():
    x = gaussian(300, 10, 1)
    assert held_out_procrustes(x, x @ turn(10, 2) + 5, np.arange(300), seed=0) == pytest.approx(1.0)


def test_procrustes_is_held_out():
    # Fitted and scored on the same rows, independent clouds of n = 2 d look alike (compat.md section 1).
    found = held_out_procrustes(gaussian(128, 64, 1), gaussian(128, 64, 2), np.arange(128), seed=0)
    assert abs(found) < 0.1


def test_procrustes_keeps_groups_together():
    # Every row occurs twice: by row the fit has seen each held-out row's twin, and scores higher for it.
    x, y = np.repeat(gaussian(60, 40, 1), 2, axis=0), np.repeat(gaussian(60, 40, 2), 2, axis=0)
    honest = held_out_procrustes(x, y, np.repeat(np.arange(60), 2), seed=0)
    leaking = held_out_procrustes(x, y, np.arange(120), seed=0)
    assert leaking > honest + 0.2


def test_procrustes_of_unequal_dimensions():
    x = gaussian(200, 12, 1)
    x[:, 8:] = 0
    narrow = x @ turn(12, 2)
    assert held_out_procrustes(x[:, :8], narrow, np.arange(200), seed=0) == pytest.approx(1.0)
    assert held_out_procrustes(narrow, x[:, :8], np.arange(200), seed=0) == pytest.approx(1.0)


def test_procrustes_needs_as_many_groups_as_folds():
    assert held_out_procrustes(gaussian(8, 2, 1), gaussian(8, 2, 2), np.arange(8) % 4, seed=0) is None


def test_movement_leaves_out_what_cannot_be_known():
    x = gaussian(63, 4, 1)
    found = movement(x, gaussian(63, 5, 2), np.arange(63), identical=False, metric="cosine", seed=0)
    assert (found.cosine, found.mean_shift, found.norm_ratio, found.cka, found.procrustes) == (None,) * 5
    found = movement(x, 2 * x, np.arange(63), identical=False, metric="dot", seed=0)
    assert found.norm_ratio == pytest.approx(2)
    assert found.cosine.mean == pytest.approx(1)


def test_a_cloud_of_one_point_is_constant_whatever_its_size():
    x = gaussian(50, 4, 1)
    flat = np.repeat(x[:1], 50, axis=0)
    assert is_constant(flat)
    assert is_constant(1e9 * flat * (1 + 1e-9 * gaussian(50, 1, 2)))
    assert is_constant(np.zeros((3, 2)))
    assert not is_constant(x)
    assert not is_constant(x[:1])  # of one row nothing can be said


def test_a_rotation_by_eigenvectors_is_that_of_the_svd():
    x = gaussian(200, 12, 1)
    covariance = x.T @ (x @ turn(12, 2) + 0.3 * gaussian(200, 12, 3))
    left, _, right = np.linalg.svd(covariance)
    assert rotation(covariance) == pytest.approx(left @ right, abs=1e-9)
    flat = covariance.copy()
    flat[:, 3] = 0.0  # no full rank: the eigenvectors would be divided by nothing
    assert np.isfinite(rotation(flat)).all()
    assert np.linalg.norm(rotation(flat), axis=0) == pytest.approx(np.ones(12))


def test_movement_is_the_same_in_runs_of_rows(monkeypatch):
    x, y = gaussian(150, 6, 1), gaussian(150, 6, 1) + 0.2 * gaussian(150, 6, 2)
    whole = movement(x, y, np.arange(150), identical=False, metric="dot", seed=0)
    monkeypatch.setattr(rows_module.chunks, "__defaults__", (7,))
    found = movement(x, y, np.arange(150), identical=False, metric="dot", seed=0)
    for name in ("mean_shift", "norm_ratio", "cka", "procrustes", "mean_length"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    for name in ("mean", "p1", "minimum", "centred_mean"):
        assert getattr(found.cosine, name) == pytest.approx(getattr(whole.cosine, name), rel=1e-9)
