"""Measure the noise floor: how far the same items move when only the batch changes, or the dtype of the computation."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from embver.encode.batches import BatchPlan
from embver.encode.machine import hardware
from embver.encode.models import LoadedEncoder, Rows
from embver.encode.runner import encode_sections
from embver.encode.runtime import load_torch
from embver.encode.spec import Item

SAMPLE: Final = 256
NEIGHBOURS: Final = 10
# Texts padded to the longest that the encoder takes are up to 40 times the work: a few of them say it too.
_PADDED_TOKENS: Final = 8192
_LEAST_PADDED: Final = 16


def measure_floor(
    encoder: LoadedEncoder,
    items: Sequence[Item],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    sample: int = SAMPLE,
    dtype: str | None = None,
) -> dict[str, Any]:
    """Return a card's `encode.floor`: an evenly spaced sample, encoded otherwise, against the plan that ran.

    Otherwise is: one row at a time (`batch_1`), and texts padded to their longest allowed length (`max_length`). This
    is what strict mode forbids, so it is what another machine or another batch size may do to these vectors; the worse
    of the two is the floor. Another `dtype` of the computation is measured beside it, and does not raise it.
    `recall_at_10` is absent below 11 items. Items that cannot be encoded are left out.
    """
    # The clock may have chosen the tokens a batch; two runs that give the same vectors must give the same floor.
    plan = replace(batch or BatchPlan(), tokens=None)
    chosen = spread(items, sample)
    here, kept = _rows(encoder, chosen, role, plan)
    if not kept:
        return {}
    sound = [chosen[place] for place in kept]
    alone = BatchPlan(rows=1, profile="fast")
    parts = {"batch_1": _moved(encoder, sound, here, role, alone)}
    longest = getattr(encoder.steps, "max_length", None)
    if encoder.spec.modality == "text" and isinstance(longest, int):
        count = min(len(sound), max(_LEAST_PADDED, _PADDED_TOKENS // longest))
        places = np.linspace(0, len(sound) - 1, count).astype(int)
        padded = replace(alone, rows=_LEAST_PADDED, padding="max_length")
        parts["max_length"] = _moved(encoder, [sound[place] for place in places], here[places], role, padded)
    worst = max(parts.values(), key=lambda part: float(part["cosine_distance_p99"]))
    recalls = [part["recall_at_10"] for part in parts.values() if "recall_at_10" in part]
    if dtype is not None:
        parts[dtype] = _moved(in_dtype(encoder, dtype), sound, here, role, plan)
    words = "batch 1, and padded to max_length," if "max_length" in parts else "batch 1"
    return {
        "measured_by": f"{words} against batch {plan.rows}, {len(sound)} items",
        "cosine_distance_p99": worst["cosine_distance_p99"],
        **({"recall_at_10": min(recalls)} if recalls else {}),
        **parts,
    }


def other_dtype(encoder: LoadedEncoder) -> str | None:
    """Return the dtype that is worth measuring beside float32: one that this device computes in by itself."""
    if encoder.compute != "float32":
        return None
    if encoder.device.startswith("cuda"):
        return "bfloat16" if load_torch().cuda.is_bf16_supported() else None
    flags = hardware(None).get("cpu_flags") or ()
    return "bfloat16" if {"avx512_bf16", "amx_bf16", "bf16"}.intersection(flags) else None


def in_dtype(encoder: LoadedEncoder, dtype: str) -> LoadedEncoder:
    """Return a copy of an encoder that computes in another dtype; its model is copied, for a short while twice there."""
    model = copy.deepcopy(encoder.model).to(getattr(load_torch(), dtype))
    return replace(encoder, model=model, compute=dtype)


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return up to `count` items, evenly spaced."""
    places = np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)
    return [items[int(place)] for place in places]


def _rows(
    encoder: LoadedEncoder, items: Sequence[Item], role: str | None, batch: BatchPlan | None
) -> tuple[Rows, list[int]]:
    sections = encode_sections(encoder, [items], role=role, batch=batch, skip=True)
    with closing(sections):
        made = next(sections)
    return made.vectors, made.kept.tolist()


def _moved(
    encoder: LoadedEncoder, items: Sequence[Item], here: Rows, role: str | None, batch: BatchPlan | None
) -> dict[str, Any]:
    there, kept = _rows(encoder, items, role, batch)
    if len(kept) < len(items):  # a vector that overflows in another dtype is as far as can be
        return {"cosine_distance_p99": 2.0}
    moved: dict[str, Any] = {
        "cosine_distance_p99": _rounded(float(np.quantile(cosine_distances(here, there), 0.99)))
    }
    if len(items) > NEIGHBOURS:
        moved["recall_at_10"] = round(neighbour_overlap(here, there, NEIGHBOURS), 4)
    return moved


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
