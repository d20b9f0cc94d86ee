"""Take a Hugging Face model card over: README.md with its front matter and results, and the configuration beside it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange.hub_card import modalities_of, model_facts, split_front_matter
from embver.exchange.hub_config import MODULES, config_facts, wanted
from embver.exchange.hub_results import FORMAT, results_of
from embver.exchange.json_file import parse_json, read_bytes
from embver.intake import AbsentError, Intake, LeftOut, MalformedError, Origin, Taken
from embver.store.cards import CardText, read_card_text

OPTIONS: Final[Mapping[str, str]] = {
    "model": "the model's id on the Hub, where the folder's name does not say it: model=ORG/NAME",
    "modalities": "whose encoders the card is about: modalities=text, or image,text (default: those of its task)",
}
_README: Final = "README.md"
_NO_NUMBER: Final = "number-not-finite"
_TOP_FIELD: Final = re.compile(r"[^\s#-].*:")  # an entry of a list may stand at the left edge, too
# How the Hub's own client lays out what it fetched: models--ORG--NAME/snapshots/REVISION/README.md
_SNAPSHOT: Final = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})(?:/|$)")


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read a model card, or the configuration files of a folder that has none."""
    path = request.folder / request.reference
    readme = path / _README if path.is_dir() else path
    folder = path if path.is_dir() else path.parent
    card = work.card_text(work.source(request.into)).plain
    configs, left = _configs(folder) if path.is_dir() else ({}, [])
    warnings: list[str] = []
    taken: list[Taken] = []
    front: dict[str, Any] = {}
    digest = None
    if readme.is_file():
        data = read_bytes(readme, request.reference)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        front = _front(data, readme.name, left, warnings)
    elif not configs:
        raise AbsentError(
            f"{request.reference} holds no {_README} and no configuration file", hint="embver import hf DIR"
        )
    model, revision = _model(request, path)
    modalities = _modalities(request, card, front, configs)
    if not request.replace:
        modalities = _of_the_same_model(card, modalities, model, left)
    facts = model_facts(front, modalities, place=readme.name)
    taken += [*_identity(model, revision, modalities, request), *facts.taken]
    left += facts.left_out
    if front.get("model-index") is not None:
        source = (
            {"format": FORMAT, "sha256": digest.removeprefix("sha256:"), "size_bytes": len(data)}
            if digest
            else {}
        )
        results, dropped, said = results_of(front["model-index"], place=readme.name, source=source)
        taken += results
        left += dropped
        warnings += said
    found = config_facts(configs, has_tokenize=_has_tokenize(card))
    taken += [entry for entry in found.taken if entry.where[0] != "encoders" or entry.where[1] in modalities]
    left += found.left_out
    uri = f"hf:{model}@{revision}" if model and revision else f"hf:{model}" if model else f"hf:{readme.name}"
    return Intake(
        origin=Origin(source="hf", uri=uri, digest=digest),
        taken=tuple(taken),
        left_out=tuple(left),
        warnings=tuple(warnings),
    )


