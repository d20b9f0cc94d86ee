"""How long `embver trace` takes over a long history: 200 versions, each with 20 metrics and the scores of 1,000 queries.

    python -m benchmarks.tracing [--versions 200] [--runs 7] > table.md

Whole processes, the median of several, by the clock and in processor time (user and system, git's part with it); one
unmeasured run warms the caches. Counted besides are the git processes that a trace starts: one `cat-file` reads all cards
and all raw files. A version in ten moves what is found for better or worse, the others by noise alone. Nothing is kept:
the repository lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.generate_cards import a_card, block_text
from benchmarks.listing import WHO, spent_s
from embver.store.card_style import flow_text

EMBVER = str(Path(sys.executable).parent / "embver")
NAME, BENCHMARKS, KEYS = (
    "shop",
    ("search", "typed", "unseen", "languages"),
    ("hit@1", "hit@10", "mrr@10", "ndcg@10", "map"),
)
QUERIES, BAR_S = 1_000, 1.0


def raw_file(number: int, benchmark: str, skill: float) -> dict[str, Any]:
    """Return what `embver bench` keeps of one benchmark of a version that finds a share `skill` of the queries."""
    # The same queries are hard for every version: most scores agree from one to the next.
    fixed, dice = random.Random(benchmark), random.Random(f"{number} {benchmark}")
    hard = [fixed.random() for _ in range(QUERIES)]
    ranks = [1 + int(9 * each) if each < skill else 0 for each in hard]
    for query in dice.sample(range(QUERIES), 20):
        ranks[query] = dice.randint(0, 10)
    kinds: dict[str, Callable[[int], float]] = {
        "hit@1": lambda rank: float(rank == 1),
        "hit@10": lambda rank: float(rank > 0),
        "mrr@10": lambda rank: round(1 / rank, 6) if rank else 0.0,
        "ndcg@10": lambda rank: round(1 / math.log2(1 + rank), 6) if rank else 0.0,
        "map": lambda rank: round(1 / (rank or 40), 6),
    }
    return {
        "format": "embver.bench",
        "format_version": 1,
        "id": benchmark,
        "queries": [f"{benchmark}-{n:05d}-clean" for n in range(QUERIES)],
        "pairs": [f"p{n:05d}" for n in range(QUERIES)],
        "per_query": {key: [kinds[key](rank) for rank in ranks] for key in KEYS},
    }


def record(benchmark: str, raw: dict[str, Any], data: bytes) -> dict[str, Any]:
    """Return a benchmark as a card has it."""
    metrics = []
    for key in KEYS:
        value = round(sum(raw["per_query"][key]) / QUERIES, 6)
        ends = {"low": max(0.0, round(value - 0.027, 6)), "high": min(1.0, round(value + 0.027, 6))}
        ci = {"level": 0.95, **ends, "method": "query-bootstrap", "n": QUERIES, "seed": 0}
        metrics.append({"key": key, "value": value, "main": key == "hit@10", "unit": "fraction", "higher_is_better": True, "ci": ci})  # fmt: skip
    digest = hashlib.sha256(data).hexdigest()
    return {
        "id": benchmark,
        "task": {"name": benchmark, "type": "Any2AnyRetrieval", "category": "t2i"},
        "dataset": {"id": "shop-1k", "uri": "probes/shop-1k", "sha256": hashlib.sha256(benchmark.encode()).hexdigest()},
        "protocol": {"queries": QUERIES, "candidates": QUERIES, "relevance": "binary", "tie_break": "id"},
        "metrics": metrics,
        "harness": {"name": "embver", "version": "0.1.0"},
        "date": "2026-11-02",
        "source": {"format": "embver.bench", "path": f"benchmarks/{benchmark}.json", "sha256": digest, "size_bytes": len(data)},
    }  # fmt: skip


def card_text(plain: dict[str, Any]) -> str:
    """Return a card as embver writes it: a metric on one line."""
    records = plain.pop("benchmarks")
    lines = [*block_text(plain), "benchmarks:"]
    for entry in records:
        metrics = entry.pop("metrics")
        first, *rest = [f"{key}: {flow_text(value) if isinstance(value, dict) else json.dumps(value)}" for key, value in entry.items()]  # fmt: skip
        lines += [f"  - {first}", *(f"    {line}" for line in rest), "    metrics:"]
        lines += [f"      - {flow_text(metric)}" for metric in metrics]
    return "\n".join([*lines, ""])


def history(versions: int) -> Iterator[bytes]:
    """Yield one commit and one annotated tag a version, for `git fast-import`."""
    skill, dice = 0.8, random.Random(8)
    for number in range(versions):
        if number % 10 == 9:
            skill = min(0.95, max(0.5, skill + dice.choice((-0.08, 0.08))))
        version = f"1.{number}.0"
        home = f"embeddings/{NAME}/{version}"
        files, records = {}, []
        for benchmark in BENCHMARKS:
            raw = raw_file(number, benchmark, skill)
            data = (json.dumps(raw, separators=(",", ":")) + "\n").encode()
            files[f"{home}/benchmarks/{benchmark}.json"] = data
            records.append(record(benchmark, raw, data))
        card = {**a_card(number), "name": NAME, "version": version, "benchmarks": records}
        files[f"{home}/card.yaml"] = card_text(card).encode()
        said = f"{NAME} {version}\n\nCard-Digest: sha256:{number:064x}\nLevel: {'minor' if number else 'first'}\n"
        said += f"Previous: {NAME}@1.{number - 1}.0\n" if number else ""
        yield f"commit refs/heads/main\nmark :{number + 1}\ncommitter {WHO}\ndata 1\nr\n".encode()
        for path, data in files.items():
            yield f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"
        yield f"tag {NAME}@v{version}\nfrom :{number + 1}\ntagger {WHO}\ndata {len(said)}\n{said}\n".encode()


def make_repository(folder: Path, versions: int, environment: dict[str, str]) -> Path:
    """Make the repository, packed as a clone has it."""
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "-b", "main", "."], cwd=folder, env=environment, check=True)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, env=environment, stdin=subprocess.PIPE) as importer:  # fmt: skip
        assert importer.stdin is not None
        for piece in history(versions):
            importer.stdin.write(piece)
    if importer.returncode:
        raise SystemExit("git fast-import failed")
    subprocess.run(["git", "pack-refs", "--all"], cwd=folder, env=environment, check=True)
    (folder / "embver.toml").write_text('remote = "origin"\n', encoding="utf-8")
    return folder


def git_processes(argv: tuple[str, ...], folder: Path, environment: dict[str, str]) -> dict[str, int]:
    """Return how often a command starts each of git's subcommands, as git itself tells."""
    told = folder / "trace2.json"
    told.unlink(missing_ok=True)
    subprocess.run(argv, cwd=folder, env={**environment, "GIT_TRACE2_EVENT": str(told)}, capture_output=True, check=True)  # fmt: skip
    events = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
    names = [event["name"] for event in events if event["event"] == "cmd_name"]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--versions", type=int, default=200)
    parser.add_argument("--runs", type=int, default=7, help="measured runs a row, at least 5 (default: 7)")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = asked.keep or Path(scratch)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {"HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
        folder = root / f"trace-{asked.versions}"
        if not folder.is_dir():
            make_repository(folder, asked.versions, environment)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}\n")
        print("| command | median s | processor s | bar s | reached | git processes |")
        print("|---|---:|---:|---:|---|---|")
        for metric, form in (("hit@10", ()), ("hit@10", ("--json",)), ("ndcg@10", ())):
            argv = (EMBVER, "trace", NAME, "--metric", metric, *form)
            took = [spent_s(argv, folder, environment) for _ in range(max(5, asked.runs) + 1)][1:]
            wall, processor = (statistics.median(each[side] for each in took) for side in (0, 1))
            started = ", ".join(
                f"{count} {name}" for name, count in git_processes(argv, folder, environment).items()
            )
            reached = "yes" if wall < BAR_S else "**no**"
            print(f"| `{' '.join(('embver', *argv[1:]))}` | {wall:.3f} | {processor:.3f} | {BAR_S:g} | {reached} | {started} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
