"""Which devices take part, and which of them is whose: one process a device."""

from __future__ import annotations

import os
import re
from typing import Final

from embver.encode.runtime import load_torch
from embver.errors import EncodeError

HINT: Final = "--devices all, a number, cuda:0,cuda:1, or cpu:2 for two processes without an accelerator"
_LISTED: Final = re.compile(r"(?:cuda:\d+)(?:,cuda:\d+)*")
_OF_CPU: Final = re.compile(r"cpu:(\d+)")


def list_devices(wanted: str) -> tuple[str, ...]:
    """Return the device of each process that `--devices` asks for; raise EncodeError for what is not here.

    `all` are the accelerators of this machine, a number so many of them, `cpu:N` are N processes that share its cores.
    """
    of_cpu = _OF_CPU.fullmatch(wanted)
    if of_cpu is not None and int(of_cpu[1]) >= 1:
        return ("cpu",) * int(of_cpu[1])
    if wanted != "all" and not wanted.isdecimal() and not _LISTED.fullmatch(wanted):
        raise EncodeError(f"--devices {wanted}: unknown", hint=HINT)
    here = count_accelerators()
    if _LISTED.fullmatch(wanted):
        named = tuple(dict.fromkeys(wanted.split(",")))
        absent = [each for each in named if int(each.partition(":")[2]) >= here]
        if absent:
            raise EncodeError(f"--devices {wanted}: {absent[0]} is not here, there are {here}", hint=HINT)
        return named
    count = here if wanted == "all" else int(wanted)
    if not 1 <= count <= here:
        said = "this machine has no accelerator" if not here else f"this machine has {here}"
        raise EncodeError(f"--devices {wanted}: {said}", hint="--devices cpu:2")
    return tuple(f"cuda:{index}" for index in range(count))


def count_accelerators() -> int:
    """Return how many accelerators torch sees, without starting one of them."""
    torch = load_torch()
    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0


def device_of(local_rank: int | None, wanted: str) -> str:
    """Return the device of one of several processes on a machine: its own accelerator, if there is one for each.

    A launcher that shows each process only its own accelerator makes it the first one there.
    """
    if local_rank is None or wanted not in ("auto", "cuda"):
        return wanted
    here = count_accelerators()
    return f"cuda:{local_rank % here}" if here else wanted


def cores() -> int:
    """Return how many cores this process may use: fewer than there are where a scheduler has dealt them out."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
