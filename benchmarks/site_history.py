"""Make a repository of many releases to write a site from: realistic cards, a commit and an annotated tag each.

    python -m benchmarks.site_history FOLDER [--versions 1000] [--names 20]

Each version differs from the one before it in its data, its weights and now and then in a preprocessing step or a machine;
four benchmarks are measured, one of them the main one, and each version is measured against the one before it.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.generate_cards import a_card, block_text
from embver.card import card_digest

NAMES = 20
BENCHMARKS = ("search", "typed", "unseen", "languages")
FIRST_DAY_S = 1_700_000_000
WHO = "Ada <ada@example.org>"
_MACHINES = ("NVIDIA H200", "NVIDIA H100 80GB HBM3", "NVIDIA L40S")


def digest(*words: object) -> str:
    """Return a SHA-256 that depends on the words alone."""
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def place(number: int, names: int) -> tuple[str, int]:
    """Return name and minor number of the release with this number."""
    return f"shop-{number % names}", number // names


def site_card(number: int, names: int) -> dict[str, Any]:
    """Return the card of the release with this number."""
    name, minor = place(number, names)
    dice = random.Random(number)
    plain = a_card(number)
    plain |= {"name": name, "version": f"1.{minor}.0"}
    plain["title"] = f"Product search {name.rpartition('-')[2]}"
    plain["changes"] = [
        {"area": "training.data", "text": f"Adds the studio photographs of batch {minor}."},
        {"area": "preprocessing", "text": "Queries are put in lowercase before they are tokenised."},
    ][: 1 + (minor % 5 == 4)]
    if minor % 10 >= 5:
        plain["encoders"]["text"]["preprocessing"].insert(1, {"step": "lowercase"})
    plain["encode"]["hardware"]["accelerator"] = _MACHINES[(minor // 4) % len(_MACHINES)]
    plain["encode"]["items_per_s"] = {"image": 2100.5 + minor, "text": 9100.5 - minor}
    for entry in plain["artifacts"]:
        entry["sha256"] = digest(number, entry["path"])
    plain["benchmarks"] = [_benchmark(each, minor, dice, is_main=not n) for n, each in enumerate(BENCHMARKS)]
    if minor:
        plain["compatibility"] = [_compatibility(f"{name}@1.{minor - 1}.0", dice)]
    return plain


def _benchmark(name: str, minor: int, dice: random.Random, *, is_main: bool) -> dict[str, Any]:
    skill = 0.62 + 0.06 * ((minor // 7) % 3) + dice.uniform(-0.004, 0.004)
    metrics = []
    for key, above in (("hit@10", 0.1), ("hit@1", -0.2), ("ndcg@10", 0.0)):
        value = round(skill + above, 4)
        ci = {"level": 0.95, "low": round(value - 0.012, 4), "high": round(value + 0.012, 4), "method": "query-bootstrap"}  # fmt: skip
        main = {"main": True} if is_main and key == "hit@10" else {}
        metrics.append({"key": key, "value": value, **main, "unit": "fraction", "higher_is_better": True, "ci": ci})  # fmt: skip
    return {
        "id": name,
        "dataset": {"id": f"shop-{name}", "revision": "v2" if minor >= 20 else "v1", "split": "test", "sha256": digest(name, minor >= 20)},
        "protocol": {"queries": 1000, "candidates": 1000, "relevance": "binary", "tie_break": "id"},
        "metrics": metrics,
        "harness": {"name": "embver", "version": "0.1.0"},
        "date": "2026-11-02",
    }  # fmt: skip


def _compatibility(against: str, dice: random.Random) -> dict[str, Any]:
    strata = []
    for query, document in (("text", "image"), ("image", "text"), ("image", "image"), ("text", "text")):
        kept = round(dice.uniform(0.93, 0.97), 4)
        low = round(kept - 0.008, 4)
        strata.append(
            {
                "query": query, "document": document, "n": 1000, "documents": 1000, "k": 10, "verdict": "compatible", "route": "A",
                "recall_new_query_old_index": {"value": kept, "low": low}, "recall_mixed_index": {"value": kept, "low": low},
                "share_bias": {"value": 0.004, "low": -0.004, "high": 0.012},
            }
        )  # fmt: skip
    return {
        "against": against,
        "probe": f"sha256:{digest('shop-1k')}",
        "rule_version": 1,
        "verdict": "compatible",
        "level": "minor",
        "strata": strata,
    }


def card_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return a card as a file."""
    return "\n".join([*block_text(plain), ""]).encode()


def history(versions: int, names: int, *, start: int = 0, parent: str | None = None) -> Iterator[bytes]:
    """Yield commits and tags of the releases from `start` on, for `git fast-import`."""
    for number in range(start, start + versions):
        name, minor = place(number, names)
        plain = site_card(number, names)
        card, version = card_bytes(plain), plain["version"]
        who = f"{WHO} {FIRST_DAY_S + number * 3600} +0000"
        said = f"Release {name}@{version}".encode()
        yield (
            f"commit refs/heads/main\nmark :{number + 1}\ncommitter {who}\ndata {len(said)}\n".encode()
            + said
            + b"\n"
        )
        if number == start and parent is not None:
            yield f"from {parent}\n".encode()
        yield (
            f"M 100644 inline embeddings/{name}/{version}/card.yaml\ndata {len(card)}\n".encode()
            + card
            + b"\n"
        )
        told = f"{name} {version}\n\n- {plain['changes'][0]['text']}\n\nCard-Digest: {card_digest(plain)}\n"
        told += f"Level: {'minor' if minor else 'first'}\n"
        told += f"Verdict: compatible\nPrevious: {name}@1.{minor - 1}.0\n" if minor else ""
        yield f"tag {name}@v{version}\nfrom :{number + 1}\ntagger {who}\ndata {len(told)}\n{told}\n".encode()


def make_repository(folder: Path, versions: int, environment: Mapping[str, str], *, names: int = NAMES) -> Path:  # fmt: skip
    """Make the repository, packed as a clone has it; its work tree holds the settings only."""
    folder.mkdir(parents=True)
    git(folder, environment, "init", "--quiet", "-b", "main", ".")
    add_releases(folder, versions, environment, names=names)
    git(folder, environment, "pack-refs", "--all")
    (folder / "embver.toml").write_text('remote = "origin"\n', encoding="utf-8")
    return folder


def add_releases(folder: Path, versions: int, environment: Mapping[str, str], *, names: int = NAMES, start: int = 0) -> None:  # fmt: skip
    """Add releases to a repository; `start` is how many it has."""
    parent = git(folder, environment, "rev-parse", "main").strip() if start else None
    stream = b"".join(history(versions, names, start=start, parent=parent))
    command = ["git", "fast-import", "--quiet", "--force"]
    subprocess.run(command, cwd=folder, env=environment, input=stream, check=True)


def git(folder: Path, environment: Mapping[str, str], *words: str) -> str:
    """Run git and return what it prints."""
    command = ["git", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout  # fmt: skip


def main() -> None:
    """Make one repository."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("folder", type=Path)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--names", type=int, default=NAMES)
    asked = parser.parse_args()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    make_repository(asked.folder, asked.versions, environment, names=asked.names)


if __name__ == "__main__":
    main()
