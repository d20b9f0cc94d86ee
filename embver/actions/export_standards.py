"""Write a version in a standard of the field, checked by that standard's own schema before anything is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from embver.actions.dvc_storage import IGNORE
from embver.actions.workspace import Source, Workspace
from embver.errors import EmbverError, UsageError
from embver.outgoing import Export, Subject
from embver.pointer import Pointer
from embver.store.foreign import foreign_problems

if TYPE_CHECKING:
    from embver.actions.exporting import ExportRequest

OPTIONS: Final[Mapping[str, str]] = {
    "spec": "cyclonedx: the version of the specification, 1.6 (default) or 1.7",
    "builder": "in-toto: the URI of the build platform that ran the encode step",
    "namespace": "openlineage: the job's namespace (default: the repository's address)",
    "url": "croissant: the page of the data set (default: the published page, or the card's homepage)",
}
_OF_FORMAT: Final = {
    "cyclonedx": ("spec",),
    "in-toto": ("builder",),
    "openlineage": ("namespace",),
    "croissant": ("url",),
    "spdx": (),
    "modelpack": (),
    "model-signing": (),
}


def export(work: Workspace, source: Source, subject: Subject, request: ExportRequest) -> Export:
    """Make the files of a format; EmbverError naming each flaw where they would not fulfil its schema."""
    wrong = sorted(set(request.options) - set(_OF_FORMAT[request.format]))
    if wrong:
        known = ", ".join(_OF_FORMAT[request.format]) or "none"
        raise UsageError(f"{request.format} has no option {wrong[0]}", hint=f"its options: {known}")
    made = _WRITERS[request.format](work, source, subject, request.options)
    flaws = [
        flaw for name, document in _documents(request, made) for flaw in foreign_problems(name, document)
    ]
    if flaws:
        raise EmbverError(
            f"{subject.reference} cannot be written as {request.format}:\n"
            + "\n".join(f"  {flaw}" for flaw in flaws),
            hint="mend the card's fields that these come from",
        )
    return made


def _documents(request: ExportRequest, made: Export) -> list[tuple[str, object]]:
    """Return (schema, document) of all that a schema is there for."""
    if request.format == "cyclonedx":
        return [(f"cyclonedx-{request.options.get('spec', '1.6')}", json.loads(made.files[0].data))]
    if request.format == "modelpack":
        return [("modelpack-config", json.loads(made.files[0].data))]
    if request.format == "openlineage":
        return [("openlineage-2-0-2", json.loads(line)) for line in made.files[0].data.splitlines()]
    return []


def _cyclonedx(_work: Workspace, _source: Source, subject: Subject, options: Mapping[str, str]) -> Export:
    from embver.exchange import cyclonedx

    return cyclonedx.export(subject, **options)


def _in_toto(_work: Workspace, _source: Source, subject: Subject, options: Mapping[str, str]) -> Export:
    from embver.exchange import in_toto

    return in_toto.export(subject, **options)


def _openlineage(_work: Workspace, _source: Source, subject: Subject, options: Mapping[str, str]) -> Export:
    from embver.exchange import openlineage

    return openlineage.export(subject, **options)


def _croissant(_work: Workspace, _source: Source, subject: Subject, options: Mapping[str, str]) -> Export:
    from embver.exchange import croissant

    return croissant.export(subject, **options)


def _spdx(_work: Workspace, _source: Source, subject: Subject, _options: Mapping[str, str]) -> Export:
    from embver.exchange import spdx3

    return spdx3.export(subject)


def _modelpack(_work: Workspace, _source: Source, subject: Subject, _options: Mapping[str, str]) -> Export:
    from embver.exchange import modelpack

    return modelpack.export(subject)


def _model_signing(work: Workspace, source: Source, subject: Subject, _options: Mapping[str, str]) -> Export:
    from embver.exchange import model_signing

    if source.release is None:
        raise UsageError(
            f"{source.reference} is not released: what would be signed changes still",
            hint=f"embver release {subject.name}",
        )
    folder = f"{subject.name.replace('/', '-')}-{subject.version}"
    return model_signing.export(subject, _checksums(work, source, subject), folder)


def _checksums(work: Workspace, source: Source, subject: Subject) -> dict[str, str]:
    """Return the SHA-256 of all that `embver pull --out` writes, by path; large files by their pointers."""
    assert source.revision is not None
    entries = work.repo.tree(source.revision, source.folder)
    found = {}
    contents = work.repo.read_many([f"{source.revision}:{entry.path}" for entry in entries])
    for entry, data in zip(entries, contents, strict=True):
        pointer = Pointer.parse(data or b"")
        sha256 = pointer.sha256 if pointer else hashlib.sha256(data or b"").hexdigest()
        found[entry.path.removeprefix(f"{source.folder}/")] = sha256
    for artifact in subject.card.artifacts:
        if artifact.md5:  # a pointer of DVC's says nothing outside of its repository, and is not written
            found = {path: each for path, each in found.items() if path not in (artifact.git_path, IGNORE)}
            found[artifact.path] = artifact.sha256
    return found


Writer = Callable[[Workspace, Source, Subject, Mapping[str, str]], Export]
_WRITERS: Final[Mapping[str, Writer]] = {
    "cyclonedx": _cyclonedx,
    "in-toto": _in_toto,
    "openlineage": _openlineage,
    "croissant": _croissant,
    "spdx": _spdx,
    "modelpack": _modelpack,
    "model-signing": _model_signing,
}
