"""CycloneDX 1.6 and 1.7: a version as a machine learning component with its data, weights, files and measurements. Pure.

The Python library has no class for `modelCard`, so the document is built as plain data; its own strict validator
reads it in the tests. Numbers of `modelCard` are texts by the schema: shortest decimals, which read back exactly.
"""

from __future__ import annotations

from typing import Any, Final

from embver.errors import UsageError
from embver.exchange.facts import (
    data_sets,
    facts,
    identity,
    json_file,
    name_uuid,
    present,
    shared_weights,
    split_digest,
    text,
    utc,
    vector_type,
)
from embver.intake import LeftOut
from embver.outgoing import Export, Subject

SPECS: Final = ("1.6", "1.7")
_ALGORITHMS: Final = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha512": "SHA-512"}
_LEFT_OUT: Final = (
    (
        "preprocessing of each encoder",
        "has no field; whole, as JSON, under the property embver:preprocessing.MODALITY",
    ),
    (
        "compatibility by stratum, with its bounds",
        "has no field; the verdict is a property, the rest: --format in-toto",
    ),
    ("encode.hardware, software and flags", "has no field; see --format in-toto or openlineage"),
)


def export(subject: Subject, *, spec: str = SPECS[0]) -> Export:
    """Return `bom.cdx.json`; raise UsageError for another version of the format than it writes."""
    if spec not in SPECS:
        raise UsageError(f"there is no CycloneDX {spec} here", hint=f"--set spec={' or '.join(SPECS)}")
    main = _main(subject)
    parts = [*_models(subject), *_data(subject), *_files(subject)]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": spec,
        "serialNumber": f"urn:uuid:{name_uuid('cyclonedx', spec, identity(subject))}",
        "version": 1,
        "metadata": present(
            {
                "timestamp": utc(subject.release.date) if subject.release else None,
                "tools": {
                    "components": [{"type": "application", "name": "embver", "version": subject.tool_version}]
                },
                "component": main,
            }
        ),
        "components": parts,
        "dependencies": [
            {"ref": main["bom-ref"], "dependsOn": sorted(part["bom-ref"] for part in parts)},
        ],
    }
    left = [LeftOut(what=what, why=why) for what, why in _LEFT_OUT]
    if (subject.plain.get("encode") or {}).get("energy_j") is not None:
        left.append(
            LeftOut(what="encode.energy_j", why="CycloneDX asks for the energy's provider and source, too")
        )
    return Export(files=(json_file("bom.cdx.json", document),), left_out=tuple(left))


def _main(subject: Subject) -> dict[str, Any]:
    plain, release = subject.plain, subject.release
    links = plain.get("links") or {}
    references = [
        {"type": kind, "url": url}
        for kind, url in (
            ("vcs", subject.repository),
            ("website", links.get("homepage")),
            ("documentation", subject.page),
        )
        if url
    ]
    pedigree: dict[str, Any] = {}
    if subject.previous is not None:
        before = subject.previous.plain
        pedigree["ancestors"] = [
            {
                "type": "machine-learning-model",
                "name": before["name"],
                "version": str(before.get("version", "")),
            }
        ]
    if release is not None:
        pedigree["commits"] = [{"uid": release.commit}]
    return present(
        {
            "type": "machine-learning-model",
            "bom-ref": subject.reference,
            "supplier": {"name": plain["supplier"]} if plain.get("supplier") else None,
            "authors": [
                present({"name": author.get("name"), "email": _mail(author.get("contact"))})
                for author in plain.get("authors") or ()
            ],
            "name": subject.name,
            "version": subject.version,
            "description": plain.get("description") or plain.get("title"),
            "licenses": [{"expression": plain["license"]}] if plain.get("license") else None,
            "pedigree": pedigree,
            "externalReferences": references,
            "modelCard": _model_card(subject),
        }
    )


def _mail(contact: Any) -> str | None:
    """Return a contact that is an e-mail address; CycloneDX takes no other."""
    return contact if isinstance(contact, str) and "@" in contact and " " not in contact else None


