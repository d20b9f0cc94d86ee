"""`embver trace --md`: a series as Markdown for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embver.cli.markdown import code, prose, table
from embver.cli.trace_text import (
    HEAD,
    cause_of,
    cells,
    closing,
    command,
    deeper,
    steps_by_end,
    verdict_of,
)

if TYPE_CHECKING:
    from embver.actions.trace import TraceReport
    from embver.series import Step


def markdown(report: TraceReport) -> str:
    """Return heading, table, the worst step's cause and the command that looks deeper."""
    series = report.series
    direction = "higher" if series.higher_is_better else "lower"
    parts = [f"### {code(series.metric)} of {code(series.benchmark)}, {code(series.name)}", ""]
    parts += [f"{direction.capitalize()} is better. {prose(closing(series)[0])}."]
    steps, rows, above = steps_by_end(series), [], None
    for point in series.points:
        step = steps.get(point.reference)
        name, value, interval, change, _, _ = cells(point, step, series, above)
        above = point.reference
        rows.append((code(name), value, interval, change, _verdict(step), _cause(step, point.lacking)))
    parts += ["", table(("version", code(series.metric), *HEAD), rows)]
    worst = series.worst
    if worst is not None:
        flag = deeper(worst, report.experiments)
        ends = f"{code(worst.from_)} → {code(worst.to)}"
        parts += ["", f"The worst step is {ends}. Look deeper: {code(command(series, worst, flag))}"]
    found = [f"- {code(to)}, by experiment: {prose(each.cause)}" for to, each in report.experiments.items()]
    parts += ["", *found] if found else []
    parts += ["", *(f"- {prose(note)}" for note in report.notes)] if report.notes else []
    return "\n".join(parts)


def _verdict(step: Step | None) -> str:
    if step is None:
        return ""
    return f"**{verdict_of(step)}**" if step.is_significant else verdict_of(step)


def _cause(step: Step | None, lacking: str | None) -> str:
    if step is None:
        return prose(lacking or "")
    said = step.not_comparable or (cause_of(step) if step.is_significant else "")
    return "; ".join(prose(each) for each in (said, *step.notes) if each)
