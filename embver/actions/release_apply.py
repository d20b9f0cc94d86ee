"""Carry a release out, or take one back: branch and tag move in one transaction of Git's own.

What follows (the folder's other name in the work tree, the index) is put right by the next command if this one is
killed: a journal in `.git/embver` says what was under way, and once it is done, how it is taken back.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from embver.actions.lock import release_lock
from embver.actions.release import ReleasePlan
from embver.actions.workspace import CARD, NEXT, Workspace, sweep
from embver.card import Artifact, Card
from embver.errors import RepoError
from embver.pointer import Pointer
from embver.store.cards import read_card_text
from embver.store.files import write_atomic
from embver.store.materialise import pointer_blob
from embver.store.new_objects import NewObjects

JOURNAL = "release.json"
DONE = "released.json"
FILE_MODE = "100644"

Entries = dict[str, tuple[str, str]]  # path -> (mode, blob id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """All that it takes to finish a release, or to take it back."""

    name: str
    version: str
    tag: str
    object: str  # the tag's own id
    branch: str
    parent: str | None
    commit: str
    old: str  # next/, from the repository's root
    new: str  # the version's folder
    card: str  # the released card
    written: str  # the card as it was in next/
    files: Entries  # what the commit holds of the version
    staged: Entries  # what the index held of next/
    is_undo: bool = False

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"


def apply_release(work: Workspace, plan: ReleasePlan) -> Journal:
    """Carry a plan out; the caller holds the lock since it was made. Killed at any point, the repository is whole.

    Raises RepoError if Git or the signing program refuses, or if what was planned from is no longer there; then nothing
    has changed.
    """
    old, new = work.folder(plan.name, NEXT), work.folder(plan.name, plan.version)
    sweep(work.path(old))
    staged = work.repo.index_entries(old)
    contents = _contents(work, plan, old, staged)
    for path in plan.extra:
        staged |= work.repo.index_entries(path)
    parent, branch = plan.standing.commit, plan.standing.branch
    assert branch is not None
    objects = NewObjects(work.repo)
    stored = {blob for _, blob in staged.values()}  # what `git add` wrote: ids may be many megabytes
    files = {
        f"{new}/{path}": (FILE_MODE, objects.blob(data, stored=stored)) for path, data in contents.items()
    }
    files |= {path: (FILE_MODE, objects.blob(data)) for path, data in plan.extra.items()}
    commit = work.repo.build_commit(
        parent=parent,
        message=f"Release {plan.reference}\n\n{plan.message}",
        files=files,
        removed=[old],
        objects=objects,
        is_signed=plan.is_commit_signed,
    )
    tag = work.repo.build_tag(tag=plan.tag, commit=commit, message=plan.message, is_signed=plan.is_signed)
    journal = Journal(
        name=plan.name,
        version=str(plan.version),
        tag=plan.tag,
        object=tag,
        branch=branch,
        parent=parent,
        commit=commit,
        old=old,
        new=new,
        card=plan.card,
        written=plan.written,
        files=files,
        staged=staged,
    )
    _write(work, journal)
    zero = work.repo.zero
    try:
        work.repo.move_refs([(branch, commit, parent or zero), (f"refs/tags/{plan.tag}", tag, zero)])
    except BaseException:
        _recover(work)
        raise
    _finish(work, journal)
    work.lfs.release_pending(_pointers(plan.report.card.artifacts))
    return journal


def _contents(work: Workspace, plan: ReleasePlan, old: str, staged: Entries) -> dict[str, bytes]:
    """Return the files to release; raise RepoError if another command was there since they were looked at.

    Of a large file that lies in the work tree itself (`encode --materialise`) it is the pointer that was staged.
    """
    large = {
        artifact.path: pointer.format()
        for artifact, pointer in zip(
            plan.report.card.artifacts, _pointers(plan.report.card.artifacts), strict=True
        )
        if staged.get(f"{old}/{artifact.path}", ("", ""))[1] == pointer_blob(work.repo, pointer)
    }
    try:
        found = {path: large.get(path) or work.path(old, path).read_bytes() for path in plan.files}
    except FileNotFoundError:
        found = {}
    if found.get(CARD) != plan.written.encode():
        raise RepoError(
            f"{plan.name}@{NEXT} was released or changed by another command meanwhile",
            hint=f"embver list {plan.name}, then embver status {plan.name}",
        )
    return {**found, CARD: plan.card.encode()}


def undo_release(work: Workspace, journal: Journal) -> None:
    """Take back a release that nobody else has: references, index and work tree are as before it.

    Raises RepoError where something was built on it; then nothing has changed.
    """
    with release_lock(work):
        if work.path(journal.old).exists():
            raise RepoError(f"{journal.old} exists: {journal.reference} cannot be taken back into it")
        others = set(work.repo.git("tag", "--points-at", journal.commit).splitlines()) - {journal.tag}
        if others:
            raise RepoError(f"{journal.reference} has another tag, {min(others)}: it is in use")
        _write(work, _as_undo(journal))
        zero = work.repo.zero
        moves = [(journal.branch, journal.parent or zero, journal.commit)]
        moves.append((f"refs/tags/{journal.tag}", zero, journal.object))
        try:
            plain = read_card_text(journal.card, path=f"{journal.new}/{CARD}").plain
            work.lfs.keep(_pointers(Card.from_plain(plain).artifacts))
            work.repo.move_refs(moves)
        finally:
            _recover(work)


def last_release(work: Workspace) -> Journal | None:
    """Return the last release that was made in this work tree, while its tag still is the one that was made."""
    journal = _read(work.repo.own_dir / "embver" / DONE)
    if journal is None or _tagged(work, journal) != journal.object:
        return None
    return journal


def recover(work: Workspace) -> bool:
    """Finish a release whose tag exists, or forget one whose tag does not; tell whether there was one."""
    if not journal_path(work).is_file():
        return False
    with release_lock(work):
        return _recover(work)


def _recover(work: Workspace) -> bool:
    journal = _read(journal_path(work))
    if journal is None:
        return False
    is_tagged = _tagged(work, journal) == journal.object
    if is_tagged and not journal.is_undo:
        _finish(work, journal)
    elif not is_tagged and journal.is_undo:
        _take_back(work, journal)
    else:
        journal_path(work).unlink()
    return True


def _finish(work: Workspace, journal: Journal) -> None:
    """Let the work tree and the index follow a release."""
    old, new = work.path(journal.old), work.path(journal.new)
    if old.is_dir() and not new.exists():
        write_atomic(old / CARD, journal.card.encode())
        old.rename(new)
    sweep(new)
    _replace(work, journal, before=journal.staged, after=journal.files)
    work.repo.replace_in_index(files=journal.files, removed=list(journal.staged))
    journal_path(work).replace(work.repo.own_dir / "embver" / DONE)


def _take_back(work: Workspace, journal: Journal) -> None:
    """Let the work tree and the index be as they were before a release."""
    old, new = work.path(journal.old), work.path(journal.new)
    if new.is_dir() and not old.exists():
        new.rename(old)
        write_atomic(old / CARD, journal.written.encode())
    sweep(old)
    _replace(work, journal, before=journal.files, after=journal.staged)
    work.repo.replace_in_index(files=journal.staged, removed=list(journal.files))
    journal_path(work).unlink()


def _replace(work: Workspace, journal: Journal, *, before: Entries, after: Entries) -> None:
    """Let files beside the version's folder follow: those that still are as they were, and no person's edits."""
    own = (f"{journal.old}/", f"{journal.new}/")
    paths = sorted(path for path in {*before, *after} if not path.startswith(own))
    ids = [entry[1] for path in paths for entry in (before.get(path), after.get(path)) if entry]
    known = dict(zip(ids, work.repo.read_many(ids), strict=True))
    for path in paths:
        file = work.path(path)
        here = file.read_bytes() if file.is_file() else None
        then, now = (known[entries[path][1]] if path in entries else None for entries in (before, after))
        if here != then or here == now:
            continue
        if now is None:
            file.unlink()
        else:
            write_atomic(file, now)


def journal_path(work: Workspace) -> Path:
    """Return where it is written down what a release is about to do: each work tree has its own."""
    return work.repo.own_dir / "embver" / JOURNAL


def _tagged(work: Workspace, journal: Journal) -> str:
    asked = ("rev-parse", "--verify", "--quiet", f"refs/tags/{journal.tag}")
    return work.repo.git(*asked, status_ok=(0, 1)).strip()


def _as_undo(journal: Journal) -> Journal:
    return Journal(**{**asdict(journal), "is_undo": True})


def _write(work: Workspace, journal: Journal) -> None:
    write_atomic(journal_path(work), json.dumps(asdict(journal)).encode())


def _read(path: Path) -> Journal | None:
    """Return a journal, or None where there is none; raise RepoError for one that another version of embver wrote."""
    try:
        plain = json.loads(path.read_bytes())
        for key in ("files", "staged"):
            plain[key] = {name: (mode, blob) for name, (mode, blob) in plain[key].items()}
        return Journal(**plain)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RepoError(
            f"{path} is no journal of this version of embver: {error}",
            hint=f"look at `git status`, then remove {path}",
        ) from error


def _pointers(artifacts: tuple[Artifact, ...]) -> list[Pointer]:
    return [Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes) for artifact in artifacts]
