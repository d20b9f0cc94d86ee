"""Read how much energy a machine has used, where it tells: RAPL's counters and NVIDIA's own, else nothing."""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

POWERCAP: Final = Path("/sys/class/powercap")
_NVML: Final = "libnvidia-ml.so.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Energy counters in microjoules, by name, and where each begins again from nothing."""

    microjoules: Mapping[str, int] = field(default_factory=dict)
    wraps_at: Mapping[str, int] = field(default_factory=dict)

    def joules_until(self, later: Counters) -> float | None:
        """Return what was used between two readings, of everything that both tell; None if they tell nothing.

        A counter that began again meanwhile counts on from its limit, once: RAPL's take minutes to hours.
        """
        both = [name for name in self.microjoules if name in later.microjoules]
        if not both:
            return None
        total = 0
        for name in both:
            used = later.microjoules[name] - self.microjoules[name]
            total += used if used >= 0 else used + self.wraps_at.get(name, 0)
        return round(total / 1e6, 1)


def read_energy(*, powercap: Path = POWERCAP, accelerators: int = 0) -> Counters:
    """Read the processor packages' counters and those of the first `accelerators` NVIDIA devices; never fail.

    A machine that hides them (containers do, and Linux lets root alone read RAPL since 2020) gives no counters.
    """
    used: dict[str, int] = {}
    limits: dict[str, int] = {}
    # Packages and their memory. The whole platform (`psys`) and parts of a package (`core`) would count twice, and
    # `intel-rapl-mmio` is another door to the same counters.
    for zone in sorted(powercap.glob("intel-rapl:*")) if powercap.is_dir() else ():
        with contextlib.suppress(OSError, ValueError):
            if not re.fullmatch(r"package-\d+|dram", (zone / "name").read_text().strip()):
                continue
            used[zone.name] = int((zone / "energy_uj").read_text())
            limits[zone.name] = int((zone / "max_energy_range_uj").read_text())
    used |= _nvidia(accelerators)
    return Counters(microjoules=used, wraps_at=limits)


def _nvidia(count: int) -> dict[str, int]:
    """Return the counters of NVIDIA devices (Volta and later); they count millijoules since the driver started."""
    used: dict[str, int] = {}
    if not count:
        return used
    try:
        nvml: Any = ctypes.CDLL(_NVML)
    except OSError:
        return used
    if nvml.nvmlInit_v2() != 0:
        return used
    try:
        for index in range(count):
            device, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device)) == 0:
                said = nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(millijoules))
                if said == 0:
                    used[f"nvidia:{index}"] = millijoules.value * 1000
    finally:
        nvml.nvmlShutdown()
    return used
