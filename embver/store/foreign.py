"""Check what is exported by the foreign format's own schema, of which a copy ships with embver."""

from __future__ import annotations

import functools
import json
from typing import Any

from embver.problem import dotted
from embver.store.resources import resource_folder

_FOLDER = "foreign"
_LONGEST = 160
_SHOWN = 20


def foreign_problems(schema: str, plain: Any) -> tuple[str, ...]:
    """Return what a document does not fulfil of `schemas/foreign/SCHEMA.json`, each with its place; nothing is fetched."""
    found = []
    for error in _validator(schema).iter_errors(plain):
        place = dotted(tuple(error.absolute_path)) or "the document"
        message = error.message if len(error.message) <= _LONGEST else f"{error.message[:_LONGEST]}\u2026"
        found.append(f"{place}: {message}")
        if len(found) == _SHOWN:
            break
    return tuple(sorted(found))


@functools.cache
def _validator(schema: str) -> Any:
    from jsonschema.validators import validator_for

    plain = _schemas()[f"{schema}.json"]
    kind: Any = validator_for(plain)
    return kind(plain, registry=_registry(), format_checker=kind.FORMAT_CHECKER)


@functools.cache
def _schemas() -> dict[str, Any]:
    folder = resource_folder("schemas") / _FOLDER
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


@functools.cache
def _registry() -> Any:
    """Return the schemas by their `$id`, and those of CycloneDX also by the file names with which they name one another."""
    from referencing import Registry, Resource

    pairs = []
    for name, plain in _schemas().items():
        resource: Any = Resource.from_contents(plain)
        identity = str(plain.get("$id", name))
        pairs.append((identity, resource))
        if name.startswith("cyclonedx-"):
            base = identity.rpartition("/")[0]
            short = name.removeprefix("cyclonedx-").removesuffix(".json")
            pairs.append((f"{base}/{short}.SNAPSHOT.schema.json", resource))
    registry: Any = Registry()
    return registry.with_resources(pairs)
