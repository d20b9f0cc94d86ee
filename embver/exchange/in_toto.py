"""in-toto statements: SLSA provenance of the encode run, and each verdict as a test result. Pure.

Statement v1, https://slsa.dev/provenance/v1 and https://in-toto.io/attestation/test-result/v0.1. They are written bare:
whoever vouches for them signs them (DSSE), embver vouches for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.exchange.facts import (
    HOME,
    data_sets,
    facts,
    json_file,
    present,
    require,
    shared_weights,
    split_digest,
    text,
)
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
BUILD_TYPE: Final = f"{HOME}/encode/v1"
# What the field calls passing: vectors of both versions may meet in one index.
_RESULTS: Final = {
    "identical": "PASSED",
    "equivalent": "PASSED",
    "compatible": "PASSED",
    "inconclusive": "WARNED",
    "bridgeable": "FAILED",
    "incompatible": "FAILED",
}
_TESTS: Final = {"PASSED": "passedTests", "WARNED": "warnedTests", "FAILED": "failedTests"}


def export(subject: Subject, *, builder: str | None = None) -> Export:
    """Return `provenance.intoto.json` and a `compatibility-AGAINST.intoto.json` for each measured pair.

    `builder` is the URI of what ran the encode step; without it the step itself is named, which proves nothing. Raises
    MissingFieldsError for a version without an encode run or files.
    """
    encode = subject.plain.get("encode") or {}
    require(
        "in-toto",
        [(encode, "encode", "predicate.buildDefinition"), (subject.card.artifacts, "artifacts", "subject")],
    )
    files = [json_file("provenance.intoto.json", _provenance(subject, encode, builder))]
    files += [_verdict(subject, record.plain) for record in subject.card.compatibility]
    left = [
        LeftOut(what="benchmarks", why="a number is no test: see --format cyclonedx or hf"),
        LeftOut(what="bounds of each measure", why="a test result holds names only; they are in the card"),
    ]
    notes = [
        "the statements are not signed: sign them as your supply chain asks for, or pass them on as they are"
    ]
    if builder is None:
        notes.append(
            "builder.id names the step and no build platform; if one vouches for the run: --set builder=URI"
        )
    return Export(files=tuple(files), left_out=tuple(left), notes=tuple(notes))


def _statement(subject: Subject, kind: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    folder = f"{subject.name}/{subject.version or 'next'}"
    return {
        "_type": STATEMENT,
        "subject": [
            {"name": f"{folder}/{artifact.path}", "digest": {"sha256": artifact.sha256}}
            for artifact in subject.card.artifacts
        ],
        "predicateType": kind,
        "predicate": predicate,
    }


def _provenance(subject: Subject, encode: Mapping[str, Any], builder: str | None) -> dict[str, Any]:
    software = encode.get("software") or {}
    external = present(
        {
            "embedding": subject.name,
            "version": subject.version,
            "repository": subject.repository,
            "profile": encode.get("profile"),
            "encoders": {modality: dict(encoder) for modality, encoder in subject.card.encoders.items()},
            "space": dict(subject.plain["space"]),
        }
    )
    internal = present(
        {key: encode.get(key) for key in ("precision", "batch", "flags", "seed", "environment", "hardware")}
    )
    finished = _finished(encode)
    definition = present(
        {
            "buildType": BUILD_TYPE,
            "externalParameters": external,
            "internalParameters": internal,
            "resolvedDependencies": _dependencies(subject, software),
        }
    )
    run = present(
        {
            "builder": present(
                {
                    "id": builder or BUILD_TYPE,
                    "version": {"embver": str(software["embver"])} if software.get("embver") else None,
                }
            ),
            "metadata": present({"startedOn": encode.get("started"), "finishedOn": finished}),
            "byproducts": [
                present({"name": "card.yaml", "digest": _card(subject), "annotations": facts(subject)})
            ],
        }
    )
    return _statement(subject, PROVENANCE, {"buildDefinition": definition, "runDetails": run})


def _card(subject: Subject) -> dict[str, str] | None:
    found = split_digest(subject.card_digest or "")
    return {"embverCardDigest": found[1]} if found else None


def _finished(encode: Mapping[str, Any]) -> str | None:
    """Return when the encode run ended, if it says when it started and how long it took."""
    from datetime import datetime, timedelta

    if not encode.get("started") or encode.get("elapsed_s") is None:
        return None
    end = datetime.fromisoformat(str(encode["started"])) + timedelta(seconds=float(encode["elapsed_s"]))
    return end.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dependencies(subject: Subject, software: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what went into the vectors: weights, data encoded and trained on, the source, the libraries."""
    found: list[dict[str, Any]] = []
    for modalities, weight in shared_weights(subject):
        model = subject.card.encoders[modalities[0]].get("model") or {}
        name = f"{model.get('id') or model.get('path') or 'model'}/{weight['path']}"
        found.append({"name": name, "digest": {"sha256": weight["sha256"]}})
    for role, entry in data_sets(subject):
        if role != "corpus":
            continue
        pinned = split_digest(str(entry.get("digest") or ""))
        found.append(
            present(
                {
                    "name": str(entry.get("name") or role),
                    "uri": entry.get("uri"),
                    "digest": {pinned[0]: pinned[1]} if pinned else None,
                    "annotations": {"role": role},
                }
            )
        )
    code = (subject.plain.get("training") or {}).get("code") or {}
    if code.get("commit"):
        found.append(
            present(
                {
                    "name": "training code",
                    "uri": code.get("uri"),
                    "digest": {"gitCommit": str(code["commit"])},
                }
            )
        )
    found += [{"name": name, "annotations": {"version": text(version)}} for name, version in software.items()]
    return found


def _verdict(subject: Subject, record: Mapping[str, Any]) -> RawFile:
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for stratum in record.get("strata") or ():
        name = f"{stratum['query']} finds {stratum['document']}: {stratum['verdict']}"
        tests[_TESTS[_RESULTS.get(stratum["verdict"], "WARNED")]].append(name)
    probe = split_digest(str(record.get("probe") or ""))
    configuration = [
        present(
            {
                "name": "probe set",
                "digest": {probe[0]: probe[1]} if probe else None,
                "annotations": {"embver:rule_version": text(record.get("rule_version"))},
            }
        ),
        {"name": str(record["against"])},
    ]
    predicate = {
        "result": _RESULTS.get(record["verdict"], "WARNED"),
        "configuration": configuration,
        **tests,
        # Predicates may hold more: readers ignore what they do not know.
        "embver": present({"verdict": record["verdict"], "level": record.get("level"), **facts(subject)}),
    }
    path = f"compatibility-{str(record['against']).replace('/', '-').replace('@', '-')}.intoto.json"
    return json_file(path, _statement(subject, TEST_RESULT, predicate))
