"""Tell whether the vectors of `next/` are those of its card, model, corpus and probe set as they stand."""

from __future__ import annotations

from embver.actions.inputs import resolve_model
from embver.actions.workspace import ITEMS, Source, Workspace, is_pointer_file
from embver.card import Card, space_id
from embver.digest import sha256_of
from embver.errors import EmbverError

_WIDTHS = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1}  # bytes a number
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
    from embver.encode.model_files import describe_model

    for modality, encoder in card.encoders.items():
        try:
            folder = resolve_model(work, modality, encoder)
            files = describe_model(folder, modality=modality)
        except EmbverError:
            continue
        weights = sorted(weight["sha256"] for weight in files.weights)
        known = sorted(weight["sha256"] for weight in encoder.get("weights") or ())
        is_other_tokenizer = modality == "text" and files.tokenizer_sha256 != encoder.get("tokenizer_sha256")
        if weights != known or is_other_tokenizer:
            path = (encoder.get("model") or {}).get("path")
            return f"the model in {path} was changed after its vectors were encoded"
    return None


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
            numbers = artifact.rows * card.space.dimensions
            fits = [
                d
                for d, width in _WIDTHS.items()
                if 0 < artifact.size_bytes - numbers * width <= _HEADER_BYTES
            ]
            if len(fits) != 1:
                return set()
            found.add(fits[0])
    return found


def _dtypes_by_header(work: Workspace, source: Source, card: Card) -> set[str]:
    """Return the types that a file itself names; the probe file is small, and of the same type as the others."""
    from embver.store.vectors import read_tensors

    artifact = card.probe or next((each for each in card.artifacts if each.role == "vectors"), None)
    if artifact is None:
        return set()
    try:
        return {str(rows.dtype) for rows in read_tensors(work.artifact_path(source, artifact)).values()}
    except EmbverError:
        return set()


def _stale_corpus(work: Workspace, card: Card) -> str | None:
    corpus = card.plain.get("corpus") or {}
    manifest = work.repo.root / str(corpus.get("uri") or "")
    if not manifest.is_file() or is_pointer_file(manifest):
        return None
    if sha256_of(manifest.read_bytes()) == corpus.get("digest"):
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
