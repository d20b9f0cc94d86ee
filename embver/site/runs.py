"""Which versions share something, in few words: a run of neighbours is told by its ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from embver.site.model import SiteEmbedding
from embver.site.places import link, version_page
from embver.site.text import escape

# Of one cell: runs of an embedding, of each of many embeddings, and embeddings; what is older is counted.
SHOWN, SHOWN_OF_MANY, NAMED = 8, 3, 24
_FEW = 3


@dataclass(slots=True, kw_only=True)
class Users:
    """The versions that share something: by embedding their places in its order."""

    places: dict[str, list[int]] = field(default_factory=dict)

    def add(self, name: str, place: int) -> None:
        """Add the version of an embedding at a place among its versions."""
        held = self.places.setdefault(name, [])
        if not held or held[-1] != place:
            held.append(place)

    @property
    def count(self) -> int:
        """Return how many versions there are."""
        return sum(map(len, self.places.values()))

    def newest(self, embeddings: Mapping[str, SiteEmbedding]) -> tuple[str, str]:
        """Return when the newest of them was released, to sort by."""
        held = [(embeddings[name].versions[max(places)], name) for name, places in self.places.items()]
        return max(((version.release.date, name) for version, name in held), default=("", ""))

    def told(self, source: str, embeddings: Mapping[str, SiteEmbedding]) -> str:
        """Return the versions as Markdown for a table cell, newest first, each end of a run a link from `source`."""
        names = sorted(self.places)
        most = SHOWN if len(names) <= _FEW else SHOWN_OF_MANY
        told = [
            f"{escape(name)} {_runs(source, embeddings[name], self.places[name], most)}"
            for name in names[:NAMED]
        ]
        left = sum(len(self.places[name]) for name in names[NAMED:])
        if left:
            told.append(f"{left} version{'s' if left > 1 else ''} of {len(names) - NAMED} more")
        return "; ".join(told)


def within(rows: Iterable[tuple[str, ...]], most_bytes: int) -> tuple[tuple[str, ...], ...]:
    """Return the first rows of a table, as many as a page may hold and at least one."""
    kept: list[tuple[str, ...]] = []
    for row in rows:
        most_bytes -= sum(len(cell.encode()) + 3 for cell in row)
        if kept and most_bytes < 0:
            break
        kept.append(row)
    return tuple(kept)


def _runs(source: str, embedding: SiteEmbedding, places: list[int], most: int) -> str:
    runs: list[tuple[int, int]] = []
    for place in places:
        if runs and runs[-1][1] == place - 1:
            runs[-1] = (runs[-1][0], place)
        else:
            runs.append((place, place))
    newest = runs[::-1]
    told = [_run(source, embedding, first, last) for first, last in newest[:most]]
    left = sum(last - first + 1 for first, last in newest[most:])
    return ", ".join(told) + (f" and {left} older version{'s' if left > 1 else ''}" if left else "")


def _run(source: str, embedding: SiteEmbedding, first: int, last: int) -> str:
    ends = [_linked(source, embedding, place) for place in dict.fromkeys((first, last))]
    if last - first < 2:
        return ", ".join(reversed(ends))
    return f"{' to '.join(ends)} ({last - first + 1}\u00a0versions)"


def _linked(source: str, embedding: SiteEmbedding, place: int) -> str:
    number = embedding.versions[place].number
    return f"[{escape(number)}]({link(source, version_page(embedding.name, number))})"


def by_name(embeddings: Iterable[SiteEmbedding]) -> dict[str, SiteEmbedding]:
    """Return embeddings by their names."""
    return {embedding.name: embedding for embedding in embeddings}
