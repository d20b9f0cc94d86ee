"""Check tags against each other and against a remote: one that was moved, deleted, or never was a release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embver.actions.verify_files import Finding
from embver.actions.workspace import CARD, Workspace
from embver.errors import UsageError
from embver.history import Release
from embver.store.folders import read_folders


def check_tags(work: Workspace, releases: Sequence[Release], *, is_whole: bool) -> Iterator[Finding]:
    """Check that what releases name as the one before is there, and that each stands on the commit that made it.

    With `is_whole`, every release is among them, so that a folder of HEAD without a tag is found too.
    """
    known = {release.reference for release in work.releases}
    is_shallow = work.repo.is_shallow()
    for release in releases:
        if release.previous and release.previous not in known:
            kind = "unverified" if is_shallow else "missing"
            tag = _tag_of(work, release.previous)
            why = f"the tag is gone: {release.reference} names it as the release before it"
            yield Finding(kind=kind, reference=release.previous, path=tag, why=why)
    yield from _moved(work, releases)
    yield from _renamed(work, releases)
    if is_whole:
        yield from _untagged(work, known, is_shallow=is_shallow)


def _moved(work: Workspace, releases: Sequence[Release]) -> Iterator[Finding]:
    """Find tags that stand on a commit whose parent holds the version already: it was released before that."""
    folders = [work.folder(release.name, release.version) for release in releases]
    names = [f"{release.commit}^:{folder}" for release, folder in zip(releases, folders, strict=True)]
    for release, before in zip(releases, read_folders(work.repo, names), strict=True):
        if before is not None and CARD in before:
            why = "the tag was moved: the commit before the one that it stands on holds this version already"
            yield Finding(kind="moved", reference=release.reference, path=release.tag, why=why)


def _renamed(work: Workspace, releases: Sequence[Release]) -> Iterator[Finding]:
    """Find tag objects that stand under another name than they were made, and perhaps signed, with."""
    listed = work.repo.git("for-each-ref", "--format=%(refname:strip=2)%00%(tag)", "refs/tags")
    made_as = dict(line.split("\0") for line in listed.splitlines())
    for release in releases:
        name = made_as.get(release.tag)
        if name and name != release.tag:
            why = f"the tag was moved: it was made as {name}"
            yield Finding(kind="moved", reference=release.reference, path=release.tag, why=why)


def _untagged(work: Workspace, known: set[str], *, is_shallow: bool) -> Iterator[Finding]:
    """Find versions in HEAD whose tag is gone, the latest ones too, which no other tag names."""
    from embver.tagname import Reference

    top = work.settings.embeddings
    (held,) = read_folders(work.repo, [f"HEAD:{top}"])
    for path in held or ():
        folder, _, file = path.rpartition("/")
        name, _, version = folder.rpartition("/")
        if file != CARD or not name or f"{name}@{version}" in known:
            continue
        try:
            reference = Reference.parse(f"{name}@{version}")
        except ValueError:
            continue
        if reference.selector in ("next", "latest"):
            continue
        tag = _tag_of(work, str(reference))
        why = f"the tag is gone: HEAD holds {top}/{path}"
        yield Finding(
            kind="unverified" if is_shallow else "missing", reference=str(reference), path=tag, why=why
        )


def ignored_tags(work: Workspace) -> Iterator[Finding]:
    """List tags that look like releases and are none, with the reason."""
    tags = work.settings.tags
    for record in work.tag_records:
        why = tags.flaw(record.tag)
        if why is None and not record.commit and tags.parse(record.tag):
            why = "it is a tag of a file or folder, and no commit"
        if why is not None:
            yield Finding(kind="ignored", reference=record.tag, path=record.tag, why=why)
    for tag, why in work.lifecycle.ignored:
        yield Finding(kind="ignored", reference=tag, path=tag, why=why)


def check_remote(
    work: Workspace, remote: str, releases: Sequence[Release], *, is_whole: bool
) -> Iterator[Finding]:
    """Compare tags with a remote's, by one `git ls-remote`: the same name must be the same object.

    Raises UsageError for a remote that is not known, RepoError for one that does not answer.
    """
    if remote not in work.repo.remotes():
        raise UsageError(f"there is no remote {remote!r}", hint="git remote -v")
    theirs = {
        name.removeprefix("refs/tags/"): found
        for name, found in work.repo.remote_refs(remote, "refs/tags/*").items()
    }
    mine = {record.tag: record.id for record in work.tag_records}
    for release in releases:
        found = theirs.get(release.tag)
        if found is None:
            why = f"the tag is not on {remote}: it was not pushed, or was deleted there"
            yield Finding(kind="unverified", reference=release.reference, path=release.tag, why=why)
        elif found != mine[release.tag]:
            why = f"the tag was moved: here it is {mine[release.tag][:12]}, on {remote} {found[:12]}"
            yield Finding(kind="moved", reference=release.reference, path=release.tag, why=why)
    if not is_whole:
        return
    for tag in sorted(set(theirs) - set(mine)):
        parsed = work.settings.tags.parse(tag)
        if parsed is not None:
            why = f"the tag is on {remote} and not here (git fetch {remote} tag {tag})"
            yield Finding(kind="missing", reference=f"{parsed[0]}@{parsed[1]}", path=tag, why=why)


def _tag_of(work: Workspace, reference: str) -> str:
    """Return the tag that a reference should have; the reference itself where it is none."""
    from embver.tagname import Reference
    from embver.version import Version

    try:
        parsed = Reference.parse(reference)
        return work.settings.tags.format(parsed.name, Version.parse(parsed.selector))
    except ValueError:
        return reference
