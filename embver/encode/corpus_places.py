"""Find out what a corpus is kept in: a manifest, a folder, tar shards, or several files of one of these."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from embver.corpusfiles import PARQUET, TAR, containers, expanded
from embver.encode.blob import CHANGED, Blob, reason_of, stamp_of
from embver.encode.records.chain import Chain
from embver.encode.records.delimited import DELIMITERS, Delimited
from embver.encode.records.json_lines import JsonLines
from embver.encode.records.lines import Manifest
from embver.encode.records.media_folder import MediaFolder
from embver.encode.records.parquet import ParquetRecords
from embver.encode.records.record import Records, Wanted
from embver.encode.records.remote import RemoteShelf, is_url, open_url
from embver.encode.records.shelf import LocalShelf, Shelf
from embver.encode.records.tar_shards import TarShard
from embver.errors import EncodeError, UsageError
from embver.pointer import MAX_POINTER_BYTES, Pointer

JSON_LINES: Final = (".jsonl", ".ndjson")
KNOWN: Final = (*JSON_LINES, *DELIMITERS, PARQUET, TAR)

_MOST_LISTED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusRequest:
    """Where a corpus lies, below `root` or behind a URL, and what of it is wanted.

    With `is_strict` an item whose bytes cannot be had is an error at once; else it stays, and the runner skips it.
    `where` is the file that says so, for messages; `scratch` a folder for what is fetched from elsewhere.
    """

    uri: str
    root: Path
    wanted: Wanted
    where: str = "card.yaml"
    is_strict: bool = True
    scratch: Path | None = None


def find_records(request: CorpusRequest) -> Records:
    """Return the records of a corpus, not read yet; raise UsageError for what is not there or is no corpus."""
    try:
        paths = expanded(request.uri)
    except ValueError as error:
        raise UsageError(f"{request.where}: corpus.uri: {error}") from None
    shelf: Shelf = (
        RemoteShelf(request.uri) if is_url(request.uri) else LocalShelf(request.root, corpus=paths[0])
    )
    kinds = {path: shelf.kind(path) for path in paths}
    absent = [path for path in paths if not kinds[path]]
    if absent:
        more = f" and {len(absent) - _MOST_LISTED} more" if len(absent) > _MOST_LISTED else ""
        listed = ", ".join(absent[:_MOST_LISTED])
        raise UsageError(f"{request.where}: corpus.uri: {listed}{more} does not exist")
    if len(paths) == 1 and kinds[paths[0]] == "folder":
        return _folder(paths[0], shelf, request)
    parts = [_one(path, shelf, request) for path in paths]
    return parts[0] if len(parts) == 1 else Chain(parts)


def _folder(path: str, shelf: Shelf, request: CorpusRequest) -> Records:
    """Return the records of a folder: of tar shards or Parquet files where it holds any, of media files else."""
    names, _ = shelf.listing(path)
    folder = path.rstrip("/")
    chosen = containers(names)
    if chosen:
        count, suffix = len(names) - len(chosen), posixpath.splitext(chosen[0])[1]
        files = f"{count} file{'s' if count > 1 else ''} beside the {suffix} files in {path}"
        parts = [_one(f"{folder}/{name}", shelf, request) for name in chosen]
        return Chain(parts, folder=folder, left_out=(files,) if count else ())
    return MediaFolder(shelf, path, request.wanted)


def _one(path: str, shelf: Shelf, request: CorpusRequest) -> Records:
    suffix = posixpath.splitext(path)[1].lower()
    if suffix not in KNOWN:
        packed = suffix in (".gz", ".tgz", ".bz2", ".xz", ".zst")
        hint = "unpack it: it is read in place" if packed else f"a folder, or one of: {' '.join(KNOWN)}"
        raise UsageError(f"{request.where}: corpus.uri: {path} is no corpus that can be read", hint=hint)
    blob = shelf.blob(path)
    try:
        blob = replace(blob, stamp=blob.look() if blob.look is not None else None)
    except ValueError as error:
        raise EncodeError(f"{path} {error}") from error
    if suffix == TAR:
        return TarShard(blob, partial(_opened, blob), request.wanted)
    manifest = Manifest(blob, scratch=request.scratch)
    if manifest.size_bytes <= MAX_POINTER_BYTES:
        refuse_pointer(path, manifest.read(0, manifest.size_bytes))
    if suffix == PARQUET:
        return ParquetRecords(manifest, shelf, request.wanted)
    if suffix in DELIMITERS:
        return Delimited(manifest, shelf, request.wanted, delimiter=DELIMITERS[suffix])
    return JsonLines(manifest, shelf, request.wanted)


def _opened(blob: Blob) -> BinaryIO:
    """Open a tar for its scan; raise EncodeError where it cannot be, UsageError for a pointer."""
    if blob.path is None:
        system, path = open_url(blob.name)
        file: BinaryIO = system.open(path, "rb")
        return file
    try:
        file = blob.path.open("rb")
    except OSError as error:
        raise EncodeError(f"{blob.name} {reason_of(error)}") from error
    status = os.fstat(file.fileno())
    try:
        if status.st_size <= MAX_POINTER_BYTES:
            refuse_pointer(blob.name, file.read())
        if stamp_of(status) != blob.stamp:
            raise EncodeError(f"{blob.name} {CHANGED}", hint="run the command again")
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def refuse_pointer(name: str, data: bytes) -> None:
    """Raise UsageError where a file is a Git LFS pointer."""
    if Pointer.parse(data) is not None:
        raise UsageError(f"{name} is a Git LFS pointer, not the bytes", hint=f"git lfs pull --include {name}")
