"""What the measures and the rule say of perturbations of known size, beside the calibration that the rule rests on.

    python -m benchmarks.simulation > table.md

The reference is a table of an earlier simulation (384 dimensions, 4,000 documents, 500 queries, unlabelled), made
with another generator: the mixture here was tuned by two of its rows and is compared with all of them. Seconds of CPU.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embver.measure import Rule, Side, StratumItems, judge_stratum, measure_stratum
from embver.measure.strata import StratumMeasures
from embver.measure.verdict import StratumVerdict

DIMENSIONS, DOCUMENTS, QUERIES = 384, 4000, 500
RULE = Rule()
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One perturbation: how it is made, and what the reference measured of it (`new` is the share of new vectors)."""

    kind: str
    size: float
    cosine: float
    recall_new_new: float
    recall_new_old: float
    recall_mixed: float
    new: float


REFERENCE = tuple(
    Row(kind=kind, size=size, cosine=cosine, recall_new_new=nn, recall_new_old=no, recall_mixed=mix, new=new)
    for kind, size, cosine, nn, no, mix, new in (
        ("noise", 0.05, 0.9988, 0.962, 0.979, 0.971, 0.468),
        ("noise", 0.10, 0.9950, 0.935, 0.958, 0.944, 0.465),
        ("noise", 0.20, 0.9806, 0.874, 0.919, 0.868, 0.398),
        ("noise", 0.30, 0.9579, 0.818, 0.890, 0.763, 0.292),
        ("mean shift", 0.10, 0.9950, 0.984, 0.958, 0.944, 0.532),
        ("mean shift", 0.20, 0.9805, 0.973, 0.920, 0.827, 0.669),
        ("mean shift", 0.30, 0.9576, 0.963, 0.883, 0.642, 0.842),
        ("mean shift", 0.50, 0.8933, 0.950, 0.815, 0.493, 0.995),
        ("rotation", 0.10, 0.9975, 1.0, 0.967, 0.971, 0.506),
        ("rotation", 0.20, 0.9899, 1.0, 0.943, 0.929, 0.535),
        ("rotation", 0.40, 0.9615, 1.0, 0.895, 0.790, 0.696),
        ("rotation", 0.80, 0.8621, 1.0, 0.802, 0.529, 0.966),
    )
)


def base(seed: int = 0) -> Array:
    """Return unit rows of an anisotropic mixture: 50 clusters around a common mean, a spectrum that falls as 1/sqrt."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1.0, DIMENSIONS + 1) ** -0.5
    scale /= np.sqrt((scale**2).mean())
    rows = DOCUMENTS + QUERIES
    centres = rng.normal(size=(50, DIMENSIONS)) * scale
    cloud = centres[rng.integers(0, 50, rows)] + 0.9 * rng.normal(size=(rows, DIMENSIONS)) * scale
    return unit(cloud + 0.8 * np.sqrt(DIMENSIONS) * unit(rng.normal(size=(1, DIMENSIONS))))


def unit(rows: Array) -> Array:
    """Return rows of unit length."""
    made: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return made


def noise(rows: Array, size: float) -> Array:
    """Move each row by a random step of about `size` lengths."""
    return unit(rows + size * np.random.default_rng(5).normal(size=rows.shape) / np.sqrt(DIMENSIONS))


def shift(rows: Array, size: float) -> Array:
    """Move all rows by one step of `size` lengths."""
    return unit(rows + size * unit(np.random.default_rng(6).normal(size=(1, DIMENSIONS))))


def rotate(rows: Array, size: float) -> Array:
    """Turn the space by the Cayley transform of a random skew matrix that moves a row by `size` / sqrt(2) lengths."""
    raw = np.random.default_rng(7).normal(size=(DIMENSIONS, DIMENSIONS))
    skew = size * (raw - raw.T) / np.sqrt(4 * DIMENSIONS)
    one = np.eye(DIMENSIONS)
    return np.asarray(rows @ np.linalg.solve(one + skew / 2, one - skew / 2))


PERTURB: dict[str, Callable[[Array, float], Array]] = {
    "noise": noise,
    "mean shift": shift,
    "rotation": rotate,
}


def measure(rows: Array, row: Row, rule: Rule = RULE) -> tuple[StratumMeasures, StratumVerdict]:
    """Return what is measured of one perturbation, and its verdict."""
    moved = PERTURB[row.kind](rows, row.size)
    items = StratumItems(
        query_modality="text",
        document_modality="image",
        query_ids=tuple(f"q{i:04}" for i in range(QUERIES)),
        query_pairs=("",) * QUERIES,
        document_ids=tuple(f"d{i:04}" for i in range(DOCUMENTS)),
        document_pairs=("",) * DOCUMENTS,
    )
    old, new = (Side(query=each[:QUERIES], document=each[QUERIES:]) for each in (rows, moved))
    found = measure_stratum(items, old=old, new=new, metric="cosine", rule=rule, diagnose=False)
    return found, judge_stratum(found, rule)


def numbers(found: StratumMeasures) -> tuple[float, ...]:
    """Return what the reference has of a perturbation, in its order."""
    assert found.document_side.cosine is not None
    assert found.recall_new_query_old_index is not None
    assert found.recall_mixed_index is not None
    assert found.share_bias is not None
    return (
        found.document_side.cosine.mean,
        found.recall_new_new.value,
        found.recall_new_query_old_index.value,
        found.recall_mixed_index.value,
        0.5 + found.share_bias.value,
    )


def reference(row: Row) -> tuple[float, ...]:
    """Return the reference's numbers of a perturbation."""
    return (row.cosine, row.recall_new_new, row.recall_new_old, row.recall_mixed, row.new)


def main() -> int:
    """Print the table, each number beside the reference's."""
    print("| perturbation | paired cosine | R_nn@10 | R_no@10 | R_mix@10 | share of new | verdict |")
    print("|---|---|---|---|---|---|---|")
    rows, farthest = base(), 0.0
    for row in REFERENCE:
        found, verdict = measure(rows, row)
        cells = [
            f"{here:.3f} ({there:.3f})" for here, there in zip(numbers(found), reference(row), strict=True)
        ]
        gaps = [abs(here - there) for here, there in zip(numbers(found), reference(row), strict=True)]
        farthest = max(farthest, *gaps)
        print(f"| {row.kind} {row.size:.2f} | {' | '.join(cells)} | {verdict.verdict.word} |", flush=True)
    print(f"\nIn brackets: the reference. The two differ by {farthest:.3f} at most.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
