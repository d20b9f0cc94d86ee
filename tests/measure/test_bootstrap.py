from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embver.measure import bootstrap
from embver.measure.bootstrap import estimate, estimates, paired_difference, resample, share_upper_bound


def test_resample_draws_whole_clusters():
    # Within a cluster values sum to zero, so every draw of whole clusters has the mean 0.
    values = np.array([[1.0], [-1.0], [5.0], [-5.0], [0.25], [-0.25]])
    clusters = np.array([3, 3, 1, 1, 7, 7])
    assert np.abs(resample(values, clusters, draws=200, seed=0)).max() < 1e-15
    assert np.ptp(resample(values, np.arange(6), draws=200, seed=0)) > 1


def test_resample_weighs_clusters_by_their_queries():
    # One cluster of 3 ones, one of 1 zero: a draw is {3,3}, {3,1}, {1,3} or {1,1}.
    means = resample(np.array([[1.0], [1], [1], [0]]), np.array([0, 0, 0, 1]), draws=500, seed=1)
    assert set(means[:, 0].tolist()) == {1.0, 0.75, 0.0}


def test_resample_is_the_same_in_blocks_and_from_run_to_run(monkeypatch):
    values, clusters = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) // 2
    whole = resample(values, clusters, draws=101, seed=7)
    assert (whole == resample(values, clusters, draws=101, seed=7)).all()
    assert (whole != resample(values, clusters, draws=101, seed=8)).any()
    monkeypatch.setattr(bootstrap, "BLOCK", 20 * 7)
    assert resample(values, clusters, draws=101, seed=7) == pytest.approx(whole, abs=1e-15)


def test_samples_of_a_difference_are_differences_of_samples():
    rng = np.random.default_rng(0)
    a, b, clusters = rng.normal(size=60), rng.normal(size=60), np.arange(60) // 3
    samples = resample(np.column_stack([a, b, b - a]), clusters, draws=50, seed=3)
    assert samples[:, 2] == pytest.approx(samples[:, 1] - samples[:, 0])


def test_paired_difference_is_narrower_than_unpaired():
    rng = np.random.default_rng(1)
    before = rng.normal(size=300)
    after = before + 0.1 + 0.01 * rng.normal(size=300)
    found = paired_difference(before, after, np.arange(300), seed=0)
    assert found.value == pytest.approx(0.1, abs=0.01)
    assert 0.095 < found.low < found.high < 0.105


@settings(max_examples=40, deadline=None)
@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    per_cluster=st.integers(1, 5),
    seed=st.integers(0, 100),
)
def test_the_interval_holds_the_estimate(scores, per_cluster, seed):
    values = np.array(scores)
    found = estimates({"m": values}, np.arange(len(values)) // per_cluster, draws=20, seed=seed)["m"]
    assert found.value == values.mean()
    assert found.low <= found.lcb <= found.value <= found.ucb <= found.high


def test_an_interval_that_misses_its_estimate_is_widened():
    found = estimate(0.908, np.linspace(0.712, 0.807, 2000))
    assert (found.ucb, found.high) == (0.908, 0.908)
    assert found.low == pytest.approx(0.7144, abs=1e-3)
    found = estimate(0.1, np.linspace(0.712, 0.807, 2000))
    assert (found.low, found.lcb) == (0.1, 0.1)


def coverage(width: int, *, clustered: bool) -> float:
    """Share of 300 experiments whose 95 % interval holds the true mean 0; `width` queries share one effect."""
    rng = np.random.default_rng(12)
    hits = 0
    for trial in range(300):
        scores = np.repeat(rng.normal(size=80), width) + 0.3 * rng.normal(size=80 * width)
        clusters = np.arange(len(scores)) // (width if clustered else 1)
        found = estimates({"m": scores}, clusters, draws=300, seed=trial)["m"]
        hits += found.low <= 0.0 <= found.high
    return hits / 300


def test_coverage_is_what_it_says_with_clusters_and_far_less_without():
    assert 0.91 <= coverage(5, clustered=True) <= 0.98
    assert coverage(5, clustered=False) < 0.80


def test_duplicated_captions_widen_nothing_if_clustered_and_deceive_if_not():
    scores = np.random.default_rng(3).normal(size=100)
    once = estimates({"m": scores}, np.arange(100), seed=0)["m"]
    clustered = estimates({"m": np.repeat(scores, 5)}, np.repeat(np.arange(100), 5), seed=0)["m"]
    iid = estimates({"m": np.repeat(scores, 5)}, np.arange(500), seed=0)["m"]
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=1e-9)
    assert clustered.high - clustered.low > 2 * (iid.high - iid.low)


@pytest.mark.parametrize(
    ("seen", "trials", "bound"),
    [(0, 256, 0.0116), (0, 1024, 0.0029), (0, 4096, 0.00073), (1, 256, 0.0184), (5, 5, 1.0), (3, 10, 0.6066)],
)
def test_exact_upper_bound_of_a_share(seen, trials, bound):
    assert share_upper_bound(seen, trials) == pytest.approx(bound, rel=0.01)
