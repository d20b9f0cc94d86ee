"""What the imports of all trackers end with: a run becomes an intake, and a card that was of another run is told."""

from __future__ import annotations

from dataclasses import replace

from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.exchange.tracked import TrackedRun, intake, mixture
from embver.exchange.tracked_metrics import Wanted
from embver.intake import Intake, LeftOut


def taken_over(
    work: Workspace,
    request: ImportRequest,
    run: TrackedRun,
    wanted: Wanted,
    *,
    warnings: tuple[str, ...] = (),
    left_out: tuple[LeftOut, ...] = (),
) -> Intake:
    """Return what a card takes over from a run, with what there is to say besides."""
    made = intake(run, wanted)
    training = work.card_text(work.source(request.into)).plain.get("training")
    mixed = mixture(training, run, is_replaced=request.replace) if isinstance(training, dict) else None
    return replace(
        made,
        left_out=(*made.left_out, *left_out),
        warnings=(*made.warnings, *warnings, *([mixed] if mixed else [])),
    )


def listed_option(request: ImportRequest, name: str) -> tuple[str, ...]:
    """Return an option that is a list, with commas between its entries."""
    return tuple(text.strip() for text in request.options.get(name, "").split(",") if text.strip())
