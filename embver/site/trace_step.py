"""One step of a metric that is more than noise: how sure, what changed, what an experiment said, which queries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embver.diff import Change
from embver.series import Series, Step
from embver.site.text import between, code, escape, listed, number, sentence, told
from embver.site.trace_chart import delta_drawing
from embver.site.trace_marks import version_of
from embver.site.trace_queries import QueriesView, Shown, queries_views
from embver.site.trace_shares import AblationView, ablation_view
from embver.site.version_changes import breakable, side
from embver.suspects import Suspect
from embver.traced import TracedStep

_MOST_SUSPECTS = 8
_MOST_NAMED = 4
_MOST_BESIDE = 2
_MOST_HARMLESS = 40
_TESTS = {
    "paired-permutation": "query by query (paired permutation test)",
    "intervals": "by the intervals of the two cards",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectRow:
    """A changed thing that can matter; `beside` names the fields that changed with it.

    `summary` stands in the place of before and after where they are several fields.
    """

    path: str
    summary: str
    beside: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step, all that is known of it; `gain` is its difference, above 0 where it is for the better."""

    gain: float
    anchor: str
    before: str
    after: str
    after_file: str
    sign: str
    verdict: str
    tone: str
    old: str
    new: str
    delta: str
    bounds: str
    how: str
    drawing: str
    benchmark: str
    metric: str
    cause: str
    fields: tuple[SuspectRow, ...]
    left_out: str
    harmless: tuple[tuple[str, str], ...]
    ablation: AblationView | None
    ablate: str
    queries: tuple[QueriesView, ...]
    notes: tuple[str, ...]
    lacking: str


def step_view(
    name: str, series: Series, traced: TracedStep, *, anchor: str, symbols: Mapping[str, str]
) -> StepView:
    """Return a step of an embedding's series as the page shows it; `symbols` are its pictures, by their address."""
    pictures = {id_: symbols[each] for id_, each in traced.pictures.items() if each in symbols}
    step, fields = traced.step, traced.step.fields
    is_better = step.verdict == "improvement"
    ablation = ablation_view(traced.ablation) if traced.ablation is not None else None
    return StepView(
        gain=abs(step.delta or 0.0) * (1 if is_better else -1),
        anchor=anchor,
        before=escape(version_of(step.from_)),
        after=escape(version_of(step.to)),
        after_file=f"{version_of(step.to)}.md",
        sign="\u25b2" if (step.delta or 0) > 0 else "\u25bc",
        verdict=step.verdict,
        tone="better" if is_better else "worse",
        old=number(step.before),
        new=number(step.after),
        delta=number(step.delta, signed=True),
        bounds=between(step.low, step.high),
        how=_how(step),
        drawing=delta_drawing(step, is_better=is_better),
        benchmark=escape(series.benchmark),
        metric=escape(series.metric),
        cause=_cause(traced),
        fields=tuple(_suspect(each) for each in fields[:_MOST_SUSPECTS]),
        left_out=f"{len(fields) - _MOST_SUSPECTS} more fields changed."
        if len(fields) > _MOST_SUSPECTS
        else "",
        harmless=tuple(
            (breakable(each.path), told(each.why)) for each in step.suspects if not each.can_matter
        )[:_MOST_HARMLESS],
        ablation=ablation,
        ablate=_command(name, series, step, "--ablate --record")
        if ablation is None and len(fields) > 1
        else "",
        queries=queries_views(traced.moves, Shown(words=traced.words, pictures=pictures)),
        notes=tuple(sentence(told(note)) for note in step.notes[:_MOST_NAMED]),
        lacking=_lacking(name, series, traced),
    )


def _how(step: Step) -> str:
    """Return by which test a step is more than noise."""
    how = _TESTS.get(step.test or "", escape(step.test or "not tested"))
    if step.p_value is None:
        return f"Tested {how}."
    p_value = "p &lt; 0.001" if step.p_value < 0.001 else f"p = {number(step.p_value)}"
    return f"Tested {how}; {p_value} after Holm\u2019s correction for all steps."


def _cause(traced: TracedStep) -> str:
    """Return in one sentence what is known of the cause."""
    fields = traced.step.fields
    if traced.ablation is not None:
        return told(traced.ablation.cause)
    if not fields:
        return "No field changed that can matter: look at what the card does not hold, such as the service's own code."
    if len(fields) == 1:
        return f"Only change that can matter: {told(fields[0].summary)}."
    named = [breakable(each.block or each.path) for each in fields[:_MOST_NAMED]]
    if len(fields) > _MOST_NAMED:
        named = [*named[:-1], f"{len(fields) - _MOST_NAMED + 1} more"]
    return f"Changed together: {listed(named)}."


def _suspect(suspect: Suspect) -> SuspectRow:
    change = Change(where=suspect.where, kind=suspect.kind, before=suspect.before, after=suspect.after)
    return SuspectRow(
        path=breakable(suspect.path),
        summary=told(suspect.summary) if len(suspect.changes) > _MOST_BESIDE else "",
        beside=_beside(suspect),
        before=side(suspect.before, change),
        after=side(suspect.after, change),
        why=told(suspect.why),
    )


def _lacking(name: str, series: Series, traced: TracedStep) -> str:
    if not traced.lacking:
        return ""
    words = " ".join(sentence(told(each)) for each in traced.lacking)
    return (
        words if traced.moves is not None else f"{words} {_command(name, series, traced.step, '--queries')}"
    )


def _beside(suspect: Suspect) -> str:
    others = [escape(each.path) for each in suspect.changes if each.path != suspect.path]
    if not others:
        return ""
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return f"with {', '.join(others[:_MOST_NAMED])}{more}"


# ---- words


def _command(name: str, series: Series, step: Step, flag: str) -> str:
    start = f"embver trace {name} --metric {series.metric} --benchmark {series.benchmark}"
    return code(f"{start} --from {version_of(step.from_)} --to {version_of(step.to)} {flag}")
