"""Say of a released version that it should be left, or must not be used: a tag, and the status in its card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from embver.actions.marking import (
    Mark,
    check_ready,
    check_remote,
    exclusively,
    released,
    status_edit,
    write,
)
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.history import Release
from embver.lifecycle import DEPRECATED, NO_STATUS, YANKED, Status
from embver.lifetag import message, stage_tag, version_tag

_VERBS = {DEPRECATED: "deprecate", YANKED: "yank"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What `embver deprecate` or `embver yank` was asked."""

    reference: str
    state: str  # deprecated | yanked
    is_undo: bool = False
    reason: str | None = None
    successor: str | None = None
    push: bool = False
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """The status that a version has now, and what was written; no tag where it was so already."""

    reference: str
    before: Status
    status: Status
    tag: str | None
    commit: str | None  # of the card's new text
    has_card: bool  # whether HEAD holds the card
    stages: tuple[str, ...]  # that the version holds

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver deprecate --json` and `embver yank --json`."""
        return {
            "reference": self.reference,
            "before": self.before.state,
            "status": self.status.state,
            "status_record": self.status.to_record(),
            "tag": self.tag,
            "commit": self.commit,
            "stages": list(self.stages),
        }


def set_status(work: Workspace, request: StatusRequest) -> StatusChange:
    """Deprecate or yank a version, or undo that: tag and card in one transaction.

    Raises UsageError for a request that makes no sense, RepoError or LfsError if Git or the remote refuses; then
    nothing has changed.
    """
    with exclusively(work, is_dry_run=request.is_dry_run):
        return _set_status(work, request)


def _set_status(work: Workspace, request: StatusRequest) -> StatusChange:
    release = released(work, request.reference)
    check_ready(work, push=request.push)
    before = work.lifecycle_of(release.name).status(release.reference)
    given = Status() if request.is_undo else _given(work, request, release, before)
    after = _after(work, request, release, given)
    edit, has_card = status_edit(work, release, after)
    _check_undo(work, request, release, has_edit=edit is not None)
    tag, commit = None, None
    if edit is not None or request.is_undo or not _is_said(before, after):
        mark = _mark(work, request, release, given)
        tag = mark.tag
        if request.push:
            check_remote(work, release)
        if not request.is_dry_run:
            commit = write(work, [mark], edit, push=request.push).commit
    return StatusChange(
        reference=release.reference,
        before=before,
        status=after if tag else before,
        tag=tag,
        commit=commit,
        has_card=has_card,
        stages=work.lifecycle.stages_of(release.reference),
    )


def _given(work: Workspace, request: StatusRequest, release: Release, before: Status) -> Status:
    """Return the status that was asked for; raise UsageError where it makes no sense."""
    reason = " ".join((request.reason or "").split())
    verb = f"embver {_VERBS[request.state]} {release.reference}"
    if not reason or not reason.isprintable():
        raise UsageError(
            "a reason is needed: whoever meets the version will read it", hint=f"{verb} --reason TEXT"
        )
    if before.is_yanked and request.state == DEPRECATED:
        raise UsageError(
            f"{before.sentence(release.reference)}, which says more",
            hint=f"embver yank {release.reference} --undo",
        )
    successor = None
    if request.successor is not None:
        found = released(work, request.successor)
        successor = found.reference
        if found == release:
            raise UsageError(f"--successor {request.successor}: a version cannot follow itself")
        if work.lifecycle.status(successor).is_yanked:
            raise UsageError(f"--successor {request.successor}: {successor} is yanked itself")
    return Status(state=request.state, reason=reason, successor=successor, since=_today(work))


def _after(work: Workspace, request: StatusRequest, release: Release, given: Status) -> Status:
    """Return the status that holds afterwards: yanked says more than deprecated, and undoing one leaves the other."""
    if not request.is_undo:
        return given
    others = work.lifecycle.deprecated if request.state == YANKED else work.lifecycle.yanked
    return others.get(release.reference, NO_STATUS)


def _check_undo(work: Workspace, request: StatusRequest, release: Release, *, has_edit: bool) -> None:
    said = work.lifecycle.yanked if request.state == YANKED else work.lifecycle.deprecated
    if request.is_undo and release.reference not in said and not has_edit:
        raise UsageError(
            f"{release.reference} is not {request.state}: there is nothing to undo",
            hint=f"embver show {release.reference}",
        )


def _is_said(before: Status, after: Status) -> bool:
    return (before.state, before.reason, before.successor) == (after.state, after.reason, after.successor)


def _mark(work: Workspace, request: StatusRequest, release: Release, given: Status) -> Mark:
    number = work.lifecycle.next_number(release.name)
    if request.state == YANKED:
        tag = version_tag(release.tag, number, cancel=not request.is_undo)
    else:
        tag = stage_tag(release.name, DEPRECATED, number, cancel=request.is_undo)
    verb = _VERBS[request.state]
    subject = (
        f"Undo: {verb} {release.reference}" if request.is_undo else f"{verb.capitalize()} {release.reference}"
    )
    text = message(
        subject,
        version=release.version,
        reason=given.reason or request.reason,
        status=given.state,
        successor=given.successor,
    )
    return Mark(tag=tag, commit=release.commit, message=text)


def _today(work: Workspace) -> str:
    """Return the day that Git would write into a tag now, YYYY-MM-DD: card and tag must not differ."""
    seconds, zone = (work.repo.identity() or "0 +0000").rsplit(" ", 2)[-2:]
    offset = timedelta(hours=int(zone[:3]), minutes=int(zone[0] + zone[3:]))
    return datetime.fromtimestamp(int(seconds), timezone(offset)).date().isoformat()
