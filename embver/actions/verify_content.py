"""Read the vectors of a release (`embver verify --deep`): shape, type, norms, content digests."""

from __future__ import annotations

from collections.abc import Iterator

from embver.actions.verify_files import Finding
from embver.actions.workspace import Workspace
from embver.card import Artifact, Card
from embver.errors import EmbverError, LfsError
from embver.history import Release


def content_findings(work: Workspace, release: Release, card: Card) -> Iterator[Finding]:
    """Read the vectors: finite, of the card's shape, unit length where it says so, the content digest."""
    import numpy as np

    from embver.store.vectors import VECTORS, content_digest, read_tensors

    for artifact in card.artifacts:
        if artifact.role == "probe":
            yield from _probe_content(work, release, card, artifact)
        if artifact.role != "vectors":
            continue
        try:
            rows = read_tensors(work.artifact_path(work.release_source(release), artifact))[VECTORS]
            ids = _ids(work, release, card, artifact)
            digest = content_digest(ids, rows, dtype=card.space.dtype) if len(ids) == len(rows) else None
        except LfsError:
            continue  # not on this machine: that is said already
        except (EmbverError, ValueError, KeyError) as error:
            yield _changed(release, artifact.path, f"its content is not what it should be: {error}")
            continue
        if rows.shape != (artifact.rows, card.space.dimensions):
            yield _changed(
                release,
                artifact.path,
                f"it holds {rows.shape[0]} rows of {rows.shape[1]}, the card says "
                f"{artifact.rows} of {card.space.dimensions}",
            )
        if str(rows.dtype) != card.space.dtype:
            yield _changed(release, artifact.path, f"it holds {rows.dtype}, the card says {card.space.dtype}")
        norms = np.linalg.norm(rows.astype(np.float64), axis=1)
        if card.space.normalized and not np.allclose(norms, 1.0, atol=5e-3):
            yield _changed(release, artifact.path, "its rows are not of unit length, the card says they are")
        if digest != artifact.content_digest:
            yield _changed(release, artifact.path, "its content digest is not the card's")


def _probe_content(work: Workspace, release: Release, card: Card, artifact: Artifact) -> Iterator[Finding]:
    import numpy as np

    from embver.store.vectors import read_tensors

    try:
        tensors = read_tensors(work.artifact_path(work.release_source(release), artifact))
    except LfsError:
        return
    except EmbverError as error:
        yield _changed(release, artifact.path, error.message)
        return
    for name, rows in tensors.items():
        if not np.isfinite(rows).all():
            yield _changed(release, artifact.path, f"{name} holds NaN or infinity")
        if rows.shape[1:] != (card.space.dimensions,):
            why = f"{name} has rows of {rows.shape[1:]}, the card says {card.space.dimensions}"
            yield _changed(release, artifact.path, why)


def _ids(work: Workspace, release: Release, card: Card, artifact: Artifact) -> list[str]:
    files = [a for a in card.artifacts if a.role == "ids" and a.modality in (None, artifact.modality)]
    data = work.read(work.release_source(release), files[0].path) if files else None
    return (data or b"").decode().removesuffix("\n").split("\n")


def _changed(release: Release, path: str, why: str) -> Finding:
    return Finding(kind="changed", reference=release.reference, path=path, why=why)
