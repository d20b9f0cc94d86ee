"""How long it takes to measure two versions against each other, and how much memory, as the probe set grows.

    python -m benchmarks.compat [--rounds 5] [--sizes 4096 10000 30000 100000] [--dimensions 768] > table.md

Synthetic probe vectors with labelled pairs, float32, mapped from files as the probe vectors of a repository are; every
measure, 2,000 draws of the bootstrap, exact search. Each round is a process of its own: wall and CPU time of the
measurement alone, and the greatest resident memory of the process, mapped pages counted in. Sizes above 10,000 are
measured in one stratum (text -> image) and once, since the time grows with the square of the size.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

MODALITIES = ("image", "text")
LARGE = 10_000
CHUNK = 4096
PARTS = [f"{modality}.{role}" for modality in MODALITIES for role in ("query", "document")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size and print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=int, nargs="+", default=[4096, 10_000, 30_000, 100_000])
    parser.add_argument("--dimensions", type=int, default=768)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--strata", type=int, default=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.measure is not None:
        print(json.dumps(measure(chosen.measure, strata=chosen.strata)))
        return 0
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"
    )
    print(f"load average before: {os.getloadavg()[0]:.1f}\n")
    print("| probes a modality | dimensions | strata | rounds | wall | CPU | greatest memory |")
    print("|---|---|---|---|---|---|---|")
    for size in chosen.sizes:
        with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
            write(Path(folder), size, chosen.dimensions)
            strata, rounds = (4, chosen.rounds) if size <= LARGE else (1, 1)
            rounds = rounds if size < LARGE else min(rounds, 2)
            found = [child(Path(folder), strata) for _ in range(rounds)]
        wall, cpu, memory = (
            statistics.median(one[key] for one in found) for key in ("wall", "cpu", "memory")
        )
        row = f"{size:,} | {chosen.dimensions} | {strata} | {rounds}"
        print(f"| {row} | {wall:.1f} s | {cpu:.1f} s | {memory / 1e6:,.0f} MB |", flush=True)
    return 0


def write(folder: Path, size: int, dimensions: int) -> None:
    """Write an old and a new version: a mixture of clusters, the new one moved by noise of 0.1 lengths."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(64, dimensions)).astype(np.float32)
    files = {
        (version, part): np.lib.format.open_memmap(
            folder / f"{version}.{part}.npy", mode="w+", dtype=np.float32, shape=(size, dimensions)
        )
        for version in ("old", "new")
        for part in PARTS
    }
    for start in range(0, size, CHUNK):
        rows = slice(start, min(start + CHUNK, size))
        shape = (rows.stop - rows.start, dimensions)
        image = unit(centres[rng.integers(0, 64, shape[0])] + rng.normal(size=shape))
        text = unit(image + 0.9 * rng.normal(size=shape) / np.sqrt(dimensions))
        for modality, clean in (("image", image), ("text", text)):
            moved = unit(clean + 0.1 * rng.normal(size=shape) / np.sqrt(dimensions))
            for role in ("query", "document"):
                files["old", f"{modality}.{role}"][rows] = clean
                files["new", f"{modality}.{role}"][rows] = moved


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of unit length in float32."""
    made: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def child(folder: Path, strata: int) -> dict[str, float]:
    """Measure in a process of its own."""
    argv = [sys.executable, "-m", "benchmarks.compat", "--measure", str(folder), "--strata", str(strata)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(folder: Path, *, strata: int) -> dict[str, float]:
    """Measure the versions in a folder with one stratum, or with all four; seconds and bytes."""
    from embver.card import Space
    from embver.measure.rule import Rule
    from embver.measure.sides import ProbeVectors
    from embver.measure.versions import measure_versions
    from embver.probe import ProbeItem, ProbeSet

    parts = PARTS if strata == 4 else ["text.query", "image.document"]
    vectors = {
        version: {part: np.load(folder / f"{version}.{part}.npy", mmap_mode="r") for part in parts}
        for version in ("old", "new")
    }
    size, dimensions = vectors["old"][parts[0]].shape
    items = []
    for modality in MODALITIES:
        roles = tuple(role for role in ("query", "document") if f"{modality}.{role}" in parts)
        items += [
            ProbeItem(id=f"{modality}-{row:07}", modality=modality, pair=f"{row:07}", sha256="", roles=roles)
            for row in range(size)
        ]
    probe = ProbeSet(name="synthetic", items=tuple(items))
    space = Space(dimensions=dimensions, metric="cosine", normalized=True, kind="dense", dtype="float32")
    old, new = (
        ProbeVectors(
            reference=f"synthetic@{version}",
            space=space,
            modalities=frozenset(MODALITIES),
            items=probe,
            vectors=vectors[version],
        )
        for version in ("old", "new")
    )
    before, cpu = time.perf_counter(), time.process_time()
    found = measure_versions(old, new, rule=Rule())
    wall, cpu = time.perf_counter() - before, time.process_time() - cpu
    assert len(found.strata) == strata
    # Kilobytes on Linux, bytes on macOS.
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes
    return {"wall": wall, "cpu": cpu, "memory": float(memory)}


if __name__ == "__main__":
    sys.exit(main())
