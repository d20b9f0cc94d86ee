"""Perturbations of known size are measured and judged as the calibration that the rule rests on has them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from embver.levels import Verdict
from embver.measure import Rule

ROOT = Path(__file__).resolve().parent.parent.parent

# The generators differ: a recall is found again to 0.06, a cosine to 0.006.
TOLERANCES = (0.006, 0.06, 0.06, 0.06, 0.06)
SURE = {
    ("noise", 0.05): Verdict.COMPATIBLE,
    ("noise", 0.20): Verdict.INCOMPATIBLE,
    ("mean shift", 0.20): Verdict.INCOMPATIBLE,
    ("mean shift", 0.50): Verdict.INCOMPATIBLE,
    ("rotation", 0.10): Verdict.COMPATIBLE,
    ("rotation", 0.40): Verdict.INCOMPATIBLE,
    ("rotation", 0.80): Verdict.INCOMPATIBLE,
}


@pytest.fixture(scope="module")
def simulation():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks import simulation

        yield simulation
        sys.modules.pop("benchmarks.simulation", None)


@pytest.fixture(scope="module")
def rows(simulation):
    return simulation.base()


@pytest.mark.parametrize(("kind", "size"), SURE)
def test_the_calibration_is_found_again(simulation, rows, kind, size):
    row = next(each for each in simulation.REFERENCE if (each.kind, each.size) == (kind, size))
    found, verdict = simulation.measure(rows, row, Rule(draws=300))
    gaps = np.abs(np.subtract(simulation.numbers(found), simulation.reference(row)))
    assert (gaps <= TOLERANCES).all(), dict(zip(("cos", "nn", "no", "mix", "new"), gaps, strict=True))
    assert verdict.verdict is SURE[kind, size]


@pytest.mark.parametrize(("kind", "size"), [("noise", 0.10), ("mean shift", 0.10), ("rotation", 0.20)])
def test_what_lies_at_the_threshold_is_not_called_equivalent(simulation, rows, kind, size):
    row = next(each for each in simulation.REFERENCE if (each.kind, each.size) == (kind, size))
    _, verdict = simulation.measure(rows, row, Rule(draws=300))
    assert verdict.verdict.rank > Verdict.EQUIVALENT.rank
