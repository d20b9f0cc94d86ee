"""The items: every emoji in two art styles and two wordings, and how they are drawn into a probe and the rest."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data import STYLES, build_data, data_digest, dirty, load_emoji, picture_path
from embver.measure.strata import Side, StratumItems

Rows = NDArray[np.int64]
Vectors = dict[str, NDArray[np.float32]]
"""Rows of unit vectors by modality. Row r shows emoji r % n; images: one style after the other; texts: names
as they are, then names as typed."""

WORDINGS = ("clean", "typed")
KINDS = {"image": STYLES, "text": WORDINGS}
DOCUMENT_KINDS = {"image": STYLES, "text": ("clean",)}
STRATA = (("text", "image"), ("image", "text"), ("image", "image"), ("text", "text"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The emoji and where their pictures lie; `typed` is one wording each as people type it."""

    codes: tuple[str, ...]
    names: tuple[str, ...]
    typed: tuple[str, ...]
    folder: Path

    @property
    def size(self) -> int:
        """Return the number of emoji."""
        return len(self.codes)

    def pictures(self) -> list[Path]:
        """Return the pictures in row order."""
        return [self.folder / "data" / picture_path(code, style) for style in STYLES for code in self.codes]

    def rows(self, modality: str, kinds: Sequence[str], emoji: Rows) -> Rows:
        """Return the rows of some emoji in some styles or wordings."""
        starts = [self.size * KINDS[modality].index(kind) for kind in kinds]
        return np.concatenate([emoji + start for start in starts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A kind of probe set: so many emoji, and of each these styles and wordings; judged on the first `draws` draws."""

    name: str
    emoji: int
    draws: int = 99
    styles: tuple[str, ...] = STYLES
    wordings: tuple[str, ...] = WORDINGS


def read_population(folder: Path, *, limit: int | None = None) -> Population:
    """Build the demo's data in `folder`, unless it is there, and return all emoji or the first `limit`."""
    done = folder / "built.json"
    if not done.is_file():
        build_data(folder)
        done.write_text(json.dumps({"digest": data_digest(folder, "data/corpus-v2.jsonl")}))
    emoji = load_emoji()[:limit]
    return Population(
        codes=tuple(e.code for e in emoji),
        names=tuple(e.name for e in emoji),
        typed=tuple(typed(e.name, number) for number, e in enumerate(emoji)),
        folder=folder,
    )


def typed(name: str, number: int) -> str:
    """Write a name as people type it: a headline, a short code, the last word left out, a letter left out."""
    form = number % 4
    if form < 2:
        return dirty(name, ("title", "shortcode")[form])
    words = name.split()
    if form == 2 and len(words) > 1:
        return " ".join(words[:-1])
    place = random.Random(number).randrange(len(name))
    return name[:place] + name[place + 1 :]


def draw(population: Population, seed: int, largest: int) -> tuple[Rows, Rows]:
    """Return emoji in a random order for probe sets, and those that no probe set of this draw holds."""
    order = np.random.default_rng(seed).permutation(population.size)
    return order[:largest], np.sort(order[largest:])


def stratum(
    population: Population, probe: Probe, emoji: Rows, query: str, document: str
) -> tuple[StratumItems, Rows, Rows]:
    """Return the items of one stratum of a probe set on these emoji, with their query and document rows."""
    kinds = {"image": probe.styles, "text": probe.wordings}
    asked = population.rows(query, kinds[query], emoji)
    found = population.rows(
        document, [kind for kind in kinds[document] if kind in DOCUMENT_KINDS[document]], emoji
    )
    items = StratumItems(
        query_modality=query,
        document_modality=document,
        query_ids=_ids(population, query, asked),
        query_pairs=_pairs(population, asked),
        document_ids=_ids(population, document, found),
        document_pairs=_pairs(population, found),
    )
    return items, asked, found


def side(vectors: Vectors, items: StratumItems, asked: Rows, found: Rows) -> Side:
    """Return one version's rows of a stratum."""
    return Side(query=vectors[items.query_modality][asked], document=vectors[items.document_modality][found])


@cache
def _all_ids(codes: tuple[str, ...], modality: str) -> tuple[str, ...]:
    return tuple(f"{code}-{kind}" for kind in KINDS[modality] for code in codes)


def _ids(population: Population, modality: str, rows: Rows) -> tuple[str, ...]:
    ids = _all_ids(population.codes, modality)
    return tuple(ids[row] for row in rows)


def _pairs(population: Population, rows: Rows) -> tuple[str, ...]:
    return tuple(population.codes[row % population.size] for row in rows)
