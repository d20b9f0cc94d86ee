"""Measure the noise floor: how far the same items move when only the batch changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.batches import BatchPlan
from embver.encode.models import LoadedEncoder, Rows
from embver.encode.runner import encode
from embver.encode.spec import Item

SAMPLE: Final = 256
NEIGHBOURS: Final = 10


def measure_floor(
    encoder: LoadedEncoder,
    items: Sequence[Item],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    sample: int = SAMPLE,
) -> dict[str, Any]:
    """Return a card's `encode.floor`: an evenly spaced sample, one row at a time, against the plan that ran.

    Texts are padded to their longest allowed length as well. This is what strict mode forbids, so it is what
    another machine or another batch size may do to these vectors. `recall_at_10` is absent below 11 items.
    """
    plan = batch or BatchPlan()
    chosen = [items[int(index)] for index in np.linspace(0, len(items) - 1, min(sample, len(items)))]
    alone = BatchPlan(rows=1, tokens=None, padding="max_length", is_strict=False)
    here = encode(encoder, chosen, role=role, batch=plan).vectors
    there = encode(encoder, chosen, role=role, batch=alone).vectors
    padding = ", padded to max_length" if encoder.spec.modality == "text" else ""
    floor: dict[str, Any] = {
        "measured_by": f"batch 1{padding} against batch {plan.rows}, {len(chosen)} items",
        "cosine_distance_p99": _rounded(float(np.quantile(cosine_distances(here, there), 0.99))),
    }
    if len(chosen) > NEIGHBOURS:
        floor["recall_at_10"] = round(neighbour_overlap(here, there, NEIGHBOURS), 4)
    return floor


def cosine_distances(first: Rows, second: Rows) -> npt.NDArray[np.float64]:
    """Return 1 - cosine of paired rows, (n,), at least 0; in float64 throughout.

    Rows normalised in float32 alone read as 1.6e-7 apart from themselves.
    """
    a, b = _unit(first), _unit(second)
    # |a - b|^2 / 2 and not 1 - a.b, which loses every digit below 1e-16 to cancellation.
    return np.asarray(((a - b) ** 2).sum(axis=1) / 2, dtype=np.float64)


def neighbour_overlap(first: Rows, second: Rows, count: int) -> float:
    """Return the mean share of each row's `count` nearest others that both sets of vectors agree on."""
    found = [_nearest(rows, count) for rows in (first, second)]
    shared = [len(set(a) & set(b)) for a, b in zip(*found, strict=True)]
    return float(np.mean(shared)) / count


def _nearest(rows: Rows, count: int) -> list[list[int]]:
    unit = _unit(rows)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    nearest: list[list[int]] = np.argsort(-similarity, axis=1, kind="stable")[:, :count].tolist()
    return nearest


def _unit(rows: Rows) -> npt.NDArray[np.float64]:
    wide = rows.astype(np.float64)
    return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True), dtype=np.float64)


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")  # more digits would claim what the next run denies
