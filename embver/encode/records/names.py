"""Many short texts in little memory: one block of bytes and where each begins."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator


class Names:
    """A list of names: 8 bytes each beside their own, where a list of texts takes 60 and more."""

    def __init__(self, names: Iterable[bytes] = ()) -> None:
        self._data = bytearray()
        self._ends = array("q")
        for name in names:
            self.append(name)

    def append(self, name: bytes) -> None:
        """Add a name, which is UTF-8."""
        self._data += name
        self._ends.append(len(self._data))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> str:
        begin = self._ends[number - 1] if number else 0
        return self._data[begin : self._ends[number]].decode()

    def __iter__(self) -> Iterator[str]:
        return (self[number] for number in range(len(self)))
