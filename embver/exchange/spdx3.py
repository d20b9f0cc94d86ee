"""SPDX 3.0.1 with the AI profile: the version as an AIPackage, its data sets, files, licences and ancestors. Pure.

JSON-LD with the fixed context. The profile for data sets is not claimed: it asks for build and release times of the
data, which a card does not hold; where a class requires a word, it is the standard's own `noAssertion`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from embver.exchange.facts import (
    HOME,
    data_sets,
    facts,
    identity,
    json_file,
    name_uuid,
    present,
    require,
    split_digest,
    text,
    utc,
)
from embver.intake import LeftOut
from embver.outgoing import Export, Subject

CONTEXT: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
_ALGORITHMS: Final = ("md5", "sha1", "sha256", "sha512")
_CREATION: Final = "_:creation"


def export(subject: Subject) -> Export:
    """Return `spdx.json`; MissingFieldsError naming all that the AI profile requires and the card does not say."""
    release, plain = subject.release, subject.plain
    require(
        "SPDX",
        [
            (release, "a release (NAME@next has no date)", "AIPackage.releaseTime, packageVersion"),
            (plain.get("supplier"), "supplier", "AIPackage.suppliedBy"),
            (subject.repository, "links.repository", "AIPackage.downloadLocation"),
        ],
    )
    assert release is not None
    graph = _Graph(subject, utc(release.date))
    document = {"@context": CONTEXT, "@graph": graph.elements()}
    left = (
        LeftOut(what="confidence intervals", why="a metric is one text; they follow its value in words"),
        LeftOut(what="compatibility by stratum", why="has no place; the verdict is among the metrics"),
    )
    return Export(files=(json_file("spdx.json", document),), left_out=left)


class _Graph:
    """Elements under identifiers made from the version's own, so that equal cards give equal documents."""

    def __init__(self, subject: Subject, released: str) -> None:
        self._subject = subject
        self._released = released
        self._base = f"{HOME}/spdx/{name_uuid('spdx', identity(subject))}"
        self._made: list[dict[str, Any]] = []

    def elements(self) -> list[dict[str, Any]]:
        """Return the graph: creation, document, agent, package, data, files, relationships."""
        supplier = self._add("Organization", "supplier", name=str(self._subject.plain["supplier"]))
        package = self._package(supplier)
        self._licence(package)
        self._files(package)
        self._data(package)
        self._ancestor(package)
        tool = self._add("Tool", "embver", name=f"embver {self._subject.tool_version}")
        creation = {
            "type": "CreationInfo",
            "@id": _CREATION,
            "specVersion": "3.0.1",
            "created": self._released,
            "createdBy": [supplier],
            "createdUsing": [tool],
        }
        document = {
            "type": "SpdxDocument",
            "spdxId": f"{self._base}#document",
            "creationInfo": _CREATION,
            "name": self._subject.reference,
            "profileConformance": ["core", "software", "ai", "simpleLicensing"],
            "rootElement": [package],
            "element": [element["spdxId"] for element in self._made],
        }
        return [creation, document, *self._made]

    def _add(self, kind: str, local: str, **content: Any) -> str:
        spdx_id = f"{self._base}#{local}"
        element = {"type": kind, "spdxId": spdx_id, "creationInfo": _CREATION, **present(content)}
        self._made.append(element)
        return spdx_id

    def _relate(self, source: str, kind: str, targets: list[str]) -> None:
        if targets:
            number = sum(element["type"] == "Relationship" for element in self._made)
            relation = {"from": source, "relationshipType": kind, "to": targets}
            self._add("Relationship", f"relationship-{number}", **relation)

    def _package(self, supplier: str) -> str:
        subject, plain = self._subject, self._subject.plain
        training = plain.get("training") or {}
        encoders = subject.card.encoders
        release = subject.release
        assert release is not None
        steps = [
            f"{modality}: {text(step)}"
            for modality, encoder in encoders.items()
            for step in encoder.get("preprocessing") or ()
        ]
        return self._add(
            "ai_AIPackage",
            "package",
            name=subject.name,
            summary=plain.get("title"),
            description=plain.get("description"),
            releaseTime=self._released,
            suppliedBy=supplier,
            software_primaryPurpose="model",
            software_packageVersion=subject.version,
            software_downloadLocation=subject.repository,
            software_homePage=subject.page or (plain.get("links") or {}).get("homepage"),
            software_sourceInfo=f"tag {release.tag}, commit {release.commit}",
            ai_typeOfModel=_families(encoders),
            ai_domain=list(plain.get("intended_use") or ()),
            ai_hyperparameter=_entries(_flat(training.get("hyperparameters") or {})),
            ai_metric=_entries({**self._metrics(), **facts(subject)}),
            ai_modelDataPreprocessing=steps,
            ai_informationAboutTraining=text(training["objective"]) if training.get("objective") else None,
            ai_limitation="; ".join(plain.get("limitations") or ()),
        )

    def _metrics(self) -> dict[str, str]:
        found = {}
        for benchmark in self._subject.card.benchmarks:
            for metric in benchmark.plain.get("metrics") or ():
                if metric.get("value") is None:
                    continue
                ci = metric.get("ci")
                bounds = f" ({text(ci['low'])} to {text(ci['high'])})" if ci else ""
                found[f"{benchmark.id}: {metric['key']}"] = f"{text(metric['value'])}{bounds}"
        return found

    def _licence(self, package: str) -> None:
        licence = self._subject.plain.get("license")
        if licence:
            kind = "simplelicensing_LicenseExpression"
            made = self._add(kind, "licence", simplelicensing_licenseExpression=str(licence))
            self._relate(package, "hasDeclaredLicense", [made])

    def _files(self, package: str) -> None:
        made = [
            self._add(
                "software_File",
                f"file-{number}",
                name=artifact.path,
                software_primaryPurpose="data",
                verifiedUsing=[{"type": "Hash", "algorithm": "sha256", "hashValue": artifact.sha256}],
            )
            for number, artifact in enumerate(self._subject.card.artifacts)
        ]
        self._relate(package, "hasDataFile", made)

    def _data(self, package: str) -> None:
        trained: list[str] = []
        encoded: list[str] = []
        for number, (role, entry) in enumerate(data_sets(self._subject)):
            found = split_digest(str(entry.get("digest") or ""))
            hashes = None
            if found and found[0] in _ALGORITHMS:
                hashes = [{"type": "Hash", "algorithm": found[0], "hashValue": found[1]}]
            uri = str(entry.get("uri") or "")
            made = self._add(
                "dataset_DatasetPackage",
                f"data-{number}",
                name=str(entry.get("name") or role),
                software_packageVersion=entry.get("version"),
                software_downloadLocation=uri if "://" in uri else None,
                software_primaryPurpose="data",
                dataset_datasetType=["noAssertion"],
                dataset_datasetSize=entry.get("rows"),
                verifiedUsing=hashes,
            )
            (encoded if role == "corpus" else trained).append(made)
        self._relate(package, "trainedOn", trained)
        self._relate(package, "hasInput", encoded)

    def _ancestor(self, package: str) -> None:
        before = self._subject.previous
        if before is not None:
            made = self._add(
                "ai_AIPackage",
                "previous",
                name=str(before.plain["name"]),
                software_packageVersion=str(before.plain.get("version") or ""),
                software_primaryPurpose="model",
                suppliedBy=f"{self._base}#supplier" if before.plain.get("supplier") else None,
                software_downloadLocation=self._subject.repository,
            )
            self._relate(package, "descendantOf", [made])


def _families(encoders: Mapping[str, Mapping[str, Any]]) -> list[str]:
    named = (str((encoder.get("architecture") or {}).get("family") or "") for encoder in encoders.values())
    return list(dict.fromkeys(name for name in named if name))


def _flat(plain: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in plain.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = text(value)
    return found


def _entries(plain: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"type": "DictionaryEntry", "key": key, "value": value} for key, value in plain.items()]
