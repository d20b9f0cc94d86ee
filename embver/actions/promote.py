"""Give a stage such as `prod` to a released version, or take it back: tags only, as GTO reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embver import history
from embver.actions.marking import Mark, check_ready, check_remote, exclusively, released, write
from embver.actions.workspace import Workspace
from embver.errors import PolicyError, UsageError
from embver.history import Release
from embver.lifecycle import DEPRECATED, YANKED, Status
from embver.lifetag import check_stage, message, stage_tag


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRequest:
    """What `embver promote` or `embver demote` was asked; `subject` is a reference, or the name of an embedding."""

    subject: str
    stage: str
    reason: str | None = None
    push: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """Which version holds a stage now, and which held it before; no tags where that is the same."""

    name: str
    stage: str
    reference: str | None
    before: str | None
    status: Status  # of the version that holds it now
    tags: tuple[str, ...]
    standing: str | None = None  # the tag that says so already

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver promote --json` and `embver demote --json`."""
        return {
            "name": self.name,
            "stage": self.stage,
            "reference": self.reference,
            "before": self.before,
            "tags": list(self.tags),
        }


def promote(work: Workspace, request: StageRequest) -> StageReport:
    """Let a stage hold a version; the last word counts, so going back is to promote the older version.

    Raises PolicyError for a yanked version, UsageError for a stage that the settings do not know, RepoError or
    LfsError if Git or the remote refuses; then nothing has changed.
    """
    with exclusively(work, is_dry_run=request.is_dry_run):
        return _promote(work, request)


def demote(work: Workspace, request: StageRequest) -> StageReport:
    """Take a stage back from the version that holds it, and from all that held it before: then it is empty.

    Raises UsageError if no version holds the stage, RepoError or LfsError if Git or the remote refuses.
    """
    with exclusively(work, is_dry_run=request.is_dry_run):
        return _demote(work, request)


def _promote(work: Workspace, request: StageRequest) -> StageReport:
    release, stage = released(work, request.subject), request.stage
    try:
        check_stage(stage, work.settings.stages)
    except ValueError as error:
        raise UsageError(str(error), hint=_hint(work, release, stage)) from None
    check_ready(work, push=request.push)
    status = work.lifecycle_of(release.name).status(release.reference)
    if status.is_yanked:
        instead = f"embver promote {status.successor} {stage}" if status.successor else None
        raise PolicyError(
            f"refused: {status.sentence(release.reference)}", hint=instead or f"embver list {release.name}"
        )
    place = (release.name, stage)
    before = work.lifecycle.stages.get(place)
    marks: tuple[Mark, ...] = ()
    if before != release.reference:
        wanted = [(other, True) for other in _assigned(work, place) if release.version < other.version]
        marks = _marks(work, [*wanted, (release, False)], request, before)
        _write(work, release, marks, request)
    return StageReport(
        name=release.name,
        stage=stage,
        reference=release.reference,
        before=before,
        status=status,
        tags=tuple(mark.tag for mark in marks),
        standing=None if marks else _standing(work, release, stage),
    )


def _demote(work: Workspace, request: StageRequest) -> StageReport:
    name, stage = work.check_name(request.subject), request.stage
    check_ready(work, push=request.push)
    before = work.lifecycle.stages.get((name, stage))
    if before is None:
        given = ", ".join(work.lifecycle.stages_in(name)) or "none"
        raise UsageError(f"no version of {name} holds the stage {stage}", hint=f"stages: {given}")
    held = _assigned(work, (name, stage))
    marks = _marks(work, [(release, True) for release in held], request, before)
    _write(work, held[-1], marks, request)
    return StageReport(
        name=name,
        stage=stage,
        reference=None,
        before=before,
        status=work.lifecycle.status(before),
        tags=tuple(mark.tag for mark in marks),
    )


def _standing(work: Workspace, release: Release, stage: str) -> str | None:
    """Return the newest tag that gives a stage to a release."""
    given = [
        event
        for event in work.lifecycle_of(release.name).events
        if (event.reference, event.stage, event.is_cancel) == (release.reference, stage, False)
    ]
    return max(given, key=lambda event: event.number or 0).tag if given else None


def _assigned(work: Workspace, place: tuple[str, str]) -> list[Release]:
    """Return every release that is in a stage for GTO, which shows the last one, or if asked to the highest one.

    So whoever goes back to an older version takes the stage from the newer one as well, and all agree on who holds it.
    """
    found = {release.reference: release for release in history.of_name(work.releases, place[0])}
    return [found[reference] for reference in work.lifecycle.assigned.get(place, ()) if reference in found]


def _marks(
    work: Workspace, wanted: Sequence[tuple[Release, bool]], request: StageRequest, before: str | None
) -> tuple[Mark, ...]:
    """Return the tags that take a stage from releases (True) and give it to one (False), numbered in this order."""
    marks = []
    for number, (release, is_cancel) in enumerate(wanted, work.lifecycle.next_number(wanted[0][0].name)):
        verb = f"Take {request.stage} from" if is_cancel else f"Promote to {request.stage}:"
        marks.append(
            Mark(
                tag=stage_tag(release.name, request.stage, number, cancel=is_cancel),
                commit=release.commit,
                message=message(
                    f"{verb} {release.reference}",
                    version=release.version,
                    reason=request.reason,
                    before=None if is_cancel else before,
                ),
            )
        )
    return tuple(marks)


def _write(work: Workspace, release: Release, marks: Sequence[Mark], request: StageRequest) -> None:
    if request.push:
        check_remote(work, release)
    if not request.is_dry_run:
        write(work, marks, push=request.push)


def _hint(work: Workspace, release: Release, stage: str) -> str | None:
    """Return what to type instead of a word that is no stage, or none of this repository's."""
    verbs = {DEPRECATED: "deprecate", YANKED: "yank"}
    if stage in verbs:
        return f"embver {verbs[stage]} {release.reference} --reason TEXT"
    if work.settings.stages:
        return "embver.toml: stages = [...]"
    return f"embver promote {release.reference} prod"