def _model_card(subject: Subject) -> dict[str, Any]:
    plain, encoders = subject.plain, subject.card.encoders
    families = dict.fromkeys(
        str((encoder.get("architecture") or {})["family"])
        for encoder in encoders.values()
        if (encoder.get("architecture") or {}).get("family")
    )
    classes = dict.fromkeys(
        str((encoder.get("architecture") or {})["class"])
        for encoder in encoders.values()
        if (encoder.get("architecture") or {}).get("class")
    )
    return present(
        {
            "bom-ref": f"{subject.reference}#model-card",
            "modelParameters": present(
                {
                    "task": "feature-extraction",
                    "architectureFamily": ", ".join(families),
                    "modelArchitecture": ", ".join(classes),
                    "datasets": [
                        {"ref": _data_ref(role, entry)}
                        for role, entry in data_sets(subject)
                        if role != "corpus"
                    ],
                    "inputs": [{"format": modality} for modality in encoders],
                    "outputs": [{"format": vector_type(subject)}],
                }
            ),
            "quantitativeAnalysis": present({"performanceMetrics": _metrics(subject)}),
            "considerations": present(
                {
                    "useCases": list(plain.get("intended_use") or ()),
                    "technicalLimitations": list(plain.get("limitations") or ()),
                }
            ),
            "properties": [{"name": name, "value": value} for name, value in facts(subject).items()],
        }
    )


def _metrics(subject: Subject) -> list[dict[str, Any]]:
    found = []
    for benchmark in subject.card.benchmarks:
        for metric in benchmark.plain.get("metrics") or ():
            if metric.get("value") is None:
                continue  # a card may say that a number is not known
            ci = metric.get("ci")
            bounds = {"lowerBound": text(ci["low"]), "upperBound": text(ci["high"])} if ci else None
            named = {"type": metric["key"], "value": text(metric["value"]), "slice": benchmark.id}
            found.append(present({**named, "confidenceInterval": bounds}))
    return found


def _models(subject: Subject) -> list[dict[str, Any]]:
    """Return the encoders' weight files; towers in one file are one component."""
    made = []
    for modalities, weight in shared_weights(subject):
        encoder = subject.card.encoders[modalities[0]]
        model, base = encoder.get("model") or {}, encoder.get("base") or {}
        ancestors = [{"type": "machine-learning-model", "name": base["id"]}] if base.get("id") else []
        if ancestors and base.get("revision"):
            ancestors[0]["version"] = str(base["revision"])
        made.append(
            present(
                {
                    "type": "machine-learning-model",
                    "bom-ref": f"weights:sha256:{weight['sha256']}",
                    "name": str(model.get("id") or model.get("path") or weight["path"]),
                    "version": str(model.get("revision") or model.get("tag") or ""),
                    "description": f"{weight['path']}: encoder of {' and '.join(modalities)}",
                    "hashes": [{"alg": "SHA-256", "content": weight["sha256"]}],
                    "licenses": [{"expression": model["license"]}] if model.get("license") else None,
                    "pedigree": {"ancestors": ancestors} if ancestors else None,
                }
            )
        )
    return made


def _data(subject: Subject) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for role, entry in data_sets(subject):
        found = split_digest(str(entry.get("digest", "")))
        known = found is not None and found[0] in _ALGORITHMS
        properties = {
            "embver:role": role,
            "embver:rows": entry.get("rows"),
            "embver:tracked_by": entry.get("tracked_by"),
        }
        if entry.get("digest") and not known:
            properties["embver:digest"] = entry["digest"]
        uri = str(entry.get("uri", ""))
        contents = {"url": uri} if "://" in uri else None
        if uri and contents is None:
            properties["embver:path"] = uri
        algorithm = _ALGORITHMS.get(found[0]) if found else None
        made[_data_ref(role, entry)] = present(
            {
                "type": "data",
                "bom-ref": _data_ref(role, entry),
                "name": str(entry.get("name") or role),
                "version": str(entry.get("version") or ""),
                "hashes": [{"alg": algorithm, "content": found[1]}] if found and algorithm else None,
                "licenses": [{"expression": entry["license"]}] if entry.get("license") else None,
                "data": [
                    present({"type": "dataset", "name": str(entry.get("name") or role), "contents": contents})
                ],
                "properties": [
                    {"name": name, "value": text(value)}
                    for name, value in properties.items()
                    if value is not None
                ],
            }
        )
    return list(made.values())


def _data_ref(role: str, entry: Any) -> str:
    return f"data:{role}:{entry.get('digest') or entry.get('name') or role}"


def _files(subject: Subject) -> list[dict[str, Any]]:
    return [
        present(
            {
                "type": "file",
                "bom-ref": f"file:{artifact.path}",
                "name": artifact.path,
                "hashes": [{"alg": "SHA-256", "content": artifact.sha256}],
                "properties": [
                    {"name": name, "value": text(value)}
                    for name, value in (
                        ("embver:role", artifact.role),
                        ("embver:modality", artifact.modality),
                        ("embver:rows", artifact.rows),
                        ("embver:size_bytes", artifact.size_bytes),
                        ("embver:content_digest", artifact.content_digest),
                    )
                    if value is not None
                ],
            }
        )
        for artifact in subject.card.artifacts
    ]
