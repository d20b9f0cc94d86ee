"""Take over what another system knows of a version into the card of `next/`; nothing is invented, and nothing lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from embver.actions.lock import wait_for
from embver.actions.workspace import CARD, Source, Workspace
from embver.errors import CardError, EmbverError, IntegrityError, UsageError
from embver.intake import AbsentError, Intake, Kept, LeftOut, MalformedError, RawFile, Taken
from embver.store.card_bulk import edit_entries
from embver.store.card_edit import Entry
from embver.store.cards import CardText, edit_card
from embver.store.files import write_atomic, write_many
from embver.store.schemas import check_card

# What each source is called on the command line, and the module of actions/ that reads it.
SOURCES: Final[Mapping[str, str]] = {
    "dvc": "import_dvc",
    "lfs": "import_lfs",
    "mlflow": "import_mlflow",
    "wandb": "import_wandb",
    "neptune": "import_neptune",
    "mteb": "import_mteb",
    "clip-benchmark": "import_clip_benchmark",
    "eval-results": "import_eval_results",
    "hf": "import_hf",
}
# A record of these is one run's and taken whole: never one run's numbers with another one's date.
_WHOLE: Final = ("benchmarks",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What to take from where; `options` are the source's own, by name."""

    source: str
    reference: str
    into: str  # NAME@next
    is_dry_run: bool = False
    allow_failed: bool = False
    replace: bool = False  # values of the card that differ, too
    without: tuple[str, ...] = ()  # fields of the card to leave alone, with all that lies below them
    options: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()  # what a relative path of `reference` starts from: where the command was given


