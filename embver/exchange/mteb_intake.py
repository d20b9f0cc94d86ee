"""From a folder of MTEB results to what a card takes of it, and what it does not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embver.exchange.metric_names import off_scale
from embver.exchange.mteb_folder import ReadFile, Results
from embver.exchange.mteb_records import RAW, Choice, records_of
from embver.intake import AbsentError, Intake, LeftOut, MalformedError, Origin, RawFile, Taken
from embver.language import language_flaw
from embver.privacy import private_part

_MOST_NAMES = 5


def intake_of(results: Results, choice: Choice, *, raw: str = "", warnings: Sequence[str] = ()) -> Intake:
    """Return the records, the raw files that stand behind them, and what is left out; `raw` is always, never or empty."""
    files = _wanted(results.files, choice)
    taken: dict[str, Taken] = {}
    kept: dict[str, RawFile] = {}
    left = list(results.left_out)
    used: list[ReadFile] = []
    for file in files:
        path = f"{RAW}/{file.file_name}"
        if path in kept and kept[path].data != file.data:
            left.append(LeftOut(what=file.place, why=f"another {file.file_name} is there already"))
            continue
        is_kept = raw == "always" or (raw != "never" and file.private is None)
        records = records_of(file, results, choice, is_kept=is_kept)
        off = off_scale(records)
        if off:
            left.append(LeftOut(what=file.place, why=f"{off}: MTEB's numbers are fractions, is it percent?"))
            continue
        known = [record["id"] for record in records if record["id"] in taken]
        if known:
            left.append(LeftOut(what=file.place, why=f"{known[0]} is taken from another file already"))
            continue
        for record in records:
            where = ("benchmarks", ("id", record["id"]))
            taken[record["id"]] = Taken(where=where, value=record, origin=_origin(file, record))
        if records:
            used.append(file)
        if records and is_kept:
            kept[path] = RawFile(path=path, data=file.data)
        elif records and raw != "never":
            left.append(LeftOut(what=f"the bytes of {file.place}", why=f"{file.private}"))
    if not taken and len(left) > len(results.left_out):
        raise MalformedError(left[-1].what, left[-1].why)
    if not taken:
        raise AbsentError("nothing is left of the results with this choice", known=_choices(results.files))
    left += _untaken(used, list(taken.values()))
    if raw != "never":
        for name, data in results.beside:
            kept[f"{RAW}/{name}"] = RawFile(path=f"{RAW}/{name}", data=data)
    return Intake(
        origin=_from(results, used),
        taken=tuple(taken.values()),
        left_out=tuple(left),
        files=tuple(kept.values()),
        warnings=(*warnings,),
    )


def _wanted(files: Sequence[ReadFile], choice: Choice) -> list[ReadFile]:
    if choice.tasks is None:
        return list(files)
    wanted = [file for file in files if file.task.task in choice.tasks]
    missing = sorted(choice.tasks - {file.task.task for file in wanted})
    if missing:
        known = tuple(dict.fromkeys(file.task.task for file in files))
        raise AbsentError(f"there is no result of the task {missing[0]}", known=known)
    return wanted


def _origin(file: ReadFile, record: dict[str, Any]) -> str:
    dataset = record["dataset"]
    subset = "" if dataset["config"] == "default" else f", {dataset['config']}"
    return f"{file.file_name}: {dataset['split']}{subset}"


def _from(results: Results, used: Sequence[ReadFile]) -> Origin:
    """Return what pins the results: the model and its revision, and of a single file its digest."""
    model = results.model
    name = model.name if model.name and not private_part("model", model.name) else None
    told = "@".join(part for part in (name or "unknown-model", model.revision) if part)
    versions = {file.task.version for file in used}
    alone = used[0] if len(results.files) == 1 else None
    version = next(iter(versions)) if len(versions) == 1 else None
    return Origin(
        source="mteb",
        uri=f"mteb:{told}#{alone.task.task}" if alone else f"mteb:{told}",
        digest=f"sha256:{alone.sha256}" if alone else None,
        version=version,
    )


def _untaken(used: Sequence[ReadFile], taken: Sequence[Taken]) -> list[LeftOut]:
    """Return what of the files no record holds: one line a kind, however many files there are."""
    held = {(metric["key"], metric["value"] is None) for one in taken for metric in one.value["metrics"]}
    keys: dict[str, None] = {}
    others: dict[str, None] = {}
    tongues: dict[str, None] = {}
    for file in used:
        for row in file.task.rows:
            tongues.update(dict.fromkeys(row.languages))
            numbers = row.numbers
            keys.update(dict.fromkeys(numbers))
            others.update(dict.fromkeys(key for key in row.scores if key not in numbers))
        if file.task.has_phases:
            others["evaluation_phases"] = None
    left = []
    nulls = sorted({key for key, is_null in held if is_null})
    if nulls:
        left.append(LeftOut(what=_some(nulls), why="NaN or infinite in some results: null in the card"))
    rest = [key for key in keys if not {(key, True), (key, False)} & held and key != "main_score"]
    if rest:
        left.append(
            LeftOut(what=_some(rest), why="no headline: in the raw files; --set metrics=all takes them")
        )
    odd = [language for language in tongues if language_flaw(language)]
    if odd:
        left.append(LeftOut(what=f"languages: {_some(odd)}", why="no language (BCP 47): in the raw files"))
    if others:
        left.append(LeftOut(what=_some(list(others)), why="no single number: in the raw files"))
    return left


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _choices(files: Sequence[ReadFile]) -> tuple[str, ...]:
    rows = [row for file in files for row in file.task.rows]
    splits = dict.fromkeys(f"split={row.split}" for row in rows)
    return (*splits, *dict.fromkeys(f"subsets={row.subset}" for row in rows))
