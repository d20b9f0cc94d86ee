from __future__ import annotations

import os

# Before numpy: the matrices here are small, and threads that spin for a busy core make them 30 times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from embver.measure import Side, StratumItems


def unit(rows: NDArray) -> NDArray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def noisy(rows: NDArray, size: float, seed: int) -> NDArray:
    """Move unit rows by a random step of about `size` lengths, as compat.md section 4 calibrates it."""
    step = np.random.default_rng(seed).normal(size=rows.shape) * size / np.sqrt(rows.shape[1])
    return unit(rows + step).astype(np.float32)


def rotation(d: int, seed: int) -> NDArray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


@dataclass(frozen=True)
class World:
    """Items and the vectors of one version of them; a pair's query lies near its document."""

    items: StratumItems
    side: Side

    def moved(self, query: float = 0.0, document: float = 0.0, seed: int = 1) -> Side:
        return Side(
            query=noisy(self.side.query, query, seed) if query else self.side.query,
            document=noisy(self.side.document, document, seed + 1) if document else self.side.document,
        )

    def turned(self, seed: int = 1) -> Side:
        turn = rotation(self.side.query.shape[1], seed)
        return Side(query=self.side.query @ turn, document=self.side.document @ turn)


def build(
    n: int = 400,
    d: int = 48,
    *,
    far: float = 0.6,
    modalities: tuple[str, str] = ("text", "image"),
    seed: int = 0,
) -> World:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, d))
    documents = unit(centres[rng.integers(0, 12, n)] + 0.7 * rng.normal(size=(n, d))).astype(np.float32)
    names = tuple(f"item-{i:05d}" for i in range(n))
    items = StratumItems(
        query_modality=modalities[0],
        document_modality=modalities[1],
        query_ids=names,
        query_pairs=names,
        document_ids=names,
        document_pairs=names,
    )
    return World(items=items, side=Side(query=noisy(documents, far, seed + 99), document=documents))


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    return build


@pytest.fixture(scope="session")
def world() -> World:
    return build()


@pytest.fixture(scope="session")
def unlabelled(world: World) -> World:
    blank = ("",) * len(world.items.query_ids)
    return World(items=replace(world.items, query_pairs=blank), side=world.side)
