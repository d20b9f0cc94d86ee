"""The scores of every query behind a benchmark's numbers: the raw files of many versions, by one git process.

A raw file is some hundred kilobytes of JSON, most of it ids and metrics that nobody asked for: of a file as `embver bench`
writes it only the wanted numbers are parsed, and ids that many versions share once.
"""

from __future__ import annotations

import hashlib
import json
import math
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from embver.store.git_reader import GitReader

FORMAT: Final = "embver.bench"
_SCORES: Final = b'"per_query":{'  # a quote within a JSON text is escaped, so that no id can hold these
_IDS: Final = b'"queries":['
_PAIRS: Final = b'"pairs":['
_AT_ONCE_BYTES: Final = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoresFile:
    """Where one benchmark's raw file lies: the folder of its version, and its commit (None: the work tree).

    `record` is the benchmark as the version's card has it. What `is_pinned` is read in its commit alone: `next/` of an
    older commit, which HEAD has as well and otherwise.
    """

    reference: str
    folder: str  # from the repository's root, POSIX
    commit: str | None
    record: Mapping[str, Any]
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores (n,) of each query, by metric; `pairs` (n,) says which queries are drawn together.

    `lacking` says why there are none; then all else is empty.
    """

    reference: str
    benchmark: str
    queries: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    per_query: Mapping[str, Sequence[float]] = field(default_factory=dict)
    lacking: str | None = None

    def by_query(self, metric: str) -> dict[str, float]:
        """Return the score of each query by its id; empty where the metric was not kept."""
        return dict(zip(self.queries, self.per_query.get(metric, ()), strict=False))


def read_scores(
    repo: GitReader, files: Sequence[ScoresFile], *, metrics: Collection[str] | None = None
) -> tuple[Scores, ...]:
    """Return the scores of many benchmarks, as HEAD has their files, else as the commit of each version does; in order.

    `metrics` are those wanted; None: all. What is missing or wrong is in `lacking` of its own entry, and never raised.
    """
    paths = [_path(file) for file in files]
    known: dict[bytes, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    made = {}
    for n, data in _contents(repo, files, paths):
        made[n] = _scores(files[n], paths[n], data, metrics, known)
    return tuple(made[n] for n in range(len(files)))


def _contents(
    repo: GitReader, files: Sequence[ScoresFile], paths: Sequence[str | None]
) -> Iterator[tuple[int, bytes | None]]:
    """Yield the bytes of each file by its number, None for what is missing; _AT_ONCE_BYTES of them are held together."""
    asked: list[tuple[int, str]] = []
    for n, (file, path) in enumerate(zip(files, paths, strict=True)):
        if path is None or file.commit is not None:
            asked += [] if path is None else [(n, path)]
            if path is None:
                yield n, None
            continue
        there = repo.root / path
        yield n, there.read_bytes() if there.is_file() else None
    if not asked:
        return
    # Blobs by id: a path in a revision is looked up tree by tree, four times as long.
    above = {PurePosixPath(files[n].folder).parent.as_posix() for n, _ in asked}
    held = {entry.path: entry.blob for folder in sorted(above) for entry in repo.tree("HEAD", folder)}
    names: list[tuple[int, str]] = []
    size_bytes = 0
    for n, path in asked:
        size, at_head = (
            files[n].record["source"].get("size_bytes"),
            None if files[n].is_pinned else held.get(path),
        )
        names.append((n, at_head or f"{files[n].commit}:{path}"))
        size_bytes += size if isinstance(size, int) else 0
        if size_bytes >= _AT_ONCE_BYTES or n == asked[-1][0]:
            yield from zip((m for m, _ in names), repo.read_many([name for _, name in names]), strict=True)
            names, size_bytes = [], 0


def _path(file: ScoresFile) -> str | None:
    """Return where a raw file lies in the repository; None where its card names none, or one outside of the version."""
    source = file.record.get("source") or {}
    path = source.get("path")
    if source.get("format") != FORMAT or not path:
        return None
    parts = PurePosixPath(path)
    return None if parts.is_absolute() or ".." in parts.parts else f"{file.folder}/{path}"


def _scores(
    file: ScoresFile,
    path: str | None,
    data: bytes | None,
    metrics: Collection[str] | None,
    known: dict[bytes, tuple[tuple[str, ...], tuple[str, ...]]],
) -> Scores:
    benchmark = str(file.record.get("id"))
    source = file.record.get("source") or {}
    wanted = str(source.get("sha256"))
    lacking = None
    if path is None:
        lacking = "the scores of its queries were not kept"
    elif data is None:
        lacking = f"its raw file {source['path']} (sha256 {wanted[:12]}…) is not there"
    elif (digest := hashlib.sha256(data).hexdigest()) != wanted:
        lacking = (
            f"its raw file {source['path']} has the digest {digest[:12]}…, and its card names {wanted[:12]}…"
        )
    else:
        try:
            queries, pairs, per_query = _parsed(data, metrics, known)
        except ValueError as error:
            lacking = f"its raw file {source['path']} cannot be read: {error}"
    if lacking is not None:
        return Scores(reference=file.reference, benchmark=benchmark, lacking=lacking)
    return Scores(
        reference=file.reference, benchmark=benchmark, queries=queries, pairs=pairs, per_query=per_query
    )


def _parsed(
    data: bytes,
    metrics: Collection[str] | None,
    known: dict[bytes, tuple[tuple[str, ...], tuple[str, ...]]],
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Sequence[float]]]:
    """Return queries, pairs and scores; raise ValueError for anything but numbers, one a query and metric."""
    ids, pairs_at, at = data.find(_IDS), data.find(_PAIRS), data.find(_SCORES)
    if metrics is None or not 0 <= ids < pairs_at < at:
        plain = json.loads(data)
        if not isinstance(plain, dict) or not isinstance(plain.get("per_query"), dict):
            raise ValueError("it holds no scores by query")
        queries, pairs = _ids(plain)
        scores = {
            key: values for key, values in plain["per_query"].items() if metrics is None or key in metrics
        }
    else:
        named = data[ids:at]
        if named not in known:
            known[named] = _ids(json.loads(b"{" + named.rstrip(b" \r\n\t,") + b"}"))
        queries, pairs = known[named]
        scores = {}
        for key in metrics:
            mark = json.dumps(key, ensure_ascii=False).encode() + b":["
            start = data.find(mark, at + len(_SCORES) - 1)
            if start >= 0:
                start += len(mark) - 1
                scores[key] = json.loads(data[start : data.index(b"]", start) + 1])
    for key, values in scores.items():
        scores[key] = _numbers(key, values, len(queries))
    return queries, pairs, scores


def _ids(plain: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    queries = plain.get("queries")
    if not isinstance(queries, list) or not all(isinstance(each, str) for each in queries):
        raise ValueError("it names no queries")
    pairs = plain.get("pairs")
    if not isinstance(pairs, list) or len(pairs) != len(queries):
        raise ValueError("its queries and pairs are not equally many")
    return tuple(queries), tuple(str(pair) for pair in pairs)


def _numbers(key: str, values: Any, count: int) -> Sequence[float]:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"it has not one {key} for each of its {count:,} queries")
    try:
        found = array("d", values)  # a quarter of a list's memory
        is_finite = math.isfinite(sum(found))
    except TypeError:
        is_finite = False
    if not is_finite:
        raise ValueError(f"a score of {key} is not a number")
    return found
