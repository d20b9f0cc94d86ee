"""Croissant 1.1: a version's vectors as a data set, with a checksum of every file and the shape of every row. Pure.

Croissant's own rule of versions (changed data is MAJOR) is not that of embeddings, so the data set's `version` is left
out and the embedding's stands under `embver:version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.card import Artifact
from embver.exchange.facts import HOME, facts, json_file, media_type, present, require
from embver.intake import LeftOut
from embver.outgoing import Export, Subject

CONFORMS: Final = "http://mlcommons.org/croissant/1.1"
_CONTEXT: Final[Mapping[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "arrayShape": "cr:arrayShape",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataBiases": "cr:dataBiases",
    "dataCollection": "cr:dataCollection",
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "embver": f"{HOME}/terms#",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isArray": "cr:isArray",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "personalSensitiveInformation": "cr:personalSensitiveInformation",
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES: Final = {"int8": "sc:Integer", "uint8": "sc:Integer"}


def export(subject: Subject, *, url: str | None = None) -> Export:
    """Return `croissant.json`; MissingFieldsError naming all that Croissant requires and the card does not say."""
    plain, release = subject.plain, subject.release
    page = url or subject.page or (plain.get("links") or {}).get("homepage")
    description = plain.get("description") or plain.get("title")
    require(
        "Croissant",
        [
            (description, "description", "description"),
            (plain.get("license"), "license", "license"),
            (page, "links.homepage (or --set url=URL)", "url"),
            (plain.get("authors"), "authors", "creator"),
            (release, "a release (NAME@next has no date)", "datePublished"),
            (subject.card.artifacts, "artifacts", "distribution"),
        ],
    )
    assert release is not None
    document = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS,
        "name": f"{subject.name} {subject.version}",
        "description": description,
        "license": _licence(str(plain["license"])),
        "url": page,
        "creator": [{"@type": "Person", "name": author["name"]} for author in plain["authors"]],
        "datePublished": release.date[:10],
        "keywords": ["embeddings", *subject.card.encoders],
        **present(
            {
                "publisher": {"@type": "Organization", "name": plain["supplier"]}
                if plain.get("supplier")
                else None
            }
        ),
        **(
            {"prov:wasDerivedFrom": {"@id": str(release.previous)}}
            if release.previous not in (None, "none")
            else {}
        ),
        "embver:version": subject.version,
        **facts(subject),
        "distribution": [_file(artifact) for artifact in subject.card.artifacts],
        "recordSet": _records(subject),
    }
    return Export(
        files=(json_file("croissant.json", document),),
        left_out=(
            LeftOut(
                what="version", why="Croissant calls any change of data MAJOR; it is under embver:version"
            ),
            LeftOut(
                what="rows by their ids",
                why="Croissant reads no safetensors: the record sets tell shapes only",
            ),
            LeftOut(
                what="benchmarks and compatibility", why="they are of the encoder; Croissant describes data"
            ),
        ),
    )


def _licence(expression: str) -> str:
    """Return a licence's page on spdx.org where it is one licence of the list, else the expression itself."""
    is_one = " " not in expression and not expression.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{expression}.html" if is_one else expression


def _file(artifact: Artifact) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": artifact.path,
        "name": artifact.path,
        "description": f"{artifact.role}{f' of {artifact.modality}' if artifact.modality else ''}",
        "contentUrl": artifact.path,
        "contentSize": f"{artifact.size_bytes} B",
        "encodingFormat": media_type(artifact.path),
        "sha256": artifact.sha256,
    }


def _records(subject: Subject) -> list[dict[str, Any]]:
    """Return a record set of the ids, and one a file of vectors; what one row of each holds, a reader joins by number."""
    space, dtype = subject.card.space, subject.plain["space"].get("dtype")
    made = []
    for artifact in subject.card.artifacts:
        if artifact.role == "ids":
            lines = {"fileObject": {"@id": artifact.path}, "extract": {"fileProperty": "lines"}}
            made.append(_record_set(artifact.path, "the ids, in row order", _field("id", "sc:Text", lines)))
        elif artifact.role == "vectors":
            tensor = {"fileObject": {"@id": artifact.path}, "extract": {"column": "vectors"}}
            field = {
                **_field("vector", _TYPES.get(dtype, "sc:Float"), tensor),
                "isArray": True,
                "arrayShape": str(space.dimensions),
            }
            kind = f"{dtype}, {space.metric}" if dtype else space.metric
            told = f"{artifact.rows} vectors of {artifact.modality} ({kind}), in the order of the ids"
            made.append(_record_set(artifact.path, told, field))
    return made


def _record_set(path: str, description: str, field: Mapping[str, Any]) -> dict[str, Any]:
    name = path.rpartition(".")[0]
    identity = f"{name}/{field['name']}"
    inner = {**field, "@id": identity, "name": identity}
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "description": description, "field": [inner]}


def _field(name: str, kind: str, source: Mapping[str, Any]) -> dict[str, Any]:
    return {"@type": "cr:Field", "@id": name, "name": name, "dataType": kind, "source": source}
