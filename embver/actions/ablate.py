"""Separate the fields of a change by experiment: encode with one block set back, and say which has which share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from embver.ablation import AblationPlan, AblationReport
from embver.actions.ablate_blocks import find_blocks
from embver.actions.ablate_ends import card_of, open_end, read_question
from embver.actions.ablate_experiment import Experiment
from embver.actions.ablate_parts import Mixer, machine_of
from embver.actions.ablate_rows import Progress, RowMaker, open_store, scratch_folder
from embver.actions.ablate_sample import sampled
from embver.actions.staleness import why_stale
from embver.actions.trace import TraceRequest, trace
from embver.actions.trace_choice import check_reference
from embver.actions.workspace import Workspace
from embver.errors import EncodeError, UsageError
from embver.series import Series


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationRequest:
    """Which step of which metric is taken apart; `sample` queries are asked (None: all).

    Without both ends it is the worst significant regression, from `from_` on or up to `to`.
    """

    name: str
    metric: str | None = None
    benchmark: str | None = None
    from_: str | None = None
    to: str | None = None
    sample: int | None = None
    device: str = "auto"
    threads: int | None = None


def ablate(work: Workspace, request: AblationRequest, *, progress: Progress = _silent) -> AblationReport:
    """Take one step apart; see `open_experiment` for what it raises."""
    with open_experiment(work, request, progress=progress) as experiment:
        return experiment.report()


def plan_ablation(work: Workspace, request: AblationRequest) -> AblationPlan:
    """Say what taking one step apart would run, with an estimate after a short warm-up."""
    with open_experiment(work, request) as experiment:
        return experiment.plan(warm_up=True)


@contextmanager
def open_experiment(
    work: Workspace, request: AblationRequest, *, progress: Progress = _silent
) -> Iterator[Experiment]:
    """Yield the experiment of a step, planned; models of old commits lie in a scratch folder until it is closed.

    Raises UsageError for versions that were not asked the same, EncodeError where no model is here or an end cannot run.
    """
    from embver.encode.hybrids import HybridLoader
    from embver.encode.runtime import pick_device

    series, ends = _step(work, request)
    sources = work.source(ends[0]), work.source(ends[1])
    if sources[0].reference == sources[1].reference:
        raise UsageError(f"{sources[0].reference} is compared with itself: there is nothing to take apart")
    cards = card_of(work, sources[0]), card_of(work, sources[1])
    for source, card in zip(sources, cards, strict=True):
        stale = why_stale(work, source, card) if source.release is None else None
        if stale is not None:
            hint = f"embver encode {card.name}, then embver bench {card.name}"
            raise UsageError(f"{source.reference}: {stale}", hint=hint)
    store = open_store(work.repo.git_dir)
    with scratch_folder(work.repo.git_dir) as folder:
        question = read_question(
            work, sources, cards, benchmark=series.benchmark, metric=series.metric, scratch=folder
        )
        if request.sample is not None:
            question = sampled(question, request.sample)
        old, new = (
            open_end(work, source, card, question, folder)
            for source, card in zip(sources, cards, strict=True)
        )
        if old.missing and new.missing:
            away = dict.fromkeys([*old.missing.values(), *new.missing.values()])
            release = sources[1].release or sources[0].release
            raise EncodeError(
                f"neither version's model is here: {'; '.join(away)}",
                hint=f"git lfs fetch origin {release.tag}" if release else None,
            )
        blocks = find_blocks(old, new, question)
        device = pick_device(request.device)
        experiment = Experiment(
            work=work,
            question=question,
            blocks=blocks,
            mixer=Mixer(
                old=old,
                new=new,
                question=question,
                game=blocks.members(range(len(blocks.run))),
                machine=machine_of(device),
            ),
            maker=RowMaker(
                store=store, loader=HybridLoader(device=device, threads=request.threads), progress=progress
            ),
        )
        experiment.tie_blocks()
        yield experiment


def _step(work: Workspace, request: AblationRequest) -> tuple[Series, tuple[str, str]]:
    """Return the series that was asked for, and the two versions of its step that is taken apart."""
    asked = TraceRequest(
        name=request.name,
        metric=request.metric,
        benchmark=request.benchmark,
        from_=request.from_,
        to=request.to,
    )
    series = trace(work, asked).series
    if request.from_ is not None and request.to is not None:
        return series, (
            check_reference(work, request.name, request.from_),
            check_reference(work, request.name, request.to),
        )
    worst = series.worst
    if worst is None:
        raise UsageError(
            f"no step of {series.metric} of {series.benchmark} is a significant regression",
            hint=f"embver trace {request.name} --metric {series.metric} --ablate --from A --to B",
        )
    return series, (worst.from_, worst.to)
