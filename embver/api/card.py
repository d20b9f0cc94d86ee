"""The card as people handle it in Python: read from a file or a text, checked, shown."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any, Self

from embver import card as words
from embver.card import space_id
from embver.errors import CardError, UsageError
from embver.notebook import table
from embver.problem import Problem


class Card(words.Card):
    """One version's metadata: typed where code needs it, and whole as `to_plain()`."""

    __slots__ = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a card from its file, or from the folder of its version.

        Raises CardError listing every problem with its line, UsageError where there is no file.
        """
        file, data = _read(path)
        return cls.from_text(data.decode(errors="surrogateescape"), path=str(file))

    @classmethod
    def from_text(cls, text: str, *, path: str = "card.yaml") -> Self:
        """Read a card from YAML text; raise CardError listing every problem with its line."""
        from embver.store.cards import read_card_text

        data = text.encode(errors="surrogateescape")
        problems = _problems(data, path)
        if problems:
            raise CardError(f"{path} is not valid", problems=problems, hint=problems[0].format())
        return cls.from_plain(read_card_text(data, path=path).plain)

    @staticmethod
    def validate(path: str | os.PathLike[str]) -> tuple[Problem, ...]:
        """Return every problem of a card's text, shape and sense: what `embver validate FILE` says of it alone."""
        file, data = _read(path)
        return _problems(data, str(file))

    @property
    def space_id(self) -> str:
        """Return the fingerprint that the card's fields give (not the one that was written down)."""
        return space_id(self.plain)

    def to_plain(self) -> dict[str, Any]:
        """Return a copy of the card as plain data, as `embver show --json` prints it."""
        return copy.deepcopy(dict(self.plain))

    def __repr__(self) -> str:
        return f"<Card {self.name}@{self.version or 'next'}: {', '.join(self.encoders)}, {_space(self)}>"

    def _repr_html_(self) -> str:
        rows = [("title", self.title), ("space", _space(self)), ("status", self.status)]
        for modality, encoder in self.encoders.items():
            model = encoder.get("model") or {}
            steps = " > ".join(str(step.get("step")) for step in encoder.get("preprocessing") or ())
            rows.append((modality, f"{model.get('id') or model.get('path')}: {steps}"))
        rows += [("change", entry.get("text")) for entry in self.plain.get("changes") or ()]
        for benchmark in self.benchmarks:
            values = ", ".join(metric.told for metric in benchmark.metrics)
            rows.append((benchmark.id, values))
        return table(f"{self.name}@{self.version or 'next'}", (), rows)


def _space(card: words.Card) -> str:
    unit = ", unit length" if card.space.normalized else ""
    return f"{card.space.dimensions} dimensions, {card.space.metric}{unit}, {card.space.dtype}"


def _read(path: str | os.PathLike[str]) -> tuple[Path, bytes]:
    file = Path(path)
    if file.is_dir():
        file /= "card.yaml"
    try:
        return file, file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error


def _problems(data: bytes, path: str) -> tuple[Problem, ...]:
    from embver.store.cards import read_card_text
    from embver.store.schemas import check_card

    is_next = Path(path).parent.name == "next"
    return check_card(read_card_text(data, path=path), folder="next" if is_next else None)
