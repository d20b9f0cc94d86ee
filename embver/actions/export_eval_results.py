"""Write the benchmarks of a version as a Hugging Face repository's `.eval_results/*.yaml`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from embver.actions.exporting import ExportRequest
from embver.actions.workspace import Source, Workspace
from embver.errors import UsageError
from embver.exchange.eval_export import entries_of
from embver.exchange.eval_results import FORMAT
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject
from embver.store.list_text import dump_list, read_list_text

OPTIONS: Final[Mapping[str, str]] = {}
FOLDER: Final = ".eval_results"


def export(_work: Workspace, _source: Source, subject: Subject, _request: ExportRequest) -> Export:
    """Make the files: those that were imported as they were, one with everything else."""
    made = eval_results(subject)
    if not made.files:
        why = made.left_out[0].why if made.left_out else "it has no benchmarks"
        raise UsageError(
            f"{subject.reference} has nothing to write: {why}", hint="embver bench, or embver import, first"
        )
    return made


def eval_results(subject: Subject) -> Export:
    """Return the files below `.eval_results` and what they do not hold; no file where there are no benchmarks."""
    raw = subject.raw or {}
    files: dict[str, bytes] = {}
    anew: dict[str, list[Mapping[str, Any]]] = {}
    rewritten: dict[str, str] = {}
    for record in subject.plain.get("benchmarks") or ():
        source = record.get("source") or {}
        name = f"{subject.name.replace('/', '-')}.yaml"
        if source.get("format") == FORMAT:
            path = str(source.get("path") or "")
            data = raw.get(path)
            name = path.rpartition("/")[2] or name
            if data is not None and _is_current(data, source.get("sha256")):
                files[f"{FOLDER}/{name}"] = data
                continue
            rewritten.setdefault(name, "an older draft" if data is not None else "its file is not kept")
        anew.setdefault(f"{FOLDER}/{name}", []).append(record)
    left = [
        LeftOut(what=name, why=f"{why}: written anew, as the card has it") for name, why in rewritten.items()
    ]
    for path, records in anew.items():
        entries, lost = entries_of(
            records, url=subject.page or subject.repository, told=f"embver {subject.reference}"
        )
        left += lost
        if entries:
            free = path if path not in files else path.replace(".yaml", "-embver.yaml")
            files[free] = dump_list(entries).encode()
    found = tuple(RawFile(path=path, data=data) for path, data in files.items())
    return Export(files=found, left_out=tuple(left))


def _is_current(data: bytes, sha256: object) -> bool:
    """Tell whether a kept file is what was imported, in the current format: an older draft is written anew."""
    if hashlib.sha256(data).hexdigest() != sha256:
        return False
    entries, problems = read_list_text(data, path="")
    return not problems and all(
        isinstance(entry, Mapping) and "task_id" in (entry.get("dataset") or {}) for entry in entries or ()
    )
