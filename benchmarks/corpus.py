"""Read corpora of a million records: seconds and peak memory by format, and what reading them again takes.

    python -m benchmarks.corpus                 # 1,000,000 rows of JSON Lines, CSV and Parquet; 20,000 files
    python -m benchmarks.corpus --rows 50000

Each case runs in a process of its own, which takes the plan pass (parse, check ids, digest every item) and then reads
all items once in order, as an encode does. "above" is peak memory over that of the imports alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CASES = ("jsonl", "csv", "parquet", "folder", "folder-again", "tar")
FILES = 20_000  # of the cases that have files: a folder of a million takes longer to make than to read


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, metavar="N")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    parser.add_argument("--one", nargs=2, metavar=("CASE", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one[0], Path(arguments.one[1]))))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load()}")
    print(f"{'case':14}{'items':>11}{'plan s':>9}{'items/s':>11}{'read s':>9}{'above MiB':>11}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for case in arguments.cases:
            make(case, folder, arguments.rows)
            command = [sys.executable, "-m", "benchmarks.corpus", "--one", case, name]
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            rate = found["items"] / found["plan_s"]
            print(
                f"{case:14}{found['items']:11,}{found['plan_s']:9.1f}{rate:11,.0f}{found['read_s']:9.1f}"
                f"{found['above_mib']:11.0f}"
            )
    print(f"load {load()}")


def measure(case: str, folder: Path) -> dict[str, float]:
    """Read one corpus in this process."""
    from embver.encode.corpus_places import CorpusRequest
    from embver.encode.digesting import KnownDigests
    from embver.encode.reading import open_corpus
    from embver.encode.records.record import Wanted

    if case == "parquet":
        import pyarrow.parquet  # noqa: F401  (its libraries are no memory of the corpus)
    before = peak_mib()
    uri = {"folder-again": "folder", "folder": "folder"}.get(case, f"corpus.{case}")
    cache = folder / "known"
    known = KnownDigests(
        cache.read_bytes() if case == "folder-again" else b"", now_ns=time.time_ns() + 10**10
    )
    wanted = Wanted(modalities=("image",) if case.startswith(("folder", "tar")) else ("text",))
    begun = time.perf_counter()
    corpus = open_corpus(CorpusRequest(uri=uri, root=folder, wanted=wanted), known)
    plan_s = time.perf_counter() - begun
    assert corpus.items_digest
    begun = time.perf_counter()
    count = sum(1 for modality in wanted.modalities for _ in corpus.items(modality))
    read_s = time.perf_counter() - begun
    if case == "folder":
        cache.write_bytes(known.to_bytes())
    return {"items": count, "plan_s": plan_s, "read_s": read_s, "above_mib": peak_mib() - before}


def make(case: str, folder: Path, count: int) -> None:
    """Write one corpus: texts of about 80 signs, or files of about 10 kB."""
    if case == "jsonl":
        with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({"id": name, "text": text}) + "\n" for name, text in rows(count))
    elif case == "csv":
        with (folder / "corpus.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "text"))
            writer.writerows(rows(count))
    elif case == "parquet":
        import pyarrow
        import pyarrow.parquet

        names, texts = zip(*rows(count), strict=True)
        pyarrow.parquet.write_table(pyarrow.table({"id": names, "text": texts}), folder / "corpus.parquet")
    elif case == "folder":
        for number in range(min(FILES, count)):
            file = folder / f"folder/{number % 100:02}/{number:06}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes(str(number), "ascii") * 2000)
    elif case == "tar":
        import io
        import tarfile

        with tarfile.open(folder / "corpus.tar", "w") as tar:
            for number in range(min(FILES, count)):
                data = bytes(str(number), "ascii") * 2000
                info = tarfile.TarInfo(f"{number:06}.jpg")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def rows(count: int) -> Iterator[tuple[str, str]]:
    """Yield ids and texts."""
    for number in range(count):
        yield (
            f"item-{number:08}",
            f"a picture of number {number} and of {number * 7919 % 9973} others, seen from afar",
        )


def peak_mib() -> float:
    """Return the most memory that this process has held; `getrusage` would count its parent's before it began."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load() -> str:
    """Return the machine's load of the last minute."""
    return f"{os.getloadavg()[0]:.1f}"


if __name__ == "__main__":
    main()
