"""Take the fingerprint of a version's space, or of that of any card file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.workspace import CARD, Workspace
from embver.card import described_space, space_id
from embver.digest import canonical_json
from embver.errors import CardError, UsageError

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """The fingerprint that a card's fields give, and the one that stands in it; `described` is what is hashed."""

    of: str  # the reference, or the card's file
    space_id: str
    recorded: str | None
    is_released: bool
    described: Mapping[str, Any]
    unweighed: tuple[
        str, ...
    ] = ()  # modalities whose weights are files that the card does not hold the digests of

    @property
    def canonical(self) -> str:
        """Return the canonical JSON (RFC 8785) whose SHA-256 the fingerprint is."""
        return canonical_json(dict(self.described)).decode()

    @property
    def is_as_recorded(self) -> bool:
        """Tell whether the card does not contradict itself."""
        return self.recorded in (None, self.space_id)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver fingerprint --json`."""
        return {
            "of": self.of,
            "space_id": self.space_id,
            "recorded": self.recorded,
            "recipe": self.described["recipe"],
            "canonical": self.canonical,
        }


def fingerprint(folder: Path, asked: str) -> Fingerprint:
    """Return the fingerprint of a reference, or of a card's file, for which no repository is needed.

    Raises CardError listing every problem of a card that is not valid, UsageError for what is neither.
    """
    path = folder / asked
    if path.is_file() or asked.endswith(_SUFFIXES):
        return _made(asked, _read(path, asked), is_released=False)
    if (path / CARD).is_file():
        return _made(asked, _read(path / CARD, f"{asked}/{CARD}"), is_released=False)
    work = Workspace.open(folder)
    source = work.source(asked)
    return _made(source.reference, work.card(source).plain, is_released=source.release is not None)


def _made(of: str, plain: Mapping[str, Any], *, is_released: bool) -> Fingerprint:
    recorded = plain.get("fingerprint")
    try:
        found = space_id(plain)
    except ValueError as error:  # a number that JSON cannot hold
        raise CardError(f"{of} has no fingerprint: {error}") from error
    return Fingerprint(
        of=of,
        space_id=found,
        recorded=str(recorded) if recorded else None,
        is_released=is_released,
        described=described_space(plain),
        unweighed=tuple(
            modality
            for modality, encoder in plain["encoders"].items()
            if (encoder.get("model") or {}).get("path") and not encoder.get("weights")
        ),
    )


def _read(path: Path, shown: str) -> Mapping[str, Any]:
    from embver.store.cards import read_card_text
    from embver.store.schemas import check_card

    try:
        text = read_card_text(path.read_bytes(), path=shown)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from error
    problems = check_card(text, folder="next" if path.parent.name == "next" else None)
    if problems:
        raise CardError(f"{shown} is not valid", problems=problems, hint="mend the lines above")
    return text.plain
