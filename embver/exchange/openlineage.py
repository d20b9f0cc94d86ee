"""OpenLineage 2-0-2: the encode run as a START and a COMPLETE event, with data in and vectors out. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from embver.exchange.facts import (
    HOME,
    data_sets,
    facts,
    identity,
    name_uuid,
    present,
    require,
    shared_weights,
    text,
    vector_type,
)
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject

SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS: Final = "https://openlineage.io/spec/facets"
_VERDICTS: Final = {"identical": "pass", "equivalent": "pass", "compatible": "pass", "inconclusive": "skip"}


def export(subject: Subject, *, namespace: str | None = None) -> Export:
    """Return `openlineage.jsonl`, an event a line; `namespace` is the job's, by default the repository's address.

    Raises MissingFieldsError where the card does not say when the run began and how long it took.
    """
    encode = subject.plain.get("encode") or {}
    where = namespace or subject.repository
    require(
        "OpenLineage",
        [
            (encode.get("started"), "encode.started", "eventTime"),
            (encode.get("elapsed_s"), "encode.elapsed_s", "eventTime of COMPLETE"),
            (where, "links.repository (or --set namespace=URI)", "job.namespace"),
        ],
    )
    assert where is not None
    begun = datetime.fromisoformat(str(encode["started"]))
    ended = begun + timedelta(seconds=float(encode["elapsed_s"]))
    events = [
        _event(subject, encode, where, "START", begun),
        _event(subject, encode, where, "COMPLETE", ended),
    ]
    lines = "".join(json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n" for event in events)
    return Export(
        files=(RawFile(path="openlineage.jsonl", data=lines.encode()),),
        left_out=(
            LeftOut(what="benchmarks", why="OpenLineage's core has no facet for the quality of a model"),
            LeftOut(
                what="description, licence, limitations",
                why="events tell of a run, not of what may be done with it",
            ),
        ),
    )


def _event(
    subject: Subject, encode: Mapping[str, Any], namespace: str, kind: str, at: datetime
) -> dict[str, Any]:
    producer = f"{HOME}/embver/{subject.tool_version}"
    return {
        "eventType": kind,
        "eventTime": at.isoformat().replace("+00:00", "Z"),
        "producer": producer,
        "schemaURL": SCHEMA,
        "run": {
            "runId": name_uuid("openlineage", identity(subject), str(encode["started"])),
            "facets": _run_facets(subject, encode, producer),
        },
        "job": {
            "namespace": namespace,
            "name": f"{subject.name}.encode",
            "facets": _job_facets(subject, producer),
        },
        "inputs": _inputs(subject, namespace, producer),
        "outputs": _outputs(subject, namespace, producer),
    }


def _facet(producer: str, kind: str, revision: str, /, **content: Any) -> dict[str, Any]:
    return {"_producer": producer, "_schemaURL": f"{_FACETS}/{revision}/{kind}.json#/$defs/{kind}", **content}


def _run_facets(subject: Subject, encode: Mapping[str, Any], producer: str) -> dict[str, Any]:
    software = encode.get("software") or {}
    parameters = {
        **{f"precision.{key}": value for key, value in (encode.get("precision") or {}).items()},
        **{f"flags.{key}": value for key, value in (encode.get("flags") or {}).items()},
        **{f"batch.{key}": value for key, value in (encode.get("batch") or {}).items()},
        "profile": encode.get("profile"),
        "seed": encode.get("seed"),
    }
    made: dict[str, Any] = {
        "executionParameters": _facet(
            producer,
            "ExecutionParametersRunFacet",
            "1-0-0",
            parameters=[
                {"key": key, "name": key, "value": text(value)}
                for key, value in parameters.items()
                if value is not None
            ],
        ),
        # A facet of ours, under a prefix of ours as the specification asks for.
        "embver_version": {
            "_producer": producer,
            "_schemaURL": f"{HOME}/schemas/card/v1.json",
            **_plain_facts(subject),
        },
    }
    if software.get("torch"):
        made["processing_engine"] = _facet(
            producer,
            "ProcessingEngineRunFacet",
            "1-1-1",
            version=str(software["torch"]),
            name="torch",
        )
    tests = [
        {
            "name": f"{record.against}: {stratum['query']} finds {stratum['document']}",
            "status": _VERDICTS.get(stratum["verdict"], "fail"),
            "severity": "error",
            "type": "embver_compatibility",
            "expected": "compatible",
            "actual": str(stratum["verdict"]),
        }
        for record in subject.card.compatibility
        for stratum in record.plain.get("strata") or ()
    ]
    if tests:
        made["test"] = _facet(producer, "TestRunFacet", "1-0-1", tests=tests)
    return made


def _plain_facts(subject: Subject) -> dict[str, str]:
    return {name.replace(":", "_"): value for name, value in facts(subject).items()}


def _job_facets(subject: Subject, producer: str) -> dict[str, Any]:
    made = {
        "jobType": _facet(
            producer,
            "JobTypeJobFacet",
            "2-0-4",
            processingType="BATCH",
            integration="EMBVER",
            jobType="ENCODE",
        )
    }
    if subject.repository and subject.release:
        made["sourceCodeLocation"] = _facet(
            producer,
            "SourceCodeLocationJobFacet",
            "1-1-0",
            type="git",
            url=subject.repository,
            repoUrl=subject.repository,
            version=subject.release.commit,
            tag=subject.release.tag,
        )
    return made


def _inputs(subject: Subject, namespace: str, producer: str) -> list[dict[str, Any]]:
    found = [
        {
            "namespace": namespace,
            "name": f"weights/{weight['path']}",
            "facets": _versioned(producer, weight["sha256"]),
        }
        for _, weight in shared_weights(subject)
    ]
    for role, entry in data_sets(subject):
        if role == "corpus":
            name = str(entry.get("uri") or entry.get("name") or role)
            pinned = str(entry.get("digest") or entry.get("version") or "")
            found.append({"namespace": namespace, "name": name, "facets": _versioned(producer, pinned)})
    return found


def _outputs(subject: Subject, namespace: str, producer: str) -> list[dict[str, Any]]:
    version = subject.version or "next"
    made = []
    for artifact in subject.card.artifacts:
        facets = _versioned(producer, version)
        if artifact.role == "vectors":
            fields = [{"name": "vectors", "type": vector_type(subject)}]
            facets["schema"] = _facet(producer, "SchemaDatasetFacet", "1-2-0", fields=fields)
        statistics = present({"rowCount": artifact.rows, "size": artifact.size_bytes})
        made.append(
            {
                "namespace": namespace,
                "name": f"embeddings/{subject.name}/{version}/{artifact.path}",
                "facets": facets,
                "outputFacets": {
                    "outputStatistics": _facet(
                        producer, "OutputStatisticsOutputDatasetFacet", "1-0-2", **statistics
                    )
                },
            }
        )
    return made


def _versioned(producer: str, version: str) -> dict[str, Any]:
    if not version:
        return {}
    return {"version": _facet(producer, "DatasetVersionDatasetFacet", "1-0-1", datasetVersion=version)}
