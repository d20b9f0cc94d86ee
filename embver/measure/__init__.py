"""Measure how two versions of an embedding meet: arrays in, frozen numbers out (numpy only)."""

import sys
from types import ModuleType
from typing import Any

from embver.measure.arrays import Measurement, measure
from embver.measure.bootstrap import Estimate, paired_difference
from embver.measure.compatibility import measure_stratum
from embver.measure.record import entry
from embver.measure.retrieval import Evaluation, MetricResult, evaluate
from embver.measure.rule import Rule
from embver.measure.strata import Side, StratumItems, StratumMeasures
from embver.measure.verdict import StratumVerdict, judge_all, judge_stratum

__all__ = [
    "Estimate",
    "Evaluation",
    "Measurement",
    "MetricResult",
    "Rule",
    "Side",
    "StratumItems",
    "StratumMeasures",
    "StratumVerdict",
    "entry",
    "evaluate",
    "judge_all",
    "judge_stratum",
    "measure",
    "measure_stratum",
    "paired_difference",
]


class _Callable(ModuleType):
    """A package that is also the function of its name: `embver.measure(old, new)`.

    Importing a submodule binds `embver.measure` to the package, so no function of that name could stay there.
    """

    def __call__(self, *arguments: Any, **named: Any) -> Measurement:
        """Measure `new` against `old`: `embver.measure.arrays.measure`."""
        return measure(*arguments, **named)


sys.modules[__name__].__class__ = _Callable
