"""Begin the next version: `next/` from the newest version's card, an older one's, or the template for a first one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embver.actions.models import hub_name
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
_DROPPED = ("version", "previous", "changes", "override", "allowed_regressions", "status", "notes", *DERIVED)
_DROPPED_OF_ENCODER = ("weights", "files", "tokenizer_sha256", "processor_sha256")
# What a model decides about its encoder.
_OF_MODEL = ("pooling", "projection", "dense", "truncate_dimensions", "prompts", "preprocessing")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """The card that was written, and what it was made from (None: the template).

    `previous` is what the card says that it was begun from, where it says so: a release of an older line.
    """

    path: str
    base: str | None
    previous: str | None = None
    notes: tuple[str, ...] = ()  # what of the model the card's steps do in their own way


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
    described = _describe(work, model) if model is not None else None
    previous = None
    if current is None:
        text = render_template("card.yaml.j2", _first_card(name, described))
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
        if described is not None:
            dropped += _from_model(card.plain, described)
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
    notes = described.notes if described else ()
    return NewReport(path=f"{folder}/{CARD}", base=base, previous=previous, notes=notes)


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


def _first_card(name: str, described: Described | None) -> dict[str, Any]:
    title = name.replace("/", " ").replace("-", " ").replace("_", " ").capitalize()
    context: dict[str, Any] = {"name": name, "title": f"{title} embeddings"}
    if described is not None:
        context |= {
            "encoders": described.encoders,
            "space": described.space,
            "steps": {modality: encoder["preprocessing"] for modality, encoder in described.encoders.items()},
        }
    return context


def _from_model(plain: dict[str, Any], described: Described) -> list[tuple[tuple[str, ...], Any]]:
    """Return the changes that put another model into a card: what the model decides, and nothing else."""
    changes: list[tuple[tuple[str, ...], Any]] = [
        (("space", key), value) for key, value in described.space.items() if plain["space"].get(key) != value
    ]
    for modality, encoder in described.encoders.items():
        if modality not in plain["encoders"]:
            changes.append((("encoders", modality), dict(encoder)))
            continue
        changes.append((("encoders", modality, "model"), dict(encoder["model"])))
        for key in _OF_MODEL:
            if plain["encoders"][modality].get(key) != encoder.get(key):
                changes.append((("encoders", modality, key), encoder.get(key)))
    return changes


def _describe(work: Workspace, model: str) -> Described:
    """Describe the model that a person named: a folder of the repository, or `org/name@commit` of the hub."""
    from embver.encode.describe import describe_folder

    root = work.repo.root.resolve()
    folder = (root / model).resolve()
    if not folder.is_dir():
        return _describe_from_hub(model)
    if not folder.is_relative_to(root):
        raise UsageError(
            f"--from-model: {model} lies outside of the repository", hint="copy it in, such as to models/NAME"
        )
    return describe_folder(folder, path=folder.relative_to(root).as_posix())


def _describe_from_hub(model: str) -> Described:
    from embver.encode.describe import describe_model_files
    from embver.encode.hub import COMMIT, commit_of, fetch_model

    name, commit = hub_name(model) or (None, None)
    if name is None:
        raise UsageError(
            f"--from-model: {model} is no folder",
            hint="a path from the repository's root, or ORG/NAME@COMMIT of the hub",
        )
    if commit is None or not COMMIT.fullmatch(commit):
        now = commit_of(name, commit or "main")
        told = f"{commit or 'main'} is {now} now" if now else "the full one, 40 hexadecimal digits"
        raise UsageError(
            f"--from-model: {model} is no folder; of a model in the hub, a version names the commit ({told})",
            hint=f"--from-model {name}@{now or 'COMMIT'}",
        )
    folder = fetch_model(name, commit, card_path="--from-model", wants_weights=False)
    return describe_model_files(folder, model={"id": name, "revision": commit})
