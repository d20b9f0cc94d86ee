"""Write the benchmark results that came from MTEB as a results folder that MTEB reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from embver.actions.exporting import ExportRequest
from embver.actions.workspace import Source, Workspace
from embver.errors import UsageError
from embver.outgoing import Export, Subject

OPTIONS: Final[Mapping[str, str]] = {}


def export(work: Workspace, source: Source, subject: Subject, request: ExportRequest) -> Export:
    """Make the files; UsageError where no benchmark of the version is MTEB's."""
    from embver.exchange.kept_files import KeptFiles
    from embver.exchange.mteb_export import export_mteb, is_mteb
    from embver.exchange.mteb_folder import META, SETTINGS
    from embver.exchange.mteb_records import RAW

    records = list(subject.plain.get("benchmarks") or ())
    if not any(map(is_mteb, records)):
        raise UsageError(
            f"no benchmark of {subject.reference} came from MTEB",
            hint="embver import mteb RESULTS --into NAME@next, or: "
            f"embver export {request.reference} --format eval-results",
        )
    named = {name: work.read(source, f"{RAW}/{name}") for name in (META, SETTINGS)}
    beside = {name: data for name, data in named.items() if data is not None}
    folder = _folder(subject.plain, records, beside.get(META))
    return export_mteb(records, KeptFiles(files=subject.raw or {}), beside, folder=folder)


def _folder(plain: Mapping[str, Any], records: list[Mapping[str, Any]], meta: bytes | None) -> str:
    """Return `ORG__NAME/REVISION/`, as the results or the encoders name the model; nothing where several are named."""
    told = json.loads(meta) if meta else {}
    models = [encoder.get("model") or {} for encoder in plain["encoders"].values()]
    names = {str(model["id"]) for model in models if model.get("id")}
    revisions = {str((record.get("subject") or {}).get("revision") or "") for record in records} - {""}
    revisions = revisions or {str(model["revision"]) for model in models if model.get("revision")}
    name = told.get("name") or (next(iter(names)) if len(names) == 1 else None)
    revision = told.get("revision") or (next(iter(revisions)) if len(revisions) == 1 else None)
    if not name:
        return ""
    return f"{str(name).replace('/', '__').replace(' ', '_')}/{revision or 'no_revision_available'}/"
