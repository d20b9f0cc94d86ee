"""Check the files of releases: commit, card, pointers, and the bytes that are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embver.actions.dvc_storage import IGNORE, cached
from embver.actions.workspace import CARD, Workspace, is_pointer_file, read_pointer
from embver.card import Artifact, Card, card_digest
from embver.history import Release
from embver.pointer import MAX_POINTER_BYTES, Pointer
from embver.store.cards import read_card_text
from embver.store.files import hash_file
from embver.store.folders import Blob, read_folders, sizes_of
from embver.store.objects import read_objects
from embver.store.schemas import check_card

SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is missing, changed, extra, moved, badly signed, ignored, or could not be looked at."""

    kind: str  # missing | changed | extra | unverified | moved | signatures | ignored
    reference: str
    path: str
    why: str

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of an entry of `embver verify --json`."""
        return {"reference": self.reference, "path": self.path, "why": self.why}


class Seen:
    """What Git holds of many releases, read at once: their folders in their commits and in HEAD, and the files."""

    def __init__(self, work: Workspace, releases: Sequence[Release]) -> None:
        repo = work.repo
        self.folders = [work.folder(release.name, release.version) for release in releases]
        asked = [f"{release.commit}:{path}" for release, path in zip(releases, self.folders, strict=True)]
        asked += [f"HEAD:{path}" for path in self.folders]
        found = read_folders(repo, asked)
        self.then = dict(zip(self.folders, found[: len(releases)], strict=True))
        self.now = dict(zip(self.folders, found[len(releases) :], strict=True))
        blobs = {blob.id for folder in found if folder for blob in folder.values()}
        self.sizes = sizes_of(repo, blobs)
        texts = {f[name].id for f in found if f for name in (CARD, SUMS) if name in f}
        small = {blob for blob in blobs if self.sizes.get(blob, 0) <= MAX_POINTER_BYTES}
        ids = sorted(small | texts)
        self._data = dict(zip(ids, repo.read_many(ids), strict=True))

    def data(self, blob: Blob | None) -> bytes | None:
        """Return the bytes of a card, of checksums, or of any file small enough to be a pointer; None for others."""
        return self._data.get(blob.id) if blob is not None else None


def check_releases(
    work: Workspace, releases: Sequence[Release], *, quick: bool, deep: bool
) -> tuple[list[Finding], int]:
    """Return everything that does not agree, and how many bytes were hashed."""
    seen = Seen(work, releases)
    checks = [_One(work, release, seen) for release in releases]
    findings = [finding for one in checks for finding in one.in_git()]
    if not quick:
        ids = sorted({blob.id for one in checks for blob in one.kept_in_git().values()})
        read = zip(ids, read_objects(work.repo, ids), strict=True)
        hashes = {name: (found.sha256, found.size_bytes) for name, found in read if found is not None}
        for one in checks:
            findings += one.bytes(hashes)
    if deep:
        from embver.actions.verify_content import content_findings

        for one in checks:
            if one.card is not None:
                findings += content_findings(work, one.release, one.card)
    place = {release.reference: number for number, release in enumerate(releases)}
    findings.sort(key=lambda finding: place[finding.reference])
    return findings, sum(one.hashed_bytes for one in checks)


class _One:
    """The checks of one release."""

    def __init__(self, work: Workspace, release: Release, seen: Seen) -> None:
        self.work, self.release, self.seen = work, release, seen
        self.folder = work.folder(release.name, release.version)
        self.entries: Mapping[str, Blob] = seen.then[self.folder] or {}
        self.card: Card | None = None
        self.hashed_bytes = 0

    def in_git(self) -> Iterator[Finding]:
        """Check tag, card and pointers in the commit, in HEAD and, as far as it has them, in the work tree."""
        data = self.seen.data(self.entries.get(CARD))
        if data is None:
            yield self._lost()
            return
        text = read_card_text(data, path=f"{self.folder}/{CARD}")
        problems = check_card(text, folder=None)
        if problems:
            yield from (self._finding("changed", CARD, problem.format()) for problem in problems)
            return
        self.card = card = Card.from_plain(text.plain)
        yield from self._tag(card)
        yield from self._now(data)
        yield from self._tree(card)

    def _lost(self) -> Finding:
        path = f"{self.folder}/{CARD}"
        if CARD in self.entries:
            return self._finding("unverified", CARD, f"{path} is not on this machine (git fetch)")
        return self._finding(
            "missing", CARD, f"{self.release.reference} has no card: {path} is not in its commit"
        )

    def _tag(self, card: Card) -> Iterator[Finding]:
        release = self.release
        if not release.is_annotated:
            again = f"git fetch --force origin refs/tags/{release.tag}:refs/tags/{release.tag}"
            why = f"the tag is not annotated (lightweight): it carries no record; if it was when it was pushed: {again}"
            yield self._finding("changed", release.tag, why)
        elif release.card_digest is None:
            yield self._finding("changed", release.tag, "the tag carries no Card-Digest")
        elif card_digest(card.plain) != release.card_digest:
            yield self._finding("changed", CARD, "its frozen part does not have the Card-Digest of its tag")
        if (card.name, card.version) != (release.name, release.version):
            yield self._finding(
                "changed", CARD, f"it says {card.name}@{card.version}, its tag {release.reference}"
            )

    def _now(self, released: bytes) -> Iterator[Finding]:
        """Check that HEAD and the work tree still hold the released card, grown or not."""
        now = self.seen.now[self.folder]
        if now is None or CARD not in now:
            return  # another branch: the release is not part of it
        file = self.work.path(self.folder, CARD)
        here = file.read_bytes() if file.is_file() else None
        known = {released}
        for place, data in (("HEAD", self.seen.data(now[CARD])), ("the work tree", here)):
            if data is None:
                yield self._finding("missing", CARD, f"{place} no longer holds it")
            elif data not in known:
                text = read_card_text(data, path=f"{self.folder}/{CARD}")
                if text.problems or card_digest(text.plain) != self.release.card_digest:
                    yield self._finding("changed", CARD, f"its frozen part differs in {place}")
                else:
                    known.add(data)
        if here is not None and self.card is not None:
            yield from self._in_work_tree(self.card)

    def _in_work_tree(self, card: Card) -> Iterator[Finding]:
        """Check that the files beside a card that is checked out are there; `bytes` hashes them."""
        for artifact in card.artifacts:
            if not self.work.path(self.folder, artifact.git_path).is_file():
                yield self._finding("missing", artifact.git_path, "the work tree no longer holds it")
        sums = self.work.path(self.folder, SUMS)
        if not sums.is_file():
            yield self._finding("missing", SUMS, "the work tree no longer holds it")
        elif sums.read_bytes() != self.seen.data(self.entries.get(SUMS)):
            yield self._finding("changed", SUMS, "it differs in the work tree")

    def _tree(self, card: Card) -> Iterator[Finding]:
        """Check the files of the commit against the card."""
        raw = {str((entry.plain.get("source") or {}).get("path")) for entry in card.benchmarks}
        known = {CARD, SUMS, *raw, *(artifact.git_path for artifact in card.artifacts)}
        known |= {IGNORE} if any(artifact.md5 for artifact in card.artifacts) else set()
        for path in sorted(set(self.entries) - known):
            yield self._finding("extra", path, "no field of the card names it")
        sums = (self.seen.data(self.entries.get(SUMS)) or b"").decode(errors="replace").splitlines()
        for artifact in card.artifacts:
            blob = self.entries.get(artifact.git_path)
            if blob is None:
                yield self._finding("missing", artifact.git_path, "it is not in the release's commit")
                continue
            if f"{artifact.sha256}  {artifact.path}" not in sums:
                yield self._finding(
                    "changed", SUMS, f"it does not give the card's checksum of {artifact.path}"
                )
            if artifact.md5:
                if self.seen.data(blob) != artifact.pointer:
                    yield self._finding(
                        "changed", artifact.git_path, "DVC's pointer and the card name different bytes"
                    )
                continue
            pointer = self._pointer(artifact)
            if pointer and pointer != _named_by(artifact):
                yield self._finding(
                    "changed", artifact.path, "Git's pointer and the card name different bytes"
                )
            if pointer is None and self.seen.sizes.get(blob.id) not in (None, artifact.size_bytes):
                yield self._finding(
                    "changed", artifact.path, "the file in Git is not the one that the card names"
                )

    def _pointer(self, artifact: Artifact) -> Pointer | None:
        """Return the pointer that Git holds for an artifact; None for a file that Git holds itself."""
        data = self.seen.data(self.entries.get(artifact.path))
        return Pointer.parse(data) if data is not None else None

    def kept_in_git(self) -> dict[str, Blob]:
        """Return the artifacts that Git holds itself, by path: small files, such as ids."""
        artifacts = self.card.artifacts if self.card is not None else ()
        return {
            each.path: self.entries[each.path]
            for each in artifacts
            if not each.md5 and each.path in self.entries and self._pointer(each) is None
        }

    def bytes(self, hashes: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
        """Hash what is on this machine; `hashes` are those of Git's own files: blob id -> (SHA-256, size in bytes)."""
        kept = self.kept_in_git()
        for artifact in self.card.artifacts if self.card is not None else ():
            file = self.work.path(self.folder, artifact.path)
            is_plain = file.is_file() and not is_pointer_file(file)
            if is_plain:
                yield from self._hash(file, artifact, "in the work tree")
            elif artifact.md5:
                yield from self._dvc_pointer(artifact)
            elif file.is_file() and read_pointer(file) != _named_by(artifact):
                yield self._finding(
                    "changed", artifact.path, "the pointer in the work tree names other bytes"
                )
            if artifact.git_path not in self.entries:
                continue
            if artifact.path in kept:
                if not is_plain:
                    yield from self._git_bytes(hashes.get(kept[artifact.path].id), artifact)
                continue
            stored = self._stored(artifact)
            if stored.is_file():
                place = "in DVC's cache" if artifact.md5 else "in the LFS store"
                yield from self._hash(stored, artifact, place)
            elif not is_plain:
                why = f"its bytes are not on this machine (embver pull {self.release.reference})"
                yield self._finding("unverified", artifact.path, why)

    def _dvc_pointer(self, artifact: Artifact) -> Iterator[Finding]:
        file = self.work.path(self.folder, artifact.git_path)
        if file.is_file() and file.read_bytes() != artifact.pointer:
            why = "DVC's pointer in the work tree names other bytes"
            yield self._finding("changed", artifact.git_path, why)

    def _stored(self, artifact: Artifact) -> Path:
        """Return where an artifact's bytes are on this machine, if they are: DVC's cache goes first for its own."""
        own = self.work.lfs.path_of(artifact.sha256)
        if artifact.md5 is None:
            return own
        file = cached(self.work, artifact.md5)
        return file if file.is_file() else own

    def _git_bytes(self, found: tuple[str, int] | None, artifact: Artifact) -> Iterator[Finding]:
        """Compare the checksum of a file that Git holds itself; its id is a hash already, but not the card's."""
        if found is None:
            yield self._finding("unverified", artifact.path, "its bytes are not on this machine (git fetch)")
            return
        self.hashed_bytes += found[1]
        if found[0] != artifact.sha256:
            yield self._finding("changed", artifact.path, "the file in Git does not have the card's checksum")

    def _hash(self, path: Path, artifact: Artifact, place: str) -> Iterator[Finding]:
        sha256, size_bytes = hash_file(path)
        self.hashed_bytes += size_bytes
        if sha256 != artifact.sha256:
            why = f"{place} it has the checksum {sha256[:12]}…, its card says {artifact.sha256[:12]}…"
            yield self._finding("changed", artifact.path, why)

    def _finding(self, kind: str, path: str, why: str) -> Finding:
        return Finding(kind=kind, reference=self.release.reference, path=path, why=why)


def _named_by(artifact: Artifact) -> Pointer:
    return Pointer(sha256=artifact.sha256, size_bytes=artifact.size_bytes)
