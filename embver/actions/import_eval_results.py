"""Take a Hugging Face repository's `.eval_results` into a card: a file, or the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange.eval_results import FORMAT, RAW, UNSPECIFIED, Entry, parse_entry, record_of
from embver.exchange.json_file import read_bytes
from embver.exchange.result_folder import FoundFile, find_files, private_file
from embver.intake import Intake, LeftOut, MalformedError, Origin, RawFile, Taken
from embver.store.list_text import read_list_text

OPTIONS: Final[Mapping[str, str]] = {
    "unit": "what the values are, which the format does not say: unit=percent or unit=fraction (MTEB's are percent)",
    "raw": "always: keep files even where they name people or places; never: keep none",
}
_UNITS: Final = ("percent", "fraction", "number")


def read(_work: Workspace, request: ImportRequest) -> Intake:
    """Read the entries; AbsentError or MalformedError where that cannot be done."""
    unit, raw = request.options.get("unit"), request.options.get("raw", "")
    if unit is not None and unit not in _UNITS:
        raise UsageError(f"--set unit={unit} is no unit", hint=f"one of {', '.join(_UNITS)}")
    root = request.folder / request.reference
    found = find_files(root, request.reference, (".yaml", ".yml"))
    taken: dict[str, Taken] = {}
    files: list[RawFile] = []
    left = list(found.left_out)
    units = 0
    for file in found.files:
        try:
            data, plain = _entries(file)
        except MalformedError as error:
            if len(found.files) == 1:
                raise
            place, _, why = str(error).partition(": ")
            left.append(LeftOut(what=place, why=why))
            continue
        path, why_private = f"{RAW}/{file.path.name}", private_file(plain)
        is_kept = raw == "always" or (raw != "never" and why_private is None)
        source = {"path": path} if is_kept else {}
        source |= {"sha256": hashlib.sha256(data).hexdigest()}
        count = len(taken)
        for number, each in enumerate(plain):
            place = f"{file.path.name}[{number}]"
            entry, lost = parse_entry(each, place)
            left += lost
            if entry is not None:
                record = record_of(entry, unit=unit, source={**source, "size_bytes": len(data)})
                record["id"] = _free(record["id"], entry, taken)
                units += record["metrics"][0].get("unit") == UNSPECIFIED
                taken[record["id"]] = Taken(
                    where=("benchmarks", ("id", record["id"])), value=record, origin=place
                )
        if len(taken) > count and is_kept:
            files.append(RawFile(path=path, data=data))
        elif why_private is not None and raw != "never":
            left.append(LeftOut(what=f"the bytes of {file.place}", why=why_private))
    if not taken:
        why = left[-1].why if left else "it is empty"
        raise MalformedError(request.reference, f"holds no result of a benchmark: {why}")
    warnings = []
    if units:
        warnings.append(
            f"the format says no unit, for {units} of {len(taken)} values nothing does: --set unit=percent says it"
        )
    return Intake(
        origin=_origin(found.root, found.files),
        taken=tuple(taken.values()),
        left_out=tuple(left),
        files=tuple(files),
        warnings=tuple(warnings),
    )


def _entries(file: FoundFile) -> tuple[bytes, list[Any]]:
    data = read_bytes(file.path, file.place)
    plain, problems = read_list_text(data, path=file.place)
    if problems:
        first = problems[0]
        raise MalformedError(f"{first.path}:{first.line}:{first.column}", first.message, hint=first.hint)
    if plain is None:
        raise MalformedError(file.place, f"is no list of results, so it is no {FORMAT}")
    return data, plain


def _free(identity: str, entry: Entry, taken: Mapping[str, Taken]) -> str:
    """Return an id that no other entry has: of a second one with its notes, which say what is different."""
    if identity in taken and entry.notes:
        identity = f"{identity}/{' '.join(entry.notes.split())[:40]}"
    number, free = 2, identity
    while free in taken:
        number, free = number + 1, f"{identity}#{number}"
    return free


def _origin(root: Path, files: tuple[FoundFile, ...]) -> Origin:
    if len(files) > 1:
        return Origin(
            source="eval-results", uri=f"eval-results:{root.resolve().parent.name}/{root.resolve().name}"
        )
    digest = hashlib.sha256(files[0].path.read_bytes()).hexdigest()
    return Origin(source="eval-results", uri=f"eval-results:{files[0].path.name}", digest=f"sha256:{digest}")
