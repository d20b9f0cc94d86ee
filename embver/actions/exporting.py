"""Write a version in a format of the field; each is checked by its own schema before a file is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Protocol

from embver import __version__
from embver.actions.workspace import CARD, Source, Workspace
from embver.card import Card, card_digest
from embver.errors import EmbverError, PolicyError, UsageError
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject
from embver.store.files import write_many

# What each format is called on the command line, and the module of actions/ that writes it.
FORMATS: Final[Mapping[str, str]] = {
    "hf": "export_hf",
    "mteb": "export_mteb",
    "clip-benchmark": "export_clip_benchmark",
    "eval-results": "export_eval_results",
    "croissant": "export_standards",
    "cyclonedx": "export_standards",
    "model-signing": "export_standards",
    "in-toto": "export_standards",
    "spdx": "export_standards",
    "modelpack": "export_standards",
    "openlineage": "export_standards",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which version to write in which format, and where; `options` are the format's own, by name."""

    reference: str
    format: str
    out: Path
    is_forced: bool = False
    is_yanked_wanted: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


class Exporter(Protocol):
    """What a module `actions/export_FORMAT.py` offers."""

    OPTIONS: Mapping[str, str]  # name of an option -> what it says; given as `--set NAME=VALUE`

    def export(self, work: Workspace, source: Source, subject: Subject, request: ExportRequest) -> Export:
        """Make the files; MissingFieldsError where the card lacks what the format requires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """The files that were written, in full paths, and what the format could not hold."""

    reference: str
    format: str
    files: tuple[Path, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver export --json`."""
        return {
            "reference": self.reference,
            "format": self.format,
            "files": [str(path) for path in self.files],
            "left_out": [entry.to_plain() for entry in self.left_out],
            "notes": list(self.notes),
        }


def exporter(format_: str) -> Exporter:
    """Return the module that writes a format; raise UsageError with those that there are."""
    if format_ not in FORMATS:
        raise UsageError(
            f"there is no format {format_}",
            hint=f"known: {', '.join((*FORMATS, 'parquet', 'npy', 'lance', 'faiss'))}",
        )
    module: Exporter = import_module(f"embver.actions.{FORMATS[format_]}")
    return module


def export(work: Workspace, request: ExportRequest) -> ExportReport:
    """Write one version in one format below a folder; a file that differs is not written over unless forced."""
    module = exporter(request.format)
    unknown = sorted(set(request.options) - set(module.OPTIONS))
    if unknown:
        known = ", ".join(module.OPTIONS) or "none"
        raise UsageError(f"{request.format} has no option {unknown[0]}", hint=f"its options: {known}")
    check_folder(request.out)
    source = work.source(request.reference)
    warned = warning_of(work, source, is_yanked_wanted=request.is_yanked_wanted)
    made = module.export(work, source, subject_of(work, source), request)
    for file in made.files:
        _check_free(request.out / file.path, file, is_forced=request.is_forced)
    try:
        write_many([(request.out / file.path, file.data) for file in made.files])
    except OSError as error:
        raise EmbverError(f"{error.filename or request.out} cannot be written: {error.strerror}") from error
    return ExportReport(
        reference=source.reference,
        format=request.format,
        files=tuple(request.out / file.path for file in made.files),
        left_out=made.left_out,
        notes=(*warned, *made.notes),
    )


def check_folder(folder: Path) -> None:
    """Raise UsageError if files cannot lie below a path, since a file or a link to nothing is in the way."""
    above = next(path for path in (folder, *folder.parents) if path.exists() or path.is_symlink())
    if not above.is_dir():
        raise UsageError(f"{above} is there, and is no folder", hint="--out another folder")


def warning_of(work: Workspace, source: Source, *, is_yanked_wanted: bool) -> tuple[str, ...]:
    """Return what to say of a version that should not be used any more; raise PolicyError for a yanked one."""
    if source.release is None:
        return ()
    status = work.lifecycle_of(source.release.name).status(source.reference)
    if status.is_yanked and not is_yanked_wanted:
        instead = f"embver export {status.successor}, or" if status.successor else "with"
        raise PolicyError(
            f"refused: {status.sentence(source.reference)}",
            hint=f"{instead} --yanked to have it all the same",
        )
    return () if status.is_active else (status.sentence(source.reference),)


def subject_of(work: Workspace, source: Source) -> Subject:
    """Return all that is known of a version: its card as released, what may have grown since, its tag."""
    card = work.card(source)
    release = source.release
    data = work.read(source, CARD) or b""
    links = card.plain.get("links") or {}
    url = work.settings.site.get("url")
    page = (
        f"{str(url).rstrip('/')}/changelog/{release.name}/{release.version}.html" if url and release else None
    )
    return Subject(
        card=card,
        reference=source.reference,
        release=release,
        previous=_previous(work, card, release is not None),
        card_digest=card_digest(card.plain) if release else None,
        card_bytes=data,
        repository=str(work.settings.site.get("repository") or links.get("repository") or "") or None,
        page=page,
        tool_version=__version__,
        raw=_raw(work, source, card),
    )


def _raw(work: Workspace, source: Source, card: Card) -> dict[str, bytes]:
    """Return the files behind the card's benchmarks, by one Git process."""
    named = {str((each.plain.get("source") or {}).get("path") or "") for each in card.benchmarks}
    paths = sorted(
        path for path in named if path and not path.startswith("/") and ".." not in path.split("/")
    )
    if source.revision is None:
        found = tuple(work.read(source, path) for path in paths)
    else:
        found = work.repo.read_many([f"{source.revision}:{source.folder}/{path}" for path in paths])
    return {path: data for path, data in zip(paths, found, strict=True) if data is not None}


def _previous(work: Workspace, card: Card, is_released: bool) -> Card | None:
    named = card.plain.get("previous") if is_released else None
    return work.card(work.source(str(named))) if named else None


def _check_free(path: Path, file: RawFile, *, is_forced: bool) -> None:
    """Raise UsageError if a file of somebody else's would be written over."""
    if is_forced or not path.exists():
        return
    if not path.is_file() or path.read_bytes() != file.data:
        raise UsageError(
            f"{path} is there already, with other content", hint="--out another folder, or --force"
        )
