"""What `embver gate` says: on a terminal, and as a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from embver.cli.markdown import code, prose, table
from embver.cli.output import Output
from embver.gates import Outcome, number

if TYPE_CHECKING:
    from embver.actions.gate import GateReport
    from embver.actions.gate_bisect import CommitVerdict

_SIGNS = {
    "pass": ("✓", "green"),
    "fail": ("✗", "red"),
    "unjudged": ("?", "yellow"),
    "allowed": ("!", "yellow"),
}
_MARKS = {"pass": "✅", "fail": "❌", "unjudged": "❔", "allowed": "⚠️"}  # of Markdown
_WORDS = {0: "good", 1: "bad", 125: "cannot be judged"}


def print_report(report: GateReport, out: Output) -> None:
    """Print every gate with the numbers, the thresholds that were not met, and what to do next."""
    against = f", against {report.against}" if report.against else ""
    out.print(f"{out.style(report.reference, 'bold')}{against}: {headline(report)}")
    columns = [_cells(outcome, report) for outcome in report.outcomes]
    rows = [(_sign(outcome, out), *cells) for outcome, cells in zip(report.outcomes, columns, strict=True)]
    out.table(("", "gate", "before", "now", "change", "95 % interval"), rows)
    for outcome in report.outcomes:
        for line in _reasons(outcome):
            out.print(f"  · {outcome.gate.title}: {line}")
    if report.reason and any(outcome.state == "allowed" for outcome in report.outcomes):
        out.print(f"  let through when it was released: {report.reason}")
    hint = next_step(report)
    if hint:
        out.hint(hint)


def headline(report: GateReport) -> str:
    """Return in words whether the gates let a version through."""
    count, held = len(report.outcomes), len(report.refusing)
    gates = "gate" if count == 1 else "gates"
    if held:
        return f"held back by {'its gate' if count == 1 else f'{held} of {count} {gates}'}"
    blind = sum(outcome.state == "unjudged" for outcome in report.outcomes)
    allowed = sum(outcome.state == "allowed" for outcome in report.outcomes)
    more = [f"{blind} could not be judged"] * bool(blind) + [f"{allowed} let through by a person"] * bool(
        allowed
    )
    return f"passes {count} {gates}{''.join(f', {part}' for part in more)}"


def next_step(report: GateReport) -> str | None:
    """Return what to type about the first gate that holds a version back, or None."""
    name, _, version = report.reference.partition("@")
    first = next(iter(report.refusing), None)
    if first is None:
        return None
    if first.new is None:
        return f"embver bench {name}" if version == "next" else None
    if version == "next":
        return (
            f"embver diff {name}, or if it is worth it embver release {name} --allow-regression --reason TEXT"
        )
    return f"embver trace {name} --metric {first.gate.metric} --benchmark {first.gate.benchmark}"


def gate_markdown(reports: Sequence[GateReport]) -> str:
    """Return the gates of every version as Markdown: whether it passes, then a table with every threshold."""
    if not reports:
        return "No embedding has gates."
    return "\n\n".join("\n\n".join(_blocks(report)) for report in reports)


def _blocks(report: GateReport) -> Iterator[str]:
    sign = "✅" if report.is_passed else "⛔"
    yield f"### {sign} {code(report.reference)}: {headline(report)}"
    if report.against:
        yield f"Held against {code(report.against)}."
    head = ("", "gate", "before", "now", "difference", "95 % interval", "thresholds")
    rows = []
    for outcome in report.outcomes:
        checks = "<br>".join(f"{_MARKS[each.state]} {prose(each.sentence)}" for each in outcome.checks)
        told = "".join(f"<br>{prose(note)}" for note in (outcome.step.notes if outcome.step else ()))
        cells = [prose(cell) for cell in _cells(outcome, report)]
        rows.append((_MARKS[outcome.state], *cells, checks + told))
    yield table(head, rows)
    if report.reason and any(outcome.state == "allowed" for outcome in report.outcomes):
        yield f"Let through when it was released: {prose(report.reason)}"


def print_commit(found: CommitVerdict, out: Output) -> None:
    """Print what became of a commit: its numbers and why, and the word of `git bisect`."""
    what = f"{found.reference}: " if found.reference else f"{found.commit[:12]}: "
    out.print(f"{what}{_WORDS[found.code]}{f': {found.why}' if found.why else ''}")
    for outcome in found.outcomes:
        for check in outcome.checks:
            sign, colour = _SIGNS[check.state]
            out.print(f"  {out.style(sign, colour)} {outcome.gate.title}: {check.sentence}")


def _reasons(outcome: Outcome) -> Iterator[str]:
    """Yield what else there is to say of a gate: thresholds that were not met, and what the comparison leaves out."""
    for check in outcome.checks:
        if check.state != "pass":
            yield check.sentence
    yield from outcome.step.notes if outcome.step else ()


def _sign(outcome: Outcome, out: Output) -> str:
    sign, colour = _SIGNS[outcome.state]
    return out.style(sign, colour)


def _cells(outcome: Outcome, report: GateReport) -> tuple[str, str, str, str, str]:
    """Return the name of a gate and its numbers; a version other than the one before is named with its number."""
    step = outcome.step
    old = _value(step.before if step else None, outcome.unit)
    other = f" ({step.from_.partition('@')[2]})" if step and step.from_ != report.against else ""
    delta = "-" if step is None or step.delta is None else f"{step.delta:+.4f}"
    ends = "-" if step is None or step.low is None else f"{step.low:+.4f} to {step.high:+.4f}"
    return (outcome.gate.title, f"{old}{other}", _value(outcome.new, outcome.unit), delta, ends)


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if unit == "fraction" else number(value)