def _front(data: bytes, name: str, left: list[LeftOut], warnings: list[str]) -> dict[str, Any]:
    """Return the front matter as plain data; a field that two lines give differently, or that cannot be read, is left out."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(f"{name}:{line}", "is not UTF-8") from error
    parts = split_front_matter(text)
    if parts is None:
        warnings.append(f"{name} has no front matter: nothing is known of it but the files beside it")
        return {}
    read_text: CardText = read_card_text(parts[0], path=name)
    if not read_text.is_read:
        problem = read_text.problems[0]
        raise MalformedError(f"{name}:{problem.line + 1}:{problem.column}", f"no YAML: {problem.message}")
    plain = dict(read_text.plain)
    lines = parts[0].splitlines()
    for problem in read_text.problems:
        place = f"{name}:{problem.line + 1}:{problem.column}"
        if (
            problem.rule == _NO_NUMBER
        ):  # it stands as null there: one result without a number, and not all of them
            left.append(LeftOut(what=place, why=problem.message))
            continue
        # A field within which something is wrong is left out whole: of two licences neither is the licence.
        above = (line for line in reversed(lines[: problem.line]) if _TOP_FIELD.match(line))
        field = next(above, "").partition(":")[0].strip("'\" ")
        plain.pop(field, None)
        left.append(LeftOut(what=place, why=f"{problem.message}; {field or 'what it is in'} is left out"))
    if any(problem.rule != _NO_NUMBER for problem in read_text.problems):
        for where in read_text.unread:
            plain.pop(str(where[0]), None)
    return plain


def _configs(folder: Path) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return the configuration files of a folder by path; one that is no JSON is told, and the others are read."""
    found: dict[str, Any] = {}
    left: list[LeftOut] = []

    def add(name: str) -> None:
        path = folder / name
        if not path.is_file():
            return
        if not path.resolve().is_relative_to(folder.resolve()) and "snapshots" not in folder.resolve().parts:
            left.append(LeftOut(what=name, why="is a link out of the folder"))
            return
        try:
            found[name] = parse_json(read_bytes(path, name), name)
        except MalformedError as error:
            left.append(LeftOut(what=name, why=str(error)))

    add(MODULES)
    for name in dict.fromkeys(wanted(found.get(MODULES))):
        add(name)
    return found, left


def _model(request: ImportRequest, path: Path) -> tuple[str | None, str | None]:
    """Return (id, revision) of the model, as far as the option or the layout of the Hub's cache says them."""
    named = request.options.get("model")
    match = _SNAPSHOT.search(path.absolute().as_posix())
    if match is None:
        return named, None
    return named or f"{match[1]}/{match[2]}", match[3]


def _modalities(
    request: ImportRequest, card: Mapping[str, Any], front: Mapping[str, Any], configs: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the encoders of the card that the source is about: those asked for, of its task, else all."""
    encoders = card.get("encoders")
    known = tuple(encoders) if isinstance(encoders, Mapping) else ()
    asked = request.options.get("modalities")
    if asked is not None:
        names = tuple(name.strip() for name in asked.split(",") if name.strip())
        missing = [name for name in names if name not in known]
        if missing or not names:
            raise UsageError(
                f"the card has no encoder of {', '.join(missing) or 'nothing'}",
                hint=f"it has: {', '.join(known) or 'none'}",
            )
        return names
    spoken = modalities_of(front) or (("text",) if MODULES in configs else ())
    return tuple(name for name in spoken if name in known) or known


def _of_the_same_model(
    card: Mapping[str, Any], modalities: tuple[str, ...], model: str | None, left: list[LeftOut]
) -> tuple[str, ...]:
    """Return the encoders that are no other model than the source's: another one's licence would be a lie there."""
    same = []
    for modality in modalities:
        named = _at(card, "encoders", modality, "model", "id")
        if model is None or named is None or named == model:
            same.append(modality)
        else:
            why = f"the card's encoder is {named}, the source is about {model}; --replace takes it"
            left.append(LeftOut(what=f"the encoder of {modality}", why=why))
    return tuple(same)


def _at(plain: Any, *names: str) -> Any:
    for name in names:
        plain = plain.get(name) if isinstance(plain, Mapping) else None
    return plain


def _identity(
    model: str | None, revision: str | None, modalities: tuple[str, ...], request: ImportRequest
) -> list[Taken]:
    if model is None:
        return []
    named = {"id": model} | ({"revision": revision} if revision else {})
    origin = "--set model" if "model" in request.options else "the folder's name"
    return [
        Taken(where=("encoders", modality, "model"), value=named, origin=origin) for modality in modalities
    ]


def _has_tokenize(card: Mapping[str, Any]) -> bool:
    steps = _at(card, "encoders", "text", "preprocessing")
    entries = steps if isinstance(steps, list) else []
    return any(isinstance(step, Mapping) and step.get("step") == "tokenize" for step in entries)
