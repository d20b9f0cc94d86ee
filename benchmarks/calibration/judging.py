"""What embver says of a case on each probe set: under the rule, under rules with one number changed, and by the single
measures that people use instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.calibration.population import STRATA, Population, Probe, Rows, Vectors, side, stratum
from embver.measure import Rule, StratumMeasures, StratumVerdict, judge_all, judge_stratum, measure_stratum

RULE = Rule()
NEVER, ALWAYS = 1e9, -1e9
"""Thresholds that nothing and that everything reaches."""

VARIANTS = {
    "the rule": RULE,
    "route A only": replace(RULE, labelled_found=NEVER),
    "route B only": replace(RULE, compatible_recall=NEVER),
    "no share bias": replace(RULE, compatible_share_bias=NEVER),
    "no mixed recall in route A": replace(RULE, compatible_recall_mixed=ALWAYS),
    "labelled_found 0": replace(RULE, labelled_found=0.0),
    "share bias 0.03": replace(RULE, compatible_share_bias=0.03),
    "share bias 0.08": replace(RULE, compatible_share_bias=0.08),
    "share bias 0.12": replace(RULE, compatible_share_bias=0.12),
    "recall 0.90": replace(RULE, compatible_recall=0.90),
    "recall 0.97": replace(RULE, compatible_recall=0.97),
    "mixed recall 0.85": replace(RULE, compatible_recall_mixed=0.85),
    "mixed recall 0.95": replace(RULE, compatible_recall_mixed=0.95),
    "loss 0.005": replace(RULE, labelled_loss=0.005),
    "loss 0.02": replace(RULE, labelled_loss=0.02),
    "flips 0.01": replace(RULE, labelled_flips=0.01),
    "flips 0.03": replace(RULE, labelled_flips=0.03),
    "flips 0.05": replace(RULE, labelled_flips=0.05),
    "no flips": replace(RULE, labelled_flips=NEVER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdicts of one case on one probe set: overall by variant of the rule, by stratum under the rule; and what the
    single measures say, each the worst over the strata.
    """

    verdicts: dict[str, str]
    strata: dict[str, dict[str, object]]
    single: dict[str, float]


def judge(population: Population, probe: Probe, emoji: Rows, old: Vectors, new: Vectors) -> Judged:
    """Measure one case on the first emoji of a draw, as many as the probe set has, and judge it."""
    measured = {}
    for query, document in STRATA:
        items, asked, found = stratum(population, probe, emoji[: probe.emoji], query, document)
        measured[query, document] = measure_stratum(
            items,
            old=side(old, items, asked, found),
            new=side(new, items, asked, found),
            metric="cosine",
            rule=RULE,
        )
    verdicts = {
        name: judge_all([judge_stratum(measures, rule) for measures in measured.values()]).word
        for name, rule in VARIANTS.items()
    }
    strata = {
        f"{query} -> {document}": _plain(measures, judge_stratum(measures, RULE))
        for (query, document), measures in measured.items()
    }
    return Judged(verdicts=verdicts, strata=strata, single=_single(list(measured.values())))


def _plain(measures: StratumMeasures, verdict: StratumVerdict) -> dict[str, object]:
    """Return the numbers of a stratum that the tables show."""
    labelled = measures.labelled
    flips = None if labelled is None else labelled.negative_flips
    no, mixed, bias = (
        measures.recall_new_query_old_index,
        measures.recall_mixed_index,
        measures.share_bias,
    )
    return {
        "verdict": verdict.verdict.word,
        "route": verdict.route,
        "reasons": list(verdict.reasons),
        "recall_new_old": None if no is None else round(no.value, 4),
        "recall_mixed": None if mixed is None else round(mixed.value, 4),
        "share_bias": None if bias is None else round(bias.value, 4),
        "labelled_mixed": _change(measures, "mixed"),
        "labelled_new_old": _change(measures, "new_old"),
        "flips": None if flips is None else round(flips.value, 4),
    }


def _change(measures: StratumMeasures, cell: str) -> float | None:
    if measures.labelled is None or cell not in measures.labelled.changes:
        return None
    return round(measures.labelled.changes[cell].value, 4)


def _single(measured: list[StratumMeasures]) -> dict[str, float]:
    """Return the single measures: lower bounds where they have bounds, the least over strata and towers."""
    sides = [each for measures in measured for each in (measures.query_side, measures.document_side)]
    benchmark = [
        measures.labelled.changes["new_new"].lcb for measures in measured if measures.labelled is not None
    ]
    crossing = [measures.recall_new_query_old_index for measures in measured]
    cosines = [each.cosine for each in sides]
    ckas = [each.cka for each in sides if each.cka is not None]
    return {
        "R_nn": min(measures.recall_new_new.lcb for measures in measured),
        "R_no": min((found.lcb if found is not None else 0.0) for found in crossing),
        "paired cosine": min((cosine.mean if cosine is not None else 0.0) for cosine in cosines),
        "CKA": min(ckas, default=0.0),
        "benchmark, all new": min(benchmark, default=-1.0),
    }
