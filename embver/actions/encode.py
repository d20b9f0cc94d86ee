"""Encode the working version: vectors, ids, probe vectors and checksums into `next/`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.inputs import Corpus, read_corpus, resolve_model
from embver.actions.workspace import CARD, Source, Workspace
from embver.card import Card, space_id
from embver.digest import digest_plain
from embver.errors import EncodeError
from embver.pointer import Pointer
from embver.probe import ProbeSet
from embver.store.cards import update_card
from embver.store.files import hash_file, write_atomic
from embver.store.vectors import VECTORS, content_digest, read_tensors, stream_tensors

if TYPE_CHECKING:
    from embver.encode.models import LoadedEncoder
    from embver.encode.runner import Encoded
    from embver.encode.spec import Item

# Part of the inputs' digest: a release of embver that writes other bytes for the same inputs raises it.
RECIPE = 1
SUMS = "SHA256SUMS"
Progress = Callable[[str, int, int], None]  # what is encoded, items done, items in all


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeRequest:
    """What `embver encode` was asked."""

    name: str
    force: bool = False  # encode although nothing changed
    device: str = "auto"
    batch_rows: int = 64
    threads: int | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    source: Source
    card: Card
    plain: dict[str, Any]
    corpus: Corpus
    probe: ProbeSet | None
    probe_folder: Path | None
    models: Mapping[str, Path]
    inputs: str


def encode(work: Workspace, request: EncodeRequest, *, now: datetime, progress: Progress) -> EncodeReport:
    """Encode `next/` of an embedding; nothing in it changes until every vector is in the LFS store.

    Raises CardError, UsageError, EncodeError or MissingExtra with what to mend.
    """
    plan = _plan(work, request.name)
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
    made = _Encoding(work, plan, request, progress)
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


def _plan(work: Workspace, name: str) -> _Plan:
    """Read and digest everything that the encode depends on, before anything heavy is loaded."""
    from embver.encode.model_files import describe_model

    source = work.next_source(name)
    card = work.card(source)
    plain = {key: value for key, value in card.plain.items()}  # noqa: C416  (a copy that may be changed)
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
    return _Plan(
        source=source,
        card=card,
        plain=plain,
        corpus=corpus,
        probe=probe,
        probe_folder=work.path(folder) if folder else None,
        models=models,
        inputs=inputs,
    )


def _is_whole(work: Workspace, plan: _Plan) -> bool:
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
        elif not work.lfs.holds(Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)):
            return False
    return True


class _Encoding:
    """One run of the encode step: loaded encoders, what they gave, and how fast."""

    def __init__(self, work: Workspace, plan: _Plan, request: EncodeRequest, progress: Progress) -> None:
        self.work, self.plan, self.request, self.progress = work, plan, request, progress
        self.rates: dict[str, float] = {}
        self.files: dict[str, bytes] = {}  # what goes into the work tree: pointers, ids
        self._elapsed: dict[str, tuple[int, float]] = {}

    def run(self) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Encode corpus and probe set; return the card's `artifacts` and its `encode` record."""
        from embver.encode.batches import BatchPlan, batch_record
        from embver.encode.environment import describe_environment
        from embver.encode.floor import measure_floor
        from embver.encode.models import load_encoders
        from embver.encode.spec import EncoderSpec

        space = dict(self.plan.card.plain["space"])
        specs = {
            modality: EncoderSpec.from_plain(modality, encoder, space, self.plan.models[modality])
            for modality, encoder in self.plan.plain["encoders"].items()
        }
        batch = BatchPlan(rows=self.request.batch_rows)
        encoders = load_encoders(specs, device=self.request.device, threads=self.request.threads)
        artifacts: list[dict[str, Any]] = []
        for modality, encoder in encoders.items():
            artifacts += self._corpus(modality, encoder, batch)
        artifacts += self._ids()
        artifacts += self._probe(encoders, batch)
        for modality, (count, elapsed_s) in self._elapsed.items():
            self.rates[modality] = round(count / elapsed_s, 1) if elapsed_s else 0.0
        floors = {
            modality: measure_floor(encoder, items, role=_document_role(encoder), batch=batch)
            for modality, encoder in encoders.items()
            if (items := self.plan.corpus.items.get(modality))
        }
        record = {
            "profile": "strict",
            **describe_environment(encoders.values()),
            "batch": batch_record(dict.fromkeys(encoders, batch)),
            "floor": _worst_floor(floors),
        }
        return artifacts, record

    def _corpus(self, modality: str, encoder: LoadedEncoder, batch: Any) -> list[dict[str, Any]]:
        items = self.plan.corpus.items.get(modality)
        if not items:
            return []
        encoded = self._encode(f"{modality}", modality, encoder, items, _document_role(encoder), batch)
        dtype = self.plan.card.space.dtype
        shape = (len(items), encoder.spec.dimensions)
        pointer = self.work.lfs.put(stream_tensors({VECTORS: (shape, dtype, [encoded.vectors])}))
        stored = read_tensors(self.work.lfs.path_of(pointer.sha256))[VECTORS]
        path = f"{modality}.safetensors"
        self.files[path] = pointer.format()
        return [
            {
                "path": path,
                "role": "vectors",
                "modality": modality,
                "rows": len(items),
                "sha256": pointer.sha256,
                "size_bytes": pointer.size_bytes,
                "content_digest": content_digest([item.id for item in items], stored, dtype=dtype),
            }
        ]

    def _ids(self) -> list[dict[str, Any]]:
        made = []
        for path, modality, ids in self.plan.corpus.id_files():
            data = "".join(f"{name}\n" for name in ids).encode()
            self.files[path] = data
            entry = {"path": path, "role": "ids", "modality": modality, "rows": len(ids)}
            sha256 = digest_bytes(data)
            made.append({key: value for key, value in entry.items() if value is not None})
            made[-1] |= {"sha256": sha256, "size_bytes": len(data)}
        return made

    def _probe(self, encoders: Mapping[str, LoadedEncoder], batch: Any) -> list[dict[str, Any]]:
        probe, folder = self.plan.probe, self.plan.probe_folder
        if probe is None or folder is None:
            return []
        from embver.actions.inputs import probe_items

        tensors = {}
        for modality in probe.modalities:
            if modality not in encoders:
                raise EncodeError(
                    f"the probe set {probe.name} holds {modality} items, the card has no encoders.{modality}",
                    hint="add the encoder, or another probe set in embver.toml",
                )
            encoder = encoders[modality]
            for role in ("query", "document"):
                items = probe_items(probe, folder, modality, role)
                if items:
                    wanted = role if encoder.spec.prompts else None
                    encoded = self._encode(
                        f"probe {modality} {role}", modality, encoder, items, wanted, batch
                    )
                    shape = (len(items), encoder.spec.dimensions)
                    tensors[f"{modality}.{role}"] = (shape, self.plan.card.space.dtype, [encoded.vectors])
        metadata = {"probe": probe.digest, "items": str(len(probe.items))}
        pointer = self.work.lfs.put(stream_tensors(tensors, metadata=metadata))
        self.files["probe.safetensors"] = pointer.format()
        return [
            {
                "path": "probe.safetensors",
                "role": "probe",
                "sha256": pointer.sha256,
                "size_bytes": pointer.size_bytes,
                "probe": {"name": probe.name, "digest": probe.digest, "items": len(probe.items)},
            }
        ]

    def _encode(
        self,
        what: str,
        modality: str,
        encoder: LoadedEncoder,
        items: tuple[Item, ...],
        role: str | None,
        batch: Any,
    ) -> Encoded:
        from embver.encode.runner import encode as run_encoder

        def report(done: int, total: int) -> None:
            self.progress(what, done, total)

        encoded = run_encoder(encoder, items, role=role, batch=batch, progress=report)
        count, elapsed_s = self._elapsed.get(modality, (0, 0.0))
        self._elapsed[modality] = (count + len(items), elapsed_s + encoded.elapsed_s)
        return encoded


def _document_role(encoder: LoadedEncoder) -> str | None:
    return "document" if "document" in encoder.spec.prompts else None


def _worst_floor(floors: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the floor of the modality that moves most: what a version promises must hold for all."""
    if not floors:
        return {}
    return dict(max(floors.values(), key=lambda floor: floor["cosine_distance_p99"]))


def digest_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes as 64 hexadecimal digits."""
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _write(
    work: Workspace, plan: _Plan, made: _Encoding, artifacts: list[dict[str, Any]], record: dict[str, Any]
) -> None:
    """Put pointers, ids, sums and card into `next/`, the card last: it names what is already there."""
    folder = plan.source.folder
    for path, data in made.files.items():
        write_atomic(work.path(folder, path), data)
    sums = "".join(f"{entry['sha256']}  {entry['path']}\n" for entry in artifacts)
    write_atomic(work.path(folder, SUMS), sums.encode())
    for stale in plan.card.artifacts:
        if stale.path not in made.files:
            work.path(folder, stale.path).unlink(missing_ok=True)
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
