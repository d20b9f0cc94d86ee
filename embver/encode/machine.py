"""Read what a machine is: processor, instructions that decide kernels, memory, accelerator. By allow-list, never names."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any, Final

from embver.encode.runtime import load_torch

# The instructions by which MKL, oneDNN and torch choose between kernels that round differently: x86 and Arm.
CPU_FLAGS: Final = (
    "sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni",
    "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16", "amx_int8",
    "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2",
)  # fmt: skip
_CPUINFO: Final = Path("/proc/cpuinfo")
_NVIDIA: Final = Path("/proc/driver/nvidia/version")


def hardware(device: str | None) -> dict[str, Any]:
    """Return a card's `encode.hardware`; `device` is the accelerator's name in torch, None where the CPU computes.

    Values that are not known are None.
    """
    record: dict[str, Any] = {}
    if device is not None:
        torch = load_torch()
        properties = torch.cuda.get_device_properties(torch.device(device))
        record = {
            "accelerator": str(properties.name),
            "count": 1,
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "compute_capability": f"{properties.major}.{properties.minor}",
            "driver": driver(_read(_NVIDIA)),
        }
    cpuinfo = _read(_CPUINFO)
    return record | {
        "cpu": cpu(cpuinfo),
        "cpu_flags": cpu_flags(cpuinfo) or None,
        "cores": os.cpu_count(),
        "memory_ram_gib": _ram_gib(),
    }


def cpu(cpuinfo: str) -> str | None:
    """Return the processor that /proc/cpuinfo names, as "AMD EPYC 9654"; else the platform's own word."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    words = found[1] if found else platform.processor() or platform.machine()
    return " ".join(words.split()) or None


def cpu_flags(cpuinfo: str) -> list[str]:
    """Return the instruction sets of CPU_FLAGS that /proc/cpuinfo lists, in that order."""
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    said = set(found[1].split()) if found else set()
    return [flag for flag in CPU_FLAGS if flag in said]


def driver(text: str) -> str | None:
    """Return the version that NVIDIA's kernel module gives of itself."""
    found = re.search(r"\b(\d{3,}\.\d+(?:\.\d+)?)\b", text)
    return found[1] if found else None


def cudnn(number: int | None) -> str | None:
    """Return 9.12 for cuDNN's 91200, and 8.9 for the older 8907."""
    if number is None:
        return None
    major = 10_000 if number >= 90_000 else 1_000
    return f"{number // major}.{number % major // 100}"


def math_libraries(configuration: str) -> dict[str, str | None]:
    """Return the versions of MKL and oneDNN that torch says it was built with (`torch.__config__.show()`)."""
    mkl = re.search(r"Math Kernel Library Version (\S+?)(?:-Product)?(?: |$)", configuration)
    onednn = re.search(r"MKL-DNN v(\S+)", configuration)
    return {"mkl": mkl[1] if mkl else None, "onednn": onednn[1] if onednn else None}


def _ram_gib() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):  # no sysconf, or not these names, on this system
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
