"""Prove that nothing moved: tag, card, pointers and bytes agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.workspace import CARD, Source, Workspace, is_pointer_file, read_pointer
from embver.card import Artifact, Card, card_digest
from embver.errors import CardError, EmbverError, LfsError
from embver.history import Release
from embver.pointer import Pointer
from embver.store.cards import read_card_text
from embver.store.files import hash_file

SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is missing, changed, extra or could not be looked at."""

    kind: str  # missing | changed | extra | unverified
    reference: str
    path: str
    why: str

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry of `embver verify --json`."""
        return {"reference": self.reference, "path": self.path, "why": self.why}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was looked at, and everything that does not agree."""

    references: tuple[str, ...]
    findings: tuple[Finding, ...]
    hashed_bytes: int

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong; bytes that are not here are unverified, not wrong."""
        return all(finding.kind == "unverified" for finding in self.findings)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver verify --json`."""
        kinds = ("missing", "changed", "extra", "unverified")
        listed = {kind: [f.to_plain() for f in self.findings if f.kind == kind] for kind in kinds}
        return {"ok": self.ok, "checked": list(self.references), **listed}


def verify(
    work: Workspace, references: tuple[str, ...] = (), *, quick: bool = False, deep: bool = False
) -> VerifyReport:
    """Check releases against their tags, cards, pointers and the bytes that are on this machine.

    `quick` looks at Git alone, `deep` also reads the vectors: rows, NaN, norms, content digests.
    """
    releases = [work.find(text) for text in references] or list(work.releases)
    findings: list[Finding] = []
    hashed = 0
    for release in releases:
        one = _One(work, release, quick=quick, deep=deep)
        findings += one.findings()
        hashed += one.hashed_bytes
    return VerifyReport(
        references=tuple(release.reference for release in releases),
        findings=tuple(findings),
        hashed_bytes=hashed,
    )


