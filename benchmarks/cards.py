"""How long it takes to check cards, side by side with check-jsonschema on the same cards and the same schema.

    python -m benchmarks.cards [--rounds 5] [--counts 1,100,1000] [--history 10000] > table.md

Whole processes, from start to exit, in turns: ours, theirs, ours, theirs, so that a busy machine slows both. A ratio
is the median of the pairs' ratios; the times are medians too. check-jsonschema runs as pip installs it, and once more
with ruamel.yaml's C parser, which it takes where it finds it. Nothing is kept: all lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.generate_cards import write_cards

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "schemas" / "card" / "v1.json"
EMBVER = [str(Path(sys.executable).with_name("embver")), "validate"]
PEER = [str(Path(sys.executable).with_name("check-jsonschema")), "--schemafile", str(SCHEMA)]
CLIB = "ruamel.yaml.clib==0.2.15"
LONG_S, LONG_ROUNDS = 10.0, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run: its words, where, with what else in its environment, and the exit code that it must have."""

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    code: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison; `bar` is the ratio of ours to theirs that must not be passed."""

    what: str
    ours_s: float
    theirs_s: float
    ratio: float
    processor: float  # the ratio of processor time, user and system, which a busy machine moves less
    bar: float | None
    pairs: int

    def format(self) -> str:
        """Return a line of the table."""
        bar = "" if self.bar is None else f"{self.bar:.3g}"
        reached = "" if self.bar is None else ("yes" if self.ratio <= self.bar else "**no**")
        return f"| {self.what} | {self.ours_s:.3f} | {self.theirs_s:.3f} | {self.ratio:.3f} | {self.processor:.3f} | {bar} | {reached} | {self.pairs} |"


def run(command: Command) -> tuple[float, int, float]:
    """Run a command; return its wall time in seconds, its peak memory in KiB, its processor time in seconds."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command.argv,
        cwd=command.folder,
        env={**os.environ, **command.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    _, status, usage = os.wait4(process.pid, 0)
    elapsed_s = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)  # with all that the command has started itself
    processor_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != command.code:
        raise SystemExit(
            f"{' '.join(command.argv[:6])} ...: exit code {process.returncode}, not {command.code}"
        )
    return elapsed_s, usage.ru_maxrss, processor_s


def compare(
    what: str,
    ours: Command,
    theirs: Command,
    *,
    rounds: int,
    bar: float | None = None,
    before: Callable[[], None] = lambda: None,
    between: Callable[[], None] = lambda: None,
) -> Row:
    """Run two commands in turns; `before` runs before ours, `between` before theirs, and neither is counted."""
    pairs: list[tuple[float, float, float]] = []
    while len(pairs) < rounds:
        before()
        ours_s, _, mine_s = run(ours)
        between()
        theirs_s, _, yours_s = run(theirs)
        pairs.append((ours_s, theirs_s, mine_s / yours_s))
        if max(ours_s, theirs_s) > LONG_S and len(pairs) >= LONG_ROUNDS:
            break
    row = Row(
        what=what,
        ours_s=statistics.median(pair[0] for pair in pairs),
        theirs_s=statistics.median(pair[1] for pair in pairs),
        ratio=statistics.median(pair[0] / pair[1] for pair in pairs),
        processor=statistics.median(pair[2] for pair in pairs),
        bar=bar,
        pairs=len(pairs),
    )
    print(row.format(), flush=True)
    return row


def repository(folder: Path, count: int, *, wrong: bool = False) -> Path:
    """Make a repository with cards and the files beside them, committed, without LFS attributes."""
    home = folder / f"{'wrong' if wrong else 'right'}-{count}"
    home.mkdir()
    git(home, "init", "-q", "-b", "main")
    write_cards(home, count, wrong=wrong, files=True)
    (home / "embver.toml").write_text('embeddings = "embeddings"\n', encoding="utf-8")
    (home / ".gitattributes").write_text(
        "*.safetensors filter=lfs diff=lfs merge=lfs -text\n", encoding="utf-8"
    )
    git(home, "config", "filter.lfs.clean", "cat")
    git(home, "config", "filter.lfs.smudge", "cat")
    git(home, "add", "-A")
    git(home, "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-q", "-m", "Cards")
    return home


