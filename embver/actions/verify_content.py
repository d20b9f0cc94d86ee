"""Read the vectors of a release (`embver verify --deep`): shape, type, norms, content digests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from embver.actions.deep import UNIT_TOLERANCE
from embver.actions.verify_files import Finding
from embver.actions.workspace import Workspace
from embver.card import Artifact, Card
from embver.errors import EmbverError, LfsError
from embver.history import Release

if TYPE_CHECKING:
    from embver.store.vectors import Stored


def content_findings(work: Workspace, release: Release, card: Card) -> Iterator[Finding]:
    """Read the vectors: finite, of the card's shape, unit length where it says so, the content digest."""
    from embver.store.rows import stored_in
    from embver.store.vectors import VECTORS, content_digest

    started: dict[str | None, int] = {}
    names: dict[str | None, list[str]] = {}
    for artifact in card.artifacts:
        if artifact.role not in ("vectors", "probe"):
            continue
        is_probe = artifact.role == "probe"
        first = started.get(artifact.modality, 0)
        started[artifact.modality] = first + (artifact.rows or 0)
        try:
            path = work.artifact_path(work.release_source(release), artifact)
            found = stored_in(path, is_probe=is_probe)
            digest = None
            if not is_probe:
                stored = found[VECTORS]
                if artifact.modality not in names:
                    names[artifact.modality] = _ids(work, release, card, artifact)
                ids = names[artifact.modality][first : first + (artifact.rows or len(stored.vectors))]
                if len(ids) == len(stored.vectors):
                    digest = content_digest(ids, stored.vectors, dtype=stored.dtype, scale=stored.scale)
        except LfsError:
            continue  # not on this machine: that is said already
        except (EmbverError, ValueError, KeyError) as error:
            yield _changed(release, artifact.path, f"its content is not what it should be: {error}")
            continue
        for name, each in found.items():
            yield from _rows_of(release, card, artifact, each, "" if not is_probe else f"{name}: ")
        if not is_probe and digest != artifact.content_digest:
            yield _changed(release, artifact.path, "its content digest is not the card's")


def _rows_of(
    release: Release, card: Card, artifact: Artifact, stored: Stored, where: str
) -> Iterator[Finding]:
    """Check one matrix of vectors: shape, number format, finite numbers, unit length."""
    import numpy as np

    from embver.store.rows import Rows

    rows, dimensions = stored.vectors.shape
    if dimensions != card.space.dimensions or (artifact.role == "vectors" and rows != artifact.rows):
        wanted = f"{artifact.rows} of {card.space.dimensions}" if not where else str(card.space.dimensions)
        yield _changed(
            release, artifact.path, f"{where}it holds {rows} rows of {dimensions}, the card says {wanted}"
        )
    said = card.dtype_of(artifact)
    if said is not None and stored.dtype != said:
        yield _changed(release, artifact.path, f"{where}it holds {stored.dtype}, the card says {said}")
    norms = np.concatenate(
        [np.linalg.norm(block.astype(np.float64), axis=1) for block in Rows([stored]).blocks()]
        or [np.ones(0)]
    )
    if not np.isfinite(norms).all():
        yield _changed(release, artifact.path, f"{where}it holds NaN or infinity")
    elif card.space.normalized and not np.allclose(norms, 1.0, atol=UNIT_TOLERANCE.get(stored.dtype, 5e-3)):
        yield _changed(
            release, artifact.path, f"{where}its rows are not of unit length, the card says they are"
        )


def _ids(work: Workspace, release: Release, card: Card, artifact: Artifact) -> list[str]:
    files = [a for a in card.artifacts if a.role == "ids" and a.modality in (None, artifact.modality)]
    data = work.read(work.release_source(release), files[0].path) if files else None
    return (data or b"").decode().removesuffix("\n").split("\n")


def _changed(release: Release, path: str, why: str) -> Finding:
    return Finding(kind="changed", reference=release.reference, path=path, why=why)
