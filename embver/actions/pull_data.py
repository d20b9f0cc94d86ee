"""Bring the bytes of the data, corpus and models that a version's card names: by DVC itself, or by Git LFS.

Whatever came is held against the card's digest before anybody uses it.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from embver.actions.dvc_storage import find_program
from embver.actions.lfs_tree import read_tree
from embver.actions.pairing import Pin, is_inside, pins
from embver.actions.workspace import Source, Workspace, is_pointer_file
from embver.card import Card
from embver.errors import EmbverError, IntegrityError, UsageError
from embver.exchange import dvc
from embver.pointer import Pointer
from embver.store.cards import read_card_text
from embver.store.files import hash_file
from embver.store.process import run

_TRACKERS: Final = ("dvc", "git-lfs")
_BLOCK_BYTES: Final = 1 << 20
_PROBE_BYTES: Final = 512  # what DVC before 3 looked at to tell text from the rest
_TEXT: Final = bytes(range(32, 127)) + b"\n\r\t\f\b"


@dataclass(frozen=True, slots=True, kw_only=True)
class PulledData:
    """One thing that a card names, and where its bytes lie now."""

    what: str
    path: Path
    size_bytes: int
    is_checked: bool  # against the card's digest; False where the card has none


def pull_data(work: Workspace, source: Source, card: Card, out: Path | None) -> tuple[PulledData, ...]:
    """Bring what DVC and Git LFS keep of a version's data: below `out`, or into the work tree.

    Raises UsageError where the work tree holds another version of the data, IntegrityError where other bytes came than
    the card names, EmbverError with the exact command where `dvc` is missing or fails.
    """
    assert source.revision is not None
    tags = frozenset(record.tag for record in work.tag_records)
    found, _ = pins(card.plain, place=source.revision, tags=tags, is_next=False)
    wanted = {
        (pin.path, pin.place, pin.digest): pin
        for pin in found
        if pin.tracker in _TRACKERS and is_inside(pin.path)
    }
    pulled = []
    for pin in wanted.values():
        one = _Pull(work=work, pin=pin, source=source, out=out)
        pulled.append(one.by_dvc() if pin.tracker == "dvc" else one.by_lfs())
    return tuple(pulled)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pull:
    work: Workspace
    pin: Pin
    source: Source
    out: Path | None

    @property
    def path(self) -> str:
        return self.pin.path.removesuffix(dvc.SUFFIX)

    @property
    def revision(self) -> str:
        return str(self.pin.place).removeprefix("refs/tags/")

    def by_dvc(self) -> PulledData:
        """Let `dvc` bring the bytes: `dvc get` into a folder, `dvc pull` into the work tree."""
        root, program = self.work.repo.root, find_program()
        if self.out is None:
            argv, target = ["dvc", "pull", f"./{self.path}"], root / self.path
            if self.pin.digest is not None and self.pin.digest not in self._pinned_here():
                raise UsageError(
                    f"{self.path} in the work tree is another version than the one of {self.source.reference}",
                    hint=f"embver pull {self.source.reference} --data --out DIR, or git switch --detach {self.revision}",
                )
        else:
            target = (self.out / self.path).absolute()
            argv = ["dvc", "get", ".", f"./{self.path}", "--rev", self.revision, "--out", str(target)]
            target.parent.mkdir(parents=True, exist_ok=True)
        if program is None:
            raise EmbverError(
                f"{self.path} is kept by DVC, and dvc is not installed",
                hint=f"pip install 'embver[dvc]', then the same again; or by hand: {shlex.join(argv)}",
            )
        done = run([program, *argv[1:]], cwd=root, env={"DVC_NO_ANALYTICS": "1"}, check=False)
        if done.status != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            raise EmbverError(f"{self.path}: dvc {argv[1]} failed: {said[-1]}", hint=shlex.join(argv))
        digest = self.pin.digest
        if digest is not None and digest not in _digests_of(target):
            raise IntegrityError(
                f"{self.path}: dvc brought other bytes than {digest}, which the card of {self.source.reference} names",
                hint=f"embver validate, then {shlex.join(argv)}",
            )
        return self._told(target, is_checked=digest is not None)

    def by_lfs(self) -> PulledData:
        """Let Git LFS bring the bytes into its store, then write them, or put them in the place of their pointers."""
        work, tree = self.work, read_tree(self.work.repo, self.revision, self.path)
        if tree is None:
            raise IntegrityError(f"{self.path} is not in {self.revision}", hint="embver validate")
        digest = tree.digest if tree.is_folder else f"sha256:{tree.counted[0].sha256}"
        if self.pin.digest is not None and self.pin.digest != digest:
            raise IntegrityError(
                f"{self.path}: {self.revision} holds {digest}, the card says {self.pin.digest}",
                hint="embver validate",
            )
        large = [file for file in tree.files if file.is_pointer]
        paths = [f"{self.path}/{file.path}" if tree.is_folder else self.path for file in large]
        pointers = [Pointer(sha256=file.sha256, size_bytes=file.size_bytes) for file in large]
        work.lfs.fetch(work.settings.remote, self.revision, paths, pointers)
        for path, pointer in zip(paths, pointers, strict=True):
            self._place(path, pointer)
        for file in tree.files if self.out is not None else ():
            if not file.is_pointer:
                path = f"{self.path}/{file.path}" if tree.is_folder else self.path
                self._write(path, work.repo.read(self.revision, path) or b"")
        target = (self.out or work.repo.root) / self.path
        return self._told(target, is_checked=self.pin.digest is not None)

    def _place(self, path: str, pointer: Pointer) -> None:
        stored = self.work.lfs.path_of(pointer.sha256)
        if self.out is not None:
            target = self.out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(stored, target)
            return
        here = self.work.path(path)
        if is_pointer_file(here) and Pointer.parse(here.read_bytes()) == pointer:
            self.work.lfs.run("checkout", path)
        elif not here.is_file() or hash_file(here)[0] != pointer.sha256:
            raise UsageError(
                f"{path} in the work tree is another version than the one of {self.source.reference}",
                hint=f"embver pull {self.source.reference} --data --out DIR",
            )

    def _write(self, path: str, data: bytes) -> None:
        assert self.out is not None
        target = self.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def _pinned_here(self) -> tuple[str, ...]:
        """Return the digests that DVC's files in the work tree give for the path."""
        files = {}
        for name in (*dvc.pointer_paths(self.pin.path), *dvc.pipeline_paths(self.pin.path)):
            file = self.work.path(name)
            if file.is_file() and not file.is_symlink():
                files[name] = read_card_text(file.read_bytes(), path=name).plain
        return dvc.pinned(files, self.pin.path)

    def _told(self, target: Path, *, is_checked: bool) -> PulledData:
        files = [target] if target.is_file() else [file for file in target.rglob("*") if file.is_file()]
        size_bytes = sum(file.stat().st_size for file in files)
        return PulledData(what=self.pin.what, path=target, size_bytes=size_bytes, is_checked=is_checked)


