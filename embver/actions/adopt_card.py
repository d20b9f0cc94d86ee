"""The card of a version that was made before embver: what is known of it, and a note that it is reconstructed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from embver.actions.adopt_vectors import Matrix
from embver.card import SCHEMA_VERSION, space_id
from embver.exchange.table_fields import Told

METRICS: Final = ("cosine", "dot", "euclidean", "hamming")
NOTE: Final = "Reconstructed by embver adopt: what it does not say was not written down."


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is said of all versions on the command line: metric, models by modality ("" for all), title, licence."""

    metric: str | None = None
    is_normalized: bool | None = None  # measured where there are vectors
    models: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One version of the past: its old tag and commit, its row in the table, its vectors by modality."""

    number: str
    date: str  # strict ISO 8601
    tag: str | None = None
    commit: str | None = None
    told: Told | None = None
    table: str | None = None
    matrices: Mapping[str, Matrix] = field(default_factory=dict)


def lacking(past: Past, known: Known) -> list[str]:
    """Return what a card must say and nobody does, each with what would say it."""
    told = past.told
    models = {**known.models, **(told.models if told else {})}
    missing = []
    if _metric(past, known) not in METRICS:
        missing.append("space.metric: --metric cosine, or a column `metric`")
    if not past.matrices and known.is_normalized is None:
        missing.append("space.normalized: --normalized yes or no; it is measured where there are vectors")
    if not past.matrices and not (told and told.card.get("dimensions")):
        missing.append("space.dimensions: --vectors MODALITY=FILE, or a column `dimensions`")
    modalities = _modalities(past, models)
    if not modalities:
        missing.append("encoders: --model MODALITY=ID, or a column `model.MODALITY`")
    missing += [
        f"encoders.{modality}.model: --model {modality}=ID, or a column `model`"
        for modality in modalities
        if modality not in models and "" not in models
    ]
    return missing


def card_of(
    name: str,
    past: Past,
    known: Known,
    *,
    previous: str | None,
    level: str | None,
    artifacts: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the card as plain data; every value in it was told, or read from the files."""
    told = past.told
    said = dict(told.card) if told else {}
    models = {**known.models, **(told.models if told else {})}
    dtypes = {matrix.dtype for matrix in past.matrices.values()}
    dimensions = {matrix.rows.shape[1] for matrix in past.matrices.values()}
    space: dict[str, Any] = {
        "dimensions": int(dimensions.pop()) if dimensions else said["dimensions"],
        "metric": _metric(past, known),
        "normalized": _is_normalized(past, known),
        "kind": "dense",
    }
    if len(dtypes) == 1:
        space["dtype"] = dtypes.pop()
    plain: dict[str, Any] = {
        "schema": SCHEMA_VERSION,
        "name": name,
        "version": past.number,
        "previous": previous,
        "title": said.get("title") or known.title,
        "description": said.get("description"),
        "license": said.get("license") or known.license,
        "space": space,
        "encoders": {
            modality: {"model": {"id": models.get(modality) or models[""]}}
            for modality in _modalities(past, models)
        },
        "changes": said.get("changes"),
        "override": _override(level),
        "reconstructed": True,
        "benchmarks": _benchmarks(past),
        "imported": _origins(past),
        "status": {"state": "active"},
        "notes": [NOTE, *said.get("notes", ())],
    }
    known_only = {key: value for key, value in plain.items() if value not in (None, [], {})}
    return known_only | {
        "fingerprint": space_id(known_only),
        "artifacts": [dict(entry) for entry in artifacts],
    }


def _metric(past: Past, known: Known) -> str | None:
    told = past.told.card.get("metric") if past.told else None
    return str(told) if told else known.metric


def _modalities(past: Past, models: Mapping[str, str]) -> tuple[str, ...]:
    named = [modality for modality in models if modality]
    return tuple(dict.fromkeys([*past.matrices, *named]))


def _is_normalized(past: Past, known: Known) -> bool | None:
    if past.matrices:
        return all(matrix.is_normalized for matrix in past.matrices.values())
    return known.is_normalized


def _override(level: str | None) -> dict[str, Any] | None:
    """Return why the number stands as it is: people gave it, and nothing was measured."""
    reason = "the number was given before embver; nothing was measured"
    return None if level is None else {"chosen": level, "reason": reason}


def _benchmarks(past: Past) -> list[dict[str, Any]]:
    if past.told is None or not past.told.scores:
        return []
    metrics = [{"key": key, "value": value, "unit": unit} for key, value, unit in past.told.scores]
    note = f"Kept by hand: {past.table}, line {past.told.line}; how it was measured is not known."
    return [{"id": "kept-by-hand", "metrics": metrics, "notes": note}]


def _origins(past: Past) -> list[dict[str, str]]:
    found = []
    if past.commit is not None:
        found.append({"source": "adopt", "uri": f"git:{past.commit}#{past.tag}"})
    if past.told is not None and past.table is not None:
        found.append({"source": "table", "uri": f"{past.table}#line={past.told.line}"})
    return found


def ids_bytes(ids: Sequence[str]) -> tuple[bytes, str]:
    """Return ids.txt, one id a line, and its SHA-256."""
    data = "".join(f"{id_}\n" for id_ in ids).encode()
    return data, hashlib.sha256(data).hexdigest()
