"""Digests of what pages are made from: equal stamps mean equal pages, as long as code and templates are the same. Pure.

Every field of the data enters, whatever it is called, so that one that is added later is not forgotten. What changed since
the version before is worked out from the two cards, so the cards stand for it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields

from embver.site.model import SiteData, SiteEmbedding, SiteVersion

# Worked out from other fields, or stamped by themselves.
_OF_VERSION = ("card", "changes", "reasons")
_OF_EMBEDDING = ("versions", "traces", "traces_stamp")
_OF_DATA = ("embeddings",)
_PASSING = ("generated_from", "unreadable")  # not seen by the pages of versions


def stamp(*parts: object) -> str:
    """Return a digest of some values by what `repr` tells of them."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogatepass")).hexdigest()


class Stamps:
    """The stamps of one site's data, each worked out once."""

    def __init__(self, data: SiteData) -> None:
        cards = {
            version.release.reference: _card(version)
            for embedding in data.embeddings
            for version in embedding.versions
        }
        self._versions = {
            version.release.reference: _version(version, cards)
            for embedding in data.embeddings
            for version in embedding.versions
        }
        own = {each.name: getattr(data, each.name) for each in fields(data) if each.name not in _OF_DATA}
        self._lasting = stamp(*(value for name, value in own.items() if name not in _PASSING))
        self._unreadable = {
            name: stamp(self._lasting, data.unreadable_of(name))
            for name in dict.fromkeys(each.release.name for each in data.unreadable)
        }
        self._data = stamp(
            *own.values(), *self._versions.values(), [each.traces_stamp for each in data.embeddings]
        )

    def of_data(self) -> str:
        """Return the stamp of everything."""
        return self._data

    def of_embedding(self, embedding: SiteEmbedding) -> str:
        """Return the stamp of an embedding with all its versions, readable or not."""
        said = self._unreadable.get(embedding.name, self._lasting)
        return stamp(said, *self.of_view(embedding))

    def of_view(self, embedding: SiteEmbedding) -> tuple[str, ...]:
        """Return what the pages of versions need that are made from a view of an embedding."""
        own = [getattr(embedding, each.name) for each in fields(embedding) if each.name not in _OF_EMBEDDING]
        versions = (self._versions[version.release.reference] for version in embedding.versions)
        return (self._lasting, *map(repr, own), *versions)


def _card(version: SiteVersion) -> str:
    text = json.dumps(version.card.plain, ensure_ascii=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _version(version: SiteVersion, cards: dict[str, str]) -> str:
    """Return the stamp of all that is known of a version, with the card that it is compared with."""
    own = [getattr(version, each.name) for each in fields(version) if each.name not in _OF_VERSION]
    before = cards.get(version.previous.reference) if version.previous else None
    return stamp(cards[version.release.reference], before, *own)
