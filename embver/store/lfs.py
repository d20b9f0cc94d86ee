"""Git LFS: bytes go straight into its store while they are hashed, Git gets the pointer.

Writing a large file into the work tree and running `git add` reads and writes it three times. Here it is
written once, under the name its hash decides, and the pointer text is what `git add` sees.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

from embver.errors import IntegrityError, LfsError
from embver.pointer import Pointer
from embver.store.files import hash_file, write_atomic
from embver.store.process import run
from embver.store.repo import Repository

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:
    fcntl = None

INSTALL_HINT = "install git-lfs (Debian, Ubuntu: apt-get install git-lfs; macOS: brew install git-lfs)"

# A comma separates the patterns of `--include` and cannot be quoted; other signs mean something in a pattern.
_PLAIN_PATH = re.compile(r"[\w./@+=-]+", re.ASCII)
_YOUNG_S = 10  # a file may be made, and not yet locked
_INCLUDE_CHARACTERS = 30_000  # of one `--include`: a single argument may have 128 KiB


class LfsStore:
    """The LFS objects of one repository."""

    def __init__(self, repo: Repository, *, with_md5: bool = False) -> None:
        """Open the store; `with_md5` also computes the MD5 of what is put into it, by which DVC knows files."""
        self._repo = repo
        self._with_md5 = with_md5
        self._objects: Path | None = None

    @property
    def objects(self) -> Path:
        """Return the folder of the objects, as git-lfs itself names it (it obeys lfs.storage and work trees).

        It is asked only where the folder is not the usual one: `git lfs env` starts ten processes. Raises LfsError
        where git-lfs is not installed.
        """
        is_usual = self._objects is None and shutil.which("git-lfs") is not None
        if is_usual and not self._repo.settings(r"^lfs\.storage$"):  # .lfsconfig may not set it
            self._objects = self._repo.git_dir / "lfs" / "objects"
        if self._objects is None:
            for line in self.run("env").splitlines():
                key, _, value = line.partition("=")
                if key == "LocalMediaDir":
                    self._objects = Path(value)
            if self._objects is None:
                raise LfsError("`git lfs env` names no LocalMediaDir", hint="embver doctor")
        return self._objects

    @staticmethod
    def version(folder: Path) -> str | None:
        """Return what `git lfs version` says, or None where git-lfs is missing."""
        try:
            done = run(["git", "lfs", "version"], cwd=folder, check=False)
        except FileNotFoundError:
            return None
        return done.text.strip() if done.status == 0 else None

    def run(self, *arguments: str) -> str:
        """Run one git-lfs command and return what it prints; raise LfsError with what to do."""
        done = run(["git", "lfs", *arguments], cwd=self._repo.root, check=False)
        if done.status == 0:
            return done.text
        if self.version(self._repo.root) is None:
            raise LfsError("git-lfs is not installed", hint=INSTALL_HINT)
        said = done.stderr.decode(errors="replace").strip() or done.text.strip()
        raise LfsError(f"git lfs {arguments[0]} failed: {said}")

    def install_local(self) -> None:
        """Let this repository, and no other, use LFS: filters and push hook."""
        self.run("install", "--local")

    def path_of(self, sha256: str) -> Path:
        """Return where an object lies, present or not."""
        return self.objects / sha256[:2] / sha256[2:4] / sha256

    def holds(self, pointer: Pointer) -> bool:
        """Tell whether an object is present with the right size; `embver verify` looks at the bytes.

        An object that `git lfs prune` took away before it was committed comes back from its pending link.
        """
        path, link = self.path_of(pointer.sha256), self._pending / pointer.sha256
        if not path.exists() and link.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(OSError):
                os.link(link, path)
        with contextlib.suppress(OSError):
            return path.stat().st_size == pointer.size_bytes
        return False

    def put(self, chunks: Iterable[bytes | memoryview]) -> Pointer:
        """Write bytes into the store once, hashing on the way; return their pointer.

        The object appears under its name whole and on disk, or not at all. A link below `.git/embver/pending`
        keeps it from `git lfs prune`, which would delete what is only staged.
        """
        folder = self.objects.parent / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="embver-")
        temporary = Path(name)
        digest, size_bytes = hashlib.sha256(), 0
        other = hashlib.md5(usedforsecurity=False) if self._with_md5 else None
        try:
            # Buffered: a bare write() takes 2 GiB at most and says so only by what it returns.
            with os.fdopen(handle, "wb") as stream:
                _hold(stream.fileno())
                for chunk in chunks:
                    stream.write(chunk)
                    digest.update(chunk)
                    if other is not None:
                        other.update(chunk)
                    size_bytes += memoryview(chunk).nbytes
                stream.flush()
                os.fchmod(stream.fileno(), 0o444)
                os.fsync(stream.fileno())
            pointer = Pointer(sha256=digest.hexdigest(), size_bytes=size_bytes)
            target = self.path_of(pointer.sha256)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._keep(pointer)
        if other is not None:
            write_atomic(self._md5s / pointer.sha256, other.hexdigest().encode(), is_cache=True)
        return pointer

    def md5_of(self, pointer: Pointer) -> str:
        """Return an object's MD5: as it was computed when it was put here, else by reading it."""
        known = self._md5s / pointer.sha256
        with contextlib.suppress(OSError):
            return known.read_text(encoding="ascii")
        with self.path_of(pointer.sha256).open("rb") as stream:
            found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        write_atomic(known, found.encode(), is_cache=True)
        return found

    @property
    def _md5s(self) -> Path:
        return self._repo.git_dir / "embver" / "md5"

    def sweep(self, *, now_s: float) -> int:
        """Remove what killed processes left half written, and return how many files that was.

        Whoever still writes to a file holds a lock on it, which ends with the process.
        """
        swept = 0
        for file in (self.objects.parent / "tmp").glob("embver-*"):
            with contextlib.suppress(OSError), file.open("rb") as stream:
                if now_s - file.stat().st_mtime > _YOUNG_S and _hold(stream.fileno()):
                    file.unlink()
                    swept += 1
        return swept

    def read(self, pointer: Pointer) -> bytes:
        """Return a small object's bytes; raise LfsError if it is not here."""
        self.need([pointer])
        return self.path_of(pointer.sha256).read_bytes()

    def need(self, pointers: Sequence[Pointer]) -> None:
        """Raise LfsError unless all objects are here."""
        absent = [pointer for pointer in pointers if not self.holds(pointer)]
        if absent:
            raise LfsError(
                f"{len(absent)} of {len(pointers)} objects are not on this machine", hint="embver pull REF"
            )

    def fetch(self, remote: str, revision: str, paths: Sequence[str], pointers: Sequence[Pointer]) -> int:
        """Bring objects of some paths at a revision into the store; return the bytes that were brought.

        Raises IntegrityError for an object whose bytes are not what its name says, LfsError if it does not come.
        """
        absent = {p: path for p, path in zip(pointers, paths, strict=True) if not self.holds(p)}
        for wanted in _batches([path for path in absent.values() if _PLAIN_PATH.fullmatch(path)]):
            # git-lfs 3.3 fails in a clone without blobs: what does not come this way is asked for one by one.
            with contextlib.suppress(LfsError):
                self.run("fetch", remote, revision, "--include", wanted, "--exclude", "")
        for pointer, path in absent.items():
            if not self.holds(pointer):
                self._fetch_one(remote, pointer, path)
            if hash_file(self.path_of(pointer.sha256))[0] != pointer.sha256:
                self.path_of(pointer.sha256).unlink()
                raise IntegrityError(f"{path}: {remote} sent other bytes than {pointer.sha256[:12]} names")
        return sum(pointer.size_bytes for pointer in absent)

    def _fetch_one(self, remote: str, pointer: Pointer, path: str) -> None:
        """Bring one object by its pointer alone, whatever its path is called."""
        # Told no path, the filter still holds the empty one against the rules: `*` excludes it. It writes the bytes
        # to its output as well, and where a rule forbids to fetch it writes the pointer and says that all is well.
        options = (f"remote.lfsdefault={remote}", "lfs.fetchinclude=", "lfs.fetchexclude=")
        argv = ["git", *(word for option in options for word in ("-c", option)), "lfs", "smudge"]
        done = run(argv, cwd=self._repo.root, stdin=pointer.format(), check=False, keep_output=False)
        if done.status == 0 and self.holds(pointer):
            return
        if self.version(self._repo.root) is None:
            raise LfsError("git-lfs is not installed", hint=INSTALL_HINT)
        said = done.stderr.decode(errors="replace").strip()
        raise LfsError(
            f"{path}: {remote} does not have the object {pointer.sha256[:12]}, or did not send it: {said}",
            hint=f"where the version was made: git lfs push --all {remote}",
        )

    def push(self, remote: str, *refs: str) -> None:
        """Upload the objects that the given references need."""
        self.run("push", remote, *refs)

    def release_pending(self, pointers: Iterable[Pointer]) -> None:
        """Take away the links that kept objects until a commit names them."""
        for pointer in pointers:
            (self._pending / pointer.sha256).unlink(missing_ok=True)

    def keep(self, pointers: Iterable[Pointer]) -> None:
        """Keep objects from `git lfs prune` until a commit names them (`release_pending`)."""
        for pointer in pointers:
            self._keep(pointer)

    @property
    def _pending(self) -> Path:
        return self._repo.git_dir / "embver" / "pending"

    def _keep(self, pointer: Pointer) -> None:
        self._pending.mkdir(parents=True, exist_ok=True)
        link = self._pending / pointer.sha256
        # A file system without hard links, or another disk: then only prune between encode and commit can hurt.
        with contextlib.suppress(FileExistsError, OSError):
            os.link(self.path_of(pointer.sha256), link)


def _hold(handle: int) -> bool:
    """Take the lock of a file that is being written, for as long as it is open; tell whether nobody else has it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # somebody writes to it, or the file system knows no locks
        return False
    return True


def _batches(paths: Sequence[str]) -> Iterator[str]:
    """Yield patterns for `--include`: each names paths from the top and is short enough for one argument."""
    batch: list[str] = []
    for path in paths:
        if sum(map(len, batch)) + len(batch) + len(path) > _INCLUDE_CHARACTERS and batch:
            yield ",".join(batch)
            batch = []
        batch.append(f"/{path}")
    if batch:
        yield ",".join(batch)
