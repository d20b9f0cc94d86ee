"""A history with numbers made by hand: cards, raw files, commits and tags by real git, without a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox import Sandbox, git

QUERIES = 200
KEY = "hit@10"


def found(count: int, *, lost: Sequence[int] = (), queries: int = QUERIES) -> list[float]:
    """Return a score for each query: the first `count` are found, but for those that are lost."""
    return [float(n < count and n not in lost) for n in range(queries)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One version to make: its scores by metric (None: no benchmark), and what of its record is otherwise."""

    version: str
    scores: Mapping[str, Sequence[float]] | None
    previous: str | None = None
    revision: str = "a"  # of the model, so that two versions differ in a field that matters
    benchmarks: Sequence[str] = ("search",)
    record: Mapping[str, Any] = field(default_factory=dict)
    metric: Mapping[str, Any] = field(default_factory=dict)
    keeps_scores: bool = True

    def with_(self, **changes: Any) -> Made:
        return replace(self, **changes)


def raw_bytes(made: Made, benchmark: str) -> bytes:
    """Return the raw file as `embver bench` writes it."""
    assert made.scores is not None
    count = len(next(iter(made.scores.values())))
    plain = {
        "format": "embver.bench",
        "format_version": 1,
        "id": benchmark,
        "queries": [f"q{n:03}" for n in range(count)],
        "pairs": [f"p{n:03}" for n in range(count)],
        "per_query": {key: list(values) for key, values in made.scores.items()},
    }
    return (json.dumps(plain, separators=(",", ":")) + "\n").encode()


def record_of(made: Made, benchmark: str = "search") -> dict[str, Any]:
    """Return the record of a benchmark as a card has it."""
    assert made.scores is not None
    data = raw_bytes(made, benchmark)
    count = len(next(iter(made.scores.values())))
    metrics = []
    for key, values in made.scores.items():
        value = round(sum(values) / count, 6)
        ends = {"low": round(max(0.0, value - 0.05), 6), "high": round(min(1.0, value + 0.05), 6)}
        ci = {"level": 0.95, **ends, "method": "query-bootstrap", "n": count, "seed": 0}
        metrics.append({"key": key, "value": value, "main": key == KEY, "ci": ci, **made.metric})
    source = {"format": "embver.bench", "path": f"benchmarks/{benchmark}.json", "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}  # fmt: skip
    return {
        "id": benchmark,
        "task": {"name": benchmark, "category": "t2i"},
        "dataset": {"id": "shop", "sha256": "d" * 64},
        "protocol": {"queries": count, "candidates": 400},
        "metrics": metrics,
        "harness": {"name": "embver", "version": "0.1.0"},
        **({"source": source} if made.keeps_scores else {}),
        **made.record,
    }


def card_of(made: Made, name: str = "shop") -> dict[str, Any]:
    """Return the card of a version, as plain data."""
    return {
        "schema": 1,
        "name": name,
        "version": made.version,
        "space": {"dimensions": 4, "metric": "cosine", "normalized": True, "kind": "dense", "dtype": "float32"},
        "encoders": {
            "text": {"model": {"id": "hand/made", "revision": made.revision}, "preprocessing": [{"step": "lowercase"}]},
            "image": {"model": {"id": "hand/made", "revision": "a"}, "preprocessing": [{"step": "decode", "exif_rotate": True}]},
        },
        **({} if made.scores is None else {"benchmarks": [record_of(made, each) for each in made.benchmarks]}),
    }  # fmt: skip


def make_history(root: Path, versions: Sequence[Made], *, name: str = "shop") -> Sandbox:
    """Make a repository in which each version is a commit with an annotated tag, in the order given."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    for key, value in (("user.name", "Search team"), ("user.email", "team@shop.example"), ("gc.auto", "0")):
        git(root, "config", key, value)
    repo = Sandbox(root=root)
    for made in versions:
        write_version(repo, made, name=name)
    return repo


def write_version(repo: Sandbox, made: Made, *, name: str = "shop") -> Path:
    """Write, commit and tag one version; return its folder."""
    folder = repo.root / "embeddings" / name / made.version
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "card.yaml").write_text(json.dumps(card_of(made, name), indent=1), encoding="utf-8")
    for benchmark in made.benchmarks if made.scores is not None and made.keeps_scores else ():
        (folder / f"benchmarks/{benchmark}.json").write_bytes(raw_bytes(made, benchmark))
    said = f"{name} {made.version}\n\nLevel: {'minor' if made.previous else 'first'}\n"
    said += f"Previous: {name}@{made.previous}\n" if made.previous else ""
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", f"Release {made.version}")
    repo.git("tag", "-a", f"{name}@v{made.version}", "-m", said)
    return folder
