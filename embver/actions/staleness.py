"""Tell whether the vectors of `next/` are those of its card, model, corpus and probe set as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embver.actions.inputs import corpus_digest
from embver.actions.models import describe_encoders, resolve_model
from embver.actions.workspace import ITEMS, Source, Workspace
from embver.card import Card, space_id
from embver.errors import EmbverError
from embver.sense_files import ITEM_BYTES, row_bytes

_HEADER_BYTES = 4096  # the most that safetensors of one tensor takes besides its numbers


def why_stale(work: Workspace, source: Source, card: Card) -> str | None:
    """Return what was changed after the vectors were encoded, as a clause; None if nothing was.

    What is not on this machine is not looked at: one machine encodes, another one may release. Of the corpus it is
    the manifest that counts; its files may be terabytes, and `embver encode` itself looks at each.
    """
    if not card.artifacts:
        return "it has no vectors yet"
    if card.plain.get("fingerprint") != space_id(card.plain):
        return "the card was changed after its vectors were encoded: its fingerprint is another one now"
    return (
        _stale_model(work, card) or _stale_dtype(work, source, card) or _stale_corpus(work, card)
        or _stale_probe(work, card)
    )  # fmt: skip


def _stale_model(work: Workspace, card: Card) -> str | None:
    for modality, encoder in card.encoders.items():
        try:
            folder = resolve_model(work, modality, encoder, may_fetch=False)
            now = describe_encoders({modality: encoder}, {modality: folder})[modality]
        except EmbverError:
            continue
        keys = ("weights", "files") if encoder.get("files") else ("weights",)
        is_other_tokenizer = now.get("tokenizer_sha256") != encoder.get("tokenizer_sha256")
        if any(_digests(now, key) != _digests(encoder, key) for key in keys) or is_other_tokenizer:
            model = encoder.get("model") or {}
            return f"the model in {model.get('path') or model.get('id')} was changed after its vectors were encoded"
    return None


def _digests(encoder: Mapping[str, Any], key: str) -> list[str]:
    return sorted(file["sha256"] for file in encoder.get(key) or ())


def _stale_dtype(work: Workspace, source: Source, card: Card) -> str | None:
    stored = _dtypes_by_size(card) or _dtypes_by_header(work, source, card)
    if not stored or stored == {card.space.dtype}:
        return None
    return f"space.dtype is {card.space.dtype} now, its vectors were encoded as {', '.join(sorted(stored))}"


def _dtypes_by_size(card: Card) -> set[str]:
    """Return the type that rows are stored as, if the files' sizes leave one alone: no byte of them is read."""
    found = set()
    for artifact in card.artifacts:
        if artifact.role == "vectors" and artifact.rows:
            fits = [
                dtype
                for dtype in ITEM_BYTES
                if any(
                    0 < artifact.size_bytes - artifact.rows * width <= _HEADER_BYTES
                    for width in row_bytes(card.space.dimensions, dtype)
                )
            ]
            if len(fits) != 1:
                return set()
            found.add(fits[0])
    return found


def _dtypes_by_header(work: Workspace, source: Source, card: Card) -> set[str]:
    """Return the types that a file itself names; the probe file is small, and of the same type as the others."""
    from embver.store.rows import stored_in

    artifact = card.probe or next((each for each in card.artifacts if each.role == "vectors"), None)
    if artifact is None:
        return set()
    try:
        found = stored_in(work.artifact_path(source, artifact), is_probe=artifact.role == "probe")
    except EmbverError:
        return set()
    return {stored.dtype for stored in found.values()}


def _stale_corpus(work: Workspace, card: Card) -> str | None:
    corpus = card.plain.get("corpus") or {}
    here = corpus_digest(work, card)
    if here is None or here == corpus.get("digest"):
        return None
    return f"corpus.uri: {corpus['uri']} is not the corpus that was encoded"


def _stale_probe(work: Workspace, card: Card) -> str | None:
    folder = work.settings.probe_for(card.name)
    if folder is None or not work.path(folder, ITEMS).is_file():
        return None
    probe = work.probe_set(card.name)
    if probe is None or (card.probe is not None and card.probe.probe_digest == probe.digest):
        return None
    if card.probe is None:
        return f"the probe set {folder} was not encoded with it"
    return f"the probe set {folder} was changed after its vectors were encoded"
