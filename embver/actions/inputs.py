"""What an encode reads: the corpus and the probe set's files."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.pairing import is_elsewhere, is_inside
from embver.actions.workspace import Workspace, is_pointer_file
from embver.card import Card
from embver.errors import EncodeError, UsageError
from embver.exchange import dvc
from embver.probe import ProbeSet
from embver.store.cards import read_card_text
from embver.store.files import hash_file, write_atomic

if TYPE_CHECKING:
    from embver.encode.corpus import Corpus
    from embver.encode.corpus_places import CorpusRequest
    from embver.encode.digesting import KnownDigests
    from embver.encode.spec import Item

_MOST_LISTED = 10
_CACHE = "corpus-digests"  # in Git's own folder, one file a corpus


def read_corpus(work: Workspace, card: Card, *, on_error: str = "stop") -> Corpus:
    """Read the corpus that a card's `corpus.uri` names: a manifest, a folder, tar shards, here or behind a URL.

    Every item's bytes are digested; those of files that were digested before, and look the same since, are not read.
    With `on_error="skip"` an item without bytes stays in the corpus, and its blob says why; a malformed manifest
    always stops. Raises UsageError or EncodeError with file and line, MissingExtra for a format that needs more.
    """
    from embver.encode.reading import open_corpus

    request = corpus_request(work, card, is_strict=on_error != "skip")
    with _known_digests(work, request.uri) as known:
        return open_corpus(request, known)


def corpus_digest(work: Workspace, card: Card) -> str | None:
    """Return the digest of a card's corpus as it lies here, by its tracker's own algorithm.

    None for what is not here: one machine encodes, another one may release.
    """
    from embver.actions.listings import digest_here
    from embver.encode.records.shelf import LocalShelf

    corpus = card.plain.get("corpus") or {}
    uri = str(corpus.get("uri") or "")
    if not uri or is_elsewhere(uri, None):
        return None
    if corpus.get("tracked_by") == "dvc":
        return _dvc_digest(work, uri)
    with _known_digests(work, uri, is_whole=False) as known:
        return digest_here(LocalShelf(work.repo.root, corpus=uri), uri, tuple(card.encoders), known)


def recorded_digest(work: Workspace, card: Card, corpus: Corpus) -> str:
    """Return what `encode` writes as `corpus.digest`: DVC's own of what DVC keeps, else that of the bytes."""
    said = card.plain.get("corpus") or {}
    known = _dvc_digest(work, str(said.get("uri"))) if said.get("tracked_by") == "dvc" else None
    return known or corpus.manifest_digest


def _dvc_digest(work: Workspace, uri: str) -> str | None:
    files: dict[str, Mapping[str, Any]] = {}
    for name in (*dvc.pointer_paths(uri), *dvc.pipeline_paths(uri)):
        file = work.path(name)
        if is_inside(name) and file.is_file():
            text = read_card_text(file.read_bytes(), path=name)
            files.update({name: text.plain} if text.is_read else {})
    return next(iter(dvc.pinned(files, uri)), None)


@contextlib.contextmanager
def _known_digests(work: Workspace, uri: str, *, is_whole: bool = True) -> Iterator[KnownDigests]:
    """Yield the digests of one corpus' files as they were when it was read last, and keep them as they are now."""
    from embver.encode.digesting import KnownDigests

    cache = _cache_of(work, uri)
    data = b""
    with contextlib.suppress(OSError):
        data = cache.read_bytes()
    known = KnownDigests(data, now_ns=time.time_ns())
    yield known
    if known.taken:
        with contextlib.suppress(OSError):  # lost, it costs reading everything once more
            write_atomic(cache, known.to_bytes(is_whole=is_whole), is_cache=True)


def corpus_request(work: Workspace, card: Card, *, is_strict: bool = True) -> CorpusRequest:
    """Return what a card asks to encode; raise UsageError where it names no corpus."""
    from embver.encode.corpus_places import CorpusRequest
    from embver.encode.records.record import Wanted

    corpus = card.plain.get("corpus") or {}
    uri = corpus.get("uri")
    where = f"{work.folder(card.name, 'next')}/card.yaml"
    if not uri:
        raise UsageError(
            f"{where}: corpus.uri is missing: there is nothing to encode", hint="uri: data/corpus.jsonl"
        )
    scratch = work.repo.git_dir / "embver"
    with contextlib.suppress(OSError):
        scratch.mkdir(exist_ok=True)
    # DVC's pointer stands for what lies beside it.
    return CorpusRequest(
        uri=str(uri).removesuffix(dvc.SUFFIX),
        root=work.repo.root,
        wanted=Wanted(modalities=tuple(card.encoders), columns=dict(corpus.get("columns") or {})),
        where=where,
        is_strict=is_strict,
        scratch=scratch if scratch.is_dir() else None,
    )


def _cache_of(work: Workspace, uri: str) -> Path:
    return work.repo.git_dir / "embver" / f"{_CACHE}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"


def probe_items(probe: ProbeSet, folder: Path, modality: str, role: str) -> tuple[Item, ...]:
    """Return the probe items of one modality and role, in row order, their files checked by digest.

    Raises EncodeError naming every file that is missing or changed.
    """
    from embver.encode.blob import Blob
    from embver.encode.spec import Item

    made, problems = [], []
    for item in probe.rows(modality, role):
        if item.path is None:
            made.append(Item(id=item.id, text=item.text))
            continue
        path = folder / item.path
        if not path.is_file():
            problems.append(f"{item.path} does not exist")
        elif is_pointer_file(path):
            problems.append(f"{item.path} is a Git LFS pointer, not the bytes")
        elif hash_file(path)[0] != item.sha256:
            problems.append(f"{item.path} is not the file that {probe.name}/items.jsonl names")
        made.append(Item(id=item.id, blob=Blob(name=f"{folder.name}/{item.path}", path=path)))
    if problems:
        raise EncodeError(
            f"probe set {probe.name}: " + "; ".join(problems[:_MOST_LISTED]),
            hint=f"git lfs pull --include '{folder.name}/**', or restore the files",
        )
    return tuple(made)
