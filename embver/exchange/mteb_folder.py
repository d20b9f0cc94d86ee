"""Read a folder of MTEB results: which model it is about, its files, and what the harness says of the runs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from embver.exchange.json_file import parse_json, read_bytes
from embver.exchange.mteb import TaskFile, parse_task, settings_by_row
from embver.exchange.result_folder import FoundFile, find_files, private_file
from embver.intake import AbsentError, LeftOut, MalformedError

META: Final = "model_meta.json"
SETTINGS: Final = "run_settings.jsonl"
EXPERIMENTS: Final = "experiments"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_NO_REVISIONS: Final = ("no_revision_available", "no_revision_provided", "external")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which model results are about, as its folders or `model_meta.json` call it; None where nothing says so."""

    name: str | None = None
    revision: str | None = None

    @property
    def told(self) -> str:
        """Return it as people write it."""
        return "@".join(part for part in (self.name, self.revision) if part) or "a model that nothing names"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """One result file that was read; `private` says why its bytes must not be kept."""

    place: str
    data: bytes
    task: TaskFile
    private: str | None

    @property
    def file_name(self) -> str:
        """Return the name alone."""
        return self.place.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        """Return the digest of the bytes."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that a folder says of one model."""

    model: Model
    files: tuple[ReadFile, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    beside: tuple[
        tuple[str, bytes], ...
    ] = ()  # model_meta.json and run_settings.jsonl, where they may be kept
    left_out: tuple[LeftOut, ...] = ()


def read_results(
    root: Path, asked: str, *, model: str | None = None, experiment: str | None = None
) -> Results:
    """Read a result file, or a folder of them; a file that is none is left out and told.

    Raises AbsentError where the folder is about several models and `model` names none of them, MalformedError where
    not one result can be read.
    """
    found = find_files(root, asked, (".json", ".jsonl"))
    left = list(found.left_out)
    wanted, apart = _of_experiment(found.files, experiment)
    left += apart
    results = [file for file in wanted if file.path.suffix == ".json" and file.path.name != META]
    if not results:
        raise AbsentError(
            f"{asked} holds no result file", hint="the folder of one model: results/ORG__NAME/REVISION"
        )
    metas = {file.path.parent: file for file in wanted if file.path.name == META}
    chosen, about = _of_model(results, metas, model, asked)
    is_alone = found.root.is_file()
    read: list[ReadFile] = []
    for file in chosen:
        try:
            data = read_bytes(file.path, file.place)
            task = parse_task(data, file.place)
        except MalformedError as error:
            if is_alone:
                raise
            left.append(_unread(error))
            continue
        read.append(ReadFile(place=file.place, data=data, task=task, private=_private(data)))
    if not read:
        raise MalformedError(asked, f"none of its {len(chosen)} files is a result of MTEB: {left[-1].why}")
    parents = {file.path.parent for file in chosen}
    beside, meta, settings = _beside(parents, wanted, left)
    return Results(
        model=about,
        files=tuple(read),
        meta=meta,
        settings=settings,
        beside=beside,
        left_out=tuple(left),
    )


def _unread(error: MalformedError) -> LeftOut:
    place, _, why = str(error).partition(": ")
    return LeftOut(what=place, why=why)


def _private(data: bytes) -> str | None:
    """Return why bytes must not be kept, looking closer only where a text in them could be private."""
    if not any(sign in data for sign in (b"/", b"@", b"\\\\", b"token", b"secret", b"user", b"host", b"key")):
        return None
    return private_file(json.loads(data.decode("utf-8-sig")))


def _of_experiment(
    files: tuple[FoundFile, ...], experiment: str | None
) -> tuple[list[FoundFile], list[LeftOut]]:
    """Return the files of the plain run, or of one of its variants; the others are told once a variant."""
    wanted: list[FoundFile] = []
    apart: dict[str, int] = {}
    for file in files:
        folders = file.folders
        at = folders.index(EXPERIMENTS) if EXPERIMENTS in folders else None
        name = "/".join(folders[at + 1 :]) if at is not None else None
        if name == experiment:
            wanted.append(file)
        elif name is not None:
            apart[name] = apart.get(name, 0) + 1
    if experiment is not None and not wanted:
        raise AbsentError(f"there is no experiment {experiment}", known=tuple(sorted(apart)))
    why = "a variant of the run, with other arguments: --set experiment={}"
    left = [
        LeftOut(what=f"{EXPERIMENTS}/{name} ({count} files)", why=why.format(name))
        for name, count in sorted(apart.items())
    ]
    return wanted, left if experiment is None else []


def _of_model(
    results: list[FoundFile], metas: Mapping[Path, FoundFile], model: str | None, asked: str
) -> tuple[list[FoundFile], Model]:
    """Return the files of one model; numbers of two models never come into one card."""
    about: dict[Path, Model] = {}
    for file in results:
        if file.path.parent not in about:
            about[file.path.parent] = _model_of(file.path.parent, metas.get(file.path.parent))
    models = dict.fromkeys(about.values())
    if model is not None:
        models = dict.fromkeys(one for one in models if model in (one.name, one.told))
    if len(models) == 1:
        (only,) = models
        return [file for file in results if about[file.path.parent] == only], only
    known = tuple(one.told for one in dict.fromkeys(about.values()))
    told = ", ".join(known[:12])
    if model is not None:
        raise AbsentError(f"{asked} has no results of {model}, or of several revisions of it", known=known)
    raise AbsentError(
        f"{asked} holds results of {len(known)} models or revisions, and a card is about one",
        hint=f"--set model=NAME@REVISION, or the folder of one: {told}",
    )


def _model_of(folder: Path, meta: FoundFile | None) -> Model:
    plain: Any = {}
    if meta is not None:
        try:
            plain = parse_json(read_bytes(meta.path, meta.place), meta.place)
        except MalformedError:
            plain = {}
    if not isinstance(plain, Mapping):
        plain = {}
    parts = folder.absolute().parts
    parts = parts[: parts.index(EXPERIMENTS)] if EXPERIMENTS in parts else parts
    above, last = ("", *parts)[-2:]
    is_revision = "__" in above or last in _NO_REVISIONS or bool(_COMMIT.fullmatch(last))
    called = above if is_revision else last if "__" in last else ""
    name = str(plain.get("name") or "") or called.replace("__", "/", 1)
    revision = str(plain.get("revision") or "") or (last if is_revision else "")
    return Model(name=name or None, revision=revision if revision not in ("", *_NO_REVISIONS) else None)


def _beside(
    parents: set[Path], files: list[FoundFile], left: list[LeftOut]
) -> tuple[tuple[tuple[str, bytes], ...], Mapping[str, Any], dict[tuple[str, str, str], Mapping[str, Any]]]:
    """Read what lies beside the results of one model: model_meta.json and run_settings.jsonl."""
    kept: list[tuple[str, bytes]] = []
    meta: Mapping[str, Any] = {}
    lines: list[Any] = []
    for file in files:
        if file.path.parent not in parents or file.path.name not in (META, SETTINGS):
            continue
        try:
            data = read_bytes(file.path, file.place)
            if file.path.name == META:
                plain = parse_json(data, file.place)
            else:
                numbered = enumerate(data.splitlines(), start=1)
                plain = [parse_json(line, f"{file.place}:{n}") for n, line in numbered if line.strip()]
        except MalformedError as error:
            left.append(_unread(error))
            continue
        if file.path.name == META and isinstance(plain, Mapping):
            meta = plain
        elif isinstance(plain, list):
            lines += plain
        why = private_file(plain)
        if why is None and file.path.name == META and meta.get("contacts"):
            why = "its contacts: they name people"
        if why is not None:
            left.append(LeftOut(what=f"the bytes of {file.place}", why=why))
        elif file.path.name not in dict(kept):
            kept.append((file.path.name, data))
    return tuple(kept), meta, settings_by_row(lines)
