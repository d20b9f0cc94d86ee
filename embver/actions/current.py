"""Read the cards of releases as they stand now, with what grew after the release: thousands at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from embver.actions.workspace import CARD, Workspace
from embver.card import Card
from embver.errors import CardError, IntegrityError
from embver.history import Release
from embver.problem import Problem
from embver.store.cards import CardText, read_card_text
from embver.store.known import SHAPED, KnownCards
from embver.store.parts import in_parts

_PART = 100  # cards that are worth a process of their own: 2 ms each

# By rule how long the way is to what is wrong at the top of a card; and what a card cannot be shown without.
_SLIGHT = {"missing-field": 0, "unknown-field": 1}
_NEEDED = {"name", "space", "encoders"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlawedCard:
    """A release whose card is not valid today: what is wrong with it, and its text where there is one.

    `card` is what can be shown nevertheless: what was released where HEAD's was spoilt since (`is_as_released`), or a card
    that lacks a field, or has one too many, at its top.
    """

    release: Release
    problems: tuple[Problem, ...]
    text: str | None = None
    card: Card | None = None
    is_as_released: bool = False


def current_cards(work: Workspace, releases: Sequence[Release]) -> Iterator[Card]:
    """Yield cards as HEAD has them, each that HEAD no longer holds as its own commit does; in order.

    One git process reads them all. Raises IntegrityError for a card that neither holds, CardError for an unreadable one.
    """
    paths = _paths(work, releases)
    for release, path, found in zip(releases, paths, _texts(work, releases, paths), strict=True):
        if found is None:
            raise IntegrityError(
                f"{release.reference} has no card", hint=f"embver verify {release.reference}"
            )
        text = read_card_text(found, path=path)
        if text.problems:
            raise CardError(f"{text.path} is not valid", problems=text.problems)
        yield Card.from_plain(text.plain)


def readable_cards(work: Workspace, releases: Sequence[Release]) -> Iterator[Card | FlawedCard]:
    """Yield what `current_cards` yields, and of a card that is not there or has another shape what is wrong with it.

    Cards of the right shape are remembered by their
    blob ids, and not read again.
    """
    paths = _paths(work, releases)
    known = KnownCards.open(work.repo.git_dir, SHAPED)
    plains = {}
    held = {entry.path: entry.blob for entry in work.repo.tree("HEAD", work.settings.embeddings)}
    for path in paths:
        plain = known.get(held[path], None) if path in held else None
        if plain is not None:
            plains[path] = plain
    unknown = [(release, path) for release, path in zip(releases, paths, strict=True) if path not in plains]
    names = [held.get(path, f"{release.commit}:{path}") for release, path in unknown]
    texts = work.repo.read_many(names)
    read = iter(zip(texts, _plains([path for _, path in unknown], texts), strict=True))
    for release, path in zip(releases, paths, strict=True):
        if path in plains:
            yield Card.from_plain(plains.pop(path))
            continue
        found, plain = next(read)
        made = _card(release, path, found) if plain is None else Card.from_plain(plain)
        if isinstance(made, FlawedCard) and found is not None:
            (then,) = work.repo.read_many([f"{release.commit}:{path}"])
            again = made if then in (None, found) else _card(release, path, then)
            if isinstance(again, Card):
                made = replace(made, card=again, is_as_released=True)
        elif isinstance(made, Card) and path in held:
            known.add(held[path], None, made.plain)
        yield made
    known.save()


def _plains(paths: Sequence[str], texts: Sequence[bytes | None]) -> list[dict[str, Any] | None]:
    """Return the data of cards in which no check of text and shape finds anything, and None for each other one."""
    from embver.store.schemas import check_card

    def plain(path: str, data: bytes | None) -> dict[str, Any] | None:
        text = read_card_text(data or b"", path=path)
        return None if check_card(text, folder=None, with_sense=False) else text.plain

    def part(asked: Sequence[tuple[str, bytes | None]]) -> list[dict[str, Any] | None]:
        return [plain(path, data) for path, data in asked]

    made = in_parts(list(zip(paths, texts, strict=True)), part, least=_PART)
    return [each for some in made for each in some]


def _card(release: Release, path: str, data: bytes | None) -> Card | FlawedCard:
    from embver.store.schemas import check_card

    if data is None:
        problem = Problem(
            path=path, line=1, column=1, rule="card-missing", message=f"it is not in the commit of {release.tag}",
            hint=f"embver verify {release.reference}",
        )  # fmt: skip
        return FlawedCard(release=release, problems=(problem,))
    text = read_card_text(data, path=path)
    problems = check_card(text, folder=None, with_sense=False)
    if problems:
        shown = Card.from_plain(text.plain) if _is_slight(text, problems) else None
        return FlawedCard(release=release, problems=problems, text=text.text, card=shown)
    return Card.from_plain(text.plain)


def _is_slight(text: CardText, problems: Sequence[Problem]) -> bool:
    """Tell whether a card can be shown nevertheless: fields are missing or unknown at its top, and nothing else."""
    from embver.store.schemas import check_shape

    flaws = check_shape(text.plain)
    is_all_told = len(flaws) == len(problems) and text.plain.keys() >= _NEEDED
    return is_all_told and all(len(flaw.where) == _SLIGHT.get(flaw.rule, -1) for flaw in flaws)


def _paths(work: Workspace, releases: Sequence[Release]) -> list[str]:
    return [f"{work.folder(release.name, release.version)}/{CARD}" for release in releases]


def _texts(work: Workspace, releases: Sequence[Release], paths: Sequence[str]) -> Sequence[bytes | None]:
    own = [f"{release.commit}:{path}" for release, path in zip(releases, paths, strict=True)]
    if len(releases) == 1:
        now, then = work.repo.read_many([f"HEAD:{paths[0]}", own[0]])
        return [then if now is None else now]
    # Blobs by id: a path in a revision is looked up tree by tree, four times as long.
    held = {entry.path: entry.blob for entry in work.repo.tree("HEAD", work.settings.embeddings)}
    return work.repo.read_many([held.get(path, name) for path, name in zip(paths, own, strict=True)])
