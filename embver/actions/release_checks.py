"""Look for all that stands in the way of a release, before anything is changed."""

from __future__ import annotations

from embver import history
from embver.actions.committed import problems_of_next
from embver.actions.dvc_storage import IGNORE
from embver.actions.placing import is_there
from embver.actions.status import StatusReport
from embver.actions.sums import SUMS, sums_of
from embver.actions.workspace import CARD, NEXT, SCRATCH, Workspace
from embver.errors import CardError, PolicyError, RepoError, UsageError
from embver.levels import Level
from embver.store.config import FILE_NAME
from embver.store.repo import Standing
from embver.version import Version


def check_encoded(work: Workspace, report: StatusReport) -> None:
    """Raise UsageError unless `next/` holds the vectors of its card as it stands."""
    card, name = report.card, report.name
    if report.stale is not None:
        raise UsageError(f"{name}@next: {report.stale}", hint=f"embver encode {name}")
    for artifact in card.artifacts:
        file = work.path(work.folder(name, NEXT), artifact.git_path)
        if not file.is_file():
            raise UsageError(f"{name}@next: {artifact.path} is missing", hint=f"embver encode {name} --force")
        if not is_there(work, work.folder(name, NEXT), artifact):
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


def check_truth(work: Workspace, report: StatusReport) -> None:
    """Raise CardError listing everything in which the version differs from the commit that it would stand on.

    That is what `embver validate` says of a release: files beside the card, data, weights and probe set; and what of
    these no commit holds.
    """
    problems = problems_of_next(work, report.card)
    if problems:
        raise CardError(
            f"{report.name}@{NEXT} is not what its card says",
            problems=problems,
            hint=f"mend the lines above, then embver release {report.name}",
        )


def uncommitted(work: Workspace) -> tuple[str, ...]:
    """Return the settings that no commit holds: a clone of the release would read it by others."""
    paths = (".gitattributes", ".lfsconfig", FILE_NAME)
    there = [path for path in paths if work.path(path).exists()]
    return work.repo.changed_paths(*there) if there else ()


def check_repository(work: Workspace) -> Standing:
    """Return where HEAD stands; raise unless history is whole and there are a branch and someone to commit."""
    standing = work.repo.standing()
    if standing.is_shallow:
        raise RepoError(
            "this clone is shallow: a release needs the tags and commits before it",
            hint="git fetch --unshallow --tags",
        )
    if standing.branch is None:
        raise UsageError("HEAD is detached: a release needs a branch to stand on", hint="git switch BRANCH")
    if work.repo.committer is None:
        raise RepoError(
            "Git does not know who releases",
            hint="git config user.name NAME && git config user.email ADDRESS",
        )
    return standing


def check_free(work: Workspace, report: StatusReport, version: Version, tag: str) -> None:
    """Raise UsageError if tag, folder or stray files are in the way, PolicyError where an old line has no number left."""
    name = report.name
    _check_line(work, report, version)
    if any(record.tag == tag for record in work.records_of(name)):
        raise UsageError(f"the tag {tag} exists already", hint=f"embver show {name}@{version}")
    if work.path(work.folder(name, version)).exists():
        raise UsageError(
            f"{work.folder(name, version)} exists already", hint="move it away, then release again"
        )
    # What `dvc checkout` puts beside its pointer is no part of the commit.
    checked_out = {artifact.path for artifact in report.card.artifacts if artifact.md5}
    extra = set(_files_on_disk(work, name)) - set(release_files(work, report)) - checked_out
    if extra:
        raise UsageError(
            f"{work.folder(name, NEXT)} holds what the card does not name: {', '.join(sorted(extra)[:5])}",
            hint="remove it, or name it in the card's artifacts",
        )


def _check_line(work: Workspace, report: StatusReport, version: Version) -> None:
    """Raise PolicyError if the number that the level calls for is another release's, or lies behind one."""
    current = report.current
    taken = history.in_the_way(work.standing(report.name), current, version) if current else None
    if current is None or taken is None or version.build:
        return
    raise PolicyError(
        f"refused: {report.name}@{NEXT} was begun from {current.reference} and calls for "
        f"{version.level_from(current.version).word.upper()}, {version}, and {taken.reference} is out already",
        reasons=tuple(
            f"{reason.path}: {reason.why}" for reason in report.reasons if reason.level > Level.PATCH
        ),
        hint=f"what is more than a fix goes on from the latest: `previous: {taken.reference}` in the card, or without "
        f"that line, then embver status {report.name}; an old line takes fixes only",
    )


def release_files(work: Workspace, report: StatusReport) -> tuple[str, ...]:
    """Return the files of `next/` that the card accounts for."""
    raw = [str((entry.plain.get("source") or {}).get("path")) for entry in report.card.benchmarks]
    named = [CARD, SUMS, *(artifact.git_path for artifact in report.card.artifacts), *raw]
    named += [IGNORE] if any(artifact.md5 for artifact in report.card.artifacts) else []
    return tuple(path for path in named if work.path(work.folder(report.name, NEXT), path).is_file())


def _files_on_disk(work: Workspace, name: str) -> list[str]:
    folder = work.path(work.folder(name, NEXT))
    return [
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(SCRATCH)
    ]
