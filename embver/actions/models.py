"""The models that a card names: their folders, here or from a hub, and what their files say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embver.actions.workspace import Workspace, is_pointer_file
from embver.errors import UsageError

# What `embver encode` writes into each encoder from its model's files.
DERIVED_OF_ENCODER = ("architecture", "weights", "files", "tokenizer_sha256", "processor_sha256")

_HUB_NAME = re.compile(r"(?P<id>[\w][\w.-]*/[\w][\w.-]*)(?:@(?P<revision>[^\s@]+))?")


def resolve_model(
    work: Workspace, modality: str, encoder: Mapping[str, Any], *, may_fetch: bool = True
) -> Path:
    """Return the folder of an encoder's model, fetched from the hub where the card has no path.

    Raise UsageError or EncodeError naming the field to mend. With `may_fetch` false the hub's cache alone is asked.
    """
    model = encoder.get("model") or {}
    where = f"encoders.{modality}.model"
    if not model.get("path"):
        return _from_hub(model, where, may_fetch=may_fetch)
    folder = work.repo.root / str(model["path"])
    if not folder.is_dir():
        raise UsageError(f"{where}.path: {model['path']} is no folder")
    pointers = [file for file in sorted(folder.rglob("*.safetensors")) if is_pointer_file(file)]
    if pointers:
        name = pointers[0].relative_to(folder).as_posix()
        raise UsageError(
            f"{model['path']}/{name} is a Git LFS pointer, not the weights",
            hint=f"git lfs pull --include '{model['path']}/**'",
        )
    return folder


def describe_encoders(
    encoders: Mapping[str, Mapping[str, Any]], folders: Mapping[str, Path]
) -> dict[str, dict[str, Any]]:
    """Return a card's encoders with what their models' files say (`DERIVED_OF_ENCODER`); each file is hashed once."""
    from embver.encode.model_files import describe_model, file_sha256

    known: dict[Path, str] = {}

    def digest(file: Path) -> str:
        if file not in known:
            known[file] = file_sha256(file)
        return known[file]

    described = {}
    for modality, encoder in encoders.items():
        model = encoder.get("model") or {}
        files = describe_model(
            folders[modality],
            modality=modality,
            allow_pickle=model.get("allow_pickle") is True,
            trust_remote_code=model.get("trust_remote_code") is True,
            digest=digest,
        )
        derived = {
            "architecture": dict(files.architecture),
            "weights": [dict(weight) for weight in files.weights],
            "files": [dict(file) for file in files.files],
            "tokenizer_sha256": files.tokenizer_sha256 if modality == "text" else None,
            "processor_sha256": files.processor_sha256 if modality != "text" else None,
        }
        described[modality] = {**encoder, **{key: value for key, value in derived.items() if value}}
    return described


def hub_name(text: str) -> tuple[str, str | None] | None:
    """Return (id, revision) of `org/name@revision`, the revision None where it is not said; None for anything else."""
    found = _HUB_NAME.fullmatch(text)
    return (found["id"], found["revision"]) if found else None


def _from_hub(model: Mapping[str, Any], where: str, *, may_fetch: bool) -> Path:
    from embver.encode.hub import fetch_model

    if not model.get("id"):
        raise UsageError(f"{where}: neither a path nor an id", hint="path: models/FOLDER, or id: ORG/NAME")
    if not model.get("revision"):
        raise UsageError(
            f"{where}.revision is missing: {model['id']} is read from the hub at one commit",
            hint=f"embver new NAME --from-model {model['id']} names it; or download it, then `path: models/FOLDER`",
        )
    return fetch_model(
        str(model["id"]),
        str(model["revision"]),
        card_path=where,
        allow_pickle=model.get("allow_pickle") is True,
        trust_remote_code=model.get("trust_remote_code") is True,
        may_fetch=may_fetch,
    )
