"""Artifacts that DVC keeps: their bytes in DVC's cache and remotes, a `.dvc` pointer for each in Git.

On this machine every command still finds an object by its SHA-256 in the store that Git LFS has; it is one file with
DVC's, by a hard link where the disk has those.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from embver.actions.workspace import Source, Workspace
from embver.card import Artifact
from embver.errors import EmbverError, IntegrityError, UsageError
from embver.exchange.dvc_config import CONFIG, read_config
from embver.pointer import DVC_SUFFIX, Pointer
from embver.store.files import hash_file
from embver.store.process import Finished, run

IGNORE: Final = ".gitignore"
_LOCAL: Final = ".dvc/config.local"


def check_storage(work: Workspace, way: str | None) -> None:
    """Raise UsageError, before anything is encoded, where DVC shall keep the vectors and cannot."""
    if work.settings.storage != "dvc":
        return
    if not work.path(CONFIG).is_file():
        raise UsageError(
            'storage = "dvc", and this is no repository of DVC\'s', hint="dvc init, then git commit"
        )
    if way is not None:
        raise UsageError(
            f"--materialise {way}: DVC keeps the vectors", hint="dvc checkout puts them into the work tree"
        )


def in_storage(
    work: Workspace, artifacts: Sequence[Mapping[str, Any]], files: Mapping[str, bytes]
) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, bytes]]:
    """Return an encode's artifacts and files, with DVC's pointers in the place of Git LFS's where the settings say so.

    The bytes are in DVC's cache before a pointer names them.
    """
    if work.settings.storage != "dvc":
        return tuple(artifacts), files
    entries, made, ignored = [], dict(files), []
    for entry in artifacts:
        pointer = Pointer.parse(files.get(entry["path"], b""))
        if pointer is None:
            entries.append(entry)
            continue
        kept = {**entry, "storage": "dvc", "md5": _keep(work, pointer)}
        artifact = Artifact.from_plain(kept)
        del made[artifact.path]
        made[artifact.git_path] = artifact.pointer
        ignored.append(f"/{artifact.path}\n")
        entries.append(kept)
    if ignored:
        made[IGNORE] = "".join(ignored).encode()
    return tuple(entries), made


def _keep(work: Workspace, pointer: Pointer) -> str:
    """Put an object into DVC's cache and return its md5, which was computed while it was written."""
    md5 = work.lfs.md5_of(pointer)
    _link(work.lfs.path_of(pointer.sha256), cached(work, md5))
    return md5


def restore(work: Workspace, artifact: Artifact) -> bool:
    """Bring an artifact's bytes from DVC's cache, if they are there, and tell whether they are here now."""
    pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
    if work.lfs.holds(pointer):
        return True
    if artifact.md5 is None or not work.path(CONFIG).is_file():
        return False
    file = cached(work, artifact.md5)
    if not file.is_file() or file.stat().st_size != artifact.size_bytes:
        return False
    if hash_file(file)[0] != artifact.sha256:
        raise IntegrityError(
            f"{artifact.path}: DVC's cache holds other bytes under {artifact.md5[:12]} than the card names",
            hint=f"rm {file}, then dvc fetch",
        )
    _link(file, work.lfs.path_of(artifact.sha256))
    return True


def fetch(work: Workspace, source: Source, artifacts: Sequence[Artifact]) -> int:
    """Let `dvc` bring what is not here of a release's artifacts; return how many bytes came.

    Raises EmbverError with the exact command where dvc is missing or fails, IntegrityError for other bytes.
    """
    assert source.release is not None
    absent = [each for each in artifacts if not restore(work, each)]
    if not absent:
        return 0
    here = [each for each in absent if work.read(work_tree(source), each.git_path) == each.pointer]
    if here:
        call(work, ["fetch", "-q", *(f"{source.folder}/{each.git_path}" for each in here)])
    for each in absent:
        if not restore(work, each):
            _get(work, source, each)
    return sum(each.size_bytes for each in absent)


def _get(work: Workspace, source: Source, artifact: Artifact) -> None:
    """Bring one file of a release that is not in the work tree, by `dvc get`."""
    assert source.release is not None
    with tempfile.TemporaryDirectory(dir=work.lfs.objects.parent) as folder:
        file = Path(folder, "file")
        path = f"{source.folder}/{artifact.path}"
        call(work, ["get", "-q", ".", path, "--rev", source.release.tag, "--out", str(file)])
        if hash_file(file)[0] != artifact.sha256:
            raise IntegrityError(
                f"{path}: dvc brought other bytes than the card of {source.reference} names",
                hint=f"embver verify {source.reference}",
            )
        _link(file, work.lfs.path_of(artifact.sha256))


def push(work: Workspace, folders: Iterable[str]) -> None:
    """Let `dvc` push what it keeps of some versions, by their folders in the work tree."""
    pointers = [
        file.relative_to(work.repo.root).as_posix()
        for folder in folders
        for file in sorted(work.path(folder).rglob(f"*{DVC_SUFFIX}"))
    ]
    if pointers:
        call(work, ["push", "-q", *pointers])


def cached(work: Workspace, md5: str) -> Path:
    """Return where DVC's cache has an object, there or not."""
    folder = None
    for name in (CONFIG, _LOCAL):  # of a person's own settings nothing is read but the folder
        file = work.path(name)
        if file.is_file():
            folder = read_config(file.read_text(encoding="utf-8", errors="replace")).cache or folder
    root = work.path(".dvc", folder or "cache")
    return root / "files" / "md5" / md5[:2] / md5[2:]


def work_tree(source: Source) -> Source:
    """Return where the same folder is read in the work tree."""
    return replace(source, revision=None, release=None)


def call(work: Workspace, arguments: Sequence[str]) -> Finished:
    """Run one command of DVC's; raise EmbverError with the exact command where it is missing or fails."""
    typed, program = shlex.join(["dvc", *arguments]), find_program()
    if program is None:
        raise EmbverError(
            "dvc is not installed, and it keeps what is needed",
            hint=f"pip install 'embver[dvc]', then the same again; or by hand: {typed}",
        )
    done = run([program, *arguments], cwd=work.repo.root, env={"DVC_NO_ANALYTICS": "1"}, check=False)
    if done.status != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        raise EmbverError(f"dvc {arguments[0]} failed: {said[-1]}", hint=typed)
    return done


def find_program() -> str | None:
    """Return DVC's program: on the path, or beside the Python that runs this."""
    beside = Path(sys.executable).with_name("dvc")
    return shutil.which("dvc") or (str(beside) if beside.is_file() else None)


def _link(source: Path, target: Path) -> None:
    """Let a file be at a second place as well: one file where the disk can, else a copy; whole or not at all."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    handle, name = tempfile.mkstemp(dir=target.parent)
    os.close(handle)
    try:
        shutil.copyfile(source, name)
        Path(name).chmod(0o444)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
