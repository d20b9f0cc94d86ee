"""A sequence that is worked out when it is first looked at: pages that are not made anew never ask. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Later(Sequence[T]):
    """What a function returns, called once and no sooner than needed."""

    __slots__ = ("_found", "_make")

    def __init__(self, make: Callable[[], Sequence[T]]) -> None:
        self._make: Callable[[], Sequence[T]] | None = make
        self._found: tuple[T, ...] = ()

    def found(self) -> tuple[T, ...]:
        """Return what there is."""
        if self._make is not None:
            self._found, self._make = tuple(self._make()), None
        return self._found

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.found()[index]

    def __len__(self) -> int:
        return len(self.found())

    def __repr__(self) -> str:
        return f"Later({'...' if self._make is not None else repr(self._found)})"
