"""A repository with its settings: where versions lie, how a card and its artifacts are read."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from embver.actions import registry
from embver.errors import CardError, IntegrityError, LfsError, UsageError
from embver.history import Release
from embver.store.config import load_settings
from embver.store.repo import Repository
from embver.tagname import Reference

# Every command opens a workspace, and few need all of it: what one method needs is imported there.
if TYPE_CHECKING:
    from embver.card import Artifact, Card
    from embver.pointer import Pointer
    from embver.probe import ProbeSet
    from embver.store.cards import CardText
    from embver.store.lfs import LfsStore

NEXT = registry.NEXT
CARD = registry.CARD
ITEMS = "items.jsonl"
SCRATCH = ".embver-"  # how `write_atomic` names a file that is not whole yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one version's files are read: a commit, or the work tree for `next/`."""

    reference: str
    folder: str  # from the repository's root, POSIX
    revision: str | None  # None: the work tree
    release: Release | None = None


class Workspace(registry.Registry):
    """One repository, opened once for one command: its releases, and where their files are read."""

    @classmethod
    def open(cls, folder: Path, *, note: Callable[[str], None] | None = None) -> Workspace:
        """Open the repository around a folder; raise UsageError or ConfigError with the next command."""
        repo = Repository.discover(folder)
        return cls(repo, load_settings(repo.root, git_dir=repo.git_dir), note=note)

    @cached_property
    def lfs(self) -> LfsStore:
        """Return the repository's Git LFS store."""
        from embver.store.lfs import LfsStore

        return LfsStore(self.repo, with_md5=self.settings.storage == "dvc")

    def path(self, folder: str, *parts: str) -> Path:
        """Return a path in the work tree."""
        return self.repo.root.joinpath(folder, *parts)

    def source(self, text: str) -> Source:
        """Return where the version that a reference names is read; `NAME@next` is the work tree."""
        with contextlib.suppress(ValueError):
            reference = Reference.parse(text)
            if reference.selector == NEXT:
                return self.next_source(reference.name)
        release = self.find(text)
        return self.release_source(release)

    def release_source(self, release: Release) -> Source:
        """Return where a release's files are read: in its own commit."""
        folder = self.folder(release.name, release.version)
        return Source(reference=release.reference, folder=folder, revision=release.commit, release=release)

    def next_source(self, name: str) -> Source:
        """Return the working version; raise UsageError with the next command if there is none."""
        self.check_name(name)
        folder = self.folder(name, NEXT)
        if not self.path(folder, CARD).is_file():
            known = name in self.names()
            hint = f"embver new {name}" if known or not self.names() else f"known: {', '.join(self.names())}"
            raise UsageError(f"{name} has no working version: {folder}/{CARD} does not exist", hint=hint)
        return Source(reference=f"{name}@{NEXT}", folder=folder, revision=None)

    # ---- cards

    def read(self, source: Source, path: str) -> bytes | None:
        """Return a file of a version, or None."""
        if source.revision is None:
            file = self.path(source.folder, path)
            return file.read_bytes() if file.is_file() else None
        return self.repo.read(source.revision, f"{source.folder}/{path}")

    def card_text(self, source: Source) -> CardText:
        """Return a version's card as text and data, not yet checked."""
        from embver.store.cards import read_card_text

        data = self.read(source, CARD)
        if data is None:
            raise IntegrityError(
                f"{source.reference} has no card: {source.folder}/{CARD} is not in its commit",
                hint=f"embver verify {source.reference}",
            )
        return read_card_text(data, path=f"{source.folder}/{CARD}")

    def card(self, source: Source) -> Card:
        """Return a version's card; raise CardError listing every problem if it is not valid."""
        from embver.card import Card
        from embver.sense import misplaced
        from embver.store.schemas import check_card

        text = self.card_text(source)
        folder = None if source.revision is not None else NEXT
        problems = check_card(text, folder=folder)
        flaw = misplaced(text.plain, text.path) if not problems and folder == NEXT else None
        if flaw is not None:
            problems = (text.problem_from(flaw),)
        if problems:
            raise CardError(f"{text.path} is not valid", problems=problems, hint="mend the lines above")
        return Card.from_plain(text.plain)

    # ---- artifacts

    def artifact_path(self, source: Source, artifact: Artifact) -> Path:
        """Return a file with an artifact's bytes: in the work tree, the LFS store, or raise with what to type."""
        from embver.pointer import Pointer
        from embver.store.files import hash_file

        file = self.path(source.folder, artifact.path)
        is_here = file.is_file() and file.stat().st_size == artifact.size_bytes
        if is_here and not is_pointer_file(file) and hash_file(file)[0] == artifact.sha256:
            return file
        pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        if self.lfs.holds(pointer):
            return self.lfs.path_of(artifact.sha256)
        if artifact.md5 is not None:
            from embver.actions.dvc_storage import restore

            if restore(self, artifact):
                return self.lfs.path_of(artifact.sha256)
        raise LfsError(
            f"the bytes of {source.reference} {artifact.path} are not on this machine",
            hint=f"embver pull {source.reference}",
        )

    def probe_set(
        self, name: str, *, digest: str | None = None, sources: Iterable[Source] = ()
    ) -> ProbeSet | None:
        """Return an embedding's probe set from the work tree, else from a version's commit.

        With a digest only that very set counts. None: no probe set is configured, or none has the digest.
        """
        from embver.probe import parse_items

        folder = self.settings.probe_for(name)
        if folder is None:
            return None
        file = self.path(folder, ITEMS)
        texts = [file.read_bytes()] if file.is_file() else []
        texts += [
            data
            for source in sources
            if source.revision and (data := self.repo.read(source.revision, f"{folder}/{ITEMS}")) is not None
        ]
        if not texts and digest is None:
            raise UsageError(
                f"the probe set {folder}/{ITEMS} does not exist", hint="embver.toml: probe = FOLDER"
            )
        for data in texts:
            try:
                found = parse_items(data.decode().split("\n"), name=Path(folder).name)
            except (ValueError, UnicodeDecodeError) as error:
                raise UsageError(f"{folder}/{ITEMS}: {error}") from error
            if digest is None or found.digest == digest:
                return found
        return None


def read_pointer(path: Path) -> Pointer | None:
    """Return the Git LFS pointer that a file in the work tree is; None for bytes, or for no file."""
    from embver.pointer import MAX_POINTER_BYTES, Pointer

    with contextlib.suppress(OSError):
        return Pointer.parse(path.read_bytes()) if path.stat().st_size <= MAX_POINTER_BYTES else None
    return None


def sweep(folder: Path) -> None:
    """Remove what a killed command left beside the files that it was writing."""
    for file in folder.rglob(f"{SCRATCH}*"):
        file.unlink(missing_ok=True)


def is_pointer_file(path: Path) -> bool:
    """Tell whether a file in the work tree is a Git LFS pointer and not the bytes it stands for."""
    return read_pointer(path) is not None
