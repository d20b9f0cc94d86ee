"""What a step of a card's `preprocessing` is made of: a name, and parameters that say what they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

REQUIRED: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a step: what it takes, in words too, and its value when it is not given."""

    accepts: Callable[[Any], bool]
    expected: str
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One checked step: its name, all its parameters with defaults filled in, and its place in the card."""

    name: str
    parameters: Mapping[str, Any]
    path: str

    def __getitem__(self, key: str) -> Any:
        """Return the value of a parameter."""
        return self.parameters[key]


def one_of(*values: Any, default: Any = REQUIRED) -> Parameter:
    """Return a parameter that takes one of some words or truth values."""
    words = " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)
    known = {(type(value), value) for value in values}

    def accepts(value: Any) -> bool:
        return isinstance(value, str | bool) and (type(value), value) in known

    return Parameter(accepts=accepts, expected=words, default=default)


def count(default: Any = REQUIRED) -> Parameter:
    """Return a parameter that takes a whole number from 1."""
    return Parameter(accepts=is_count, expected="a whole number from 1", default=default)


def is_count(value: Any) -> bool:
    """Tell whether a value is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
