"""A digest of what the traces of an embedding are worked out from beside its cards and tags: raw scores, records, items."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from embver.actions.workspace import CARD, Workspace
from embver.card import Card
from embver.store.items import ITEMS


class TracesStamps:
    """The stamps of a repository's embeddings; three git processes look at everything once."""

    def __init__(self, work: Workspace, cards: Mapping[str, Card]) -> None:
        """Look at HEAD, at the items that benchmarks name in HEAD and work tree, and at which LFS objects are here."""
        uris = sorted({uri for card in cards.values() for uri in _uris(card)})
        self._folder = f"{work.settings.embeddings}/"
        self._files: dict[str, list[str]] = {}
        for entry in work.repo.tree("HEAD", work.settings.embeddings):
            home, _, file = entry.path.rpartition("/")
            if file != CARD:  # cards are stamped by themselves
                self._files.setdefault(home, []).append(f"{entry.path} {entry.blob}")
        shared = [
            repr(work.settings),
            *_at_head(work, uris),
            *_on_disk(work.repo.root, uris),
            *_objects(work),
        ]
        self._shared = "\0".join(shared)

    def of(self, name: str) -> str:
        """Return the stamp of one embedding."""
        home = f"{self._folder}{name}/"
        mine = (
            line
            for folder, lines in sorted(self._files.items())
            for line in lines
            if f"{folder}/".startswith(home)
        )
        text = "\0".join([name, self._shared, *mine])
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _uris(card: Card) -> set[str]:
    """Return the places in the repository that a card's benchmarks name."""
    named = {str((each.plain.get("dataset") or {}).get("uri") or "") for each in card.benchmarks}
    return {
        uri
        for uri in named
        if uri and ":" not in uri and not uri.startswith("/") and ".." not in uri.split("/")
    }


def _at_head(work: Workspace, uris: Sequence[str]) -> list[str]:
    """Return the ids of files and folders in HEAD."""
    if not uris or work.repo.head() is None:
        return []
    paths = [str(PurePosixPath(uri)) for uri in uris]
    return work.repo.git("ls-tree", "-z", "--full-tree", "HEAD", "--", *paths, status_ok=(0, 128)).split("\0")


def _on_disk(root: Path, uris: Sequence[str]) -> list[str]:
    """Return size and time of the items' files in the work tree."""
    found = []
    for uri in uris:
        for file in (root / uri, root / uri / ITEMS):
            with contextlib.suppress(OSError):
                state = file.stat()
                found.append(f"{file} {state.st_size} {state.st_mtime_ns}")
    return found


def _objects(work: Workspace) -> list[str]:
    """Return the folders of the LFS store with their times: an object that comes or goes changes one."""
    found = []
    with contextlib.suppress(OSError):
        for first in sorted(entry.path for entry in os.scandir(work.lfs.objects) if entry.is_dir()):
            found += sorted(f"{entry.path} {entry.stat().st_mtime_ns}" for entry in os.scandir(first))
    return found
