"""The rows of one shard: those that were encoded and those that are copied, put together in the order of the items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embver.actions.incremental import Reuse
from embver.actions.shards_write import Made
from embver.errors import EncodeError
from embver.shards import Skipped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from embver.encode.runner import EncodedSection
    from embver.encode.spec import Item
    from embver.store.vectors import Stored


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cut:
    """The items of one shard, and which of them are copied: `places` are their rows in an earlier version, or -1."""

    start: int
    stop: int
    reuse: Reuse | None
    places: npt.NDArray[np.int64] | None

    @classmethod
    def of(cls, reuse: Reuse | None, start: int, stop: int) -> Cut:
        places = None if reuse is None else reuse.places[start:stop]
        return cls(start=start, stop=stop, reuse=reuse, places=places)

    @property
    def copied(self) -> int:
        return 0 if self.places is None else int((self.places >= 0).sum())

    @property
    def has_fresh(self) -> bool:
        return self.copied < self.stop - self.start

    def fresh_items(self, items: Sequence[Item]) -> Sequence[Item]:
        """Return the items that are to be encoded."""
        if self.places is None or not self.copied:
            return items
        return [item for item, place in zip(items, self.places, strict=True) if place < 0]

    def put_together(
        self,
        section: EncodedSection | None,
        ids: Iterable[str],
        digests: npt.NDArray[np.uint8],
        dtype: str,
    ) -> Made:
        """Return the shard's rows, encoded and copied, in the order of the items; raise EncodeError for a number too large."""
        import numpy as np

        from embver.store.vectors import Stored, VectorsError, to_stored

        names = list(ids)
        count = self.stop - self.start
        fresh = np.arange(count) if self.places is None else np.flatnonzero(self.places < 0)
        parts: list[tuple[npt.NDArray[np.int64], Stored]] = []
        skipped: list[Skipped] = []
        if section is not None:
            try:
                stored = to_stored(section.vectors, dtype)
            except VectorsError as error:
                name = names[fresh[section.kept[error.row]]] if error.row is not None else ""
                raise EncodeError(
                    f"the vector of {name} {error.message.partition(f'row {error.row} ')[2]}",
                    hint="space: {dtype: float32}, or bfloat16, which holds larger numbers",
                ) from error
            parts.append((fresh[section.kept], stored))
            for position, name, reason in section.skipped:
                place = int(fresh[position])
                skipped.append(Skipped(position=self.start + place, id=name, reason=reason))
        if self.reuse is not None and self.places is not None and self.copied:
            old = np.flatnonzero(self.places >= 0)
            parts.append((old, self.reuse.rows.stored(self.places[old])))
        positions = np.concatenate([place for place, _ in parts])
        order = np.argsort(positions, kind="stable")
        kept = positions[order]
        stored = parts[0][1]
        if len(parts) > 1:
            scales = [part.scale for _, part in parts if part.scale is not None]
            stored = Stored(
                vectors=np.concatenate([part.vectors for _, part in parts])[order],
                dtype=dtype,
                scale=np.concatenate(scales)[order] if scales else None,
            )
        return Made(
            stored=stored,
            inputs=digests[kept],
            ids=[names[place] for place in kept],
            copied=self.copied,
            skipped=tuple(sorted(skipped, key=lambda each: each.position)),
        )
