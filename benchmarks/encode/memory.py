"""Encode a million short texts with a model of one layer: how much memory that takes above the model.

    python -m benchmarks.encode.memory                  # 1,000,000 texts; the bar is 1.5 GB
    python -m benchmarks.encode.memory --rows 100000

The whole command runs, in a process of its own: manifest, plan, shards, ids, card. "above the model" is its peak memory
less what a process takes that has loaded the same model and nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BAR_GB = 1.5
WORDS = (
    "red",
    "green",
    "blue",
    "cat",
    "dog",
    "bird",
    "face",
    "tears",
    "joy",
    "sun",
    "moon",
    "star",
    "tree",
    "house",
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
CARD = """\
schema: 1
name: texts
title: Short texts
license: MIT
space: {dimensions: 64, metric: cosine, normalized: true, kind: dense, dtype: float16}
encoders:
  text:
    model: {path: model}
    pooling: mean
    preprocessing:
      - {step: tokenize, tokenizer: PreTrainedTokenizerFast, max_length: 32, truncation: end}
corpus: {name: texts, version: "1", uri: data/texts.jsonl}
"""


def main() -> int:
    """Run both processes and print the difference; the exit code tells whether the bar was met."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        print(json.dumps(measure(*chosen.one, threads=chosen.threads)))
        return 0
    print(f"{platform.machine()}, {os.cpu_count()} cores, {chosen.threads} thread(s), load {load():.2f}")
    with tempfile.TemporaryDirectory() as name:
        make(Path(name), chosen.rows)
        model, encode = (child(case, name, chosen.threads) for case in ("model", "encode"))
    above_gb = (encode["peak_bytes"] - model["peak_bytes"]) / 1e9
    print(
        f"{chosen.rows:,} texts: {encode['elapsed_s']:.0f} s, {chosen.rows / encode['elapsed_s']:,.0f} a second in all"
    )
    print(f"stages (thread seconds): {encode['stages_s']}")
    print(f"peak {encode['peak_bytes'] / 1e9:.2f} GB, the model alone {model['peak_bytes'] / 1e9:.2f} GB")
    print(f"above the model: {above_gb:.2f} GB (bar: under {BAR_GB} GB); load {load():.2f}")
    return 0 if above_gb < BAR_GB else 1


def child(case: str, folder: str, threads: int) -> dict[str, Any]:
    """Run one case in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.encode.memory",
        "--threads",
        str(threads),
        "--one",
        case,
        folder,
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(case: str, folder: str, *, threads: int) -> dict[str, Any]:
    """Load the model, or encode; return peak memory and seconds."""
    begun = time.perf_counter()
    more: dict[str, Any] = {}
    if case == "model":
        load_model(Path(folder), threads)
    else:
        more = encode(Path(folder), threads)
    elapsed_s = time.perf_counter() - begun
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"peak_bytes": peak_bytes, "elapsed_s": elapsed_s, **more}


def load_model(folder: Path, threads: int) -> None:
    """Load the encoder, and encode a little: what torch takes at its first forward belongs to it."""
    from embver.actions.encoding import EncodeRequest
    from embver.actions.shards import load, open_job
    from embver.actions.workspace import Workspace
    from embver.encode.runner import encode as run
    from embver.encode.spec import Item

    (folder / "data/texts.jsonl").rename(folder / "data/all.jsonl")
    (folder / "data/texts.jsonl").write_text(json.dumps({"id": "1", "text": "red cat"}) + "\n")
    job = open_job(
        Workspace.open(folder), EncodeRequest(name="texts", threads=threads), progress=lambda *_: None
    )
    (folder / "data/all.jsonl").replace(folder / "data/texts.jsonl")
    loaded = load(job)
    run(loaded.encoders["text"], [Item(id=str(n), text="red cat") for n in range(256)], batch=loaded.batch)


def encode(folder: Path, threads: int) -> dict[str, Any]:
    """Run the command's own action."""
    from datetime import UTC, datetime

    from embver.actions.encode import encode as run
    from embver.actions.encoding import EncodeRequest
    from embver.actions.workspace import Workspace

    request = EncodeRequest(name="texts", threads=threads)
    report = run(Workspace.open(folder), request, now=datetime.now(UTC), progress=lambda *_: None)
    return {"stages_s": {key: round(value, 1) for key, value in report.figures["seconds"].items()}}


def make(folder: Path, rows: int) -> None:
    """Make a repository with a manifest of texts, a model of one layer, and a card."""
    for argv in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "Benchmark"],
        ["config", "user.email", "b@e.x"],
    ):
        subprocess.run(["git", *argv], cwd=folder, check=True)
    subprocess.run(["git", "lfs", "install", "--local"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")
    (folder / "embver.toml").write_text("")
    next_folder = folder / "embeddings/texts/next"
    next_folder.mkdir(parents=True)
    (next_folder / "card.yaml").write_text(CARD)
    (folder / "data").mkdir()
    with (folder / "data/texts.jsonl").open("w") as file:
        for number in range(rows):
            words = [WORDS[(number * step + step) % len(WORDS)] for step in (1, 3, 5, number % 11 + 1)]
            file.write(json.dumps({"id": f"item-{number:07}", "text": f"{' '.join(words)} {number}"}) + "\n")
    save_model(folder / "model")


def save_model(folder: Path) -> None:
    """Save a BERT of one layer with seeded random weights and a tokenizer of words, letters and digits."""
    import string

    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    torch.manual_seed(0)
    signs = [*string.ascii_lowercase, *string.digits]
    pieces = [*SPECIAL, *WORDS, *signs, *(f"##{sign}" for sign in signs)]
    tokenizer = Tokenizer(
        models.WordPiece({piece: n for n, piece in enumerate(dict.fromkeys(pieces))}, unk_token=SPECIAL[1])
    )
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    config = transformers.BertConfig(
        vocab_size=128, hidden_size=64, intermediate_size=128, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=64,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=32,
        **dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), SPECIAL, strict=True)),
    ).save_pretrained(folder)


def load() -> float:
    """Return the machine's load of the last minute."""
    return os.getloadavg()[0]


if __name__ == "__main__":
    sys.exit(main())
