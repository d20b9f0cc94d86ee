"""Look for all that stands in the way of a release, before anything is changed."""

from __future__ import annotations

from embver.actions.status import StatusReport
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import space_id
from embver.errors import RepoError, UsageError
from embver.pointer import Pointer
from embver.version import Version

SUMS = "SHA256SUMS"


def check_encoded(work: Workspace, report: StatusReport) -> None:
    """Raise UsageError unless `next/` holds the vectors of its card as it stands."""
    card, name = report.card, report.name
    if not card.artifacts:
        raise UsageError(f"{name}@next has no vectors yet", hint=f"embver encode {name}")
    if card.plain.get("fingerprint") != space_id(card.plain):
        raise UsageError(
            f"{name}@next: the card was changed after its vectors were encoded: its fingerprint is another one now",
            hint=f"embver encode {name}",
        )
    for artifact in card.artifacts:
        file = work.path(work.folder(name, NEXT), artifact.path)
        pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        if not file.is_file():
            raise UsageError(f"{name}@next: {artifact.path} is missing", hint=f"embver encode {name} --force")
        if artifact.role != "ids" and (
            Pointer.parse(file.read_bytes()[:1024]) != pointer or not work.lfs.holds(pointer)
        ):
            raise UsageError(
                f"{name}@next: {artifact.path} is not what the card says",
                hint=f"embver encode {name} --force",
            )


def check_free(work: Workspace, report: StatusReport, version: Version, tag: str) -> None:
    """Raise UsageError or RepoError if tag, folder, branch, identity or stray files are in the way."""
    name = report.name
    if work.repo.git("tag", "--list", tag).strip():
        raise UsageError(f"the tag {tag} exists already", hint=f"embver show {name}@{version}")
    if work.path(work.folder(name, version)).exists():
        raise UsageError(
            f"{work.folder(name, version)} exists already", hint="move it away, then release again"
        )
    if work.repo.is_shallow():
        raise RepoError(
            "this clone is shallow: a release needs the tags and commits before it",
            hint="git fetch --unshallow --tags",
        )
    if work.repo.branch() is None:
        raise UsageError("HEAD is detached: a release needs a branch to stand on", hint="git switch BRANCH")
    if work.repo.identity() is None:
        raise RepoError(
            "Git does not know who releases",
            hint="git config user.name NAME && git config user.email ADDRESS",
        )
    extra = set(_files_on_disk(work, name)) - set(release_files(work, report))
    if extra:
        raise UsageError(
            f"{work.folder(name, NEXT)} holds what the card does not name: {', '.join(sorted(extra)[:5])}",
            hint="remove it, or name it in the card's artifacts",
        )


def release_files(work: Workspace, report: StatusReport) -> tuple[str, ...]:
    """Return the files of `next/` that the card accounts for."""
    raw = [str((entry.plain.get("source") or {}).get("path")) for entry in report.card.benchmarks]
    named = [CARD, SUMS, *(artifact.path for artifact in report.card.artifacts), *raw]
    return tuple(path for path in named if work.path(work.folder(report.name, NEXT), path).is_file())


def _files_on_disk(work: Workspace, name: str) -> list[str]:
    folder = work.path(work.folder(name, NEXT))
    return [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
