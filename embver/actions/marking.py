"""Write what follows a release: tags of the life cycle and the card's status, all in one transaction of Git's.

Everything that can fail happens before references move. What follows (the card in index and work tree) is put right
by the next command if this one is killed: a journal in `.git/embver` says what was under way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.lock import release_lock
from embver.actions.workspace import CARD, NEXT, Workspace, sweep
from embver.errors import LfsError, RepoError, UsageError
from embver.history import Release
from embver.lifecycle import Status
from embver.lifetag import parse_event
from embver.store.cards import read_card_text, update_card
from embver.store.files import write_atomic
from embver.store.process import ProcessError
from embver.store.schemas import check_card
from embver.tagname import Reference

_YES = ("true", "yes", "on", "1")  # as Git reads its settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An annotated tag to be made."""

    tag: str
    commit: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A card's new text, for a commit on the branch that HEAD stands on."""

    path: str
    mode: str
    before: str  # blob id
    text: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What was written."""

    tags: tuple[str, ...]
    commit: str | None  # of the card's new text, if it has one


@contextlib.contextmanager
def exclusively(work: Workspace, *, is_dry_run: bool) -> Iterator[None]:
    """Let no other embver write here meanwhile, from reading the tags on; a dry run writes nothing and need not."""
    if is_dry_run:
        yield
        return
    with release_lock(work):
        yield


def released(work: Workspace, text: str) -> Release:
    """Return the release that a reference names; raise UsageError for the working version, too."""
    with contextlib.suppress(ValueError):
        reference = Reference.parse(text)
        if reference.selector == NEXT and reference.stage is None:
            raise UsageError(
                f"{text} is the working version: only a release has a life cycle",
                hint=f"embver release {reference.name}",
            )
    return work.find(text)


def check_ready(work: Workspace, *, push: bool) -> None:
    """Raise UsageError or RepoError unless every tag is here and there is someone to make new ones."""
    if work.repo.is_shallow():
        raise RepoError(
            "this clone is shallow and may lack tags: their numbers decide which is the last word",
            hint="git fetch --unshallow --tags",
        )
    if work.repo.identity() is None:
        raise RepoError(
            "Git does not know who is at work",
            hint="git config user.name NAME && git config user.email ADDRESS",
        )
    if push and work.settings.remote not in work.repo.remotes():
        raise UsageError(
            f"there is no remote {work.settings.remote!r} to push to",
            hint=f"git remote add {work.settings.remote} URL, or without --push",
        )


def check_remote(work: Workspace, release: Release) -> None:
    """Raise UsageError if the remote lacks the release, or has life cycle tags that are not here yet.

    Raises RepoError if it does not answer.
    """
    remote, name = work.settings.remote, release.name
    wanted = [f"refs/tags/{pattern}" for pattern in (release.tag, *work.settings.tags.patterns(name))]
    try:
        listed = work.repo.git("ls-remote", "--tags", remote, *wanted)
    except ProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split())
        raise RepoError(
            f"nothing was changed: {remote} cannot be asked: {said}", hint="git remote -v, or without --push"
        ) from error
    there = [line.partition("\t")[2].removeprefix("refs/tags/") for line in listed.splitlines()]
    if release.tag not in there:
        branch = (work.repo.branch() or "BRANCH").removeprefix("refs/heads/")
        raise UsageError(
            f"{release.reference} is not on {remote} yet",
            hint=f"git push --atomic {remote} {branch} {release.tag}",
        )
    events = [event for tag in there if (event := parse_event(tag, work.settings.tags)) is not None]
    mine = {record.tag for record in work.tag_records}
    newer = [event.tag for event in events if event.name == name and event.tag not in mine]
    if newer:
        raise UsageError(
            f"{remote} has tags of {name} that are not here: {', '.join(sorted(newer)[:3])}",
            hint=f"git fetch --tags {remote}",
        )


def status_edit(work: Workspace, release: Release, status: Status) -> tuple[Edit | None, bool]:
    """Return the card's text with another status, None if it says so already, and whether HEAD holds the card.

    Raises UsageError where HEAD is on no branch, or the card has changes that no commit holds.
    """
    path = f"{work.folder(release.name, release.version)}/{CARD}"
    head = work.repo.head()
    entries = work.repo.tree(head, path.removesuffix(f"/{CARD}")) if head else ()
    entry = next((entry for entry in entries if entry.path == path), None)
    if entry is None:
        return None, False
    if work.repo.branch() is None:
        raise UsageError("HEAD is detached: the card's status needs a branch", hint="git switch BRANCH")
    if work.repo.changed_paths(path):
        raise UsageError(
            f"{path} has changes that are not committed", hint=f"git commit {path}, or git restore {path}"
        )
    data = work.repo.read_many([entry.blob])[0] or b""
    card = read_card_text(data, path=path)
    before = card.plain.get("status") if not card.problems else None
    wanted: dict[str, Any] = dict(status.to_plain())
    if before == wanted or (before is None and status.is_active):
        return None, True
    text = update_card(data.decode(), [(("status",), wanted)])
    problems = check_card(read_card_text(text, path=path), folder=str(release.version))
    if problems:
        raise UsageError(
            f"{path} would not be valid:\n" + "\n".join(problem.format() for problem in problems),
            hint="mend the lines above",
        )
    edit = Edit(path=path, mode=entry.mode, before=entry.blob, text=text.encode())
    return edit, True


def write(work: Workspace, marks: Sequence[Mark], edit: Edit | None = None, *, push: bool = False) -> Marked:
    """Write tags, and a commit with the card's new text if there is one: all or none. The caller holds the lock.

    With `push` the remote gets them first, by name: what it refuses never happened here. Raises RepoError or
    LfsError if Git refuses; then nothing has changed.
    """
    zero, moves, commit = "0" * len(marks[0].commit), [], None
    signed = work.repo.settings(r"^(commit|tag)\.gpgsign$")
    for mark in marks:
        made = work.repo.build_tag(
            tag=mark.tag,
            commit=mark.commit,
            message=mark.message,
            is_signed=signed.get("tag.gpgsign") in _YES,
        )
        moves.append((f"refs/tags/{mark.tag}", made, zero))
    journal = {"ref": moves[0][0], "object": moves[0][1]}
    if edit is not None:
        parent, branch = work.repo.head(), work.repo.branch()
        assert parent is not None
        assert branch is not None
        blob = work.repo.write_blob(edit.text)
        files = {edit.path: (edit.mode, blob)}
        commit = work.repo.build_commit(
            parent=parent,
            message=marks[0].message,
            files=files,
            removed=[],
            is_signed=signed.get("commit.gpgsign") in _YES,
        )
        moves.append((branch, commit, parent))
        journal |= {"path": edit.path, "mode": edit.mode, "before": edit.before, "after": blob}
    if push:
        _push(work, moves, has_commit=commit is not None)
    if edit is not None:
        write_atomic(_journal_path(work), json.dumps(journal).encode())
    try:
        work.repo.move_refs(moves)
    except ProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        where = f" here, though {work.settings.remote} has it" if push else ""
        raise RepoError(
            f"nothing was changed{where}: {said}", hint="git pull --tags" if push else "try again"
        ) from error
    finally:
        finish(work)
    return Marked(tags=tuple(mark.tag for mark in marks), commit=commit)


def _push(work: Workspace, moves: Sequence[tuple[str, str, str]], *, has_commit: bool) -> None:
    remote, branch = work.settings.remote, work.repo.branch()
    try:
        if has_commit and branch is not None:
            work.lfs.push(remote, branch)  # of commits below ours that were never pushed
        work.repo.push(remote, *(f"{made}:{ref}" for ref, made, _ in moves))
    except (LfsError, RepoError) as error:
        error.message = f"nothing was changed, here or there: {remote} did not take it: {error.message}"
        fetch = f"git pull --no-rebase {remote}" if has_commit else f"git fetch {remote}"
        error.hint = f"{fetch} --tags, then the same command again"
        raise


def finish(work: Workspace) -> None:
    """Bring index and work tree after a commit whose tag exists; forget one whose tag does not."""
    path = _journal_path(work)
    if not path.is_file():
        return
    edit = json.loads(path.read_bytes())
    made = work.repo.git("rev-parse", "--verify", "--quiet", edit["ref"], status_ok=(0, 1)).strip()
    if made == edit["object"]:
        file = work.repo.root / edit["path"]
        sweep(file.parent)
        # What a person wrote into the card meanwhile stays theirs; Git then shows it as a change.
        is_as_before = (
            file.is_file() and work.repo.git("hash-object", "--", edit["path"]).strip() == edit["before"]
        )
        if is_as_before:
            write_atomic(file, work.repo.read_many([edit["after"]])[0] or b"")
        listed = work.repo.git("ls-files", "--stage", "-z", "--", edit["path"])
        if edit["before"] in listed:
            work.repo.replace_in_index(files={edit["path"]: (edit["mode"], edit["after"])}, removed=[])
    path.unlink()


def is_unfinished(work: Workspace) -> bool:
    """Tell whether a command was killed before index and work tree followed its commit."""
    return _journal_path(work).is_file()


def recover(work: Workspace) -> None:
    """Finish what a killed command left."""
    if is_unfinished(work):
        with release_lock(work):
            finish(work)


def _journal_path(work: Workspace) -> Path:
    """Return where it is written down what is under way: one file a work tree, found without asking Git."""
    tree = hashlib.sha256(str(work.repo.root).encode()).hexdigest()[:12]
    return work.repo.git_dir / "embver" / f"lifecycle-{tree}.json"
