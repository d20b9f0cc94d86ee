"""Begin the next version: `next/` from the newest version's card, an older one's, or the template for a first one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import DERIVED
from embver.errors import UsageError
from embver.history import Release
from embver.store.cards import read_card_text, update_card
from embver.store.files import write_atomic
from embver.store.templates import render_template
from embver.version import Version

if TYPE_CHECKING:
    from embver.encode.describe import Described

# Of the last release's card `next/` keeps what people wrote, and of that nothing that speaks of one release.
_DROPPED = ("version", "previous", "changes", "override", "status", "notes", *DERIVED)
_DROPPED_OF_ENCODER = ("weights", "tokenizer_sha256", "processor_sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """The card that was written, and what it was made from (None: the template).

    `previous` is what the card says that it was begun from, where it says so: a release of an older line.
    """

    path: str
    base: str | None
    previous: str | None = None


def new(work: Workspace, name: str, *, model: str | None = None, origin: str | None = None) -> NewReport:
    """Write `next/card.yaml`; raise UsageError if it exists: nothing that was written is overwritten.

    `origin` is the release to begin from, NAME@VERSION or VERSION, where that is not the newest.
    """
    work.check_name(name)
    folder = work.folder(name, NEXT)
    file = work.path(folder, CARD)
    if file.exists():
        raise UsageError(f"{folder}/{CARD} exists already", hint=f"embver status {name}")
    current = work.newest(name) if origin is None else _origin(work, name, origin)
    previous = None
    if current is None:
        text = render_template("card.yaml.j2", _first_card(work, name, model))
    else:
        card = work.card_text(work.release_source(current))
        # What led to a pre-release leads to the release that follows it: its words stay.
        kept = ("changes",) if current.version.is_prerelease else ()
        dropped: list[tuple[tuple[str, ...], Any]] = [
            ((key,), None) for key in _DROPPED if key in card.plain and key not in kept
        ]
        for modality, encoder in card.plain["encoders"].items():
            keys = [key for key in _DROPPED_OF_ENCODER if key in encoder]
            dropped += [(("encoders", modality, key), None) for key in keys]
        if model is not None:
            dropped += _from_model(work, card.plain, model)
        if current != work.newest(name):
            # What is compared with, and counted on from, is the line of that release, and no more the latest.
            previous = current.reference
            dropped.append((("previous",), previous))
        text = update_card(card.text, dropped)
    problems = read_card_text(text, path=f"{folder}/{CARD}").problems
    if problems:
        raise UsageError(f"the new card cannot be read: {problems[0].format()}")
    write_atomic(file, text.encode())
    base = current.reference if current else None
    return NewReport(path=f"{folder}/{CARD}", base=base, previous=previous)


def _origin(work: Workspace, name: str, text: str) -> Release:
    """Return the release that a person named to begin from; raise UsageError if it is none of this embedding."""
    with contextlib.suppress(ValueError):
        text = f"{name}@{Version.parse(text.removeprefix('v'))}"
    release = work.find(text)
    if release.name != name:
        raise UsageError(
            f"--from {text}: a version of {name} goes on from a version of {name}", hint=f"embver list {name}"
        )
    return release


def _first_card(work: Workspace, name: str, model: str | None) -> dict[str, Any]:
    title = name.replace("/", " ").replace("-", " ").replace("_", " ").capitalize()
    context: dict[str, Any] = {"name": name, "title": f"{title} embeddings"}
    if model is not None:
        described = _describe(work, model)
        context |= {
            "encoders": described.encoders,
            "space": described.space,
            "steps": {modality: encoder["preprocessing"] for modality, encoder in described.encoders.items()},
        }
    return context


def _from_model(work: Workspace, plain: dict[str, Any], model: str) -> list[tuple[tuple[str, ...], Any]]:
    """Return the changes that put another model into a card: what the model decides, and nothing else."""
    described = _describe(work, model)
    changes: list[tuple[tuple[str, ...], Any]] = [
        (("space", key), value) for key, value in described.space.items() if plain["space"].get(key) != value
    ]
    for modality, encoder in described.encoders.items():
        if modality not in plain["encoders"]:
            changes.append((("encoders", modality), dict(encoder)))
            continue
        changes.append((("encoders", modality, "model"), dict(encoder["model"])))
        for key in ("pooling", "projection", "prompts", "preprocessing"):
            if plain["encoders"][modality].get(key) != encoder.get(key):
                changes.append((("encoders", modality, key), encoder.get(key)))
    return changes


def _describe(work: Workspace, model: str) -> Described:
    from embver.encode.describe import describe_folder

    root = work.repo.root.resolve()
    folder = (root / model).resolve()
    if not folder.is_dir():
        raise UsageError(f"--from-model: {model} is no folder", hint="a path from the repository's root")
    if not folder.is_relative_to(root):
        raise UsageError(
            f"--from-model: {model} lies outside of the repository", hint="copy it in, such as to models/NAME"
        )
    return describe_folder(folder, path=folder.relative_to(root).as_posix())
