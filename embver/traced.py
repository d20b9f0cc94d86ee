"""What the site tells of a metric over versions: its series, the queries that a step moved, recorded experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from embver.ablation import AblationReport
from embver.groups import Moves
from embver.series import Series, Step

LONG: Final = 240
"""Numbers, versions times metrics: beyond, the page of an embedding gathers rows and tells fewer steps in full."""

MOST_IN_FULL: Final = 12
MOST_IN_FULL_OF_LONG: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedStep:
    """A step that is more than noise, with what was found out about it.

    `is_in_full` tells whether the page has more of it than a row. `words` holds queries as people see them, by id, and
    `pictures` a `data:` address of the query, else of what it should find. `lacking` says what is not known, and why.
    """

    step: Step
    is_in_full: bool = True
    moves: Moves | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    ablation: AblationReport | None = None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """A main metric over the versions of an embedding; `steps` holds the significant ones, in the series' order."""

    series: Series
    steps: tuple[TracedStep, ...] = ()


def significant_steps(lines: Iterable[Series]) -> tuple[Traced, ...]:
    """Return series with their significant steps; in full are the newest of each in turn, up to the page's limit."""
    listed = tuple(lines)
    most = MOST_IN_FULL_OF_LONG if is_long(listed) else MOST_IN_FULL
    queues = [[step for step in reversed(series.steps) if step.is_significant] for series in listed]
    ranked = sorted((place, line) for line, queue in enumerate(queues) for place in range(len(queue)))
    full = set(ranked[:most])
    return tuple(
        Traced(
            series=series,
            steps=tuple(
                TracedStep(step=step, is_in_full=(place, line) in full)
                for place, step in reversed(list(enumerate(queues[line])))
            ),
        )
        for line, series in enumerate(listed)
    )


def is_long(lines: Iterable[Series]) -> bool:
    """Tell whether series hold more numbers than a page can show one by one."""
    return sum(len(series.points) for series in lines) > LONG
