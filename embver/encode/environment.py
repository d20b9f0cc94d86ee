"""Describe the machine and the software that encoded: by allow-list, never names, paths or variables."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from embver.encode.models import LoadedEncoder
from embver.encode.runtime import load_torch, strict_mode

_PACKAGES: Final = ("torch", "transformers", "tokenizers", "pillow", "numpy")


def describe_environment(encoders: Iterable[LoadedEncoder]) -> dict[str, Any]:
    """Return a card's encode.precision, .flags, .hardware and .software, read back from what runs.

    Keys whose value is not known are absent. The flags are read inside of strict mode, where the batches run.
    """
    loaded = list(encoders)
    with strict_mode() as flags:
        read_back: dict[str, Any] = {
            "deterministic_algorithms": flags.deterministic_algorithms,
            "tf32": flags.tf32,
            "cudnn_benchmark": flags.cudnn_benchmark,
            "attention": " and ".join(sorted({encoder.attention for encoder in loaded})) or None,
            "threads": max((encoder.threads for encoder in loaded), default=None),
        }
    weights = " and ".join(sorted({encoder.weights_dtype for encoder in loaded})) or "float32"
    on_accelerator = any(encoder.device.startswith("cuda") for encoder in loaded)
    return {
        "precision": {"weights": weights, "compute": weights, "pooling": "float32"},
        "flags": _known(read_back),
        "hardware": _known(_hardware(on_accelerator)),
        "software": _known(_software(on_accelerator)),
    }


def _known(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if value is not None}


def _hardware(on_accelerator: bool) -> dict[str, Any]:
    record: dict[str, Any] = {}
    if on_accelerator:
        torch = load_torch()
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        record = {
            "accelerator": str(properties.name),
            "count": 1,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "driver": _driver(),
        }
    return record | {"cpu": _cpu(), "cores": os.cpu_count(), "memory_ram_gib": _ram_gib()}


def _software(on_accelerator: bool) -> dict[str, Any]:
    record: dict[str, Any] = {"python": platform.python_version()}
    record |= {package: _version(package) for package in _PACKAGES}
    torch = load_torch()
    record["torch"] = str(torch.__version__)  # with its build, as +cpu or +cu130, which decides about kernels
    if on_accelerator:
        record |= {"cuda": torch.version.cuda, "cudnn": _cudnn(torch.backends.cudnn.version())}
    return record | {"os": platform.system()}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str | None:
    """Return the CPU model, for example "AMD EPYC 9654"."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine() or None
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine() or None


def _ram_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # no sysconf, or not these names, on this system
        return None


def _driver() -> str | None:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", text)
    return found[1] if found else None


def _cudnn(number: int | None) -> str | None:
    """Return 9.12 for cuDNN's 91200, and 8.9 for the older 8907."""
    if number is None:
        return None
    major = 10_000 if number >= 90_000 else 1_000
    return f"{number // major}.{number % major // 100}"
