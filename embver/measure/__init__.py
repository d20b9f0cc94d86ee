"""Measure how two versions of an embedding meet: arrays in, frozen numbers out (numpy only)."""

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
    "measure_stratum",
    "paired_difference",
]