class Importer(Protocol):
    """What a module `actions/import_SOURCE.py` offers. A source that knows no options leaves `OPTIONS` empty."""

    OPTIONS: Mapping[str, str]  # name of an option -> what it says, for `--help`; given as `--set NAME=VALUE`

    def read(self, work: Workspace, request: ImportRequest) -> Intake:
        """Read the source; AbsentError, MalformedError or an EmbverError where that cannot be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What one import took into a card, what it left as it was, and what it left out."""

    source: str
    into: str
    uri: str
    new: tuple[Taken, ...]
    same: tuple[Taken, ...]
    replaced: tuple[Kept, ...]
    kept: tuple[Kept, ...]
    left_out: tuple[LeftOut, ...]
    files: tuple[str, ...]  # from the repository's root
    warnings: tuple[str, ...]
    is_written: bool

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver import --json`."""
        return {
            "source": self.source,
            "into": self.into,
            "uri": self.uri,
            "taken": [{"field": t.path, "value": t.value, "from": t.origin} for t in self.new],
            "unchanged": [{"field": t.path, "value": t.value, "from": t.origin} for t in self.same],
            "replaced": [entry.to_plain() for entry in self.replaced],
            "kept": [entry.to_plain() for entry in self.kept],
            "left_out": [entry.to_plain() for entry in self.left_out],
            "files": list(self.files),
            "warnings": list(self.warnings),
            "written": self.is_written,
        }


def importer(source: str) -> Importer:
    """Return the module that reads a source; raise UsageError with those that there are."""
    if source not in SOURCES:
        raise UsageError(f"there is no source {source}", hint=f"known: {', '.join(SOURCES)}")
    module: Importer = import_module(f"embver.actions.{SOURCES[source]}")
    return module


def import_from(work: Workspace, request: ImportRequest) -> ImportReport:
    """Read a source and write what it knows into the card of `next/`, with the raw files beside it.

    A field that the card has already keeps its value unless `replace` is asked for. Raises IntegrityError for a source
    that says of itself that it failed, UsageError for one that is not there, CardError where the card would not be
    valid; then nothing is written.
    """
    target = work.source(request.into)
    if target.revision is not None:
        raise UsageError(
            f"{target.reference} is released: a released card does not change",
            hint=f"embver import {request.source} {request.reference} --into {request.into.partition('@')[0]}@next",
        )
    intake = _without(_read(work, request), request.without)
    if intake.failure is not None and not request.allow_failed:
        raise IntegrityError(
            f"{intake.origin.uri}: {intake.failure}", hint="if it is what you want: --allow-failed"
        )
    if request.is_dry_run:
        return _into(work, request, target, intake)
    with wait_for(work.repo.git_dir / "embver" / "import.lock"):  # of two imports at once neither is lost
        return _into(work, request, target, intake)


def _into(work: Workspace, request: ImportRequest, target: Source, intake: Intake) -> ImportReport:
    card = work.card_text(target)
    if not card.is_read:
        raise CardError("the card cannot be read", problems=card.problems, hint="embver validate")
    new, same, differing = _merge(card.plain, intake.taken)
    replaced = differing if request.replace else ()
    kept = () if request.replace else differing
    values = [*new, *(taken for taken, _ in replaced)]
    files = [file for file in intake.files if work.read(target, file.path) != file.data]
    after = _updated(card, values, intake) if values or files else card
    _check(card, after)
    is_written = not request.is_dry_run and (after.text != card.text or bool(files))
    if is_written:
        _write(work, target, after.text, files)
    failed = () if intake.failure is None else (intake.failure,)
    return ImportReport(
        source=request.source,
        into=target.reference,
        uri=intake.origin.uri,
        new=tuple(new),
        same=tuple(same),
        replaced=tuple(difference for _, difference in replaced),
        kept=tuple(difference for _, difference in kept),
        left_out=intake.left_out,
        files=tuple(f"{target.folder}/{file.path}" for file in files),
        warnings=(*failed, *intake.warnings),
        is_written=is_written,
    )


def _read(work: Workspace, request: ImportRequest) -> Intake:
    module = importer(request.source)
    unknown = sorted(set(request.options) - set(module.OPTIONS))
    if unknown:
        known = ", ".join(module.OPTIONS) or "none"
        raise UsageError(f"{request.source} has no option {unknown[0]}", hint=f"its options: {known}")
    try:
        return module.read(work, request).guarded()
    except AbsentError as error:
        hint = error.hint or (f"there are: {', '.join(error.known[:12])}" if error.known else None)
        raise UsageError(str(error), hint=hint) from error
    except MalformedError as error:
        raise EmbverError(str(error), hint=error.hint) from error


def _without(intake: Intake, fields: Sequence[str]) -> Intake:
    """Return an intake without some fields of the card, which are told as left out."""
    if not fields:
        return intake
    named = [entry for entry in intake.taken if any(_is_below(entry.path, name) for name in fields)]
    left = tuple(LeftOut(what=f"{entry.origin} ({entry.path})", why="you asked for it") for entry in named)
    kept = tuple(entry for entry in intake.taken if entry not in named)
    return replace(intake, taken=kept, left_out=(*intake.left_out, *left))


def _is_below(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _merge(
    plain: Mapping[str, Any], taken: Sequence[Taken]
) -> tuple[list[Taken], list[Taken], tuple[tuple[Taken, Kept], ...]]:
    """Return what is new to a card, what it has already, and what it has with another value.

    A mapping is taken field by field, so that a person's own fields beside it stay; a list and a scalar are one value.
    """
    new: list[Taken] = []
    same: list[Taken] = []
    differing: list[tuple[Taken, Kept]] = []
    for entry in taken:
        for leaf in _leaves(plain, entry):
            yours = _at(plain, leaf.where)
            if yours is None:
                new.append(leaf)
            elif yours == leaf.value or (leaf.where[0] in _WHOLE and _holds(yours, leaf.value)):
                same.append(leaf)
            else:
                kept = Kept(path=leaf.path, yours=yours, theirs=leaf.value, origin=leaf.origin)
                differing.append((leaf, kept))
    return new, same, tuple(differing)


def _leaves(plain: Mapping[str, Any], taken: Taken) -> list[Taken]:
    """Return a taken mapping as its fields where the card holds a mapping there, else as it is."""
    yours = _at(plain, taken.where)
    if taken.where[0] in _WHOLE:
        return [_with_remarks(taken, yours)]
    if not (isinstance(taken.value, Mapping) and isinstance(yours, Mapping)):
        return [taken]
    known_by = taken.where[-1][0] if isinstance(taken.where[-1], tuple) else None
    found: list[Taken] = []
    for key, value in taken.value.items():
        if key != known_by:
            inner = Taken(where=(*taken.where, str(key)), value=value, origin=taken.origin)
            found += _leaves(plain, inner)
    return found


def _with_remarks(taken: Taken, yours: Any) -> Taken:
    """Return a record with what a person wrote beside its numbers, which the source does not say otherwise."""
    if not (isinstance(taken.value, Mapping) and isinstance(yours, Mapping)):
        return taken
    own = {key: yours[key] for key in ("title", "notes") if key in yours and key not in taken.value}
    return replace(taken, value={**taken.value, **own}) if own else taken


def _holds(yours: Any, theirs: Any) -> bool:
    """Tell whether a record of the card says all that the source says, and maybe more."""
    return isinstance(yours, Mapping) and all(yours.get(key) == value for key, value in theirs.items())


def _at(plain: Any, where: Sequence[str | tuple[str, str]]) -> Any:
    """Return what stands at a place of a card, or None."""
    for part in where:
        if isinstance(part, tuple):
            entries = plain if isinstance(plain, list) else []
            plain = next((e for e in entries if isinstance(e, Mapping) and e.get(part[0]) == part[1]), None)
        else:
            plain = plain.get(part) if isinstance(plain, Mapping) else None
    return plain


def _updated(card: CardText, values: Sequence[Taken], intake: Intake) -> CardText:
    record = intake.origin.to_record()
    added: dict[str, list[Any]] = {}
    changed: dict[str, dict[int, Any]] = {}
    updates: list[tuple[Sequence[str | int | Entry], Any]] = []
    for taken in values:
        name, number = _entry_of(card.plain, taken)
        if name is None:
            place = [Entry(*part) if isinstance(part, tuple) else part for part in taken.where]
            updates.append((place, taken.value))
        elif number is None:
            known_by = dict(part for part in taken.where if isinstance(part, tuple))
            added.setdefault(name, []).append({**known_by, **taken.value})
        else:
            changed.setdefault(name, {})[number] = taken.value
    # The card is read again after each edit, so all that concerns one list is one edit; the longest comes last.
    updates.append((("imported", Entry("uri", record["uri"])), record))
    for name, entries in changed.items():
        card = edit_entries(card, name, entries)
    updates += [((name,), [*(card.plain.get(name) or []), *entries]) for name, entries in added.items()]
    return edit_card(card, updates)


def _entry_of(plain: Mapping[str, Any], taken: Taken) -> tuple[str | None, int | None]:
    """Return the list whose entry is taken as a whole, and which entry it is: None where it is not there yet."""
    name, known_by = taken.where[0], taken.where[-1]
    if len(taken.where) != 2 or not isinstance(name, str) or not isinstance(known_by, tuple):
        return None, None
    entries = plain.get(name) or []
    found = (n for n, e in enumerate(entries) if isinstance(e, Mapping) and e.get(known_by[0]) == known_by[1])
    return name, next(found, None)


def _check(card: CardText, after: CardText) -> None:
    """Raise CardError if the import would bring a problem into the card that it did not have."""
    if after.text == card.text:
        return
    before = {(p.rule, p.message) for p in check_card(card, folder="next")}
    problems = tuple(p for p in check_card(after, folder="next") if (p.rule, p.message) not in before)
    if problems:
        raise CardError(
            "nothing was imported: the card would not be valid",
            problems=problems,
            hint="mend the source, or leave out what it says with --without FIELD",
        )


def _write(work: Workspace, target: Source, text: str, files: Sequence[RawFile]) -> None:
    """Write the raw files, then the card that names them: stopped half way, the card is as it was."""
    write_many([(work.path(target.folder, file.path), file.data) for file in files])
    write_atomic(work.path(target.folder, CARD), text.encode())
    work.repo.stage([f"{target.folder}/{path}" for path in (CARD, *(file.path for file in files))])
