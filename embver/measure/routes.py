"""The conditions of each class and route, as checks with their reasons in words (compat.md section 5)."""

from __future__ import annotations

from embver.measure.bootstrap import Estimate
from embver.measure.bridging import BridgeMeasures
from embver.measure.checks import Check, at_least, at_most, plainly, within
from embver.measure.geometry import Movement
from embver.measure.rule import Rule
from embver.measure.strata import StratumMeasures

CELLS = {
    "new_old": "new queries on the old index",
    "old_new": "old queries on the new index",
    "mixed": "new queries on a half-replaced index",
}
"""The cells in which old and new vectors meet, in words."""


def equivalent(measures: StratumMeasures, rule: Rule) -> list[Check]:
    """Return the conditions of EQUIVALENT."""
    limit = rule.equivalent_distance_p99
    checks = [
        plainly(_moved(side, movement, limit), holds=_barely_moved(movement, rule))
        for side, movement in (("query", measures.query_side), ("document", measures.document_side))
    ]
    checks += _same_neighbours(measures, rule, rule.equivalent_recall)
    return checks + _fair_share(measures, rule, rule.equivalent_share_bias)


def route_a(measures: StratumMeasures, rule: Rule) -> list[Check]:
    """Return the conditions of COMPATIBLE by the same neighbours."""
    checks = _same_neighbours(measures, rule, rule.compatible_recall)
    if not _only_queries(measures, rule):
        checks.append(_recall("mixed", measures.recall_mixed_index, rule.compatible_recall_mixed))
    return checks + _fair_share(measures, rule, rule.compatible_share_bias)


def route_b(measures: StratumMeasures, rule: Rule) -> list[Check]:
    """Return the conditions of COMPATIBLE by labels that are found no worse."""
    assert measures.labelled is not None
    assert measures.labelled.negative_flips is not None
    hits, changes, flips = measures.labelled.hits, measures.labelled.changes, measures.labelled.negative_flips
    before = hits["old_old"]
    found = f"the old version finds {before.value:.3f} of the labelled pairs (route B needs {rule.labelled_found})"
    checks = [at_least(found, before, rule.labelled_found)]
    for cell in _live_cells(measures, rule):
        after = f"{hits[cell].value:.3f}"
        verb = "falls" if changes[cell].value < 0 else "rises"
        course = f"{verb} from {before.value:.3f} to {after}" if changes[cell].value else f"stays at {after}"
        text = f"recall of the labelled pairs {course} for {CELLS[cell]}"
        text += f" ({changes[cell].lcb:+.3f} to {changes[cell].ucb:+.3f}; may fall by {rule.labelled_loss})"
        checks.append(at_least(text, changes[cell], -rule.labelled_loss))
    lost = f"{_percent(flips.value)} of the labelled queries were right and are wrong now"
    checks.append(
        at_most(
            f"{lost} (at most {_percent(flips.ucb)}; needs {100 * rule.labelled_flips:g} %)",
            flips,
            rule.labelled_flips,
        )
    )
    return checks + _fair_share(measures, rule, rule.compatible_share_bias)


def one_sided(measures: StratumMeasures, rule: Rule) -> tuple[str, ...]:
    """Say which measures are void because one side did not move."""
    if _only_queries(measures, rule):
        return ("the documents did not move, so a mixed index cannot differ and is not judged",)
    if _only_documents(measures, rule):
        return ("the queries did not move, so the old index cannot differ for them; the new index is judged",)
    return ()


