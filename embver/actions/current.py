"""Read the cards of releases as they stand now, with what grew after the release: thousands at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from embver.actions.workspace import CARD, Workspace
from embver.card import Card
from embver.errors import CardError, IntegrityError
from embver.history import Release
from embver.store.cards import read_card_text


def current_cards(work: Workspace, releases: Sequence[Release]) -> Iterator[Card]:
    """Yield cards as HEAD has them, each that HEAD no longer holds as its own commit does; in order.

    One git process reads them all. Raises IntegrityError for a card that neither holds, CardError for an unreadable one.
    """
    paths = [f"{work.folder(release.name, release.version)}/{CARD}" for release in releases]
    for release, path, found in zip(releases, paths, _texts(work, releases, paths), strict=True):
        if found is None:
            raise IntegrityError(
                f"{release.reference} has no card", hint=f"embver verify {release.reference}"
            )
        text = read_card_text(found, path=path)
        if text.problems:
            raise CardError(f"{text.path} is not valid", problems=text.problems)
        yield Card.from_plain(text.plain)


def _texts(work: Workspace, releases: Sequence[Release], paths: Sequence[str]) -> Sequence[bytes | None]:
    own = [f"{release.commit}:{path}" for release, path in zip(releases, paths, strict=True)]
    if len(releases) == 1:
        now, then = work.repo.read_many([f"HEAD:{paths[0]}", own[0]])
        return [then if now is None else now]
    # Blobs by id: a path in a revision is looked up tree by tree, four times as long.
    held = {entry.path: entry.blob for entry in work.repo.tree("HEAD", work.settings.embeddings)}
    return work.repo.read_many([held.get(path, name) for path, name in zip(paths, own, strict=True)])
