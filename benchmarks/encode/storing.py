"""Write, hash and fsync: what they take of an encode, and how fast a resumed one checks what is finished."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.encode import peers
from benchmarks.encode.inputs import make_texts
from benchmarks.encode.models import SHAPES, save_model
from benchmarks.encode.options import Options
from benchmarks.encode.rounds import Bar, Measured, Variant, run_in_turns, time_once

_DIMENSIONS: Final = 512
_ROWS: Final = 100_000
_SHARD_ROWS: Final = 16_384
_BLOCK_BYTES: Final = 1 << 20


def write(options: Options) -> Measured:
    """Measure what 100,000 rows of 512 float16 numbers cost after they were computed, shard by shard."""
    count = options.items_or(_ROWS)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, _DIMENSIONS)).astype(np.float32)
    inputs = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    ids = [f"{place:07}" for place in range(count)]
    parts = [slice(start, start + _SHARD_ROWS) for start in range(0, count, _SHARD_ROWS)]
    ready = [rows[part].astype("<f2").tobytes() for part in parts]
    folder = options.folder / "plain"
    folder.mkdir()
    variants = [
        Variant(name="write", run=_writing(folder, ready, is_hashed=False, is_synced=False)),
        Variant(name="write, fsync", run=_writing(folder, ready, is_hashed=False, is_synced=True)),
        Variant(name="write, fsync, SHA-256", run=_writing(folder, ready, is_hashed=True, is_synced=True)),
        Variant(name="SHA-256 alone", run=lambda: [hashlib.sha256(data).hexdigest() for data in ready]),
        Variant(name="embver: into the LFS store", run=_storing(options.folder, rows, inputs, ids, parts)),
    ]
    timed = run_in_turns(variants, items=count, rounds=options.rounds)
    rate = _minilm_rate(options)
    store = timed["embver: into the LFS store"]
    share = (count / store.rate) / (count / rate)
    return Measured(
        case="write",
        what=f"{count:,} rows of {_DIMENSIONS} float16 numbers, {len(parts)} shards",
        timed=list(timed.values()),
        limit="write, fsync, SHA-256",
        bars=[Bar(what="embver's write : an encode of as many texts, MiniLM", reached=share, at_most=0.01)],
        notes=[
            f"raw forward of MiniLM on {options.threads} core(s) in the same run: {rate:,.0f} texts/s",
            "embver also converts to float16, checks every number, stores input digests, digests the content by id",
        ],
    )


def resume(options: Options) -> Measured:
    """Measure how fast finished shards are read and hashed again, against SHA-256 of the same bytes in memory."""
    from embver.store.files import hash_file

    count = options.items_or(_ROWS)
    rng = np.random.default_rng(0)
    shards = [
        rng.bytes((min(start + _SHARD_ROWS, count) - start) * (2 * _DIMENSIONS + 32))
        for start in range(0, count, _SHARD_ROWS)
    ]
    paths = []
    for number, data in enumerate(shards):
        paths.append(options.folder / f"{number}.shard")
        paths[-1].write_bytes(data)
    variants = [
        Variant(name="SHA-256 in memory", run=lambda: [hashlib.sha256(data).hexdigest() for data in shards]),
        Variant(name="embver's check of finished shards", run=lambda: [hash_file(path) for path in paths]),
    ]
    timed = run_in_turns(variants, items=count, rounds=options.rounds)
    memory, disk = timed.values()
    size = sum(len(data) for data in shards)
    return Measured(
        case="resume",
        what=f"{count:,} rows in {len(shards)} finished shards, {size / 1e6:.0f} MB (in the page cache)",
        timed=list(timed.values()),
        limit=memory.name,
        bars=[Bar(what="the check : SHA-256 in memory", reached=disk.speed_over(memory), at_least=0.8)],
        notes=[f"SHA-256 in memory: {size / 1e9 / (count / memory.rate):.2f} GB/s"],
    )


def _writing(
    folder: Path, shards: list[bytes], *, is_hashed: bool, is_synced: bool
) -> Callable[[], list[str]]:
    def run() -> list[str]:
        digests = []
        for number, data in enumerate(shards):
            digest = hashlib.sha256()
            with (folder / f"{number}.bin").open("wb") as stream:
                for start in range(0, len(data), _BLOCK_BYTES):
                    block = data[start : start + _BLOCK_BYTES]
                    stream.write(block)
                    if is_hashed:
                        digest.update(block)
                stream.flush()
                if is_synced:
                    os.fsync(stream.fileno())
            digests.append(digest.hexdigest())
        return digests

    return run


def _storing(folder: Path, rows: Any, inputs: Any, ids: list[str], parts: list[slice]) -> Callable[[], Any]:
    """Return what the command does with the rows of each shard: into the store, and the content's digest."""
    from embver.store.lfs import LfsStore
    from embver.store.repo import Repository
    from embver.store.vectors import INPUTS, content_digest, stream_tensors, to_stored

    root = folder / "repository"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    store = LfsStore(Repository.discover(root))

    def run() -> list[Any]:
        made = []
        for part in parts:
            kept = to_stored(rows[part], "float16")
            tensors = kept.tensors() | {INPUTS: (inputs[part].shape, "uint8", [inputs[part]])}
            pointer = store.put(stream_tensors(tensors))
            made.append((pointer, content_digest(ids[part], kept.vectors, dtype="float16")))
        return made

    return run


def _minilm_rate(options: Options) -> float:
    """Return texts a second of the raw forward: what the writing is held against."""
    from transformers import AutoTokenizer

    shape = SHAPES["tiny-text" if options.is_tiny else "minilm"]
    folder = save_model(options.folder / shape.name, shape)
    texts = make_texts(40 if options.is_tiny else 400, longest=shape.longest)
    tokens = AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]
    model, batches = peers.load_model(folder), peers.bucketed(tokens, budget=512)

    def run() -> Any:
        return peers.raw(
            model, batches, threads=options.threads, count=len(texts), dimensions=shape.dimensions
        )

    return len(texts) / min(time_once(run)[0] for _ in range(3))
