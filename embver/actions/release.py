"""Release the working version: plan, then apply. The tag is what makes a release, and it comes last.

Everything that can fail happens before the first change. Then branch and tag move in one transaction of Git's
own; what follows (the folder's new name in the work tree) is put right by the next command if this one is killed:
a journal in `.git/embver` says what was under way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.lock import release_lock
from embver.actions.release_checks import (
    check_encoded,
    check_free,
    check_repository,
    release_files,
    uncommitted,
)
from embver.actions.release_level import ReleaseRequest, choose_level, choose_version
from embver.actions.status import StatusReport, status
from embver.actions.workspace import CARD, NEXT, Workspace, sweep
from embver.card import card_digest
from embver.errors import LfsError, PolicyError, RepoError, UsageError
from embver.pointer import Pointer
from embver.store.cards import read_card_text, update_card
from embver.store.files import write_atomic
from embver.store.schemas import check_card
from embver.store.templates import render_template
from embver.version import Version

JOURNAL = "release.json"
FILE_MODE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What a release would do, ready to be applied."""

    name: str
    version: Version
    tag: str
    level: str
    verdict: str
    previous: str | None
    report: StatusReport
    card: str  # the card's new text
    digest: str
    message: str
    files: tuple[str, ...]  # in next/, relative to it
    override: dict[str, Any] | None
    push: bool
    uncommitted: tuple[str, ...]  # paths that the version stands on and no commit holds

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver release --json`."""
        return {
            "name": self.name,
            "version": str(self.version),
            "tag": self.tag,
            "level": self.level,
            "verdict": self.verdict,
            "previous": self.previous,
            "card_digest": self.digest,
            "override": self.override,
        }


def plan_release(work: Workspace, request: ReleaseRequest) -> ReleasePlan:
    """Decide number, card and message of a release; changes nothing.

    Raises PolicyError with the reasons where the number would promise more than was measured, CardError for a
    card that is not valid, UsageError where there is nothing to release or something is in the way.
    """
    check_repository(work)
    if request.push:
        check_remote(work)
    report = status(work, request.name)
    check_encoded(work, report)
    _check_worth(report, request)
    level, override = choose_level(report, request)
    version = choose_version(work, report, level, request.pre)
    tag = work.settings.tags.format(request.name, version)
    check_free(work, report, version, tag)
    text = _card(work, report, version, override)
    parsed = read_card_text(text, path=f"{work.folder(request.name, version)}/{CARD}")
    problems = check_card(parsed, folder=str(version))
    if problems:
        raise RepoError(
            "the card to be released would not be valid:\n" + "\n".join(p.format() for p in problems)
        )
    digest = card_digest(parsed.plain)
    judged = report.judgement
    word = level.word if judged else "first"
    verdict = (
        judged.verdict.word if judged and judged.verdict else ("none" if judged is None else "unmeasured")
    )
    previous = report.current.reference if report.current else None
    context = {
        "title": f"{request.name} {version}",
        "words": [str(entry["text"]) for entry in parsed.plain.get("changes") or ()],
        "reasons": [
            f"{reason.level.word}: {reason.path}: {reason.why}" for reason in report.reasons if reason.level
        ],
        "override": override,
        "trailers": {"Card-Digest": digest, "Level": word, "Verdict": verdict, "Previous": previous},
    }
    return ReleasePlan(
        name=request.name,
        version=version,
        tag=tag,
        level=word,
        verdict=verdict,
        previous=previous,
        report=report,
        card=text,
        digest=digest,
        message=render_template("tag-message.txt.j2", context),
        files=release_files(work, report),
        override=override,
        push=request.push,
        uncommitted=uncommitted(work, report),
    )


def _check_worth(report: StatusReport, request: ReleaseRequest) -> None:
    # Asked for by its level, even a change of words alone is released: it is the person's to say.
    if report.is_worth_a_release or (request.level and report.has_new_words):
        return
    raise PolicyError(
        f"{request.name}: nothing changed since {report.current.reference if report.current else ''} "
        "that a user of its vectors could notice",
        hint=f"embver diff {request.name}"
        + (f", or embver release {request.name} --level patch" if report.has_new_words else ""),
    )


def _card(work: Workspace, report: StatusReport, version: Version, override: dict[str, Any] | None) -> str:
    text = work.path(work.folder(report.name, NEXT), CARD).read_bytes().decode()
    updates: list[tuple[tuple[str, ...], Any]] = [(("version",), str(version))]
    if override is not None:
        updates.append((("override",), override))
    if report.comparisons:
        updates.append((("compatibility",), [found.to_record() for found in report.comparisons]))
    return update_card(text, updates)


def apply_release(work: Workspace, plan: ReleasePlan) -> str:
    """Carry a plan out; return the release's commit. Killed at any point, the repository is whole.

    Raises RepoError if Git refuses or another release is under way; then nothing has changed.
    """
    with release_lock(work):
        return _apply(work, plan)


def _apply(work: Workspace, plan: ReleasePlan) -> str:
    old, new = work.folder(plan.name, NEXT), work.folder(plan.name, plan.version)
    parent, branch = work.repo.head(), work.repo.branch()
    assert branch is not None
    sweep(work.path(old))
    files = {}
    for path in plan.files:
        data = plan.card.encode() if path == CARD else work.path(old, path).read_bytes()
        files[f"{new}/{path}"] = (FILE_MODE, work.repo.write_blob(data))
    tracked = work.repo.git("ls-files", "-z", "--", old).split("\0")
    removed = [path for path in tracked if path]
    in_head = [entry.path for entry in work.repo.tree(parent, old)] if parent else []
    commit = work.repo.build_commit(
        parent=parent, message=f"Release {plan.reference}\n\n{plan.message}", files=files, removed=in_head
    )
    tag = work.repo.build_tag(tag=plan.tag, commit=commit, message=plan.message)
    journal = {
        "old": old,
        "new": new,
        "tag": plan.tag,
        "object": tag,
        "card": plan.card,
        "files": files,
        "removed": removed,
    }
    write_atomic(journal_path(work), json.dumps(journal).encode())
    zero = "0" * len(commit)
    try:
        work.repo.move_refs([(branch, commit, parent or zero), (f"refs/tags/{plan.tag}", tag, zero)])
    except BaseException:
        _recover(work)
        raise
    _recover(work)
    work.lfs.release_pending(
        Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        for artifact in plan.report.card.artifacts
    )
    return commit


def push_release(work: Workspace, plan: ReleasePlan) -> None:
    """Push the branch and this one tag, LFS objects first; raise RepoError or LfsError if the remote refuses."""
    remote, branch = work.settings.remote, work.repo.branch()
    assert branch is not None
    try:
        work.lfs.push(remote, branch, plan.tag)
        work.repo.push(remote, branch, f"refs/tags/{plan.tag}")
    except (LfsError, RepoError) as error:
        error.message = f"{plan.reference} is released here, and is not pushed: {error.message}"
        short = branch.removeprefix("refs/heads/")
        error.hint = f"git pull --no-rebase, then git push --atomic {remote} {short} {plan.tag}"
        raise


def check_remote(work: Workspace) -> None:
    """Raise UsageError if there is no remote to push to."""
    remote = work.settings.remote
    if remote not in work.repo.remotes():
        raise UsageError(
            f"there is no remote {remote!r} to push to",
            hint=f"git remote add {remote} URL, or without --push",
        )


def recover(work: Workspace) -> bool:
    """Finish a release whose tag exists, or forget one whose tag does not; tell whether there was one."""
    if not journal_path(work).is_file():
        return False
    with release_lock(work):
        return _recover(work)


def _recover(work: Workspace) -> bool:
    journal = journal_path(work)
    if not journal.is_file():
        return False
    plan = json.loads(journal.read_bytes())
    tagged = work.repo.git(
        "rev-parse", "--verify", "--quiet", f"refs/tags/{plan['tag']}", status_ok=(0, 1)
    ).strip()
    if tagged == plan["object"]:
        old, new = work.path(plan["old"]), work.path(plan["new"])
        if old.is_dir() and not new.exists():
            write_atomic(old / CARD, plan["card"].encode())
            old.rename(new)
        sweep(new)
        files = {path: (mode, blob) for path, (mode, blob) in plan["files"].items()}
        work.repo.replace_in_index(files=files, removed=plan["removed"])
    journal.unlink()
    return True


def journal_path(work: Workspace) -> Path:
    """Return where it is written down what a release is about to do: each work tree has its own."""
    path = work.repo.git("rev-parse", "--git-path", f"embver/{JOURNAL}").strip()
    return work.repo.root / path