def _digests_of(target: Path) -> Iterator[str]:
    """Yield the digests that DVC would give what lies at a path: of today, and of before DVC 3."""
    for algorithm in dvc.ALGORITHMS:
        is_old = algorithm == dvc.OLD_MD5
        if target.is_file():
            found = f"{dvc.MD5}:{_md5(target, is_old=is_old)}"
        else:
            files = sorted(file for file in target.rglob("*") if file.is_file())
            found = dvc.listing_digest(
                (file.relative_to(target).as_posix(), _md5(file, is_old=is_old)) for file in files
            )
        yield found.replace(f"{dvc.MD5}:", f"{algorithm}:")
        yield found  # a card may name one of before DVC 3 by `md5:` alone


def _md5(file: Path, *, is_old: bool) -> str:
    """Return a file's md5; `is_old` normalises the line ends of a text first, as DVC did before 3."""
    digest = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        start = stream.read(_PROBE_BYTES)
        is_text = is_old and b"\0" not in start and len(start.translate(None, _TEXT)) <= 0.3 * len(start)
        stream.seek(0)
        while block := stream.read(_BLOCK_BYTES):
            if is_text and block.endswith(b"\r"):
                block += stream.read(1)  # its line feed may be the next byte
            digest.update(block.replace(b"\r\n", b"\n") if is_text else block)
    return digest.hexdigest()
