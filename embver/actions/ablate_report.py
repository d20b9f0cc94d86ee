"""Put what an experiment found into words: shares, interactions, the rest, and the sentence that names the cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from embver.ablation import AblationPlan, AblationReport, Block, Interaction, Share
from embver.actions.ablate_blocks import ENVIRONMENT, members_of
from embver.actions.ablate_sample import strata_words
from embver.blocks import WEIGHTS

if TYPE_CHECKING:
    from embver.actions.ablate_experiment import Experiment
    from embver.measure.shares import Shared

_DIGITS: Final = 6
_REST_IS_LARGE: Final = 0.1  # of the recorded change
_IDLE: Final = 0.1  # of what two do together: as good as nothing
_TRAINING: Final = "training data, loss, schedule and seed are one block with the weights: they cannot be told apart without training"


def report_of(plan: AblationPlan, experiment: Experiment, shared: Shared) -> AblationReport:
    """Return the report of an experiment whose subsets were all scored."""
    question = experiment.question
    count = len(plan.blocks)
    everything = frozenset(range(count))
    before, after = experiment.mean(frozenset()), experiment.mean(everything)
    delta = after - before
    shares = tuple(
        Share(
            block=block,
            value=round(found.estimate.value, _DIGITS),
            low=round(found.estimate.low, _DIGITS),
            high=round(found.estimate.high, _DIGITS),
            forward=round(experiment.mean(frozenset({place})) - before, _DIGITS),
            back=round(experiment.mean(everything - {place}) - after, _DIGITS),
            fraction=round(found.estimate.value / delta, 4) if abs(delta) > 1e-9 else None,
            is_sure=found.is_sure,
        )
        for place, (block, found) in enumerate(zip(plan.blocks, shared.shares, strict=True))
    )
    ranked = tuple(sorted(shares, key=lambda share: -abs(share.value)))
    interactions = tuple(
        Interaction(
            blocks=(plan.blocks[one].id, plan.blocks[other].id),
            value=round(found.estimate.value, _DIGITS),
            low=round(found.estimate.low, _DIGITS),
            high=round(found.estimate.high, _DIGITS),
            is_sure=found.is_sure,
        )
        for (one, other), found in shared.pairs.items()
    )
    recorded = question.recorded
    is_whole = plan.queries == plan.queries_in_all
    rest = round(recorded[1] - recorded[0] - delta, _DIGITS) if is_whole else None
    culprit = _culprit(ranked, recorded[1] - recorded[0] if is_whole else delta, rest)
    return AblationReport(
        plan=plan,
        before=round(before, _DIGITS),
        after=round(after, _DIGITS),
        delta=round(delta, _DIGITS),
        low=round(shared.total.estimate.low, _DIGITS),
        high=round(shared.total.estimate.high, _DIGITS),
        recorded_before=recorded[0],
        recorded_after=recorded[1],
        higher_is_better=question.higher_is_better,
        shares=ranked,
        interactions=tuple(sorted(interactions, key=lambda each: -abs(each.value))),
        rest=rest,
        rest_words=_rest_words(plan, experiment),
        training=experiment.blocks.training,
        cause=cause_of(plan.metric, ranked, interactions, culprit, rest, recorded[1] - recorded[0]),
        culprit=culprit.block.id if culprit is not None else None,
        sample=None if is_whole else _sample_words(plan, experiment, before, after, shared),
    )


def _culprit(ranked: Sequence[Share], change: float, rest: float | None) -> Share | None:
    """Return the sure share that goes furthest where the metric went; where the metric stands, the greatest one.

    None where more of the change is in the rest than in any block.
    """
    sure = [share for share in ranked if share.is_sure]
    along = [share for share in sure if share.value * change > 0] or sure
    found = along[0] if along else None
    if rest is not None and rest * change > 0 and abs(rest) > (abs(found.value) if found else 0.0):
        return None if abs(rest) > _REST_IS_LARGE * abs(change) else found
    return found


def cause_of(
    metric: str,
    ranked: Sequence[Share],
    interactions: Sequence[Interaction],
    culprit: Share | None,
    rest: float | None,
    change: float,
) -> str:
    """Return one or two sentences that name the cause."""
    if culprit is None:
        is_rest = rest is not None and abs(rest) > _REST_IS_LARGE * abs(change) and abs(rest) > 1e-9
        lies = f"{rest:+.3f} of the change lies in what could not be set back" if is_rest else ""
        none = f"nothing that was set back moves {metric} by more than noise"
        return f"{_capital(lies or none)}."
    strong = [each for each in interactions if each.is_sure and abs(each.value) >= abs(culprit.value) / 2]
    pair = max(strong, key=lambda each: abs(each.value), default=None)
    shared = _only_together(pair, ranked)
    if shared:
        text = f"{' and '.join(described(share.block) for share in shared)} together {_moved(metric, pair or culprit)}, and neither does alone"
    else:
        shared = (culprit,)
        text = f"{described(culprit.block)} {_moved(metric, culprit)}"
    others = [share for share in ranked if share.is_sure and share not in shared]
    if others:
        told = ", ".join(f"{share.block.id} {share.value:+.3f}" for share in others[:3])
        text += f"; beside {'it' if len(shared) == 1 else 'them'} {told}"
    if pair is not None and len(shared) == 1:
        text += (
            f". {' and '.join(pair.blocks)} interact: together {pair.value:+.3f} beyond what each does alone"
        )
    return f"{_capital(text)}."


def _moved(metric: str, what: Share | Interaction) -> str:
    """Return what a share or an interaction does to the metric, with its interval."""
    ends = sorted((abs(what.low), abs(what.high)))
    verb = "lowers" if what.value < 0 else "raises"
    if len(what.blocks if isinstance(what, Interaction) else (what.block,)) > 1:
        verb = verb.removesuffix("s")
    return f"{verb} {metric} by {abs(what.value):.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def _only_together(pair: Interaction | None, ranked: Sequence[Share]) -> tuple[Share, ...]:
    """Return the shares of two blocks of which neither does a tenth alone of what they do together; else none."""
    if pair is None:
        return ()
    found = tuple(share for share in ranked if share.block.id in pair.blocks)
    is_idle = all(abs(share.forward) <= abs(pair.value) * _IDLE for share in found)
    return found if len(found) == len(pair.blocks) and is_idle else ()


def described(block: Block) -> str:
    """Return a block with what happened to it, where that is one short thing."""
    if WEIGHTS in members_of(block):
        return (
            f"{block.id} (trained anew)" if any(c.where[0] == "training" for c in block.changes) else block.id
        )
    kinds = {change.kind.value for change in block.changes}
    return f"{block.id} ({kinds.pop()})" if len(kinds) == 1 else block.id


def _capital(text: str) -> str:
    """Return a sentence; a block's name keeps its letters, since it is one of the card's."""
    return (
        text
        if text[:1].isdigit() or "." in text.split(" ", maxsplit=1)[0]
        else f"{text[:1].upper()}{text[1:]}"
    )


def _rest_words(plan: AblationPlan, experiment: Experiment) -> tuple[str, ...]:
    words = [f"{each.block.id}: {each.why}" for each in plan.not_run if each.block.id == ENVIRONMENT]
    if any(WEIGHTS in members_of(block) for block in plan.blocks) and experiment.blocks.training:
        words.append(_TRAINING)
    return tuple(words)


def _sample_words(
    plan: AblationPlan, experiment: Experiment, before: float, after: float, shared: Shared
) -> str:
    question, total = experiment.question, shared.total.estimate
    half = (total.high - total.low) / 2
    return (
        f"{plan.queries:,} of {plan.queries_in_all:,} queries, spread evenly over {strata_words(question.queries)}: "
        f"they say {before:.3f} to {after:.3f} (the change to within {half:.3f}, 95 %), all of them said "
        f"{question.recorded[0]:.3f} to {question.recorded[1]:.3f}"
    )
