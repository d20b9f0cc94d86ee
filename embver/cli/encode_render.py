"""The plan before an encode, and the summary after it, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from embver.cli.encode_progress import duration, rate_text
from embver.cli.output import Output
from embver.cli.render import human_size

if TYPE_CHECKING:
    from embver.actions.encode import EncodeReport, PlanSummary
    from embver.actions.warmup import Warm

_WORTH_SAYING_S: Final = 5.0
_PLURAL: Final = {"audio": "clips"}


def say_plan(plan: PlanSummary, out: Output) -> None:
    """Say what is about to happen, before anything heavy is loaded."""
    total = sum(plan.rows.values())
    out.say(
        f"{plan.reference}: {total:,} items, {plan.dimensions} dimensions, {plan.dtype}: "
        f"{human_size(plan.size_bytes)} in {_count(plan.shards, 'file')} of at most {plan.shard_rows:,} rows"
    )
    widest = max((len(modality) for modality in plan.rows), default=0)
    for modality, count in plan.rows.items():
        copied = plan.copied.get(modality, 0)
        more = f", {copied:,} of them copied from {plan.copied_from[modality]}" if copied else ""
        out.say(f"  {modality:<{widest}}  {count:,} rows{more}")
    if plan.done:
        out.say(
            f"  {plan.done} of {_count(plan.shards, 'file')} were finished by a run that was given up: they stay"
        )
    out.say(out.style(f"  profile {plan.profile}, computed in {plan.compute}, device {plan.device}", "dim"))
    for note in plan.notes:
        out.say(f"  note: {note}")


def say_warm(warm: Warm, out: Output) -> None:
    """Say what the warm-up found: how long it will take, and with which batches."""
    if warm.moved:
        far = warm.moved["cosine_distance_p99"]
        out.say(f"  {warm.modality}: equivalent to float32, p99 of 1-cosine {far:.1e} on a sample")
    if warm.expected_s is None or warm.expected_s < _WORTH_SAYING_S:
        return
    line = f"  {warm.modality}: about {duration(warm.expected_s)}, at {rate_text(warm.items_per_s)}"
    if warm.tokens_per_s:
        line += (
            f"; {warm.plan.tokens:,} tokens a batch, the fastest of {', '.join(map(str, warm.tokens_per_s))}"
        )
    out.say(line)


def print_report(report: EncodeReport, out: Output, *, peak_bytes: int | None) -> None:
    """Print the files, how fast it went and which stage was the slowest."""
    if report.is_unchanged:
        out.print(f"{report.reference}: nothing to encode, no input changed ({report.inputs[:19]}…)")
        return
    for artifact in report.artifacts:
        rows = f"{artifact['rows']:>8,} rows" if "rows" in artifact else " " * 13
        size = human_size(artifact["size_bytes"])
        out.print(f"  {artifact['path']:<22}{rows}  {size:>9}  sha256:{artifact['sha256'][:16]}…")
    rates = ", ".join(
        f"{rate:,.0f} {_PLURAL.get(modality, f'{modality}s')}/s" for modality, rate in report.rates.items()
    )
    how = f" ({rates})" if rates else ""
    out.print(f"{report.reference}: encoded in {report.elapsed_s:.1f} s{how}")
    for word, counts in (("copied", report.copied), ("left out", report.skipped)):
        told = ", ".join(f"{count:,} {modality}" for modality, count in counts.items() if count)
        if told:
            out.print(f"  {word}: {told} rows")
    for line in _stage_lines(report.figures, peak_bytes):
        out.print(line)


def plain_report(report: EncodeReport, *, peak_bytes: int | None) -> dict[str, Any]:
    """Return the stable keys of `encode --json`."""
    stages, slowest = _stages(report.figures)
    return {
        "reference": report.reference,
        "unchanged": report.is_unchanged,
        "inputs": report.inputs,
        "artifacts": [dict(artifact) for artifact in report.artifacts],
        "elapsed_s": round(report.elapsed_s, 3),
        "items_per_s": dict(report.rates),
        "copied": dict(report.copied),
        "skipped": dict(report.skipped),
        "stages": stages,
        "slowest": slowest,
        "floor": dict(report.floor),
        "peak_memory_bytes": peak_bytes,
        "notes": list(report.notes),
    }


def _stages(figures: Mapping[str, Any]) -> tuple[dict[str, dict[str, float]], str | None]:
    if not figures:
        return {}, None
    from embver.encode.meter import Figures

    counted = Figures.from_plain(figures)
    shares = counted.shares
    stages = {
        stage: {"seconds": round(seconds, 3), "share": shares.get(stage, 0.0)}
        for stage, seconds in counted.seconds.items()
    }
    return stages, counted.slowest


def _stage_lines(figures: Mapping[str, Any], peak_bytes: int | None) -> Iterator[str]:
    stages, slowest = _stages(figures)
    if slowest is None:
        return
    others = ", ".join(
        f"{stage} {_percent(found['share'])}" for stage, found in stages.items() if stage != slowest
    )
    line = f"  slowest stage: {slowest}, {_percent(stages[slowest]['share'])} of the work"
    line += f" ({others})" if others else ""
    yield line + (f"; at most {human_size(peak_bytes)} of memory" if peak_bytes else "")
    cut = (figures.get("notes") or {}).get("rows_after_out_of_memory")
    if cut:
        yield f"  memory did not hold the batches: they were cut to {cut} rows"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 or share == 0 else f"{share:.1%}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
