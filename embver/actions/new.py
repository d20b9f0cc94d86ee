"""Begin the next version: `next/` from the latest release's card, or from the template for a first one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import DERIVED
from embver.errors import UsageError
from embver.store.cards import read_card_text, update_card
from embver.store.files import write_atomic
from embver.store.templates import render_template

# Of the last release's card `next/` keeps what people wrote, and of that nothing that speaks of one release.
_DROPPED = ("version", "changes", "override", "status", "notes", *DERIVED)
_DROPPED_OF_ENCODER = ("weights", "tokenizer_sha256", "processor_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """The card that was written, and what it was made from (None: the template)."""

    path: str
    base: str | None


def new(work: Workspace, name: str, *, model: str | None = None) -> NewReport:
    """Write `next/card.yaml`; raise UsageError if it exists: nothing that was written is overwritten."""
    work.check_name(name)
    folder = work.folder(name, NEXT)
    file = work.path(folder, CARD)
    if file.exists():
        raise UsageError(f"{folder}/{CARD} exists already", hint=f"embver status {name}")
    current = work.latest(name)
    if current is None:
        text = render_template("card.yaml.j2", _first_card(work, name, model))
    else:
        card = work.card_text(work.release_source(current))
        dropped: list[tuple[tuple[str, ...], Any]] = [((key,), None) for key in _DROPPED if key in card.plain]
        for modality, encoder in card.plain["encoders"].items():
            keys = [key for key in _DROPPED_OF_ENCODER if key in encoder]
            dropped += [(("encoders", modality, key), None) for key in keys]
        text = update_card(card.text, dropped)
    problems = read_card_text(text, path=f"{folder}/{CARD}").problems
    if problems:
        raise UsageError(f"the new card cannot be read: {problems[0].format()}")
    write_atomic(file, text.encode())
    return NewReport(path=f"{folder}/{CARD}", base=current.reference if current else None)


def _first_card(work: Workspace, name: str, model: str | None) -> dict[str, Any]:
    title = name.replace("/", " ").replace("-", " ").replace("_", " ").capitalize()
    context: dict[str, Any] = {"name": name, "title": f"{title} embeddings", "model_path": model}
    if model is not None:
        folder = work.repo.root / model
        if not folder.is_dir():
            raise UsageError(f"--from-model: {model} is no folder")
        from embver.encode.processor import steps_from_processor

        context["steps"] = steps_from_processor(Path(folder))
    return context
