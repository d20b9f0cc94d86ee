"""The cases by name, and those that are programs of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.encode import images, storing, texts
from benchmarks.encode.options import Options
from benchmarks.encode.rounds import Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case of the table: what it asks, and whether it is run on all cores as well as on one."""

    what: str
    run: Callable[[Options], Measured]
    scales: bool = True


CASES: Final[Mapping[str, Case]] = {
    "text-minilm": Case(
        what="texts, MiniLM's shape (6 x 384), float32", run=partial(texts.float32, "minilm")
    ),
    "text-clip": Case(
        what="texts, CLIP's text tower (12 x 512), float32", run=partial(texts.float32, "clip-text")
    ),
    "text-bf16": Case(what="texts, MiniLM's shape, bfloat16", run=texts.bfloat16),
    "images-b32": Case(what="JPEG files, ViT-B/32, float32", run=images.vit_b32),
    "images-small": Case(what="JPEG files, the demo's model: decoding limits", run=images.small),
    "strict-cost": Case(what="the strict profile against the fast one", run=texts.strict_cost),
    "write": Case(what="write, hash and fsync: their share of an encode", run=storing.write, scales=False),
    "resume": Case(what="the check of finished shards", run=storing.resume, scales=False),
}
# Programs of their own, with options of their own: `python -m benchmarks.encode NAME --help`.
PROGRAMS: Final[Mapping[str, tuple[str, str]]] = {
    "preprocessing": ("benchmarks.encode.preprocessing", "images: decode and resize against their ceiling"),
    "audio": ("benchmarks.encode.audio", "audio: the card's steps against the feature extractors"),
    "memory": ("benchmarks.encode.memory", "a million texts: the greatest resident memory"),
    "workers": ("benchmarks.encode.workers", "two workers against one"),
    "gpu": ("benchmarks.encode.gpu", "images on an accelerator, from JPEG and from cached pixels"),
}
