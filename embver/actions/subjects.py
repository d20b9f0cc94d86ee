"""Which cards to check: those of the work tree, of the index, of a commit or of every release."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.contents import INDEX, WORK_TREE, Place
from embver.errors import UsageError
from embver.history import Release
from embver.problem import Flaw, Problem
from embver.store.cards import CardText, read_card_text
from embver.store.config import Settings
from embver.store.repo import Repository

CARD = "card.yaml"
_CHUNK = 64  # cards read at a time: what one holds in memory is let go before the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One card: how messages call its file, where it is read, and the version's folder if it lies in one."""

    shown: str
    place: Place
    path: str  # from the repository's root; outside of one, from the folder of the command
    folder: str | None = None
    release: Release | None = None

    @property
    def version(self) -> str | None:
        """Return the folder's last part: `next` or a version; None for a card that lies somewhere else."""
        folder, file = os.path.split(
            self.path
        )  # asked several times a card, and pathlib takes ten times as long
        name = os.path.basename(folder)  # noqa: PTH119
        is_version = file == CARD and (name == "next" or name[:1].isdigit())
        return name if is_version else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedCard:
    """A card of the right shape: its data, and its text only where a problem has to be placed in it."""

    subject: Subject
    data: bytes
    blob: str
    plain: Mapping[str, Any]
    text: CardText | None = None

    def problem_from(self, flaw: Flaw) -> Problem:
        """Return a flaw in the data as a problem in the file."""
        text = self.text or read_card_text(self.data, path=self.subject.shown)
        return text.problem_from(flaw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A repository with its settings."""

    repo: Repository
    settings: Settings

    @property
    def embeddings(self) -> str:
        """Return the folder that holds the versions, from the repository's root."""
        return self.settings.embeddings

    def subject(self, path: str, place: Place, *, shown: str | None = None) -> Subject:
        """Return the card at a path from the repository's root."""
        return Subject(shown=shown or path, place=place, path=path, folder=self.folder_of(path))

    def folder_of(self, path: str) -> str | None:
        """Return the folder of the version whose card a path is, or None."""
        folder, _, name = path.rpartition("/")
        is_below = (
            folder.startswith(f"{self.embeddings}/") and folder.count("/") > self.embeddings.count("/") + 1
        )
        last = folder.rpartition("/")[2]
        return folder if name == CARD and is_below and (last == "next" or last[:1].isdigit()) else None


def cards_at(folder: Path, paths: Sequence[Path], scope: Scope | None) -> Iterator[Subject]:
    """Yield the cards at the given paths, of folders all below them; raise UsageError for a path without any."""
    for path in paths:
        place = folder / path
        if place.is_dir():
            found = sorted(place.rglob(CARD))
            if not found:
                raise UsageError(f"there is no {CARD} below {path}")
            for card in found:
                yield _in_work_tree(card, str(path / card.relative_to(place)), scope)
        elif place.is_file():
            yield _in_work_tree(place, str(path), scope)
        else:
            raise UsageError(f"{path} does not exist")


def _in_work_tree(file: Path, shown: str, scope: Scope | None) -> Subject:
    if scope is not None:
        try:
            inner = file.resolve().relative_to(scope.repo.root.resolve()).as_posix()
        except ValueError:
            pass
        else:
            return scope.subject(inner, WORK_TREE, shown=shown)
    return Subject(shown=shown, place=WORK_TREE, path=str(file.absolute()))


def all_cards(scope: Scope) -> Iterator[Subject]:
    """Yield every card of the work tree's versions."""
    root = str(scope.repo.root)
    found = []
    for folder, _, files in os.walk(os.path.join(root, scope.embeddings)):  # noqa: PTH118  (rglob takes five times as long)
        if CARD in files:
            inner = os.path.relpath(folder, root).replace(os.sep, "/")
            found.append((*inner.split("/"), CARD))
    for parts in sorted(found):
        yield scope.subject("/".join(parts), WORK_TREE)


def staged_cards(scope: Scope, paths: Sequence[Path], *, or_all: bool) -> Iterator[Subject]:
    """Yield the cards, as they are in the index, of the versions in which the commit would change anything.

    With paths those cards alone, changed or not. `or_all` takes every card where nothing is staged at all.
    """
    listed = scope.repo.git("ls-files", "-z", "--", scope.embeddings).split("\0")
    cards = [path for path in dict.fromkeys(listed) if path.endswith(f"/{CARD}")]
    if paths:
        wanted = {path.as_posix() for path in paths}
        cards = [path for path in cards if path in wanted]
    else:
        changed = scope.repo.git("diff", "--cached", "--name-only", "-z", "--no-renames").split("\0")
        if any(changed) or not or_all:
            touched = {parent for path in changed if path for parent in _parents(path)}
            cards = [path for path in cards if path.rpartition("/")[0] in touched]
    for path in cards:
        yield scope.subject(path, INDEX)


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def cards_in(scope: Scope, revision: str) -> Iterator[Subject]:
    """Yield every card of a commit; raise UsageError for a revision that does not exist."""
    commit = scope.repo.resolve(revision)
    if commit is None:
        raise UsageError(
            f"{revision} is no commit of this repository", hint="git log, or a tag of `embver list`"
        )
    for entry in scope.repo.tree(commit, scope.embeddings):
        if entry.path.endswith(f"/{CARD}"):
            yield scope.subject(entry.path, commit, shown=f"{revision}:{entry.path}")


def chunks(subjects: Iterator[Subject]) -> Iterator[list[Subject]]:
    """Yield subjects some at a time."""
    chunk: list[Subject] = []
    for subject in subjects:
        chunk.append(subject)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def released_cards(scope: Scope, releases: Sequence[Release]) -> Iterator[Subject]:
    """Yield the card of each release as its own commit holds it."""
    for release in releases:
        folder = f"{scope.embeddings}/{release.name}/{release.version}"
        path = f"{folder}/{CARD}"
        yield Subject(
            shown=f"{release.tag}:{path}", place=release.commit, path=path, folder=folder, release=release
        )


def read_cards(scope: Scope | None, subjects: Sequence[Subject]) -> list[bytes | None]:
    """Return the bytes of some cards; None for one that its place lists and does not hold."""
    in_git = [subject for subject in subjects if subject.place is not WORK_TREE]
    names = [f"{subject.place}:{subject.path}" for subject in in_git]
    read = dict(zip(names, scope.repo.read_many(names), strict=True)) if scope is not None else {}
    return [
        _bytes_of(scope, subject)
        if subject.place is WORK_TREE
        else read.get(f"{subject.place}:{subject.path}")
        for subject in subjects
    ]


def _bytes_of(scope: Scope | None, subject: Subject) -> bytes | None:
    file = Path(subject.path) if scope is None else scope.repo.root / subject.path
    try:
        return file.read_bytes()
    except OSError:
        return None
