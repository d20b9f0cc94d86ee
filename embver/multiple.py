"""Hold several tests to one level: when enough things are looked at, one of them moves by chance. Ground floor."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values after Holm's step-down correction, in the order given (Holm 1979, Scand. J. Statist. 6:65-70).

    The chance of even one false find among all of them stays at the level that each is compared with, however they
    depend on one another.
    """
    adjusted = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return tuple(adjusted)
