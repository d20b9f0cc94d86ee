"""`embver trace NAME --ablate`: the plan, then the shares of a change."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from embver.cli.markdown import code, prose, table
from embver.cli.output import Output

if TYPE_CHECKING:
    from embver.ablation import AblationPlan, AblationReport, Block, Interaction
    from embver.actions.workspace import Workspace

_BAR: Final = 24
_WORDS: Final = 60  # of a field's change that stand in a row
_PAIRS: Final = 5
_LEAST_REST: Final = 0.0005  # what three digits show


def run(arguments: argparse.Namespace, work: Workspace, out: Output) -> int:
    """Take one step apart; what it finds is an answer and no failure."""
    from embver.actions.ablate import AblationRequest, open_experiment
    from embver.actions.ablate_record import check_recordable, record
    from embver.cli.encode_progress import encode_progress

    request = AblationRequest(
        name=arguments.name,
        metric=arguments.metric,
        benchmark=arguments.benchmark,
        from_=arguments.from_,
        to=arguments.to,
        sample=arguments.sample,
        device=arguments.device,
    )
    with (
        encode_progress(out) as progress,
        open_experiment(work, request, progress=progress) as experiment,
    ):
        if arguments.record:
            check_recordable(experiment.plan())
        plan = experiment.plan(warm_up=True)
        if arguments.dry_run:
            _print_plan(plan, out, is_markdown=arguments.md)
            return 0
        _say_plan(plan, out)
        report = experiment.report()
    if arguments.record:
        path = record(work, report)
        out.say(f"recorded in {path}")
    if out.is_json:
        out.json(report.to_plain())
    elif arguments.md:
        out.print(markdown(report))
    else:
        _print(report, out)
    return 0


# ---- the plan


def _say_plan(plan: AblationPlan, out: Output) -> None:
    from embver.cli.encode_progress import duration

    amount = plan.work
    if not amount.encodes:
        out.say(f"{_subsets(plan)}, all encoded already")
        return
    about = f", about {duration(amount.estimate_s)}" if amount.estimate_s is not None else ""
    out.say(
        f"{_subsets(plan)}: {amount.encodes} encodes of {amount.items:,} items"
        f"{about}; {amount.cached + amount.stored} are there already"
    )


def _subsets(plan: AblationPlan) -> str:
    count, paths = len(plan.blocks), "" if plan.method == "all-subsets" else "at most "
    return f"{paths}{plan.work.subsets} subsets of {count} block{'s' * (count != 1)}"


def _print_plan(plan: AblationPlan, out: Output, *, is_markdown: bool) -> None:
    if out.is_json:
        out.json(plan.to_plain())
        return
    out.print(f"{_title(plan)}: what would be run")
    rows = [(block.id, _told(block)) for block in plan.blocks]
    if is_markdown:
        out.print(table(("block", "what changed"), [(code(name), prose(what)) for name, what in rows]))
    elif rows:
        out.print()
        out.table(("block", "what changed"), rows)
    _tell_rest(plan, out)
    _say_plan(plan, out)
    ends = " ".join(
        f"{option} {end.partition('@')[2]}" for option, end in (("--from", plan.from_), ("--to", plan.to))
    )
    out.hint(f"embver trace {plan.name} --metric {plan.metric} --benchmark {plan.benchmark} --ablate {ends}")


def _tell_rest(plan: AblationPlan, out: Output) -> None:
    for each in plan.not_run:
        out.print(f"not run: {each.block.id}, {each.why}")
    for note in plan.notes:
        out.print(f"note: {note}")


# ---- the result


def _print(report: AblationReport, out: Output) -> None:
    plan = report.plan
    out.print(out.style(_title(plan), "bold"))
    asked = f"{plan.queries:,} queries, {plan.documents:,} documents"
    out.print(
        f"{report.before:.3f} → {report.after:.3f}, {report.delta:+.3f} ({report.low:+.3f} to {report.high:+.3f}); {asked}"
    )
    if report.sample:
        out.print(f"sample: {report.sample}")
    if report.shares:
        out.print()
        widest = max(abs(share.value) for share in report.shares) or 1.0
        good = 1 if report.higher_is_better else -1
        rows = [
            (
                share.block.id,
                f"{share.value:+.3f}",
                f"{share.low:+.3f} to {share.high:+.3f}",
                out.style(_bar(share.value / widest), "green" if share.value * good > 0 else "red")
                if share.is_sure
                else out.style("noise", "dim"),
                _told(share.block),
            )
            for share in report.shares
        ]
        out.table(("block", f"share of {plan.metric}", "95 % interval", "", "what changed"), rows)
    pairs = _pairs(report)
    for pair in pairs:
        out.print(f"together: {_pair(pair)}")
    out.print()
    _tell_rest(plan, out)
    if _has_rest(report):
        out.print(
            f"rest: {report.rest:+.3f} of the recorded {report.recorded_before:.3f} → {report.recorded_after:.3f}"
        )
    for words in report.rest_words:
        out.say(f"note: {words}")
    if report.training:
        out.print(f"training changed: {', '.join(change.path for change in report.training)}")
    out.print(out.style(report.cause, "bold"))
    amount = plan.work
    out.say(
        f"{amount.encodes} encodes of {amount.items:,} items in {amount.elapsed_s or 0:.1f} s, "
        f"{amount.cached + amount.stored} were there already; kept below .git/embver/ablate"
    )


def markdown(report: AblationReport) -> str:
    """Return a report for a pull request."""
    plan = report.plan
    rows = [
        (
            code(share.block.id),
            f"{share.value:+.3f}",
            f"{share.low:+.3f} to {share.high:+.3f}" + ("" if share.is_sure else " (noise)"),
            prose(_told(share.block)),
        )
        for share in report.shares
    ]
    told = [
        *(f"together: {_pair(pair)}" for pair in _pairs(report)),
        *(f"not run: {each.block.id}, {each.why}" for each in plan.not_run),
        *plan.notes,
        *([f"rest: {report.rest:+.3f}"] if _has_rest(report) else []),
        *([f"sample: {report.sample}"] if report.sample else []),
    ]
    lines = [
        f"### {prose(_title(plan))}",
        "",
        (
            f"{report.before:.3f} → {report.after:.3f}, **{report.delta:+.3f}** ({report.low:+.3f} to {report.high:+.3f}); "
            f"{plan.queries:,} queries."
        ),
        "",
        table(("block", "share", "95 % interval", "what changed"), rows),
        "",
        *(f"- {prose(each)}" for each in told),
        *([""] if told else []),
        f"**{prose(report.cause)}**",
    ]
    return "\n".join(lines)


def _has_rest(report: AblationReport) -> bool:
    return report.rest is not None and abs(report.rest) >= _LEAST_REST


def _title(plan: AblationPlan) -> str:
    return f"{plan.metric} of {plan.benchmark}, {plan.from_} → {plan.to}"


def _pairs(report: AblationReport) -> list[Interaction]:
    return [pair for pair in report.interactions if pair.is_sure][:_PAIRS]


def _pair(pair: Interaction) -> str:
    return f"{' and '.join(pair.blocks)} {pair.value:+.3f} ({pair.low:+.3f} to {pair.high:+.3f}) beyond each alone"


def _bar(part: float) -> str:
    return "█" * max(1, round(abs(part) * _BAR))


def _told(block: Block) -> str:
    """Return what changed in few words."""
    return block.summary if len(block.summary) <= _WORDS else f"{block.summary[: _WORDS - 1]}…"
