"""What `embver trace` says of a series in words: rows, steps, and what to type next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from embver.suspects import told_together

if TYPE_CHECKING:
    from embver.ablation import AblationReport
    from embver.series import Point, Series, Step

HEAD = ("95 % interval", "change", "verdict", "what changed")
_LONGEST = 56
_SHORT_STEPS = 10


def version_of(reference: str) -> str:
    """Return 1.1.0 of products@1.1.0."""
    return reference.partition("@")[2]


def digits_of(series: Series) -> int:
    """Return with how many digits behind the point a unit is written: 0.9980, 43.12."""
    return {"fraction": 4, "percent": 2}.get(series.unit, 4)


def steps_by_end(series: Series) -> dict[str, Step]:
    """Return the step that ends at each version."""
    return {step.to: step for step in series.steps}


def cells(point: Point, step: Step | None, series: Series, before: str | None) -> tuple[str, ...]:
    """Return a row: version, value, interval, change, verdict, what changed; `before` is the version of the row above."""
    digits = digits_of(series)
    name = version_of(point.reference) + (" (yanked)" if point.is_yanked else "")
    if point.value is None:
        return (name, "-", "", "", "", point.lacking or "")
    value = f"{point.value:.{digits}f}"
    interval = (
        ""
        if point.low is None or point.high is None
        else f"{point.low:.{digits}f} to {point.high:.{digits}f}"
    )
    if step is None:
        return (name, value, interval, "", "", "")
    since = "" if step.from_ == before else f" since {version_of(step.from_)}"
    change = ("" if step.delta is None else f"{step.delta:+.{digits}f}") + since
    return (name, value, interval, change.strip(), verdict_of(step), short_cause(step))


def verdict_of(step: Step) -> str:
    """Return a step's verdict with its p-value: `regression, p < 0.001`."""
    if step.delta is None:
        return "not comparable"
    if step.verdict == "unknown":
        return "not known"
    return (
        step.verdict
        if step.p_value is None or step.p_value >= 1.0
        else f"{step.verdict}, {p_text(step.p_value)}"
    )


def p_text(p_value: float) -> str:
    """Return a p-value as people write it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {p_value:.2f}"


def short_cause(step: Step) -> str:
    """Return what changed in the room of a cell: why no step can be drawn, or the likeliest field and how many more."""
    if step.not_comparable is not None:
        return _cut(step.not_comparable)
    fields = step.fields
    if not fields:
        return ""
    more = f" and {len(fields) - 1} more" if len(fields) > 1 else ""
    return _cut(fields[0].summary, _LONGEST - len(more)) + more


def _cut(text: str, longest: int = _LONGEST) -> str:
    """Return a text that is no longer than that: without what stands in parentheses, and else cut between two words."""
    if len(text) > longest:
        text = re.sub(r" \(.*\)", "", text)
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    return f"{head.rpartition(' ')[0].rstrip(' ,;') or head} …"


def cause_of(step: Step) -> str:
    """Return what a step is put down to, as far as the cards tell."""
    said = told_together(step.suspects)
    return f"cause: {said}" if len(step.fields) == 1 else said


def detail(step: Step, series: Series, experiment: AblationReport | None = None) -> Iterator[str]:
    """Yield what is to be said of one step: its numbers, the fields that changed, and how sure that is."""
    digits = digits_of(series)
    ends = f"{version_of(step.from_)} -> {version_of(step.to)}"
    if step.before is None or step.after is None or step.delta is None:
        yield f"{ends}  not comparable: {step.not_comparable}"
    else:
        interval = (
            ""
            if step.low is None or step.high is None
            else f" ({step.low:+.{digits}f} to {step.high:+.{digits}f})"
        )
        yield (
            f"{ends}  {verdict_of(step)}: {step.before:.{digits}f} -> {step.after:.{digits}f}, "
            f"{step.delta:+.{digits}f}{interval}"
        )
    fields = step.fields
    if experiment is not None:
        yield f"    cause, by experiment: {experiment.cause}"
    if step.is_significant and len(fields) < 2:
        yield f"    {cause_of(step)}"
    elif step.is_significant:
        hint = "" if experiment is not None else "; --ablate separates them"
        yield f"    changed together, the likeliest first{hint}:"
        yield from (f"      {each.rank}. {each.summary}" for each in fields)
    apart = len(step.suspects) - len(fields)
    if step.is_significant and apart:
        yield f"    set apart: {apart} more that cannot have moved it (--json says why)"
    if step.test == "intervals":
        yield "    judged by the intervals of the two cards, which is stricter than query by query"
    yield from (f"    {note}" for note in step.notes)


def told_steps(series: Series) -> tuple[tuple[Step, ...], int]:
    """Return the steps to be told in detail, the newest first, and how many more there are."""
    told = [
        step
        for step in reversed(series.steps)
        if step.is_significant or step.notes or step.test == "intervals"
    ]
    told.sort(key=lambda step: not step.is_significant)
    return tuple(told[:_SHORT_STEPS]), max(0, len(told) - _SHORT_STEPS)


def closing(series: Series, experiments: Container[str] = ()) -> tuple[str, str | None]:
    """Return how many steps are what, and the next command to type."""
    if not series.steps:
        known = sum(point.value is not None for point in series.points)
        why = "one version has the number" if known == 1 else "no version with the number stands on another"
        return f"there is no step: {why}", None
    counted = Counter("not comparable" if step.delta is None else verdict_word(step) for step in series.steps)
    words = ("improvement", "regression", "noise", "not known", "not comparable")
    told = ", ".join(f"{counted[word]:,} {_plural(word, counted[word])}" for word in words if counted[word])
    tested = sum(step.test is not None for step in series.steps)
    corrected = f"; p-values hold for all {tested} together (Holm)" if tested > 1 else ""
    said = f"{len(series.steps):,} {_plural('step', len(series.steps))}: {told}{corrected}"
    worst = series.worst
    if worst is None:
        return said, None
    return said, command(series, worst, deeper(worst, experiments))


def deeper(step: Step, experiments: Container[str]) -> str:
    """Return what is to be asked next: an experiment where several fields changed and none was recorded."""
    return "--queries" if len(step.fields) < 2 or step.to in experiments else "--ablate"


def verdict_word(step: Step) -> str:
    """Return a step's verdict for people."""
    return "not known" if step.verdict == "unknown" else step.verdict


def command(series: Series, step: Step, flag: str) -> str:
    """Return the command that looks deeper into one step."""
    ends = f"--from {version_of(step.from_)} --to {version_of(step.to)}"
    return f"embver trace {series.name} --metric {series.metric} --benchmark {series.benchmark} {ends} {flag}"


def _plural(word: str, count: int) -> str:
    return f"{word}s" if count != 1 and word in ("improvement", "regression", "step") else word
