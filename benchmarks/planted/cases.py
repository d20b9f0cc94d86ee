"""The suite: every case, and the few of the quick one."""

from __future__ import annotations

from benchmarks.planted.case import Case
from benchmarks.planted.noise import noise
from benchmarks.planted.plants import helped, interactions, lesser, singles


def all_cases() -> tuple[Case, ...]:
    """Return the whole suite."""
    return (*singles(), *helped(), *lesser(), *interactions(), *noise())


def quick_cases() -> tuple[Case, ...]:
    """Return six cases that need the quick model only."""
    wanted = (
        ("single", "lower-casing lost"), ("single", "cropped to 20, search"), ("helped", "lower-casing lost, replace made whole"),
        ("interaction", "lower-casing"), ("noise", "words"), ("noise", "jitter"),
    )  # fmt: skip
    return tuple(
        next(case for case in all_cases() if case.kind == kind and word in case.key) for kind, word in wanted
    )
