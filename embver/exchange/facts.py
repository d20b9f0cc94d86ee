"""What several formats say of a version in the same words: facts under `embver:*`, digests, identifiers, dates. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from embver.digest import digest_plain
from embver.intake import RawFile
from embver.outgoing import MissingFieldsError, Subject

PREFIX = "embver:"
HOME = "https://embver.org"
_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128, "git": 40}
_MEDIA = {
    ".safetensors": "application/vnd.safetensors",
    ".txt": "text/plain",
    ".jsonl": "application/jsonl",
    ".json": "application/json",
    ".yaml": "application/yaml",
    ".parquet": "application/vnd.apache.parquet",
}


def facts(subject: Subject) -> dict[str, str]:
    """Return what no other standard has a place for, under one namespace and as text: level, verdict, space, probe.

    The same keys stand in CycloneDX's and SPDX's properties, in OCI annotations and in in-toto's predicates.
    """
    space = subject.plain["space"]
    found: dict[str, Any] = {
        "reference": subject.reference if subject.release else None,
        "card_digest": subject.card_digest,
        "fingerprint": subject.plain.get("fingerprint"),
        "level": subject.release.level if subject.release else None,
        "verdict": subject.release.verdict if subject.release else None,
        "previous": subject.plain.get("previous") or (subject.release.previous if subject.release else None),
        "dimensions": space["dimensions"],
        "served_dimensions": ",".join(str(n) for n in space.get("served_dimensions") or ()),
        "metric": space["metric"],
        "normalized": space["normalized"],
        "kind": space.get("kind"),
        "dtype": space.get("dtype"),
    }
    for modality, encoder in subject.card.encoders.items():
        found[f"pooling.{modality}"] = encoder.get("pooling")
        found[f"languages.{modality}"] = ",".join(encoder.get("languages") or ())
        for role, prompt in (encoder.get("prompts") or {}).items():
            found[f"prompt.{modality}.{role}"] = prompt
        steps = encoder.get("preprocessing")
        found[f"preprocessing.{modality}"] = _compact(steps) if steps else None
    if subject.card.probe is not None:
        found["probe_digest"] = subject.card.probe.probe_digest
    return {f"{PREFIX}{key}": text(value) for key, value in found.items() if value not in (None, "")}


def vector_type(subject: Subject) -> str:
    """Return the number format and length of a vector: `float32[64]`, or `vector[64]` where no format is known."""
    space = subject.plain["space"]
    return f"{space.get('dtype') or 'vector'}[{space['dimensions']}]"


def text(value: Any) -> str:
    """Return a value as text that reads back to the same value: shortest decimals, `true` and `false`."""
    return value if isinstance(value, str) else _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_file(path: str, plain: Any) -> RawFile:
    """Return plain data as a JSON file, indented; a number that JSON does not know is a bug of the caller."""
    data = json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return RawFile(path=path, data=data.encode())


def name_uuid(*parts: str) -> str:
    """Return a UUID of version 8 (RFC 9562, 5.8) made of what it names, so that equal content gets an equal one."""
    digest = bytearray(hashlib.sha256("\0".join(parts).encode()).digest()[:16])
    digest[6] = (digest[6] & 0x0F) | 0x80
    digest[8] = (digest[8] & 0x3F) | 0x80
    hexes = digest.hex()
    return f"{hexes[:8]}-{hexes[8:12]}-{hexes[12:16]}-{hexes[16:20]}-{hexes[20:]}"


def identity(subject: Subject) -> str:
    """Return what a name made of content is made of: the card's digest, and of a working version that of its data."""
    return subject.card_digest or digest_plain(subject.plain)


def split_digest(digest: str) -> tuple[str, str] | None:
    """Return (algorithm, hexadecimal digits) of a digest of one file, or None for that of a folder, or of no file."""
    algorithm, _, digits = digest.partition(":")
    return (algorithm, digits) if digits.isalnum() and len(digits) == _DIGITS.get(algorithm) else None


def media_type(path: str) -> str:
    """Return the media type of a version's file by its name."""
    return _MEDIA.get(f".{path.rpartition('.')[2]}", "application/octet-stream")


def utc(date: str) -> str:
    """Return a strict ISO 8601 date of a tag in UTC, as RFC 3339 with `Z`."""
    from datetime import UTC, datetime

    return datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def weights(subject: Subject) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (modality, weight file) of all encoders; towers that share a file name it once each."""
    found = []
    for modality, encoder in subject.card.encoders.items():
        found += [(modality, entry) for entry in encoder.get("weights") or ()]
    return found


def shared_weights(subject: Subject) -> list[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Return (modalities, weight file) with each file once, by its digest."""
    found: dict[str, tuple[tuple[str, ...], Mapping[str, Any]]] = {}
    for modality, entry in weights(subject):
        before, _ = found.get(entry["sha256"], ((), entry))
        found[entry["sha256"]] = ((*before, modality), entry)
    return list(found.values())


def data_sets(subject: Subject) -> list[tuple[str, Mapping[str, Any]]]:
    """Return (role, data set) of what was trained on and of what was encoded."""
    training = subject.plain.get("training") or {}
    found = [(str(entry.get("role") or "train"), entry) for entry in training.get("data") or ()]
    corpus = subject.plain.get("corpus")
    return [*found, ("corpus", corpus)] if corpus else found


def require(format_: str, wanted: Iterable[tuple[Any, str, str]]) -> None:
    """Raise MissingFieldsError for all of (value, field of the card, what the format calls it) that are not known."""
    missing = tuple((field, required) for value, field, required in wanted if value in (None, "", [], {}, ()))
    if missing:
        raise MissingFieldsError(format_, missing)


def present(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping without what is not known."""
    return {key: value for key, value in plain.items() if value not in (None, "", [], {}, ())}
