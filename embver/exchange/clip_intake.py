"""From a file or folder of CLIP_benchmark results to what a card takes of it, and what it does not, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from embver.exchange.clip_benchmark import RAW, ClipResult, parse_clip, records_of
from embver.exchange.json_file import parse_json, read_bytes
from embver.exchange.metric_names import off_scale
from embver.exchange.result_folder import FoundFile, FoundFiles, find_files, private_file
from embver.intake import AbsentError, Intake, LeftOut, MalformedError, Origin, RawFile, Taken
from embver.privacy import private_part

Read = tuple[FoundFile, bytes, ClipResult]
Warn = Callable[[str | None], tuple[str, ...]]


def read_clip(
    root: Path, asked: str, *, model: str | None, datasets: frozenset[str] | None, raw: str, warn: Warn
) -> Intake:
    """Return the records of the results of one model; `warn` says what speaks against a model's name.

    Raises AbsentError where several models are there and none is named, MalformedError where no file is a result.
    """
    found = find_files(root, asked, (".json",))
    read, left = _read(found, asked)
    chosen = _of_datasets(_of_model(read, model, asked), datasets)
    taken: dict[str, Taken] = {}
    files: dict[str, RawFile] = {}
    nothing: dict[str, None] = {}
    for file, data, result in chosen:
        path = f"{RAW}/{file.path.name}"
        why = private_file(parse_json(data, file.place)) if raw == "" else None
        is_kept = raw != "never" and why is None and path not in files
        records, others = records_of(
            result,
            path=path if is_kept else None,
            sha256=hashlib.sha256(data).hexdigest(),
            size_bytes=len(data),
        )
        nothing.update(dict.fromkeys(others))
        off = off_scale(records)
        if off:
            left.append(LeftOut(what=file.place, why=f"{off}: these numbers are fractions, is it percent?"))
            continue
        twin = next((record["id"] for record in records if record["id"] in taken), None)
        if twin:
            left.append(LeftOut(what=file.place, why=f"{twin} is taken from another file already"))
            continue
        for record in records:
            where = ("benchmarks", ("id", record["id"]))
            origin = f"{file.path.name}: {record['task'].get('category') or result.task}"
            taken[record["id"]] = Taken(where=where, value=record, origin=origin)
        if is_kept:
            files[path] = RawFile(path=path, data=data)
        elif why is not None:
            left.append(LeftOut(what=f"the bytes of {file.place}", why=why))
    if not taken:
        raise MalformedError(left[-1].what, left[-1].why)
    return Intake(
        origin=_origin(chosen[0], len(found.files)),
        taken=tuple(taken.values()),
        left_out=(*left, *_untaken(taken.values(), nothing)),
        files=tuple(files.values()),
        warnings=warn(chosen[0][2].model),
    )


def _read(found: FoundFiles, asked: str) -> tuple[list[Read], list[LeftOut]]:
    """Read every file; one that is no result is left out and told, and refused where it is the only one."""
    left = list(found.left_out)
    read: list[Read] = []
    for file in found.files:
        try:
            data = read_bytes(file.path, file.place)
            read.append((file, data, parse_clip(data, file.place)))
        except MalformedError as error:
            if len(found.files) == 1:
                raise
            place, _, why = str(error).partition(": ")
            left.append(LeftOut(what=place, why=why))
    if not read:
        raise MalformedError(asked, f"none of its {len(found.files)} files is a result of CLIP_benchmark")
    return read, left


def _of_datasets(read: list[Read], datasets: frozenset[str] | None) -> list[Read]:
    if datasets is None:
        return read
    known = tuple(dict.fromkeys(result.dataset for _, _, result in read))
    missing = sorted(datasets.difference(known))
    if missing:
        raise AbsentError(f"there is no result on the data set {missing[0]}", known=known)
    return [each for each in read if each[2].dataset in datasets]


def _untaken(taken: Iterable[Taken], nothing: Iterable[str]) -> list[LeftOut]:
    """Return what of the files no record holds."""
    nulls = {m["key"]: None for one in taken for m in one.value["metrics"] if m["value"] is None}
    left = []
    if nulls:
        left.append(LeftOut(what=", ".join(nulls), why="NaN or infinite in some results: null in the card"))
    if nothing:
        left.append(LeftOut(what=", ".join(list(nothing)[:5]), why="no number: in the raw files"))
    return left


def _of_model(read: Sequence[Read], model: str | None, asked: str) -> list[Read]:
    """Return the results of one model and pretrained tag."""
    names = dict.fromkeys(result.told for _, _, result in read)
    wanted = [name for name in names if model is None or (name and model in (name, name.split(" (")[0]))]
    known = tuple(name or "no model" for name in names)
    if len(wanted) == 1:
        return [each for each in read if each[2].told == wanted[0]]
    if model is not None:
        raise AbsentError(f"{asked} has no results of {model}, or several that are called so", known=known)
    raise AbsentError(
        f"{asked} holds results of {len(known)} models, and a card is about one",
        hint=f"--set model=NAME: {', '.join(known[:12])}",
    )


def _origin(first: Read, count: int) -> Origin:
    _, data, result = first
    parts = [part for part in (result.model, result.pretrained) if part and not private_part("model", part)]
    uri = f"clip-benchmark:{'@'.join(parts) or 'unknown-model'}"
    if count > 1:
        return Origin(source="clip-benchmark", uri=uri)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return Origin(source="clip-benchmark", uri=f"{uri}#{result.dataset}", digest=digest)
