"""Put large files themselves into the work tree, and let Git take them as clean without reading them.

Git's index holds an entry for a file if a clean filter said what the file is. In a scratch Git directory such a filter
answers with the pointer that is known already, so Git itself writes the entry, with the file's real times, into the
repository's index under its own lock. What was learnt of it:
- A file as young as the index is read again by the next `git status`: its time is set two seconds back.
- A split index would become unreadable: it is refused.
- The attribute names the very path: a wider pattern would catch .gitattributes itself.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from embver.errors import LfsError, UsageError
from embver.pointer import Pointer
from embver.store.process import ProcessError, run
from embver.store.repo import Repository

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    fcntl = None

WAYS: Final = ("reflink", "copy", "link")
_FICLONE: Final = (
    0x40049409  # ioctl_ficlone(2): the second file shares the first one's blocks until one is written
)
_CANNOT_SHARE: Final = (
    *(errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.ENOSYS),
    *(errno.EPERM, errno.EISDIR, errno.ETXTBSY),
)
_BACK_NS: Final = 2_000_000_000


def check_way(store: Path, work_tree: Path, way: str) -> None:
    """Raise UsageError where files of a store cannot be put into a work tree in this way: tried with an empty file."""
    store.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=store, prefix="embver-")
    os.write(handle, b"\0" * 4096)
    os.close(handle)
    target = work_tree / f".embver-{os.getpid()}-way"
    try:
        _place(Path(name), target, way)
    finally:
        Path(name).unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def place(source: Path, target: Path, way: str) -> None:
    """Put an object's bytes at a place of the work tree, whole or not at all; a hard link is the object itself.

    Raises UsageError where the file system cannot.
    """
    beside = target.with_name(f".embver-{os.getpid()}-{target.name[:64]}")
    beside.unlink(missing_ok=True)
    try:
        _place(source, beside, way)
        status = beside.stat()
        os.utime(beside, ns=(status.st_atime_ns, status.st_mtime_ns - _BACK_NS))
        beside.replace(target)
        beside.unlink(missing_ok=True)  # renaming one link of a file over another leaves both
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _place(source: Path, target: Path, way: str) -> None:
    try:
        if way == "link":
            os.link(source, target)
            return
        if way == "reflink":
            _clone(source, target)
        else:
            shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except OSError as error:
        if way == "copy" or error.errno not in _CANNOT_SHARE:
            raise
        what = "share the bytes of two files" if way == "reflink" else "link a file of the LFS store here"
        raise UsageError(
            f"--materialise {way}: this file system cannot {what} ({error.strerror})",
            hint="--materialise copy",
        ) from error


def _clone(source: Path, target: Path) -> None:
    if fcntl is None:
        raise OSError(errno.ENOSYS, "not on this system")
    with source.open("rb") as before, target.open("xb") as after:
        fcntl.ioctl(after.fileno(), _FICLONE, before.fileno())


def stage_known(repo: Repository, files: Mapping[str, Pointer]) -> bool:
    """Stage large files whose bytes lie in the work tree as the pointers they are; no byte of them is read.

    Paths are from the repository's root. Returns False, with nothing changed, where it cannot be done: the index is
    split, or Git staged something else. Raises LfsError where another program holds the index.
    """
    if not files or repo.git("rev-parse", "--shared-index-path").strip():
        return not files
    where = repo.git(
        *("rev-parse", "--path-format=absolute", "--git-path", "objects", "--git-path", "index")
    ).splitlines()
    with _scratch(repo, files) as (folder, pointers):
        env = {
            "GIT_DIR": str(folder),
            "GIT_INDEX_FILE": where[1],
            "GIT_OBJECT_DIRECTORY": where[0],
            "GIT_WORK_TREE": str(repo.root),
            "GIT_LITERAL_PATHSPECS": "1",
        }
        clean = f"filter.embver.clean=cat {shlex.quote(f'{pointers}/')}%f"
        argv = ["git", "-c", clean, "-c", "filter.embver.required=true", "add", "-f"]
        try:
            run(
                [*argv, "--pathspec-from-file=-", "--pathspec-file-nul"],
                cwd=repo.root,
                env=env,
                stdin="\0".join(files).encode(errors="surrogateescape"),
            )
        except ProcessError as error:
            if b"index.lock" in error.stderr:
                raise LfsError(f"another program holds Git's index: {error}", hint="wait for it") from error
            return False
    staged = repo.index_entries(os.path.commonpath([str(Path(path).parent) for path in files]) or ".")
    return all(
        staged.get(path, ("", ""))[1] == pointer_blob(repo, pointer) for path, pointer in files.items()
    )


def pointer_blob(repo: Repository, pointer: Pointer) -> str:
    """Return the id that Git gives to a pointer's text."""
    data = pointer.format()
    return hashlib.new(repo.object_format, b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_staged_clean(repo: Repository, path: str, pointer: Pointer) -> bool:
    """Tell whether a file lies in the work tree as it was staged, as this pointer; Git's times decide, nothing is read."""
    staged = repo.index_entries(path).get(path, ("", ""))[1]
    if staged != pointer_blob(repo, pointer):
        return False
    return not repo.git("diff-files", "--name-only", "--", path).strip()


@contextmanager
def _scratch(repo: Repository, files: Mapping[str, Pointer]) -> Iterator[tuple[Path, Path]]:
    """Yield a Git directory whose filter knows the pointers, and the folder in which they lie by path."""
    with tempfile.TemporaryDirectory(prefix="embver-") as name:
        folder = Path(name)
        for part in ("info", "objects", "refs", "pointers"):
            (folder / part).mkdir()
        (folder / "HEAD").write_text("ref: refs/heads/none\n")
        for key, value in (
            ("core.repositoryformatversion", "1"),
            ("extensions.objectFormat", repo.object_format),
            ("include.path", str(repo.git_dir / "config")),
        ):
            run(["git", "config", "-f", str(folder / "config"), key, value], cwd=repo.root)
        rule = "filter=embver -text -ident -working-tree-encoding"
        lines = "".join(f"{_pattern(path)} {rule}\n" for path in files)
        (folder / "info" / "attributes").write_bytes(lines.encode(errors="surrogateescape"))
        for path, pointer in files.items():
            place = folder / "pointers" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(pointer.format())
        yield folder, folder / "pointers"


def _pattern(path: str) -> str:
    """Return a line's pattern in .gitattributes for exactly this path."""
    literal = "".join(f"\\{sign}" if sign in "\\*?[" else sign for sign in path)
    quoted = literal.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"/{quoted}"'