def git(folder: Path, *words: str) -> None:
    """Run git."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def forget(home: Path) -> Callable[[], None]:
    """Return what makes a run the first one: no list of known cards."""
    return lambda: shutil.rmtree(home / ".git" / "embver", ignore_errors=True)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure `embver validate` against check-jsonschema.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--counts", default="1,100,1000")
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    asked = parser.parse_args()
    counts = [int(count) for count in asked.counts.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        folder.mkdir(exist_ok=True)
        environment = {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
        os.environ.update(environment)
        # Installed programs have compiled files; without them every run would compile embver anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        clib = folder / "clib"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(clib), CLIB]
        subprocess.run(pip, check=True)
        versions = {
            name: importlib.metadata.version(name)
            for name in ("check-jsonschema", "ruamel.yaml", "jsonschema-rs")
        }
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; "
              + ", ".join(f"{name} {version}" for name, version in versions.items()) + f", {CLIB}\n")  # fmt: skip
        print(
            "| what | ours, s | theirs, s | ratio | of processor time | bar | reached | pairs |\n"
            "|---|---:|---:|---:|---:|---:|---|---:|"
        )
        rest(folder, counts, clib, asked.rounds)
    return 0


def rest(folder: Path, counts: Sequence[int], clib: Path, rounds: int) -> None:
    """Measure everything, a line at a time."""
    bars = {1: (0.30, None), 1000: (1 / 12, 1 / 5)}
    for count in counts:
        home = repository(folder, count)
        cards = [str(card.relative_to(home)) for card in sorted(home.rglob("card.yaml"))]
        everything = Command(argv=[*EMBVER, *(cards if count == 1 else [])], folder=home)
        shape = Command(argv=[*everything.argv, "--only", "shape"], folder=home)
        peer = Command(argv=[*PEER, *cards], folder=home)
        fast_peer = Command(argv=peer.argv, folder=home, environment={"PYTHONPATH": str(clib)})
        noun = "1 card" if count == 1 else f"{count} cards"
        plain, fast = bars.get(count, (None, None))
        for name, ours in (("all checks", everything), ("--only shape", shape)):
            compare(
                f"{noun}, {name} : check-jsonschema",
                ours,
                peer,
                rounds=rounds,
                bar=plain,
                before=forget(home),
            )
            compare(
                f"{noun}, {name} : check-jsonschema with clib",
                ours,
                fast_peer,
                rounds=rounds,
                bar=fast,
                before=forget(home),
            )
        if count == 1:
            nothing = Command(argv=[sys.executable, "-c", "pass"], folder=home)
            compare(
                "1 card, all checks : python -c pass",
                everything,
                nothing,
                rounds=3 * rounds,
                bar=8,
                before=forget(home),
            )
            compare(
                "1 card, --only shape : python -c pass",
                shape,
                nothing,
                rounds=3 * rounds,
                bar=8,
                before=forget(home),
            )
            continue
        wrong = repository(folder, count, wrong=True)
        bad = Command(argv=EMBVER, folder=wrong, code=1)
        compare(f"{noun}, all wrong : all right", bad, everything, rounds=rounds, bar=1.25 if count == 1000 else None,
                before=forget(wrong), between=forget(home))  # fmt: skip

        def first(command: Command = everything, home: Path = home) -> None:
            forget(home)()
            run(command)

        compare(f"{noun}, second run : first run", everything, everything, rounds=rounds, bar=0.25 if count == 1000 else None,
                before=first, between=forget(home))  # fmt: skip
    memory(folder, counts)


def memory(folder: Path, counts: Sequence[int]) -> None:
    """Say by how much memory grows with the cards."""
    sizes = {count: folder / f"right-{count}" for count in counts}
    peaks: dict[int, int] = {}
    for count, home in sizes.items():
        forget(home)()
        peaks[count] = run(Command(argv=EMBVER, folder=home))[1]
    print(
        "\nPeak memory: "
        + ", ".join(f"{count} cards {peak / 1024:.1f} MiB" for count, peak in peaks.items())
        + "."
    )
    least, most = min(counts), max(counts)
    if most > least:
        grown = (peaks[most] - peaks[least]) * 1.024 / (most - least)
        print(f"It grows by {grown:.1f} kB a card (bar: 100 kB).")


if __name__ == "__main__":
    sys.exit(main())
