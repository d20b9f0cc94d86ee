"""Check cards: their shape, their sense, and that what was released is still what was released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embver.card import card_digest
from embver.errors import UsageError
from embver.problem import Problem
from embver.store.cards import CardText, read_card_text
from embver.store.config import load_settings
from embver.store.repo import Repository
from embver.store.schemas import check_card

CARD = "card.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateReport:
    """How many cards were checked, and everything that is wrong with them, sorted."""

    checked: int
    problems: tuple[Problem, ...]


def validate(folder: Path, paths: Sequence[Path], *, staged: bool = False) -> ValidateReport:
    """Check the given cards, or all of the repository; `staged` reads what would be committed.

    Raises UsageError for a path that is no card.
    """
    if paths and not staged:
        files = [found for path in paths for found in _cards_at(folder / path, path)]
        texts = [(name, data) for name, data in files]
        digests = _tag_digests(folder)
    else:
        repo = Repository.discover(folder)
        texts = _staged(repo, paths) if staged else _all(repo)
        digests = _tag_digests(folder)
    problems: list[Problem] = []
    for name, data in texts:
        text = read_card_text(data, path=name)
        version = Path(name).parent.name
        found = check_card(text, folder=version if _is_in_place(name) else None)
        problems += found
        if not found:
            problems += _frozen(text, digests)
    return ValidateReport(checked=len(texts), problems=tuple(sorted(problems)))


def _cards_at(path: Path, shown: Path) -> list[tuple[str, bytes]]:
    if path.is_dir():
        found = [
            (str(shown / card.relative_to(path)), card.read_bytes()) for card in sorted(path.rglob(CARD))
        ]
        if not found:
            raise UsageError(f"there is no {CARD} below {shown}")
        return found
    if not path.is_file():
        raise UsageError(f"{shown} does not exist")
    return [(str(shown), path.read_bytes())]


def _all(repo: Repository) -> list[tuple[str, bytes]]:
    root = repo.root / load_settings(repo.root).embeddings
    return [(card.relative_to(repo.root).as_posix(), card.read_bytes()) for card in sorted(root.rglob(CARD))]


def _staged(repo: Repository, paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """Return the cards as they are in the index: what a partly staged file would commit."""
    listed = repo.git("diff", "--cached", "--name-only", "-z", "--diff-filter=d").split("\0")
    prefix = f"{load_settings(repo.root).embeddings}/"
    wanted = {path.as_posix() for path in paths}
    names = [
        name
        for name in listed
        if name.startswith(prefix) and name.endswith(f"/{CARD}") and (not wanted or name in wanted)
    ]
    blobs = repo.read_many([f":{name}" for name in names])
    return [(name, data) for name, data in zip(names, blobs, strict=True) if data is not None]


def _is_in_place(name: str) -> bool:
    # embeddings/NAME/VERSION/card.yaml; a card somewhere else has no folder that says its version.
    version = Path(name).parent.name
    return Path(name).name == CARD and (version == "next" or version[:1].isdigit())


def _tag_digests(folder: Path) -> dict[str, str]:
    """Return NAME@VERSION -> Card-Digest of every release, or nothing outside of a repository."""
    try:
        repo = Repository.discover(folder if folder.is_dir() else folder.parent)
    except UsageError:
        return {}
    releases = repo.releases(load_settings(repo.root).tags)
    return {release.reference: release.card_digest for release in releases if release.card_digest}


def _frozen(text: CardText, digests: dict[str, str]) -> list[Problem]:
    version = text.plain.get("version")
    reference = f"{text.plain['name']}@{version}"
    expected = digests.get(reference)
    if version is None or expected is None or card_digest(text.plain) == expected:
        return []
    return [
        Problem(
            path=text.path,
            line=1,
            column=1,
            rule="frozen",
            message=f"{reference} is released, and its frozen part no longer has the digest that its tag carries",
            hint="undo the change (only benchmarks, compatibility, status and notes may grow), or `embver new`",
        )
    ]
