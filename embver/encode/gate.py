"""A sample computed in float32 and in what was asked for: what decides whether the cheaper one may be used."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embver.encode.batches import BatchPlan
from embver.encode.models import LoadedEncoder, Rows, load_encoder
from embver.encode.runner import EncodedSection, encode_sections
from embver.encode.spec import Item


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InBoth:
    """Rows (k, dimensions) of the same items in float32 and in the dtype that was asked for.

    `lost` names items that float32 can encode and the other dtype cannot, for want of its range.
    """

    exact: Rows
    asked: Rows
    lost: tuple[str, ...]


def encode_in_both(
    encoder: LoadedEncoder,
    items: Sequence[Item],
    *,
    role: str | None = None,
    batch: BatchPlan | None = None,
    workers: int | None = None,
) -> InBoth:
    """Encode items with an encoder, and with the same loaded in float32; leave out what float32 cannot encode."""
    asked = _section(encoder, items, role, batch, workers)
    reference = load_encoder(encoder.spec, device=encoder.device, threads=encoder.threads)
    exact = _section(reference, items, role, batch, workers)
    both = np.intersect1d(exact.kept, asked.kept)
    lost = np.setdiff1d(exact.kept, asked.kept)
    return InBoth(
        exact=exact.vectors[np.searchsorted(exact.kept, both)],
        asked=asked.vectors[np.searchsorted(asked.kept, both)],
        lost=tuple(_ids(items, lost)),
    )


def _section(
    encoder: LoadedEncoder,
    items: Sequence[Item],
    role: str | None,
    batch: BatchPlan | None,
    workers: int | None,
) -> EncodedSection:
    sections = encode_sections(encoder, [items], role=role, batch=batch, workers=workers, skip=True)
    with closing(sections):
        return next(sections)


def _ids(items: Sequence[Item], places: npt.NDArray[np.int64]) -> list[str]:
    return [items[int(place)].id for place in places]
