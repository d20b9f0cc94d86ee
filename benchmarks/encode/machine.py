"""The machine a table was measured on, and how busy it was."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

_PACKAGES: Final = (
    "torch",
    "transformers",
    "tokenizers",
    "sentence-transformers",
    "numpy",
    "pillow",
    "simplejpeg",
)
# What decides which kernels run.
_FLAGS: Final = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "sha_ni")


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory and versions; never names, paths or variables."""
    return {
        "processor": _processor(),
        "instructions": [flag for flag in _FLAGS if flag in _cpuinfo("flags").split()],
        "cores": os.cpu_count(),
        "ram_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
    }


def format_machine(machine: dict[str, Any]) -> str:
    """Return the machine in a line or two."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return (
        f"{machine['processor']} ({' '.join(machine['instructions'])}), {machine['cores']} cores, "
        f"{machine['ram_gib']} GiB, Python {machine['python']}, {packages}"
    )


def load_average() -> float:
    """Return how many processes wanted a core in the last minute."""
    return round(os.getloadavg()[0], 2)


def load_warning(before: float, after: float, *, threads: int, cores: int) -> str | None:
    """Return what to say of a machine that did other work meanwhile, if it did; a case before this one counts in it."""
    if before <= cores + 0.5 and after <= threads + 0.5:
        return None
    return (
        f"the machine was busy: load {before:.2f} before and {after:.2f} after, {threads} of {cores} cores were "
        "ours; read the ratios, not the rates"
    )


def pin(threads: int) -> Sequence[int]:
    """Keep this process to its last `threads` cores, where the system can; return them. Call it before torch loads."""
    if not hasattr(os, "sched_setaffinity"):
        return ()
    cores = sorted(os.sched_getaffinity(0))[-threads:]
    os.sched_setaffinity(0, cores)
    return cores


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpuinfo(key: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(rf"^{key}\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()
