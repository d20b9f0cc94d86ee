"""Encode texts with one process and with two, one core each: how much faster two are, and whether the bytes are equal.

    python -m benchmarks.encode.workers                 # a MiniLM shape; the bar is 1.85, on idle cores
    python -m benchmarks.encode.workers --items 2000 --rounds 1

The whole command runs, `embver encode --devices cpu:1` and `cpu:2`, in turns. Starting torchrun and loading the model
takes as long for a thousand items as for a million, so the ratio is that of the time which more items take: a small and
a large corpus are encoded by each, and the difference is compared. The whole commands' ratio is printed beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.encode import machine
from benchmarks.encode.inputs import make_texts
from benchmarks.encode.models import SHAPES, save_model, text_steps

BAR = 1.85
MINILM = SHAPES["minilm"]
START = 500  # items of the small corpus


def main() -> int:
    """Measure and print; the exit code tells whether the bar was met and the bytes are equal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, default=8_000, metavar="N", help="texts (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many (default: %(default)s)")
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="OUT")
    chosen = parser.parse_args()
    found = machine.describe_machine()
    before = machine.load_average()
    print(f"{machine.format_machine(found)}; load {before:.2f}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        result = measure(Path(name), chosen.items, chosen.rounds, chosen.workers)
    after = machine.load_average()
    print(
        f"{chosen.items:,} texts, MiniLM shape: one process {result['one_s']:.1f} s, {chosen.workers} processes "
        f"{result['many_s']:.1f} s: {result['whole']:.2f} as whole commands\n"
        f"starting and {START:,} texts take {result['one_start_s']:.1f} s and {result['many_start_s']:.1f} s; "
        f"what comes on top goes {result['ratio']:.2f} times as fast (bar: {BAR})\n"
        f"bytes equal: {result['are_equal']}"
    )
    warning = machine.load_warning(before, after, threads=chosen.workers, cores=os.cpu_count() or 1)
    if warning:
        print(warning)
    if chosen.json:
        plain = {"machine": found, "load": [before, after], "items": chosen.items, **result}
        chosen.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    return 0 if result["ratio"] >= BAR and result["are_equal"] else 1


def measure(folder: Path, items: int, rounds: int, workers: int) -> dict[str, Any]:
    """Encode both corpora with one process and with several, in turns; return medians in seconds, and ratios."""
    repositories = {size: make(folder / str(size), size) for size in (START, items)}
    seconds: dict[tuple[int, int], list[float]] = {}
    files: dict[int, set[str]] = {}
    for _ in range(rounds):
        for size, root in repositories.items():
            for count in (1, workers):
                elapsed_s, digests = encode(root, count)
                seconds.setdefault((size, count), []).append(elapsed_s)
                files.setdefault(size, set()).add(digests)
    medians = {key: statistics.median(found) for key, found in seconds.items()}
    one, many = medians[items, 1], medians[items, workers]
    one_start, many_start = medians[START, 1], medians[START, workers]
    return {
        "one_s": one,
        "many_s": many,
        "one_start_s": one_start,
        "many_start_s": many_start,
        "whole": one / many,
        "ratio": (one - one_start) / (many - many_start),
        "are_equal": all(len(found) == 1 for found in files.values()),
    }


def encode(root: Path, count: int) -> tuple[float, str]:
    """Run the command on a fresh working version; return seconds, and the checksums that it wrote."""
    folder = root / "embeddings/texts/next"
    for file in folder.iterdir():
        if file.name != "card.yaml":
            file.unlink()
    shutil.copyfile(root / "card.yaml", folder / "card.yaml")
    shutil.rmtree(root / ".git/embver", ignore_errors=True)
    command = [sys.executable, "-m", "embver", "-C", str(root), "encode", "texts", "--quiet"]
    command += ["--devices", f"cpu:{count}", "--threads", "1", "--workers", "1", "--shard-rows", "250"]
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun, (folder / "SHA256SUMS").read_text()


def make(folder: Path, items: int) -> Path:
    """Make a repository with so many texts, a model with random weights, and a card that is not encoded."""
    next_folder = folder / "embeddings/texts/next"
    next_folder.mkdir(parents=True)
    for argv in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "B"],
        ["config", "user.email", "b@e.x"],
    ):
        subprocess.run(["git", *argv], cwd=folder, check=True)
    subprocess.run(["git", "lfs", "install", "--local"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs diff=lfs merge=lfs -text\n")
    (folder / "embver.toml").write_text("")
    save_model(folder / "model", MINILM)
    texts = make_texts(items, longest=MINILM.longest)
    with (folder / "texts.jsonl").open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": f"t{number:07}", "text": text}) + "\n")
    card = {
        "schema": 1,
        "name": "texts",
        "title": "Texts",
        "license": "MIT",
        "space": {"dimensions": MINILM.dimensions, "metric": "cosine", "normalized": True, "kind": "dense", "dtype": "float16"},
        "encoders": {"text": {"model": {"path": "model"}, "pooling": "mean", "preprocessing": text_steps(MINILM)}},
        "corpus": {"name": "texts", "version": "1", "uri": "texts.jsonl"},
    }  # fmt: skip
    (folder / "card.yaml").write_text(json.dumps(card, indent=1) + "\n")
    shutil.copyfile(folder / "card.yaml", next_folder / "card.yaml")
    return folder


if __name__ == "__main__":
    sys.exit(main())
