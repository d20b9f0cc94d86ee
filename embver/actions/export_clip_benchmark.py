"""Write the benchmark results that came from CLIP_benchmark as its own files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.actions.exporting import ExportRequest
from embver.actions.workspace import Source, Workspace
from embver.errors import UsageError
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject

OPTIONS: Final[Mapping[str, str]] = {}


def export(_work: Workspace, _source: Source, subject: Subject, _request: ExportRequest) -> Export:
    """Make the files; UsageError where no benchmark of the version is CLIP_benchmark's."""
    from embver.exchange.clip_benchmark import FORMAT, HARNESS, file_name, plain_of, to_bytes
    from embver.exchange.kept_files import KeptFiles

    records = list(subject.plain.get("benchmarks") or ())
    own = [record for record in records if (record.get("harness") or {}).get("name") == HARNESS]
    if not own:
        raise UsageError(
            f"no benchmark of {subject.reference} came from CLIP_benchmark",
            hint="embver import clip-benchmark RESULTS --into NAME@next",
        )
    kept = KeptFiles(files=subject.raw or {})
    files: dict[str, bytes] = {}
    anew: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for record in own:
        source = record.get("source") or {}
        data = kept.of(record) if source.get("format") == FORMAT else None
        if data is not None:
            files[str(source["path"]).rpartition("/")[2]] = data
        else:
            anew.setdefault(_result(record), []).append(record)
    left = []
    for group in anew.values():
        plain = plain_of(group)
        files[file_name(plain)] = to_bytes(plain)
        left.append(
            LeftOut(what=file_name(plain), why="its raw file is not kept: what the card holds is written")
        )
    if len(own) < len(records):
        rest = len(records) - len(own)
        left.append(LeftOut(what=f"{rest} benchmarks", why="not measured with CLIP_benchmark"))
    made = tuple(RawFile(path=path, data=data) for path, data in files.items())
    return Export(files=made, left_out=tuple(left))


def _result(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what tells the results of CLIP_benchmark apart: both directions of a search are one."""
    source, dataset = record.get("source") or {}, record.get("dataset") or {}
    kwargs = (record.get("harness") or {}).get("kwargs") or {}
    told = (
        source.get("sha256"),
        dataset.get("id"),
        (record.get("task") or {}).get("name"),
        dataset.get("languages"),
    )
    return tuple(str(part) for part in (*told, kwargs.get("model"), kwargs.get("pretrained")))
