"""Import a run of Neptune from its export, or from the folder of a run that was logged offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from embver.actions.import_run import listed_option, taken_over
from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange import neptune_offline, neptune_parquet
from embver.exchange.neptune import SOURCE, points, tracked
from embver.exchange.tracked_metrics import OPTIONS as METRIC_OPTIONS
from embver.exchange.tracked_metrics import wanted_of
from embver.intake import Intake

OPTIONS: Final[Mapping[str, str]] = {
    **METRIC_OPTIONS,
    "tags": "tags of the run to keep under extra.neptune, commas between",
}


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read a run; raise AbsentError, MalformedError, UsageError or MissingExtra."""
    wanted = wanted_of(request.options)
    tags = listed_option(request, "tags")
    text, _, run_id = request.reference.partition("#")
    folder = next((base / text for base in (request.folder, work.repo.root) if (base / text).is_dir()), None)
    if not text or folder is None:
        raise UsageError(
            f"there is no folder {text!r}: Neptune's service has ended, only its exports can be read",
            hint="embver import neptune EXPORT-FOLDER#RUN-ID",
        )
    warnings: tuple[str, ...] = ()
    if neptune_offline.is_offline_run(folder):
        run = neptune_offline.read_run(folder)
    elif run_id:
        run, warnings = neptune_parquet.read_run(folder, run_id)
    else:
        raise UsageError(f"say which run of {text}", hint=f"embver import neptune {text}#RUN-ID")
    uri = f"{SOURCE}:{run.project}#{run.id}"
    values = points(run)
    wanted = wanted.found(values, known=values, uri=uri)
    found = tracked(run, uri, tags=tags, patterns=wanted.parameters)
    return taken_over(work, request, found, wanted, warnings=warnings)
