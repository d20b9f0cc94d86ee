"""Bring one version's bytes, and no other's: into the LFS store, a folder, or the work tree."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from embver.actions.dvc_storage import IGNORE, call, fetch
from embver.actions.pull_data import PulledData, pull_data
from embver.actions.workspace import CARD, Source, Workspace
from embver.card import Artifact, Card
from embver.errors import IntegrityError, PolicyError, UsageError
from embver.lifecycle import NO_STATUS, Status
from embver.pointer import Pointer
from embver.store.files import hash_file


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReport:
    """What was asked for, how many bytes came over, and where plain files were written."""

    reference: str
    files: tuple[str, ...]
    fetched_bytes: int
    size_bytes: int
    out: str | None
    status: Status = NO_STATUS
    data: tuple[PulledData, ...] | None = None  # None: nobody asked


def pull(
    work: Workspace,
    reference: str,
    *,
    out: Path | None = None,
    materialise: bool = False,
    is_yanked_wanted: bool = False,
    with_data: bool = False,
) -> PullReport:
    """Fetch the LFS objects of one version; with `out` also write plain files there, all or none.

    `with_data` also brings what DVC and Git LFS keep of the data, corpus and models that the card names.

    Raises PolicyError for a yanked version unless that is what is wanted, UsageError if `out` exists and is not empty, IntegrityError if bytes are not what the card says.
    """
    source = work.source(reference)
    if source.release is None:
        raise UsageError(f"{source.reference} is the working version: there is nothing to fetch")
    status = work.lifecycle_of(source.release.name).status(source.reference)
    if status.is_yanked and not is_yanked_wanted:
        instead = f"embver pull {status.successor}, or" if status.successor else "with"
        raise PolicyError(
            f"refused: {status.sentence(source.reference)}",
            hint=f"{instead} --yanked to have it all the same",
        )
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and is not empty", hint="another --out folder")
    card = work.card(source)
    kept = [artifact for artifact in card.artifacts if artifact.md5]
    for artifact in kept:
        if work.read(source, artifact.git_path) != artifact.pointer:
            raise IntegrityError(
                f"{source.reference}: {artifact.path}: DVC's pointer and the card name different bytes",
                hint=f"embver verify {source.reference}",
            )
    rest = [artifact for artifact in card.artifacts if not artifact.md5]
    large = [artifact for artifact in rest if _pointer_in_git(work, source, artifact) is not None]
    fetched = _fetch(work, source, large) + fetch(work, source, kept)
    if out is not None:
        _write_out(work, source, card, out)
    if materialise:
        _materialise(work, source, large, kept)
    return PullReport(
        reference=source.reference,
        files=tuple(artifact.path for artifact in card.artifacts),
        fetched_bytes=fetched,
        size_bytes=sum(artifact.size_bytes for artifact in card.artifacts),
        out=str(out) if out else None,
        status=status,
        data=pull_data(work, source, card, out) if with_data else None,
    )


def _pointer_in_git(work: Workspace, source: Source, artifact: Artifact) -> Pointer | None:
    """Return the pointer that Git holds for an artifact; None for a file that Git holds itself.

    Raises IntegrityError where the pointer and the card name different bytes.
    """
    data = work.read(source, artifact.path)
    if data is None:
        raise IntegrityError(
            f"{source.reference}: {artifact.path} is not in its commit",
            hint=f"embver verify {source.reference}",
        )
    pointer = Pointer.parse(data)
    if pointer is not None and pointer.sha256 != artifact.sha256:
        raise IntegrityError(
            f"{source.reference}: {artifact.path}: Git's pointer and the card name different bytes",
            hint=f"embver verify {source.reference}",
        )
    return pointer


def _fetch(work: Workspace, source: Source, artifacts: list[Artifact]) -> int:
    pointers = [Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes) for artifact in artifacts]
    absent = [pointer for pointer in pointers if not work.lfs.holds(pointer)]
    if not absent:
        return 0
    remote = work.settings.remote
    if remote not in work.repo.remotes():
        raise UsageError(
            f"{len(absent)} objects of {source.reference} are not here, and there is no remote {remote!r}",
            hint="git remote add origin URL, or embver.toml: remote = NAME",
        )
    assert source.release is not None
    paths = [f"{source.folder}/{artifact.path}" for artifact in artifacts]
    return work.lfs.fetch(remote, source.release.tag, paths, pointers)


def _write_out(work: Workspace, source: Source, card: Card, out: Path) -> None:
    """Write the version's folder beside its place first, then rename: a kill leaves nothing half there."""
    out.parent.mkdir(parents=True, exist_ok=True)
    assert source.release is not None
    prefix = f".{out.name}.embver-"
    for stale in out.parent.glob(f"{prefix}*"):  # of a pull to this very place that was killed
        shutil.rmtree(stale, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(dir=out.parent, prefix=prefix))
    try:
        kept = [artifact for artifact in card.artifacts if artifact.md5]
        for artifact in kept:
            shutil.copyfile(work.lfs.path_of(artifact.sha256), _made(scratch / artifact.path))
        # A pointer of DVC's says nothing outside of its repository.
        pointers = {*(artifact.git_path for artifact in kept), *([IGNORE] if kept else [])}
        for entry in work.repo.tree(source.release.commit, source.folder):
            name = entry.path.removeprefix(f"{source.folder}/")
            if name in pointers:
                continue
            target = _made(scratch / name)
            data = work.repo.read(source.release.commit, entry.path) or b""
            pointer = Pointer.parse(data)
            if pointer is None:
                target.write_bytes(data)
                continue
            shutil.copyfile(work.lfs.path_of(pointer.sha256), target)
        for artifact in card.artifacts:
            if hash_file(scratch / artifact.path)[0] != artifact.sha256:
                raise IntegrityError(
                    f"{source.reference}: the bytes of {artifact.path} are not those that its card names",
                    hint=f"embver verify {source.reference}",
                )
        scratch.chmod(0o777 & ~_umask())
        if out.is_dir():
            out.rmdir()
        scratch.rename(out)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _made(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _materialise(work: Workspace, source: Source, artifacts: list[Artifact], kept: list[Artifact]) -> None:
    """Put bytes in the place of pointers in the work tree, as `git lfs checkout` does."""
    if not work.path(source.folder, CARD).is_file():
        raise UsageError(
            f"{source.folder} is not in the work tree",
            hint=f"git switch a branch that holds {source.reference}",
        )
    paths = [f"{source.folder}/{artifact.path}" for artifact in artifacts]
    if paths:
        work.lfs.run("checkout", *paths)
    if kept:
        call(work, ["checkout", "-q", *(f"{source.folder}/{artifact.git_path}" for artifact in kept)])


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
