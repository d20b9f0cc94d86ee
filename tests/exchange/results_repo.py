"""A repository whose card waits for benchmark results, and a card of 1.0.0 beside it: milliseconds, no model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embver.store.cards import read_card_text
from sandbox import Sandbox, git

CARD = """\
schema: 1
name: emoji
space: {dimensions: 512, metric: cosine, normalized: true, kind: dense, dtype: float32}
encoders:
  text:                     # what people search with
    model: {id: example/clip-shop, revision: 3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268}
    preprocessing:
      - {step: tokenize, tokenizer: CLIPTokenizerFast, max_length: 77, truncation: end}
"""


def waiting(root: Path) -> Sandbox:
    """Make a repository with a working version and no benchmarks."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    (root / "embver.toml").write_text("", encoding="utf-8")
    repo = Sandbox(root=root)
    repo.next.mkdir(parents=True)
    repo.card.write_text(CARD, encoding="utf-8")
    return repo


def benchmarks(repo: Sandbox) -> dict[str, dict[str, Any]]:
    """Return the records of the card, by their ids; the card has to be one that can be read."""
    card = read_card_text(repo.card.read_bytes(), path="card.yaml")
    assert card.problems == ()
    return {record["id"]: record for record in card.plain.get("benchmarks") or ()}
