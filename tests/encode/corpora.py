"""Corpora of every kind, small, and how a test opens one."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from embver.encode.corpus import Corpus
from embver.encode.corpus_places import CorpusRequest
from embver.encode.digesting import KnownDigests
from embver.encode.reading import open_corpus
from embver.encode.records.record import Wanted

LATER_NS = 4_000_000_000_000_000_000  # 2096: no file of a test was written just now
SOONER_NS = 1_000_000_000  # 1970: every file of a test was


def opened(
    root: Path,
    uri: str,
    *modalities: str,
    columns: Mapping[str, str] | None = None,
    is_strict: bool = True,
    known: KnownDigests | None = None,
) -> Corpus:
    """Open a corpus below a folder; texts and images are wanted unless something else is."""
    wanted = Wanted(modalities=modalities or ("text", "image"), columns=columns or {})
    request = CorpusRequest(uri=uri, root=root, wanted=wanted, is_strict=is_strict)
    return open_corpus(request, known or KnownDigests(now_ns=LATER_NS))


def contents(corpus: Corpus, modality: str) -> list[tuple[str, str | bytes]]:
    """Return ids and what the runner would get of them."""
    return [
        (item.id, item.text if item.text is not None else item.blob.read()) for item in corpus.items(modality)
    ]


def write(file: Path, data: bytes | str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data.encode() if isinstance(data, str) else data)
    return file


def write_json_lines(file: Path, rows: Iterable[Any]) -> Path:
    return write(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_tar(file: Path, members: Iterable[tuple[str, bytes]], **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w", **options) as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file
