"""What an experiment said of a step: each block of fields with its share of the change, as bars. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embver.ablation import AblationReport, Share
from embver.site.text import between, code, escape, number, sentence, told
from embver.site.trace_chart import bounds_of, share_drawing
from embver.site.version_changes import breakable

_LEAST_REST = 0.0005  # less is nothing, in the three decimals of the page


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRow:
    """What one block of fields has of the change."""

    block: str
    fields: str
    value: str
    bounds: str
    fraction: str
    word: str
    tone: str
    drawing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AblationView:
    """What the experiment said."""

    cause: str
    rows: tuple[ShareRow, ...]
    notes: tuple[str, ...]


# ---- the experiment


def ablation_view(report: AblationReport) -> AblationView:
    bounds = bounds_of([n for share in report.shares for n in (share.low, share.high, share.value)] or [0.0])
    notes = [
        f"{' and '.join(breakable(block) for block in each.blocks)} together do "
        f"{number(each.value, signed=True)} ({between(each.low, each.high)}) that neither does alone."
        for each in report.interactions
        if each.is_sure
    ]
    if report.sample is not None:
        notes.append(f"Asked of a sample: {told(report.sample)}.")
    if report.rest is not None and report.rest_words and abs(report.rest) >= _LEAST_REST:
        notes.append(
            f"Left over: {number(report.rest, signed=True)} ({escape('; '.join(report.rest_words))})."
        )
    notes += [
        f"Not run: {breakable(each.block.id)}, {sentence(told(each.why), is_start=False)}"
        for each in report.plan.not_run[:4]
    ]
    if report.training:
        changed = ", ".join(code(change.path) for change in report.training[:6])
        notes.append(f"What changed in training, which only training anew could tell apart: {changed}.")
    return AblationView(
        cause=told(report.cause),
        rows=tuple(
            _share(share, bounds, higher_is_better=report.higher_is_better) for share in report.shares
        ),
        notes=tuple(notes),
    )


def _share(share: Share, bounds: tuple[float, float], *, higher_is_better: bool) -> ShareRow:
    is_better = (share.value > 0) == higher_is_better
    tone = ("ev-better" if is_better else "ev-worse") if share.is_sure else "ev-same"
    word = ("better" if is_better else "worse") if share.is_sure else "within noise"
    fraction = "" if share.fraction is None else f"{round(100 * share.fraction)} %".replace("-", "\u2212")
    others = [change.path for change in share.block.changes]
    return ShareRow(
        block=breakable(share.block.id),
        fields=_listed_fields(others) if len(others) > 1 else escape(share.block.tied or ""),
        value=number(share.value, signed=True),
        bounds=between(share.low, share.high),
        fraction=fraction,
        word=word,
        tone=tone,
        drawing=share_drawing(share.value, share.low, share.high, bounds, tone=tone),
    )


def _listed_fields(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 4} more" if len(paths) > 4 else ""
    return escape(", ".join(paths[:4]) + more)
