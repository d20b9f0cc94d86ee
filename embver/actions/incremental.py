"""Take rows over from an earlier version: those whose input bytes, encoder and environment are equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.encoding import EncodePlan, EncodeRequest
from embver.actions.workspace import Source, Workspace
from embver.card import Artifact, Card, encoder_id, space_id
from embver.errors import EmbverError
from embver.pointer import Pointer
from embver.store.files import hash_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from embver.store.rows import Rows

    Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reuse:
    """The rows of one modality that an earlier version holds: for each item its row there, or -1."""

    reference: str
    rows: Rows
    places: Places
    encode: Mapping[str, Any]  # the earlier version's record
    files: tuple[tuple[Path, str], ...]  # where the rows lie, with the SHA-256 that their card names

    @property
    def count(self) -> int:
        """Return how many items need not be encoded."""
        return int((self.places >= 0).sum())

    def is_sound(self) -> bool:
        """Tell whether the files are what their card says, by reading them: damage must not be handed on."""
        return all(hash_file(path)[0] == sha256 for path, sha256 in self.files)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What can be taken over by modality, if the environment turns out to be the same, and what a person should know."""

    reuse: Mapping[str, Reuse]
    notes: tuple[str, ...] = ()


def find_reuse(work: Workspace, plan: EncodePlan, request: EncodeRequest) -> Found:
    """Return the rows that need not be encoded again: of the last encode of `next/`, or of the version before it.

    The one that holds more of a modality's items gives them. Nothing of it is read but digests of inputs.
    """
    if request.full or request.force:
        return Found(reuse={})
    found: dict[str, Reuse] = {}
    notes: list[str] = []
    for source, card in _origins(work, plan):
        for modality in plan.corpus.modalities:
            if not _is_same_encoder(plan, request, card, modality):
                continue
            try:
                reuse = _reuse(work, source, card, plan, modality)
            except EmbverError:
                if modality not in found:
                    said = (
                        f"the {modality} vectors of {source.reference} are not on this machine, or not whole"
                    )
                    notes.append(f"{said}: they would be copied after `embver pull {source.reference}`")
                continue
            if reuse is not None and reuse.count > (found[modality].count if modality in found else 0):
                found[modality] = reuse
    return Found(reuse=found, notes=tuple(notes))


def _origins(work: Workspace, plan: EncodePlan) -> Iterator[tuple[Source, Card]]:
    """Yield the versions to take rows from: `next/` as it was encoded last, and the release it goes on from."""
    own = plan.card
    # People edit the card between two encodes: only an unchanged fingerprint says that it tells of its vectors.
    if own.artifacts and own.plain.get("fingerprint") == space_id(own.plain):
        yield plan.source, own
    release = work.base(own)
    if release is not None:
        source = work.release_source(release)
        yield source, work.card(source)


def _is_same_encoder(plan: EncodePlan, request: EncodeRequest, card: Card, modality: str) -> bool:
    if modality not in card.encoders:
        return False
    record = card.plain.get("encode") or {}
    before = (record.get("profile"), (record.get("precision") or {}).get("compute"))
    is_same_run = before == (request.profile, plan.compute)
    return is_same_run and encoder_id(card.plain, modality) == encoder_id(plan.plain, modality)


def _reuse(work: Workspace, source: Source, card: Card, plan: EncodePlan, modality: str) -> Reuse | None:
    """Match the items of one modality by the digests of their bytes; raise LfsError where the rows are elsewhere."""
    import numpy as np

    from embver.store.rows import Rows
    from embver.store.vectors import INPUTS, map_tensors

    artifacts = sorted(
        (each for each in card.artifacts if each.role == "vectors" and each.modality == modality),
        key=lambda each: each.path,
    )
    paths = [_path(work, source, each) for each in artifacts]
    tensors = [map_tensors(path) for path in paths]
    if not paths or any(INPUTS not in found for found in tensors):
        return None  # of before rows said what they were made of
    rows = Rows.open(paths)
    if rows.stored_dtype != plan.card.space.dtype:
        return None  # the card of `next/` may ask for another one by now: the files themselves say what they hold
    known = np.concatenate([found[INPUTS][0] for found in tensors])
    return Reuse(
        reference=source.reference,
        rows=rows,
        places=match(known, plan.corpus.digests(modality)),
        encode=card.plain.get("encode") or {},
        files=tuple((path, each.sha256) for path, each in zip(paths, artifacts, strict=True)),
    )


def match(known: npt.NDArray[np.uint8], wanted: npt.NDArray[np.uint8]) -> Places:
    """Return for each digest of `wanted` (n, 32) a row of `known` (m, 32) that is equal, or -1: int64 (n,).

    A digest of nothing but zeros stands for bytes that could not be read, and is equal to none.
    """
    import numpy as np

    places = np.full(len(wanted), -1, dtype=np.int64)
    if not len(known) or not len(wanted):
        return places
    # NumPy pads bytes with zeros, and all of these have 32: equal is equal.
    before, now = (np.ascontiguousarray(each).view("S32").ravel() for each in (known, wanted))
    order = np.argsort(before, kind="stable")
    at = np.minimum(np.searchsorted(before, now, sorter=order), len(before) - 1)
    is_equal = (before[order[at]] == now) & wanted.any(axis=1)
    places[is_equal] = order[at][is_equal]
    return places


def same_probe(work: Workspace, plan: EncodePlan, reuse: Mapping[str, Reuse]) -> Artifact | None:
    """Return the probe file of the version that all rows come from, if it is of this very probe set, and is here."""
    probe = plan.probe
    references = {each.reference for each in reuse.values()}
    if probe is None or len(references) != 1 or not set(probe.modalities) <= set(reuse):
        return None
    for source, card in _origins(work, plan):
        artifact = card.probe
        if source.reference in references and artifact is not None and artifact.probe_digest == probe.digest:
            pointer, path = _pointer(artifact), work.lfs.path_of(artifact.sha256)
            if work.lfs.holds(pointer) and hash_file(path)[0] == artifact.sha256:
                return artifact if _dtypes(path) == {plan.card.space.dtype} else None
    return None


def _dtypes(path: Path) -> set[str]:
    from embver.store.rows import stored_in

    return {stored.dtype for stored in stored_in(path, is_probe=True).values()}


def _path(work: Workspace, source: Source, artifact: Artifact) -> Path:
    if work.lfs.holds(_pointer(artifact)):
        return work.lfs.path_of(artifact.sha256)
    return work.artifact_path(source, artifact)


def _pointer(artifact: Artifact) -> Pointer:
    return Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
