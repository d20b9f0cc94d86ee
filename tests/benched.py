"""Benchmarks with chosen scores: the record in a card and the raw file behind it, as `embver bench` writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embver.store.card_edit import Entry
from embver.store.cards import update_card

BENCHMARK = "search"
METRIC = "hit@10"


def write_benchmark(
    folder: Path, scores: Sequence[float], *, dataset: str = "0" * 64, benchmark: str = BENCHMARK
) -> dict[str, Any]:
    """Write scores of hit@10 into a version's card and raw file; return the record."""
    raw = {
        "format": "embver.bench",
        "format_version": 1,
        "id": benchmark,
        "items": {"name": "pairs", "digest": f"sha256:{dataset}"},
        "metrics": {},
        "queries": [f"q{n:03}" for n in range(len(scores))],
        "pairs": [f"p{n:03}" for n in range(len(scores))],
        "per_query": {METRIC: [round(float(score), 6) for score in scores]},
    }
    data = json.dumps(raw, separators=(",", ":")).encode()
    path = f"benchmarks/{benchmark}.json"
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(data)
    mean = round(sum(scores) / len(scores), 6)
    interval = {"level": 0.95, "low": max(0.0, mean - 0.05), "high": min(1.0, mean + 0.05), "n": len(scores)}
    record = {
        "id": benchmark,
        "task": {"name": benchmark, "type": "Any2AnyRetrieval", "category": "t2i"},
        "dataset": {"id": "pairs", "sha256": dataset},
        "protocol": {"queries": len(scores), "candidates": 300, "relevance": "binary", "tie_break": "id"},
        "metrics": [{"key": METRIC, "value": mean, "main": True, "ci": interval}],
        "harness": {"name": "embver", "version": "0.1.0"},
        "source": {
            "format": "embver.bench",
            "format_version": "1",
            "path": path,
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
        },
    }
    card = folder / "card.yaml"
    card.write_text(
        update_card(card.read_text(encoding="utf-8"), [(("benchmarks", Entry("id", benchmark)), record)]),
        encoding="utf-8",
    )
    return record


def hits(found: int, asked: int = 200) -> list[float]:
    """Return the scores of so many queries of which the first ones find what they look for."""
    return [1.0] * found + [0.0] * (asked - found)