def bridge_words(bridge: BridgeMeasures, rule: Rule) -> tuple[str, ...]:
    """Say what a bridge recovers, and where keeping the old encoder is the better choice."""
    name = f"a bridge ({bridge.method}, judged on {bridge.queries:,} other queries)"
    if bridge.kept is None or bridge.bridged is None or bridge.gain is None:
        return (f"{name} cannot be judged without labels",)
    if bridge.arr is None:
        return (f"{name} has nothing to recover: a full re-encode finds too few of the labelled pairs",)
    share = f"{_percent(bridge.arr.value)} of the hits of a full re-encode"
    words = [
        f"{name} finds {share} (at least {_percent(bridge.arr.lcb)}; needs {100 * rule.bridged_arr:g} %)"
    ]
    course = f"{bridge.bridged.value:.3f} against {bridge.kept.value:.3f} of the labelled pairs"
    change = f"{bridge.gain.lcb:+.3f} to {bridge.gain.ucb:+.3f}"
    if bridge.gain.lcb > rule.bridged_gain:
        words.append(f"with the bridge the old index is better than before: {course} ({change})")
    else:
        surely = "finds more" if bridge.gain.ucb < rule.bridged_gain else "is not surely worse"
        words.append(f"keeping the old encoder {surely} than this bridge: {course} ({change})")
    if bridge.queries < rule.minimum_queries:
        words.append(f"{bridge.queries} queries are fewer than the {rule.minimum_queries} a verdict needs")
    return tuple(words)


def _same_neighbours(measures: StratumMeasures, rule: Rule, threshold: float) -> list[Check]:
    """Return the recall across versions; of its two directions the one that says something.

    If the queries did not move, new queries on the old index are old queries on the old index: recall is 1
    whatever the documents did. Then old queries on the new index say what new ones on the old index say
    where only the queries changed.
    """
    if _only_documents(measures, rule):
        return [_recall("old_new", measures.recall_old_query_new_index, threshold)]
    return [_recall("new_old", measures.recall_new_query_old_index, threshold)]


def _fair_share(measures: StratumMeasures, rule: Rule, limit: float) -> list[Check]:
    """Return the share bias, unless only the queries moved: then no vector of the index is a new one."""
    bias = measures.share_bias
    if bias is None or _only_queries(measures, rule):
        return []
    more = "more" if bias.value >= 0 else "less"
    text = f"new vectors take {abs(100 * bias.value):.1f} points {more} than their share of a half-replaced index"
    return [within(f"{text} ({bias.low:+.3f} to {bias.high:+.3f}; needs within {limit})", bias, limit)]


def _barely_moved(movement: Movement, rule: Rule) -> bool:
    """Tell whether a side is identical, or moved no further than an equivalent one may."""
    limit = rule.equivalent_distance_p99
    if movement.identical:
        return True
    if movement.cosine is None or movement.cosine.distance_p99 > limit:
        return False
    # 1 - c = limit is a step of sqrt(2 limit) lengths; a change of length may be as long a step.
    return movement.norm_ratio is None or abs(movement.norm_ratio - 1.0) <= (2.0 * limit) ** 0.5


def _live_cells(measures: StratumMeasures, rule: Rule) -> list[str]:
    """Return the cells that can differ from old queries on the old index, given which side moved."""
    if _only_queries(measures, rule):
        return ["new_old"]
    return ["old_new", "mixed"] if _only_documents(measures, rule) else list(CELLS)


def _only_queries(measures: StratumMeasures, rule: Rule) -> bool:
    """Tell whether the documents did not move, or hardly while the queries did."""
    document, query = measures.document_side, measures.query_side
    return document.identical or (_barely_moved(document, rule) and not _barely_moved(query, rule))


def _only_documents(measures: StratumMeasures, rule: Rule) -> bool:
    """Tell whether the queries did not move, or hardly while the documents did."""
    document, query = measures.document_side, measures.query_side
    return query.identical or (_barely_moved(query, rule) and not _barely_moved(document, rule))


def _recall(cell: str, found: Estimate | None, threshold: float) -> Check:
    """Return the check of a cell's recall; all cells exist where dimensions are equal."""
    assert found is not None
    share = f"{_percent(found.value)} of the neighbours they found before"
    bounds = f"{_percent(found.lcb)} to {_percent(found.ucb)}; needs {100 * threshold:g} %"
    return at_least(f"{CELLS[cell]} find {share} ({bounds})", found, threshold)


def _moved(side: str, movement: Movement, limit: float) -> str:
    """Return how far a side moved."""
    if movement.identical or movement.cosine is None:
        return f"{side} vectors are the same"
    return f"99 % of the {side} vectors moved by 1 - cosine <= {movement.cosine.distance_p99:.1e} (needs {limit:.0e})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
