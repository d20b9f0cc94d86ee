"""What is released stays as it was: compared with the Card-Digest that the tag carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from embver.history import Release
from embver.problem import Flaw, Problem
from embver.store.repo import Repository

CARD = "card.yaml"
_GROWING = "only benchmarks, compatibility, status and notes may grow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The releases of a repository, by the folder that each lies in."""

    by_folder: Mapping[str, Release]

    @classmethod
    def of(cls, releases: Iterable[Release], embeddings: str) -> Frozen:
        """Index releases by their folder from the repository's root."""
        return cls(by_folder={f"{embeddings}/{r.name}/{r.version}": r for r in releases})

    def digest_of(self, folder: str) -> str | None:
        """Return the Card-Digest that the tag of a released folder carries."""
        release = self.by_folder.get(folder)
        return release.card_digest if release is not None else None

    def check(self, folder: str, plain: Mapping[str, Any], *, staged: bool) -> tuple[Flaw, ...]:
        """Return the flaw of a card in a released folder whose frozen part is not the one that was tagged."""
        release = self.by_folder.get(folder)
        if release is None or release.card_digest is None or _digest(plain) == release.card_digest:
            return ()
        source = "HEAD" if staged else release.tag
        return (
            Flaw(
                where=(),
                rule="frozen",
                message=f"{release.reference} is released, and its frozen part no longer has the digest that its tag "
                "carries",
                hint=f"git restore --staged --worktree --source={source} -- {folder} ({_GROWING}), "
                f"or `embver new {release.name}`",
            ),
        )

    def removed(self, repo: Repository, *, staged: bool) -> tuple[Problem, ...]:
        """Return a problem for each released card that HEAD's history holds, and index or work tree no longer do."""
        if not self.by_folder or repo.head() is None:
            return ()
        if staged:
            arguments = ("diff", "--cached", "--name-only", "-z", "--no-renames", "--diff-filter=DT")
            listed = set(repo.git(*arguments).split("\0"))
            gone = [folder for folder in self.by_folder if f"{folder}/{CARD}" in listed]
        else:
            merged = set(repo.git("tag", "--merged", "HEAD").splitlines())
            gone = [
                folder
                for folder, release in self.by_folder.items()
                if release.tag in merged and not (repo.root / folder / CARD).is_file()
            ]
            gone = _without_sparse(repo, gone)
        in_head = repo.read_many([f"HEAD:{folder}/{CARD}" for folder in gone])
        return tuple(
            self._gone(folder, staged=staged, is_in_head=card is not None)
            for folder, card in zip(gone, in_head, strict=True)
        )

    def _gone(self, folder: str, *, staged: bool, is_in_head: bool) -> Problem:
        release = self.by_folder[folder]
        source = "HEAD" if is_in_head else release.tag
        return Problem(
            path=f"{folder}/{CARD}",
            line=1,
            column=1,
            rule="frozen-removed",
            message=f"{release.reference} is released, and its card is {'staged to be removed' if staged else 'gone'}",
            hint=f"git restore --staged --worktree --source={source} -- {folder}",
        )


def _without_sparse(repo: Repository, folders: list[str]) -> list[str]:
    """Return the folders whose card the work tree is meant to have."""
    if not folders or repo.config("core.sparseCheckout") != "true":
        return folders
    listed = repo.git("ls-files", "-z", "-t", "--", *(f"{folder}/{CARD}" for folder in folders)).split("\0")
    left_out = {entry[2:] for entry in listed if entry.startswith("S ")}
    return [folder for folder in folders if f"{folder}/{CARD}" not in left_out]


def _digest(plain: Mapping[str, Any]) -> str | None:
    from embver.card import card_digest

    try:
        return card_digest(plain)
    except ValueError:  # a number that canonical JSON cannot hold: certainly not what was released
        return None
