"""Encode the working version: vectors, ids, probe vectors and checksums into `next/`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from embver.actions.encoding import EncodePlan, EncodeRequest, Encoding, Progress
from embver.actions.inputs import read_corpus, resolve_model
from embver.actions.sums import SUMS, sums_of
from embver.actions.workspace import CARD, Workspace, read_pointer, sweep
from embver.card import space_id
from embver.digest import digest_plain
from embver.errors import UsageError
from embver.pointer import Pointer
from embver.store.cards import update_card
from embver.store.files import hash_file, write_atomic

# Part of the inputs' digest: a release of embver that writes other bytes for the same inputs raises it.
RECIPE = 1
DTYPES = ("float32", "float16")  # the others need a scale or a rounding rule that no card holds yet


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeReport:
    """What was encoded, or that nothing had to be."""

    reference: str
    is_unchanged: bool
    inputs: str
    artifacts: tuple[Mapping[str, Any], ...]
    rates: Mapping[str, float]
    elapsed_s: float
    floor: Mapping[str, Any]


def encode(work: Workspace, request: EncodeRequest, *, now: datetime, progress: Progress) -> EncodeReport:
    """Encode `next/` of an embedding; nothing in it changes until every vector is in the LFS store.

    Raises CardError, UsageError, EncodeError or MissingExtra with what to mend.
    """
    plan = _plan(work, request.name)
    _ = work.lfs.objects  # no git-lfs: say so now, not after an hour of encoding
    done = plan.card.plain.get("encode") or {}
    if done.get("inputs") == plan.inputs and not request.force and _is_whole(work, plan):
        return EncodeReport(
            reference=plan.source.reference,
            is_unchanged=True,
            inputs=plan.inputs,
            artifacts=tuple(plan.card.plain["artifacts"]),
            rates={},
            elapsed_s=0.0,
            floor=done.get("floor") or {},
        )
    begun = time.perf_counter()
    made = Encoding(work, plan, request, progress)
    artifacts, record = made.run()
    elapsed_s = time.perf_counter() - begun
    record = {
        "inputs": plan.inputs,
        **record,
        "started": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "elapsed_s": round(elapsed_s, 1),
        "items_per_s": made.rates,
    }
    _write(work, plan, made, artifacts, record)
    return EncodeReport(
        reference=plan.source.reference,
        is_unchanged=False,
        inputs=plan.inputs,
        artifacts=tuple(artifacts),
        rates=made.rates,
        elapsed_s=elapsed_s,
        floor=record.get("floor") or {},
    )


def _plan(work: Workspace, name: str) -> EncodePlan:
    """Read and digest everything that the encode depends on, before anything heavy is loaded."""
    from embver.encode.model_files import describe_model

    source = work.next_source(name)
    card = work.card(source)
    plain = {key: value for key, value in card.plain.items()}  # noqa: C416  (a copy that may be changed)
    if card.space.dtype not in DTYPES:
        raise UsageError(
            f"space.dtype: {card.space.dtype} cannot be written yet", hint=f"dtype: {' or '.join(DTYPES)}"
        )
    models, encoders = {}, {}
    for modality, encoder in card.encoders.items():
        models[modality] = resolve_model(work, modality, encoder)
        files = describe_model(models[modality], modality=modality)
        derived = {
            "architecture": dict(files.architecture),
            "weights": [dict(weight) for weight in files.weights],
            "tokenizer_sha256": files.tokenizer_sha256 if modality == "text" else None,
            "processor_sha256": files.processor_sha256 if modality == "image" else None,
        }
        encoders[modality] = {**encoder, **{key: value for key, value in derived.items() if value}}
    plain["encoders"] = encoders
    corpus = read_corpus(work, card)
    probe = work.probe_set(name)
    folder = work.settings.probe_for(name)
    inputs = digest_plain(
        {
            "recipe": RECIPE,
            "space": space_id(plain),
            "dtype": card.space.dtype,
            "corpus": corpus.items_digest,
            "probe": probe.digest if probe else None,
        }
    )
    return EncodePlan(
        source=source,
        card=card,
        plain=plain,
        corpus=corpus,
        probe=probe,
        probe_folder=work.path(folder) if folder else None,
        models=models,
        inputs=inputs,
    )


def _is_whole(work: Workspace, plan: EncodePlan) -> bool:
    """Tell whether the artifacts that the card names lie there."""
    if not plan.card.artifacts:
        return False
    for artifact in plan.card.artifacts:
        file = work.path(plan.source.folder, artifact.path)
        if not file.is_file():
            return False
        if artifact.role == "ids":
            if hash_file(file)[0] != artifact.sha256:
                return False
        else:
            pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
            if read_pointer(file) != pointer or not work.lfs.holds(pointer):
                return False
    sums = work.path(plan.source.folder, SUMS)
    return sums.is_file() and sums.read_bytes() == sums_of(plan.card.plain["artifacts"])


def _write(
    work: Workspace, plan: EncodePlan, made: Encoding, artifacts: list[dict[str, Any]], record: dict[str, Any]
) -> None:
    """Put pointers, ids, sums and card into `next/`, the card last: it names what is already there."""
    folder = plan.source.folder
    for path, data in made.files.items():
        write_atomic(work.path(folder, path), data)
    write_atomic(work.path(folder, SUMS), sums_of(artifacts))
    raw = [str((entry.plain.get("source") or {}).get("path")) for entry in plan.card.benchmarks]
    for stale in (*(artifact.path for artifact in plan.card.artifacts), *raw):
        if stale not in made.files:
            work.path(folder, stale).unlink(missing_ok=True)
    sweep(work.path(folder))
    updates: list[tuple[tuple[str, ...], Any]] = []
    for modality, encoder in plan.plain["encoders"].items():
        for key in ("architecture", "weights", "tokenizer_sha256", "processor_sha256"):
            if encoder.get(key) != (plan.card.encoders[modality].get(key)):
                updates.append((("encoders", modality, key), encoder.get(key)))
    updates += [
        (("corpus", "digest"), plan.corpus.manifest_digest),
        (("corpus", "items"), {modality: len(items) for modality, items in plan.corpus.items.items()}),
        (("fingerprint",), space_id(plan.plain)),
        (("encode",), record),
        (("artifacts",), artifacts),
        # What was measured on other vectors says nothing about these.
        (("benchmarks",), None),
        (("compatibility",), None),
    ]
    card = work.path(folder, CARD)
    write_atomic(card, update_card(card.read_bytes().decode(), updates).encode())
    work.repo.stage([f"{folder}/{name}" for name in (CARD, SUMS, *made.files)])
