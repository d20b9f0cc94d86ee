"""Look for all that stands in the way of a release, before anything is changed."""

from __future__ import annotations

from embver.actions.encode import sums_of
from embver.actions.status import StatusReport
from embver.actions.workspace import CARD, NEXT, SCRATCH, Workspace, read_pointer
from embver.errors import RepoError, UsageError
from embver.pointer import Pointer
from embver.store.config import FILE_NAME
from embver.store.files import hash_file
from embver.version import Version

SUMS = "SHA256SUMS"


def check_encoded(work: Workspace, report: StatusReport) -> None:
    """Raise UsageError unless `next/` holds the vectors of its card as it stands."""
    card, name = report.card, report.name
    if report.stale is not None:
        raise UsageError(f"{name}@next: {report.stale}", hint=f"embver encode {name}")
    for artifact in card.artifacts:
        file = work.path(work.folder(name, NEXT), artifact.path)
        pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        if not file.is_file():
            raise UsageError(f"{name}@next: {artifact.path} is missing", hint=f"embver encode {name} --force")
        if artifact.role == "ids":
            is_right = hash_file(file)[0] == artifact.sha256
        else:
            is_right = read_pointer(file) == pointer and work.lfs.holds(pointer)
        if not is_right:
            raise UsageError(
                f"{name}@next: {artifact.path} is not what the card says",
                hint=f"embver encode {name} --force",
            )
    sums = work.path(work.folder(name, NEXT), SUMS)
    entries = [{"path": artifact.path, "sha256": artifact.sha256} for artifact in card.artifacts]
    if not sums.is_file() or sums.read_bytes() != sums_of(entries):
        raise UsageError(
            f"{name}@next: {SUMS} does not hold the card's checksums", hint=f"embver encode {name} --force"
        )


def uncommitted(work: Workspace, report: StatusReport) -> tuple[str, ...]:
    """Return what the version stands on and no commit holds: a clone of the release would lack it."""
    plain = report.card.plain
    data = [plain.get("corpus") or {}, *((plain.get("training") or {}).get("data") or ())]
    named = [str(entry["uri"]) for entry in data if entry.get("uri") and "://" not in str(entry["uri"])]
    models = [(encoder.get("model") or {}).get("path") for encoder in report.card.encoders.values()]
    probe = work.settings.probe_for(report.name)
    settings = (".gitattributes", ".lfsconfig", FILE_NAME)
    paths = sorted({*settings, *named, *(str(path) for path in (*models, probe) if path)})
    return work.repo.changed_paths(*(path for path in paths if work.path(path).exists()))


def check_repository(work: Workspace) -> None:
    """Raise UsageError or RepoError unless history is whole and there are a branch and someone to commit."""
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


def check_free(work: Workspace, report: StatusReport, version: Version, tag: str) -> None:
    """Raise UsageError if tag, folder or stray files are in the way."""
    name = report.name
    if work.repo.git("tag", "--list", tag).strip():
        raise UsageError(f"the tag {tag} exists already", hint=f"embver show {name}@{version}")
    if work.path(work.folder(name, version)).exists():
        raise UsageError(
            f"{work.folder(name, version)} exists already", hint="move it away, then release again"
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
    return [
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(SCRATCH)
    ]
