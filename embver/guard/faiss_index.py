"""Read and write a FAISS index together with its stamp."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from embver.errors import EmbverError, MissingExtra, UsageError
from embver.guard.checking import check, stamp
from embver.guard.decision import Query


def read_index(path: str | os.PathLike[str], query: Query, **options: Any) -> Any:
    """Return the FAISS index of a file once its stamp was held against the queries' version.

    `options` are those of `check`, whose errors are raised.
    """
    faiss = _faiss()
    check(Path(path), query, **options)
    return faiss.read_index(os.fspath(path))


def write_index(index: Any, path: str | os.PathLike[str], versions: Query | Sequence[Query]) -> None:
    """Write a FAISS index into a file, with its stamp: both are there, or the old file is.

    Raises EmbverError where the folder cannot be written, UsageError where the dimension is not the version's.
    """
    faiss = _faiss()
    target = Path(path)
    scratch = target.with_name(f".embver-{os.getpid()}-{target.name}")
    try:
        faiss.write_index(index, os.fspath(scratch))
        stamp(scratch, versions)
        scratch.replace(target)
    except (OSError, RuntimeError) as error:
        raise EmbverError(f"{target} cannot be written: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)


def write_rows(
    path: Path, *, blocks: Iterable[Any], dimensions: int, metric: str, versions: Query | Sequence[Query]
) -> None:
    """Write vectors as a flat FAISS index, which searches exactly, with its stamp; row numbers are its ids.

    Inner product for `cosine` and `dot`, squared distance for `euclidean`; the caller gives rows that are normalised
    where cosine is meant. Raises UsageError for another metric.
    """
    faiss = _faiss()
    kinds = {"cosine": faiss.IndexFlatIP, "dot": faiss.IndexFlatIP, "euclidean": faiss.IndexFlatL2}
    if metric not in kinds:
        raise UsageError(f"there is no flat FAISS index for {metric} here", hint="--format npy or parquet")
    index = kinds[metric](dimensions)
    for block in blocks:
        index.add(block)
    write_index(index, path, versions)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError:
        raise MissingExtra("faiss", needed_for="reading and writing a FAISS index") from None
    return faiss
