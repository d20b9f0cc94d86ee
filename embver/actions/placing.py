"""Put an encode's files into the work tree and the index: pointers, or with `--materialise` the files themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from embver.actions.dvc_storage import restore
from embver.actions.workspace import Workspace, read_pointer
from embver.card import Artifact
from embver.errors import UsageError
from embver.pointer import Pointer
from embver.store.files import hash_file, write_atomic
from embver.store.materialise import check_way, is_staged_clean, place, stage_known


def check_placing(work: Workspace, folder: str, way: str | None) -> None:
    """Raise UsageError, before anything is encoded, where files cannot be put into the work tree in this way."""
    if way is None:
        return
    if not is_routed(work, folder):
        raise UsageError(
            f"--materialise {way}: .gitattributes does not hand {folder}/*.safetensors to Git LFS, and Git itself "
            "would store the bytes",
            hint="embver doctor",
        )
    check_way(work.lfs.objects, work.path(folder), way)


def is_routed(work: Workspace, folder: str) -> bool:
    """Tell whether .gitattributes hands a version's vectors to Git LFS."""
    return work.repo.attribute(f"{folder}/image.safetensors", "filter") == "lfs"


def place_files(
    work: Workspace, folder: str, files: Mapping[str, bytes], *, way: str | None, note: Callable[[str], None]
) -> None:
    """Write files by path below a folder; of a pointer, with `way`, the bytes that it stands for."""
    for path, data in files.items():
        pointer = Pointer.parse(data)
        target = work.path(folder, path)
        if pointer is None or way is None:
            write_atomic(target, data)
        else:
            place(work.lfs.path_of(pointer.sha256), target, way)
    if way == "link":
        note(
            "the files in the work tree are those of the LFS store itself: edited in place they damage it, and "
            "`git lfs fsck` would say so"
        )


def stage_files(
    work: Workspace,
    folder: str,
    names: Sequence[str],
    files: Mapping[str, bytes],
    *,
    way: str | None,
    note: Callable[[str], None],
) -> None:
    """Stage files of a folder; those that were put there as bytes are staged as their pointers, unread."""
    large = (
        {}
        if way is None
        else {
            f"{folder}/{path}": pointer
            for path, data in files.items()
            if (pointer := Pointer.parse(data)) is not None
        }
    )
    work.repo.stage([path for name in names if (path := f"{folder}/{name}") not in large])
    if large and not stage_known(work.repo, large):
        note("Git's index is split, or would not take the files as they are: `git add` reads them once more")
        work.repo.stage(list(large))
    if way is None and not is_routed(work, folder):
        note(
            f".gitattributes does not hand {folder}/*.safetensors to Git LFS: embver doctor says how to mend it"
        )


def lies_there(work: Workspace, path: str, pointer: Pointer) -> bool:
    """Tell whether a file of the work tree is this pointer, or the bytes it stands for as they were staged."""
    file = work.repo.root / path
    found = read_pointer(file)
    if found is not None:
        return found == pointer
    return file.stat().st_size == pointer.size_bytes and is_staged_clean(work.repo, path, pointer)


def is_there(work: Workspace, folder: str, artifact: Artifact) -> bool:
    """Tell whether an artifact lies in a folder as the card says: the file, or its pointer and the bytes here."""
    file = work.path(folder, artifact.git_path)
    if not file.is_file():
        return False
    if artifact.md5:
        return file.read_bytes() == artifact.pointer and restore(work, artifact)
    if artifact.role in ("ids", "skipped"):
        return hash_file(file)[0] == artifact.sha256
    pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
    return lies_there(work, f"{folder}/{artifact.path}", pointer) and work.lfs.holds(pointer)