class _One:
    """The checks of one release."""

    def __init__(self, work: Workspace, release: Release, *, quick: bool, deep: bool) -> None:
        self.work, self.release, self.quick, self.deep = work, release, quick, deep
        self.source: Source = work.release_source(release)
        self.hashed_bytes = 0

    def findings(self) -> list[Finding]:
        """Return everything that does not agree."""
        try:
            card = self.work.card(self.source)
        except CardError as error:
            return [self._finding("changed", CARD, problem.format()) for problem in error.problems]
        except EmbverError as error:
            return [self._finding("missing", CARD, error.message)]
        found = [*self._tag(card), *self._now(card), *self._tree(card)]
        if not self.quick:
            for artifact in card.artifacts:
                found += self._bytes(artifact)
        if self.deep:
            found += self._content(card)
        return found

    def _tag(self, card: Card) -> Iterator[Finding]:
        if not self.release.is_annotated:
            yield self._finding("changed", self.release.tag, "the tag is not annotated: it carries no record")
        elif self.release.card_digest is None:
            yield self._finding("changed", self.release.tag, "the tag carries no Card-Digest")
        elif card_digest(card.plain) != self.release.card_digest:
            yield self._finding("changed", CARD, "its frozen part does not have the Card-Digest of its tag")
        if (card.name, card.version) != (self.release.name, self.release.version):
            yield self._finding(
                "changed", CARD, f"it says {card.name}@{card.version}, its tag {self.release.reference}"
            )

    def _now(self, card: Card) -> Iterator[Finding]:
        """Check that HEAD and the work tree still hold the released card, grown or not."""
        path = f"{self.source.folder}/{CARD}"
        head = self.work.repo.read("HEAD", path)
        file = self.work.path(path)
        places = [("HEAD", head), ("the work tree", file.read_bytes() if file.is_file() else None)]
        if head is None:
            return  # another branch: the release is not part of it
        for place, data in places:
            if data is None:
                yield self._finding("missing", CARD, f"{place} no longer holds it")
                continue
            text = read_card_text(data, path=path)
            if text.problems or card_digest(text.plain) != self.release.card_digest:
                yield self._finding("changed", CARD, f"its frozen part differs in {place}")
        if file.is_file():
            yield from self._in_work_tree(card)

    def _in_work_tree(self, card: Card) -> Iterator[Finding]:
        """Check that the files beside a card that is checked out are there; `_bytes` hashes them."""
        for artifact in card.artifacts:
            if not self.work.path(self.source.folder, artifact.path).is_file():
                yield self._finding("missing", artifact.path, "the work tree no longer holds it")
        sums = self.work.path(self.source.folder, SUMS)
        if not sums.is_file():
            yield self._finding("missing", SUMS, "the work tree no longer holds it")
        elif sums.read_bytes() != self.work.read(self.source, SUMS):
            yield self._finding("changed", SUMS, "it differs in the work tree")

    def _tree(self, card: Card) -> Iterator[Finding]:
        """Check the files of the commit against the card."""
        entries = {
            entry.path.removeprefix(f"{self.source.folder}/"): entry
            for entry in self.work.repo.tree(self.release.commit, self.source.folder)
        }
        raw = {str((entry.plain.get("source") or {}).get("path")) for entry in card.benchmarks}
        known = {CARD, SUMS, *raw, *(artifact.path for artifact in card.artifacts)}
        for path in sorted(set(entries) - known):
            yield self._finding("extra", path, "no field of the card names it")
        sums = (self.work.read(self.source, SUMS) or b"").decode(errors="replace").splitlines()
        for artifact in card.artifacts:
            if artifact.path not in entries:
                yield self._finding("missing", artifact.path, "it is not in the release's commit")
                continue
            if f"{artifact.sha256}  {artifact.path}" not in sums:
                yield self._finding(
                    "changed", SUMS, f"it does not give the card's checksum of {artifact.path}"
                )
            data = self.work.read(self.source, artifact.path) or b""
            pointer = Pointer.parse(data)
            if pointer and (pointer.sha256, pointer.size_bytes) != (artifact.sha256, artifact.size_bytes):
                yield self._finding(
                    "changed", artifact.path, "Git's pointer and the card name different bytes"
                )
            if pointer is None and len(data) != artifact.size_bytes:
                yield self._finding(
                    "changed", artifact.path, "the file in Git is not the one that the card names"
                )

    def _bytes(self, artifact: Artifact) -> Iterator[Finding]:
        """Hash what is on this machine: the LFS object, and the file in the work tree if it is the bytes."""
        file = self.work.path(self.source.folder, artifact.path)
        artifact_pointer = Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
        looked = False
        if file.is_file() and not is_pointer_file(file):
            looked = True
            yield from self._hash(file, artifact, "in the work tree")
        elif file.is_file() and read_pointer(file) != artifact_pointer:
            yield self._finding("changed", artifact.path, "the pointer in the work tree names other bytes")
        blob = self.work.read(self.source, artifact.path) or b""
        if Pointer.parse(blob) is None:
            if (
                not looked
            ):  # Git's own object: its id is a hash already, and the card's checksum is compared here
                yield from self._git_bytes(blob, artifact)
            return
        stored = self.work.lfs.path_of(artifact.sha256)
        if stored.is_file():
            yield from self._hash(stored, artifact, "in the LFS store")
        elif not looked:
            why = f"its bytes are not on this machine (embver pull {self.release.reference})"
            yield self._finding("unverified", artifact.path, why)

    def _git_bytes(self, blob: bytes, artifact: Artifact) -> Iterator[Finding]:
        import hashlib

        self.hashed_bytes += len(blob)
        if hashlib.sha256(blob).hexdigest() != artifact.sha256:
            yield self._finding("changed", artifact.path, "the file in Git does not have the card's checksum")

    def _hash(self, path: Path, artifact: Artifact, place: str) -> Iterator[Finding]:
        sha256, size_bytes = hash_file(path)
        self.hashed_bytes += size_bytes
        if sha256 != artifact.sha256:
            why = f"{place} it has the checksum {sha256[:12]}…, its card says {artifact.sha256[:12]}…"
            yield self._finding("changed", artifact.path, why)

    def _content(self, card: Card) -> Iterator[Finding]:
        """Read the vectors: finite, of the card's shape, unit length where it says so, the content digest."""
        import numpy as np

        from embver.store.vectors import VECTORS, content_digest, read_tensors

        for artifact in card.artifacts:
            if artifact.role == "probe":
                yield from self._probe_content(card, artifact)
            if artifact.role != "vectors":
                continue
            try:
                rows = read_tensors(self.work.artifact_path(self.source, artifact))[VECTORS]
                ids = self._ids(card, artifact)
                digest = content_digest(ids, rows, dtype=card.space.dtype) if len(ids) == len(rows) else None
            except LfsError:
                continue  # not on this machine: that is said already
            except (EmbverError, ValueError, KeyError) as error:
                yield self._finding(
                    "changed", artifact.path, f"its content is not what it should be: {error}"
                )
                continue
            if rows.shape != (artifact.rows, card.space.dimensions):
                yield self._finding(
                    "changed",
                    artifact.path,
                    f"it holds {rows.shape[0]} rows of {rows.shape[1]}, the card says "
                    f"{artifact.rows} of {card.space.dimensions}",
                )
            if str(rows.dtype) != card.space.dtype:
                yield self._finding(
                    "changed", artifact.path, f"it holds {rows.dtype}, the card says {card.space.dtype}"
                )
            norms = np.linalg.norm(rows.astype(np.float64), axis=1)
            if card.space.normalized and not np.allclose(norms, 1.0, atol=5e-3):
                yield self._finding(
                    "changed", artifact.path, "its rows are not of unit length, the card says they are"
                )
            if digest != artifact.content_digest:
                yield self._finding("changed", artifact.path, "its content digest is not the card's")

    def _probe_content(self, card: Card, artifact: Artifact) -> Iterator[Finding]:
        import numpy as np

        from embver.store.vectors import read_tensors

        try:
            tensors = read_tensors(self.work.artifact_path(self.source, artifact))
        except LfsError:
            return
        except EmbverError as error:
            yield self._finding("changed", artifact.path, error.message)
            return
        for name, rows in tensors.items():
            if not np.isfinite(rows).all():
                yield self._finding("changed", artifact.path, f"{name} holds NaN or infinity")
            if rows.shape[1:] != (card.space.dimensions,):
                why = f"{name} has rows of {rows.shape[1:]}, the card says {card.space.dimensions}"
                yield self._finding("changed", artifact.path, why)

    def _ids(self, card: Card, artifact: Artifact) -> list[str]:
        files = [a for a in card.artifacts if a.role == "ids" and a.modality in (None, artifact.modality)]
        data = self.work.read(self.source, files[0].path) if files else None
        return (data or b"").decode().removesuffix("\n").split("\n")

    def _finding(self, kind: str, path: str, why: str) -> Finding:
        return Finding(kind=kind, reference=self.release.reference, path=path, why=why)
