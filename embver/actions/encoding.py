"""One run of the encode step: loaded encoders in, artifacts and the card's `encode` record out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.inputs import Corpus, probe_items
from embver.actions.workspace import Source, Workspace
from embver.card import Card
from embver.errors import EncodeError
from embver.pointer import Pointer
from embver.probe import ProbeSet
from embver.store.vectors import VECTORS, content_digest, read_tensors, stream_tensors

if TYPE_CHECKING:
    from embver.encode.batches import BatchPlan
    from embver.encode.models import LoadedEncoder
    from embver.encode.runner import Encoded
    from embver.encode.spec import Item

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
class EncodePlan:
    """Everything that an encode depends on, read and digested; `plain` is the card with what its model's files say."""

    source: Source
    card: Card
    plain: dict[str, Any]
    corpus: Corpus
    probe: ProbeSet | None
    probe_folder: Path | None
    models: Mapping[str, Path]
    inputs: str


class Encoding:
    """One run of the encode step: loaded encoders, what they gave, and how fast."""

    def __init__(self, work: Workspace, plan: EncodePlan, request: EncodeRequest, progress: Progress) -> None:
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

    def _corpus(self, modality: str, encoder: LoadedEncoder, batch: BatchPlan) -> list[dict[str, Any]]:
        items = self.plan.corpus.items.get(modality)
        if not items:
            return []
        encoded = self._encode(f"{modality}", modality, encoder, items, _document_role(encoder), batch)
        dtype = self.plan.card.space.dtype
        shape = (len(items), encoder.spec.dimensions)
        pointer = self._put(modality, stream_tensors({VECTORS: (shape, dtype, [encoded.vectors])}))
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
            sha256 = hashlib.sha256(data).hexdigest()
            made.append({key: value for key, value in entry.items() if value is not None})
            made[-1] |= {"sha256": sha256, "size_bytes": len(data)}
        return made

    def _probe(self, encoders: Mapping[str, LoadedEncoder], batch: BatchPlan) -> list[dict[str, Any]]:
        probe, folder = self.plan.probe, self.plan.probe_folder
        if probe is None or folder is None:
            return []
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
        pointer = self._put(f"probe set {probe.name}", stream_tensors(tensors, metadata=metadata))
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

    def _put(self, what: str, chunks: Iterator[bytes]) -> Pointer:
        try:
            return self.work.lfs.put(chunks)
        except ValueError as error:
            raise EncodeError(
                f"{what}: {error}", hint="look at the model's weights: a version cannot hold such a vector"
            ) from error

    def _encode(
        self,
        what: str,
        modality: str,
        encoder: LoadedEncoder,
        items: tuple[Item, ...],
        role: str | None,
        batch: BatchPlan,
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
