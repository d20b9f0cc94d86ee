"""Say what there is instead of a reference that names nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from embver import history
from embver.errors import UsageError
from embver.tagname import Reference

if TYPE_CHECKING:
    from embver.actions.registry import Registry


def unknown(work: Registry, reference: Reference) -> UsageError:
    """Return the error for a reference that no release answers to, with what there is."""
    mine = history.of_name(work.releases, reference.name)
    if mine and reference.stage is None and reference.selector == "latest":
        return UsageError(
            f"every release of {reference.name} is yanked", hint=f"embver list {reference.name}"
        )
    what = f"stage {reference.stage}" if reference.stage else f"version {reference.selector}"
    if mine and work.repo.is_shallow():
        return UsageError(
            f"{reference.name} has no {what} here: this clone is shallow and may lack its tags",
            hint="git fetch --unshallow --tags",
        )
    if mine:
        given = ", ".join(work.lifecycle.stages_in(reference.name)) if reference.stage else ""
        versions = ", ".join(str(release.version) for release in mine[-8:])
        return UsageError(
            f"{reference.name} has no {what}", hint=f"stages: {given}" if given else f"versions: {versions}"
        )
    if work.repo.is_shallow():
        return UsageError(
            f"{reference.name} is not known here: this clone is shallow and may lack its tags",
            hint="git fetch --unshallow --tags",
        )
    if reference.name in work.names():
        return UsageError(
            f"{reference.name} has no release yet, only a working version", hint=f"{reference.name}@next"
        )
    known = ", ".join(work.names())
    hint = f"known: {known}" if known else f"embver new {reference.name}"
    return UsageError(f"there is no embedding {reference.name!r}", hint=hint)
