"""Hold the model that benchmark results are about against the encoders of the card that they go into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embver.actions.workspace import Workspace
from embver.privacy import private_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """What a card calls the model of one modality."""

    modality: str
    model: str
    revision: str | None


def encoders_of(work: Workspace, reference: str) -> tuple[Encoder, ...]:
    """Return the encoders of a card that name their model; none for a card that cannot be read."""
    plain = work.card_text(work.source(reference)).plain
    found = []
    encoders: Any = plain.get("encoders")
    for modality, encoder in (encoders if isinstance(encoders, dict) else {}).items():
        model = encoder.get("model") if isinstance(encoder, dict) else None
        name = (model.get("id") or model.get("path")) if isinstance(model, dict) else None
        if isinstance(model, dict) and isinstance(name, str):
            revision = model.get("revision")
            found.append(Encoder(modality=modality, model=name, revision=str(revision) if revision else None))
    return tuple(found)


def identity_warnings(
    encoders: Sequence[Encoder], model: str | None, revision: str | None = None
) -> tuple[str, ...]:
    """Return what speaks against results being of this card's model; both names are told, nothing is decided."""
    if model is None:
        return ("nothing says which model these results are about: make sure that it is this version's",)
    told = f"a model at {_last(model)}" if private_part("model", model) else model
    named = [encoder for encoder in encoders if _is_same(encoder.model, model)]
    if encoders and not named:
        cards = ", ".join(dict.fromkeys(f"{each.model} ({each.modality})" for each in encoders))
        return (f"the results are about {told}, the card's encoders are {cards}",)
    other = [each for each in named if revision and each.revision and not _is_start(each.revision, revision)]
    if named and len(other) == len(named):
        return (f"the results are about {told} at {revision}, the card has it at {other[0].revision}",)
    return ()


def _is_same(one: str, other: str) -> bool:
    """Tell whether two names mean one model: equal, or one without the organisation that the other one has."""
    one, other = one.lower().rstrip("/"), other.lower().rstrip("/")
    return one == other or (_last(one) == _last(other) and ("/" not in one or "/" not in other))


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _is_start(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
