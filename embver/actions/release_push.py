"""Publish a release: look at the remote first, push by name, and take the release back where others were faster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from embver.actions.dvc_storage import push
from embver.actions.release_apply import Journal, last_release, undo_release
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.errors import EmbverError, RepoError, UsageError
from embver.history import Release
from embver.store.repo import PushRefusedError

CATCH_UP = "git pull --rebase --autostash"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """What a remote holds of one embedding: where its branch stands, and tag -> the tag's id."""

    name: str
    branch: str | None
    tags: Mapping[str, str]


def look_at_remote(work: Workspace, name: str) -> Remote:
    """Ask the remote for its branch and the embedding's tags, before anything is changed.

    Raises UsageError if there is no remote, RepoError if it does not answer or holds what is not here: a release is
    measured against the latest one, wherever that was made.
    """
    remote = work.settings.remote
    if remote not in work.repo.remotes():
        raise UsageError(
            f"there is no remote {remote!r} to push to",
            hint=f"git remote add {remote} URL, or without --push",
        )
    standing = work.repo.standing()
    branch = standing.branch
    patterns = [work.settings.tags.pattern.replace("{name}", name).replace("{version}", "*")]
    try:
        found = work.repo.remote_refs(remote, *([branch] if branch else []), f"refs/tags/{patterns[0]}")
    except RepoError as error:
        error.message = f"nothing was released: {error.message}"
        error.hint = f"{error.hint}, or release without --push"
        raise
    theirs = found.pop(branch, None) if branch else None
    tags = {ref.removeprefix("refs/tags/"): found_id for ref, found_id in found.items()}
    tags = {tag: each for tag, each in tags.items() if (work.settings.tags.parse(tag) or ("",))[0] == name}
    mine = {record.tag: record.id for record in work.records_of(name)}
    unknown = sorted(tag for tag in tags if tag not in mine)
    moved = sorted(tag for tag in tags if tag in mine and mine[tag] != tags[tag])
    if moved:
        raise RepoError(
            f"nothing was released: the tag {moved[0]} here is not the one on {remote}: one of the two was moved",
            hint=f"embver verify --remote {remote}",
        )
    if unknown or (theirs and not (standing.commit and work.repo.is_ancestor(theirs, standing.commit))):
        what = f"{remote} has {unknown[0]}, which is not here" if unknown else f"{remote} has moved on"
        raise RepoError(
            f"nothing was released: {what}; a release is measured against the latest one",
            hint=f"{CATCH_UP}, then embver release {name} --push",
        )
    return Remote(name=remote, branch=theirs, tags=tags)


def unpublished(work: Workspace, name: str, remote: Remote) -> tuple[Release, ...]:
    """Return the releases of an embedding that the remote does not have, and that HEAD's history holds."""
    mine = work.releases_of(name)
    missing = [release for release in mine if release.tag not in remote.tags and release.is_annotated]
    if not missing:
        return ()
    merged = work.repo.git("for-each-ref", "--merged", "HEAD", "--format=%(refname:strip=2)", "refs/tags")
    here = set(merged.splitlines())
    return tuple(release for release in missing if release.tag in here)


def has_next(work: Workspace, name: str) -> bool:
    """Tell whether an embedding has a working version."""
    return work.path(work.folder(name, NEXT), CARD).is_file()


def push_release(work: Workspace, remote: Remote, tags: tuple[str, ...], made: Journal | None = None) -> None:
    """Push the branch and tags, LFS objects first: by name and all or none.

    Where the remote refuses, the release that was just made (`made`, or the last one) is taken back, so that it can be
    made anew. Raises RepoError or LfsError, with what is the case now and what to type.
    """
    branch = work.repo.branch()
    assert branch is not None
    try:
        work.lfs.push(remote.name, branch, *tags)
        push(work, [work.folder(*named) for tag in tags if (named := work.settings.tags.parse(tag))])
        work.repo.push(remote.name, branch, *(f"refs/tags/{tag}" for tag in tags))
    except PushRefusedError as error:
        raise _refused(work, remote, tags, made, error) from error
    except EmbverError as error:
        short = branch.removeprefix("refs/heads/")
        listed = _listed(work, tags)
        name = listed.partition("@")[0]
        error.message = f"{listed} is released here, and is not pushed: {error.message}"
        error.hint = (
            f"embver release {name} --push, or git push --atomic {remote.name} {short} {' '.join(tags)}"
        )
        raise


def take_back(work: Workspace, name: str) -> Journal:
    """Take back the last release of this work tree, if it is the embedding's and nobody else has it.

    Raises UsageError where there is none, or where it was published; RepoError where something was built on it.
    """
    journal, remote = last_release(work), work.settings.remote
    if journal is None or journal.name != name:
        made = f"the last release here is {journal.reference}" if journal else "none was made here"
        raise UsageError(f"there is no release of {name} to take back: {made}", hint=f"embver list {name}")
    ref = f"refs/tags/{journal.tag}"
    if remote in work.repo.remotes() and ref in work.repo.remote_refs(remote, ref):
        raise UsageError(
            f"{journal.reference} is on {remote}: a version that others have is never taken back",
            hint=f"correct it by another PATCH, or embver yank {journal.reference} --reason TEXT",
        )
    undo_release(work, journal)
    return journal


def _refused(
    work: Workspace, remote: Remote, tags: tuple[str, ...], made: Journal | None, error: PushRefusedError
) -> RepoError:
    """Take the release back where it can be, and return the error that says so."""
    journal = made or last_release(work)
    said = "; ".join(error.reasons)
    is_late = error.is_late or _has_moved_on(work, remote)
    who = f"{remote.name} has moved on" if is_late else f"{remote.name} refused it"
    name = _listed(work, tags).partition("@")[0]
    again = f"{CATCH_UP if is_late else 'see what it said'}, then embver release {name} --push"
    if journal is None or journal.tag not in tags:
        return RepoError(
            f"{_listed(work, tags)} is released here, and is not pushed: {who} ({said})",
            hint=f"embver release {name} --undo",
        )
    try:
        undo_release(work, journal)
    except RepoError as undone:
        return RepoError(
            f"{journal.reference} is released here, and is not pushed: {who} ({said}); it was not taken back: "
            f"{undone.message}",
            hint=f"embver release {name} --undo",
        )
    return RepoError(
        f"{journal.reference} was not released: {who} ({said}). It was taken back, {journal.old}/ is as before",
        hint=again,
    )


def _has_moved_on(work: Workspace, remote: Remote) -> bool:
    """Ask again where the remote's branch stands: of two pushes at one moment one just hears "failed"."""
    branch = work.repo.branch()
    try:
        return branch is not None and work.repo.remote_refs(remote.name, branch).get(branch) != remote.branch
    except RepoError:
        return False


def _listed(work: Workspace, tags: tuple[str, ...]) -> str:
    found = (work.settings.tags.parse(tag) for tag in tags)
    return ", ".join(f"{each[0]}@{each[1]}" for each in found if each is not None)
