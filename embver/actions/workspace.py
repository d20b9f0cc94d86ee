"""A repository with its settings: where versions lie, how a reference is found, how a card is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from embver import history
from embver.card import Artifact, Card
from embver.errors import CardError, IntegrityError, LfsError, UsageError
from embver.history import Release
from embver.pointer import MAX_POINTER_BYTES, Pointer
from embver.probe import ProbeSet, parse_items
from embver.store.config import Settings, load_settings
from embver.store.files import hash_file
from embver.store.lfs import LfsStore
from embver.store.repo import Repository
from embver.tagname import Reference, check_name

if TYPE_CHECKING:
    from embver.store.cards import CardText

NEXT = "next"
CARD = "card.yaml"
ITEMS = "items.jsonl"
SCRATCH = ".embver-"  # how `write_atomic` names a file that is not whole yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where one version's files are read: a commit, or the work tree for `next/`."""

    reference: str
    folder: str  # from the repository's root, POSIX
    revision: str | None  # None: the work tree
    release: Release | None = None


class Workspace:
    """One repository, opened once for one command."""

    def __init__(self, repo: Repository, settings: Settings) -> None:
        self.repo = repo
        self.settings = settings
        self.lfs = LfsStore(repo)

    @classmethod
    def open(cls, folder: Path) -> Workspace:
        """Open the repository around a folder; raise UsageError or ConfigError with the next command."""
        repo = Repository.discover(folder)
        return cls(repo, load_settings(repo.root))

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """Return every release, in order."""
        return self.repo.releases(self.settings.tags)

    def folder(self, name: str, version: object) -> str:
        """Return where a version lies, from the repository's root."""
        return f"{self.settings.embeddings}/{name}/{version}"

    def path(self, folder: str, *parts: str) -> Path:
        """Return a path in the work tree."""
        return self.repo.root.joinpath(folder, *parts)

    # ---- names and references

    def names(self) -> tuple[str, ...]:
        """Return every embedding: those released, and those with a `next/`."""
        root = self.repo.root / self.settings.embeddings
        begun = {card.parent.parent.relative_to(root).as_posix() for card in root.glob(f"**/{NEXT}/{CARD}")}
        return tuple(sorted({release.name for release in self.releases} | begun))

    def check_name(self, name: str) -> str:
        """Return a legal name; raise UsageError otherwise."""
        try:
            return check_name(name)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def latest(self, name: str) -> Release | None:
        """Return the latest release of an embedding, or None."""
        return history.latest(history.of_name(self.releases, name))

    def newest(self, name: str) -> Release | None:
        """Return the release that the next version goes on from: 1.2.0-rc.1 once it is out, not 1.1.0."""
        mine = history.of_name(self.releases, name)
        return mine[-1] if mine else None

    def find(self, text: str) -> Release:
        """Return the release that a reference names; raise UsageError listing what there is."""
        try:
            reference = Reference.parse(text)
        except ValueError as error:
            raise UsageError(str(error)) from error
        release = (
            history.find(self.releases, reference) if reference.stage is None else self._staged(reference)
        )
        if release is None:
            raise self._unknown(reference)
        return release

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

    def _staged(self, reference: Reference) -> Release | None:
        """Return the release that a stage holds, by GTO's tags `NAME#STAGE[#N]` (the highest N counts)."""
        listed = self.repo.git("for-each-ref", "--format=%(refname:strip=2) %(*objectname)", "refs/tags")
        best: tuple[int, str] | None = None
        for line in listed.splitlines():
            tag, _, commit = line.rpartition(" ")
            name, _, rest = tag.partition("#")
            stage, _, number = rest.partition("#")
            if (name, stage) == (reference.name, reference.stage) and (number.isdigit() or not number):
                best = max(best or (-1, ""), (int(number or 0), commit))
        mine = history.of_name(self.releases, reference.name)
        return next((release for release in mine if best and release.commit == best[1]), None)

    def _unknown(self, reference: Reference) -> UsageError:
        mine = history.of_name(self.releases, reference.name)
        if mine and self.repo.is_shallow():
            what = f"stage {reference.stage}" if reference.stage else f"version {reference.selector}"
            return UsageError(
                f"{reference.name} has no {what} here: this clone is shallow and may lack its tags",
                hint="git fetch --unshallow --tags",
            )
        if mine:
            versions = ", ".join(str(release.version) for release in mine[-8:])
            what = f"stage {reference.stage}" if reference.stage else f"version {reference.selector}"
            return UsageError(f"{reference.name} has no {what}", hint=f"versions: {versions}")
        if self.repo.is_shallow():
            return UsageError(
                f"{reference.name} is not known here: this clone is shallow and may lack its tags",
                hint="git fetch --unshallow --tags",
            )
        if reference.name in self.names():
            return UsageError(
                f"{reference.name} has no release yet, only a working version", hint=f"{reference.name}@next"
            )
        known = ", ".join(self.names())
        hint = f"known: {known}" if known else f"embver new {reference.name}"
        return UsageError(f"there is no embedding {reference.name!r}", hint=hint)

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
        from embver.store.schemas import check_card

        text = self.card_text(source)
        folder = None if source.revision is not None else NEXT
        problems = check_card(text, folder=folder)
        if problems:
            raise CardError(f"{text.path} is not valid", problems=problems, hint="mend the lines above")
        return Card.from_plain(text.plain)

    def current_cards(self, releases: Sequence[Release]) -> tuple[Card, ...]:
        """Return cards as they stand now, with what grew after the release; one git process for all.

        A card that HEAD no longer holds is read in its own commit.
        """
        from embver.store.cards import read_card_text

        folders = [self.folder(release.name, release.version) for release in releases]
        now = self.repo.read_many([f"HEAD:{folder}/{CARD}" for folder in folders])
        then = self.repo.read_many(
            [
                f"{release.commit}:{folder}/{CARD}"
                for release, folder, data in zip(releases, folders, now, strict=True)
                if data is None
            ]
        )
        older = iter(then)
        cards = []
        for release, folder, data in zip(releases, folders, now, strict=True):
            found = data if data is not None else next(older)
            if found is None:
                raise IntegrityError(
                    f"{release.reference} has no card", hint=f"embver verify {release.reference}"
                )
            text = read_card_text(found, path=f"{folder}/{CARD}")
            if text.problems:
                raise CardError(f"{text.path} is not valid", problems=text.problems)
            cards.append(Card.from_plain(text.plain))
        return tuple(cards)

    # ---- artifacts

    def artifact_path(self, source: Source, artifact: Artifact) -> Path:
        """Return a file with an artifact's bytes: in the work tree, the LFS store, or raise with what to type."""
        file = self.path(source.folder, artifact.path)
        is_here = file.is_file() and file.stat().st_size == artifact.size_bytes
        if is_here and not is_pointer_file(file) and hash_file(file)[0] == artifact.sha256:
            return file
        pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        if self.lfs.holds(pointer):
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
