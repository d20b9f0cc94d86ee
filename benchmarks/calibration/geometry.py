"""Changes of known size made to the vectors themselves: rounding, shift, rotation, noise, a shorter prefix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.population import Vectors

Rows = NDArray[np.float32]
Change = Callable[[Rows], Rows]
BOTH = ("image", "text")


def changed(vectors: Vectors, change: Change, towers: tuple[str, ...] = BOTH) -> Vectors:
    """Return the vectors with a change made to some towers, of unit length again."""
    return vectors | {tower: unit(change(vectors[tower])) for tower in towers}


def unit(rows: Rows) -> Rows:
    """Return rows of unit length."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def shifted(length: float) -> Change:
    """Return what adds one vector of this length, in a fixed random direction, to every row."""

    def shift(rows: Rows) -> Rows:
        direction = np.random.default_rng(1).standard_normal(rows.shape[1])
        return (rows + length * direction / np.linalg.norm(direction)).astype(np.float32)

    return shift


def rotated(angle: float) -> Change:
    """Return what turns every row by this angle (radians) in each of d / 2 random planes; the same for all towers."""

    def rotate(rows: Rows) -> Rows:
        d = rows.shape[1]
        basis, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((d, d)))
        turn = np.eye(d)
        for at in range(0, d - 1, 2):
            turn[at : at + 2, at : at + 2] = [
                [np.cos(angle), -np.sin(angle)],
                [np.sin(angle), np.cos(angle)],
            ]
        return (rows @ (basis @ turn @ basis.T)).astype(np.float32)

    return rotate


def noised(length: float) -> Change:
    """Return what adds a random vector of about this length to each row, another one to each."""

    def noise(rows: Rows) -> Rows:
        added = np.random.default_rng(3).standard_normal(rows.shape)
        return (rows + length * added / np.sqrt(rows.shape[1])).astype(np.float32)

    return noise


def rounded_to_integers(bits: int) -> Change:
    """Return what stores each row as signed integers of so many bits, with one scale a row."""

    def round_off(rows: Rows) -> Rows:
        step = np.abs(rows).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
        return (np.rint(rows / step) * step).astype(np.float32)

    return round_off


def half(rows: Rows) -> Rows:
    """Store rows as float16."""
    return rows.astype(np.float16).astype(np.float32)


def brain(rows: Rows) -> Rows:
    """Store rows as bfloat16: the upper half of the bits, rounded to nearest."""
    bits = rows.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def prefix(dimensions: int) -> Change:
    """Return what keeps the first numbers of each row."""
    return lambda rows: rows[:, :dimensions]
