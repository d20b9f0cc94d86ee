"""Bring arrays to the device that computes."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from embver.encode.runtime import load_torch


def to_device(array: npt.NDArray[Any], device: str) -> Any:
    """Return a tensor of an array on a device; to an accelerator it is copied from pinned memory, without waiting."""
    tensor = load_torch().from_numpy(array)
    if not device.startswith("cuda"):
        return tensor
    # Only a copy from pinned memory runs beside the computation. Torch keeps the pinned block until the copy is over.
    return tensor.pin_memory().to(device, non_blocking=True)
