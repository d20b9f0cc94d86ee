"""Several files of one format as one corpus, in the order of their names."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from embver.encode.blob import Blob
from embver.encode.records.record import Flawed, Place, Record, Records


class Chain:
    """Records of one file after another."""

    kept_in = "files"

    def __init__(self, parts: Sequence[Records], *, folder: str = "", left_out: tuple[str, ...] = ()) -> None:
        self._parts, self._folder, self.left_out = tuple(parts), folder, left_out
        self._begins = [0]

    def scan(self) -> Iterator[Record | Flawed]:
        """Yield every record of every part."""
        for part in self._parts:
            count = 0
            for found in part.scan():
                count += isinstance(found, Record)
                yield found
            self._begins.append(self._begins[-1] + count)

    def read(self, start: int, stop: int) -> list[Record]:
        """Return some records once more."""
        found: list[Record] = []
        while start < stop:
            part, own = self._part(start)
            end = min(stop, self._begins[part + 1])
            found += self._parts[part].read(own, own + end - start)
            start = end
        return found

    def place(self, number: int) -> Place:
        """Return where a record stands."""
        part, own = self._part(number)
        return self._parts[part].place(own)

    def sources(self) -> Iterator[tuple[str, Blob]]:
        """Yield the files of every part, by their path in the folder if there is one."""
        for part in self._parts:
            for name, blob in part.sources():
                yield name.removeprefix(f"{self._folder}/" if self._folder else ""), blob

    def _part(self, number: int) -> tuple[int, int]:
        part = bisect_right(self._begins, number) - 1
        return part, number - self._begins[part]
