"""Read a corpus once: take the digests of its items, and refuse what is flawed with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from embver.corpusfiles import listing_digest
from embver.encode.corpus import Corpus
from embver.encode.corpus_places import CorpusRequest, find_records
from embver.encode.digesting import Column, Digesting, KnownDigests
from embver.encode.records.record import Flawed, Record, Records
from embver.errors import EncodeError

MOST_LISTED: Final = 10
_ID_BYTES: Final = 16  # of a digest: what tells ids apart
_MOST_FLAWS: Final = 1000


def open_corpus(request: CorpusRequest, known: KnownDigests) -> Corpus:
    """Return a corpus that was read once; raise EncodeError with file and line of up to ten mistakes."""
    records = find_records(request)
    columns = {modality: Column(modality) for modality in request.wanted.modalities}
    flaws: list[tuple[int, str]] = []  # the record before which it stands, and what it is
    unplaced: list[tuple[int, str]] = []
    ids = bytearray()
    count = 0
    with Digesting(known, list(columns.values())) as digesting:
        for found in records.scan():
            if isinstance(found, Flawed):
                flaws.append((count, found.message))
                if len(flaws) >= _MOST_FLAWS:
                    break
                continue
            ids += hashlib.blake2b(found.id.encode(), digest_size=_ID_BYTES).digest()
            unplaced += [(count, reason) for reason in _take(found, count, digesting, request)]
            count += 1
        digesting.finish()
    flaws += [(number, f"{records.place(number).full}: {reason}") for number, reason in unplaced]
    flaws += _repeated(records, bytes(ids))
    corpus = Corpus(records, columns, is_trusted=known.is_trusted)
    _refuse(request, corpus, flaws)
    for modality, column in request.wanted.columns.items():
        if modality in columns and not corpus.count(modality):
            raise EncodeError(f"{request.uri} holds no {column}, which corpus.columns names as {modality}")
    if not corpus.modalities:
        raise EncodeError(f"{request.uri} holds no item with any of: {', '.join(columns)}")
    corpus.manifest_digest = _digest_of(records, corpus, known)
    return corpus


def _take(record: Record, number: int, digesting: Digesting, request: CorpusRequest) -> Iterator[str]:
    """Take the digests of a record's values; yield what is wrong with a text."""
    for column, value in enumerate(record.values):
        if isinstance(value, str):
            try:
                digesting.add_text(column, number, value.encode())
            except UnicodeEncodeError:
                name = request.wanted.column(request.wanted.modalities[column])
                yield f"{name} is not Unicode: it holds half of a surrogate pair"
        elif value is not None:
            digesting.add(column, number, value)


def _repeated(records: Records, ids: bytes) -> Iterator[tuple[int, str]]:
    """Yield the records whose id was used before, by sorting: a set of a million takes ten times the memory."""
    marks = np.frombuffer(ids, dtype=[("high", ">u8"), ("low", ">u8")])
    order = np.lexsort((marks["low"], marks["high"]))
    is_same = marks[order][1:] == marks[order][:-1]
    for place in np.flatnonzero(is_same)[:_MOST_FLAWS]:
        first, second = sorted((int(order[place]), int(order[place + 1])))
        name = records.read(second, second + 1)[0].id
        here, before = records.place(second), records.place(first)
        yield second, f"{here.full}: the id {name!r} was used in {before.seen_from(here)} already"


def _refuse(request: CorpusRequest, corpus: Corpus, flaws: list[tuple[int, str]]) -> None:
    """Raise EncodeError with what is wrong, in the order of the records; do nothing if that is nothing."""
    is_pointer = False
    if request.is_strict or flaws:
        for modality in request.wanted.modalities:
            for found in corpus.unreadable(modality):
                flaws.append((corpus.record_number(modality, found.position), found.message))
                is_pointer = is_pointer or "Git LFS pointer" in found.message
                if len(flaws) > _MOST_FLAWS:
                    break
    if not flaws:
        return
    flaws.sort(key=lambda flaw: flaw[0])
    more = f"\n(and {len(flaws) - MOST_LISTED} more)" if len(flaws) > MOST_LISTED else ""
    raise EncodeError(
        "\n".join(message for _, message in flaws[:MOST_LISTED]) + more,
        hint="git lfs pull" if is_pointer else f"mend {request.uri}",
    )


def _digest_of(records: Records, corpus: Corpus, known: KnownDigests) -> str:
    """Return a corpus' digest: its file's own, or that of the listing of several."""
    if records.kept_in == "items":
        names = (name for name, _ in records.sources())
        return listing_digest(zip(names, map(bytes.hex, corpus.record_digests()), strict=True))
    sources = ((name, known.look(blob).digest.hex()) for name, blob in records.sources())
    return f"sha256:{next(sources)[1]}" if records.kept_in == "file" else listing_digest(sources)
