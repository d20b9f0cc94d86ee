"""ModelPack v0.0.7, a model as an OCI artifact: its configuration and manifest. Pure.

The only standard that knows the output type `embedding`. Layers are the version's files as they are (`.raw`), so
that each diff id is the checksum that Git LFS has.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from embver.exchange.facts import data_sets, facts, json_file, media_type, present, require, utc
from embver.intake import LeftOut, RawFile
from embver.outgoing import Export, Subject

CONFIG: Final = "application/vnd.cncf.model.config.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT: Final = "application/vnd.cncf.model.manifest.v1+json"
FILEPATH: Final = "org.cncf.model.filepath"
_LAYERS: Final = {
    "vectors": "application/vnd.cncf.model.weight.v1.raw",
    "bridge": "application/vnd.cncf.model.weight.v1.raw",
    "probe": "application/vnd.cncf.model.dataset.v1.raw",
    "ids": "application/vnd.cncf.model.dataset.v1.raw",
}
_DOC: Final = "application/vnd.cncf.model.doc.v1.raw"
_MODALITIES: Final = ("text", "image", "audio", "video")
_PRECISIONS: Final = ("float64", "float32", "float16", "bfloat16", "int8", "uint8")


def export(subject: Subject) -> Export:
    """Return `config.json` and `manifest.json`; MissingFieldsError for a version without files."""
    require("ModelPack", [(subject.card.artifacts, "artifacts", "modelfs.diffIds")])
    config = json_file("config.json", _config(subject))
    return Export(
        files=(config, json_file("manifest.json", _manifest(subject, config))),
        left_out=(
            LeftOut(what="benchmarks and compatibility", why="ModelPack has no place for measurements"),
            LeftOut(what="data digests", why="it holds addresses of data sets only"),
        ),
        notes=("push both with any OCI client, the files under the paths that the manifest's layers name",),
    )


def _config(subject: Subject) -> dict[str, Any]:
    plain, release = subject.plain, subject.release
    encoders = subject.card.encoders
    urls = [
        str(entry["uri"])
        for role, entry in data_sets(subject)
        if role != "corpus" and "://" in str(entry.get("uri"))
    ]
    languages = sorted(
        {tag.partition("-")[0] for encoder in encoders.values() for tag in encoder.get("languages") or ()}
    )
    families = sorted(
        {str(f) for e in encoders.values() if (f := (e.get("architecture") or {}).get("family"))}
    )
    classes = sorted({str(c) for e in encoders.values() if (c := (e.get("architecture") or {}).get("class"))})
    descriptor = present(
        {
            "createdAt": utc(release.date) if release else None,
            "authors": [str(author["name"]) for author in plain.get("authors") or () if author.get("name")],
            "vendor": plain.get("supplier"),
            "family": ", ".join(families),
            "name": subject.name,
            "version": subject.version,
            "title": plain.get("title"),
            "description": plain.get("description"),
            "docURL": subject.page or (plain.get("links") or {}).get("homepage"),
            "sourceURL": subject.repository,
            "datasetsURL": urls,
            "revision": release.commit if release else None,
            "licenses": [plain["license"]] if plain.get("license") else None,
        }
    )
    dtype = plain["space"].get("dtype")
    return {
        "descriptor": descriptor,
        "modelfs": {
            "type": "layers",
            "diffIds": [f"sha256:{a.sha256}" for a in subject.card.artifacts] + _card(subject),
        },
        "config": present(
            {
                "architecture": ", ".join(classes),
                "format": "safetensors",
                "precision": dtype if dtype in _PRECISIONS else None,
                "capabilities": present(
                    {
                        "inputTypes": [m if m in _MODALITIES else "other" for m in encoders],
                        "outputTypes": ["embedding"],
                        "languages": [tag for tag in languages if len(tag) == 2],
                    }
                ),
            }
        ),
    }


def _card(subject: Subject) -> list[str]:
    return [f"sha256:{hashlib.sha256(subject.card_bytes).hexdigest()}"] if subject.card_bytes else []


def _manifest(subject: Subject, config: RawFile) -> dict[str, Any]:
    layers = [
        {
            "mediaType": _LAYERS.get(artifact.role, _DOC),
            "digest": f"sha256:{artifact.sha256}",
            "size": artifact.size_bytes,
            "annotations": {FILEPATH: artifact.path, "org.opencontainers.image.title": artifact.path},
        }
        for artifact in subject.card.artifacts
    ]
    if subject.card_bytes:
        layers.append(
            {
                "mediaType": _DOC,
                "digest": _card(subject)[0],
                "size": len(subject.card_bytes),
                "annotations": {
                    FILEPATH: "card.yaml",
                    "org.cncf.model.file.mediatype": media_type("card.yaml"),
                },
            }
        )
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": {
            "mediaType": CONFIG,
            "digest": f"sha256:{hashlib.sha256(config.data).hexdigest()}",
            "size": len(config.data),
        },
        "layers": layers,
        "annotations": facts(subject),
    }
