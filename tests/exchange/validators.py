"""Hold documents against the validators of their own standards: run as a program of its own, since those load much.

Reads a list of [kind, path] on its input and writes, for each, what its validator says: null where it is content.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path


def cyclonedx(path: Path) -> str | None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = path.read_text(encoding="utf-8")
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    found = JsonStrictValidator(version).validate_str(text)
    return None if found is None else str(found)[:400]


def in_toto(path: Path) -> str | None:
    from google.protobuf.json_format import ParseDict
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.statement import Statement

    plain = json.loads(path.read_text(encoding="utf-8"))
    Statement.copy_from_pb(ParseDict(plain, statement_pb2.Statement())).validate()
    if plain["predicateType"].startswith("https://slsa.dev/"):
        ParseDict(plain["predicate"], provenance_pb2.Provenance())
    else:
        known = {key: value for key, value in plain["predicate"].items() if key != "embver"}
        ParseDict(known, test_result_pb2.TestResult())
    return None


def spdx(path: Path) -> str | None:
    from spdx_python_model import v3_0_1

    objects = v3_0_1.SHACLObjectSet()
    with path.open("rb") as file:
        v3_0_1.JSONLDDeserializer().read(file, objects)
    missing = objects.link()
    v3_0_1.JSONLDSerializer().write(objects, io.BytesIO())  # writing checks what each class requires
    count = len(json.loads(path.read_text(encoding="utf-8"))["@graph"])
    if missing:
        return f"names elements that are not there: {missing}"
    return None if count > 3 else "nothing in it"


def croissant(path: Path) -> str | None:
    import mlcroissant

    found = mlcroissant.Dataset(str(path)).metadata.issues
    return "\n".join(sorted(found.errors)) or None


def model_signing(path: Path) -> str | None:
    from google.protobuf.json_format import MessageToDict
    from model_signing import hashing
    from model_signing._signing.signing import Payload, dsse_payload_to_manifest

    ours = json.loads(path.read_text(encoding="utf-8"))
    folder = path.parent / ours["subject"][0]["name"]
    theirs = hashing.Config().set_ignored_paths(paths=["model.sig"]).hash(folder)
    if dsse_payload_to_manifest(ours) != theirs:
        return "another manifest than that of the folder"
    made = MessageToDict(Payload(theirs).statement.pb)
    for statement in (made, ours):
        statement["predicate"]["serialization"]["ignore_paths"].sort()
    return None if made == ours else f"another statement: {made} and not {ours}"


def openlineage(path: Path) -> str | None:
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

    for line in path.read_text(encoding="utf-8").splitlines():
        plain = json.loads(line)
        RunEvent(
            eventTime=plain["eventTime"],
            producer=plain["producer"],
            run=Run(runId=plain["run"]["runId"]),
            job=Job(namespace=plain["job"]["namespace"], name=plain["job"]["name"]),
            eventType=RunState(plain["eventType"]),
        )
    return None


VALIDATORS: dict[str, Callable[[Path], str | None]] = {
    "cyclonedx": cyclonedx,
    "in-toto": in_toto,
    "spdx": spdx,
    "croissant": croissant,
    "model-signing": model_signing,
    "openlineage": openlineage,
}


def main() -> None:
    said = []
    for kind, path in json.load(sys.stdin):
        try:
            said.append(VALIDATORS[kind](Path(path)))
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}"[:600])
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
