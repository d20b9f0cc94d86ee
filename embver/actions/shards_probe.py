"""Encode the probe set: by modality and role, anew unless an earlier version holds the very same rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from embver.actions.incremental import same_probe
from embver.actions.inputs import probe_items
from embver.errors import EncodeError

if TYPE_CHECKING:
    from embver.actions.shards import EncodeJob, Loaded
    from embver.actions.shards_write import ShardWriter, Tensors


def encode_probe(job: EncodeJob, loaded: Loaded, writer: ShardWriter) -> None:
    """Encode the items of a job's probe set and write their file."""
    from embver.encode.runner import encode
    from embver.store.vectors import to_stored

    probe, folder = job.plan.probe, job.plan.probe_folder
    assert probe is not None
    assert folder is not None
    parts = {part: probe_items(probe, folder, *part) for part in _probe_parts(job, loaded)}
    # Its files were looked at, though none may be encoded: a changed one is an error.
    known = same_probe(job.work, job.plan, loaded.reuse)
    if known is not None:
        writer.take_probe(known, items=len(probe.items))
        return
    tensors: Tensors = {}
    for (modality, role), items in parts.items():
        encoder = loaded.encoders[modality]
        if not items:
            continue
        what = f"probe {modality} {role}"

        def report(done: int, total: int, what: str = what) -> None:
            job.progress(what, done, total)

        wanted = role if encoder.spec.prompts else None
        encoded = encode(
            encoder,
            items,
            role=wanted,
            batch=loaded.batch_of(modality),
            progress=report,
            workers=job.request.workers,
        )
        name = f"{modality}.{role}"
        stored = to_stored(encoded.vectors, job.plan.card.space.dtype, name=name)
        tensors = {**tensors, **stored.tensors(name)}
    writer.write_probe(tensors, digest=probe.digest, items=len(probe.items))


def _probe_parts(job: EncodeJob, loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Yield modality and role of each tensor; raise EncodeError for a modality that has no encoder."""
    probe = job.plan.probe
    assert probe is not None
    for modality in probe.modalities:
        if modality not in loaded.encoders:
            raise EncodeError(
                f"the probe set {probe.name} holds {modality} items, the card has no encoders.{modality}",
                hint="add the encoder, or another probe set in embver.toml",
            )
        yield from ((modality, role) for role in ("query", "document"))
