"""How long it takes to read a registry, side by side with git itself, GTO and GitPython.

    python -m benchmarks.listing [--pairs 7] [--gto 3] > table.md

Whole processes in turns: ours, theirs, ours, theirs, so that a busy machine slows both. A ratio is the median of the
pairs' ratios, once by the clock and once by processor time (user and system), which a busy machine moves less. Cards
are of 130 to 200 lines, each in a commit of its own; tags are annotated and packed. Nothing is kept: the repositories
lie in a temporary folder.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generate_cards import a_card

BIN = Path(sys.executable).parent
EMBVER, PYTHON = str(BIN / "embver"), (sys.executable, "-c", "pass")
MESSAGES = (
    *("git", "for-each-ref", "refs/tags"),
    "--format=%(refname) %(objecttype) %(*objectname) %(creatordate:iso-strict)%00%(contents)",
)
# What a program on GitPython does for the same list, and for the log.
TAGS = "import git; r = git.Repo('.'); [(t.name, t.commit.hexsha, t.tag.message, t.tag.tagged_date) for t in r.tags]"
CARDS = (
    "import git; r = git.Repo('.'); "
    "[(t.tag.message, (t.commit.tree / 'embeddings' / t.name.replace('@v', '/') / 'card.yaml').data_stream.read()) "
    "for t in r.tags]"
)
RELEASES_A_NAME = 100
WHO = "Ada <ada@example.org> 1795000000 +0000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two commands, and by how much ours may take longer (`bar`; below 1: how much shorter it must be)."""

    what: str
    ours: Sequence[str]
    theirs: Sequence[str]
    peer: str
    folder: Path
    bar: float | None = None
    other: Path | None = None  # where theirs runs, if not in the same folder
    count: int | None = None


def spent_s(argv: Sequence[str], folder: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Run a command to its end, its output thrown away; return how long it took by the clock, and in processor time."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
    )
    elapsed_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(pair: Pair, environment: dict[str, str], *, count: int) -> str:
    """Return a row of the table; one unmeasured round warms the caches."""
    rounds = []
    for number in range((pair.count or count) + 1):
        mine = spent_s(pair.ours, pair.folder, environment)
        yours = spent_s(pair.theirs, pair.other or pair.folder, environment)
        if number:
            rounds.append((mine, yours))
    wall = statistics.median(mine[0] / yours[0] for mine, yours in rounds)
    processor = statistics.median(mine[1] / yours[1] for mine, yours in rounds)
    mine, yours = (statistics.median(both[side][0] for both in rounds) for side in (0, 1))
    bar = "" if pair.bar is None else f"{pair.bar:g}"
    reached = "" if pair.bar is None else "yes" if wall <= pair.bar else "**no**"
    return (
        f"| {pair.what} | {mine:.3f} | {pair.peer} | {yours:.3f} | {wall:.3g} | {processor:.3g} | {bar} | {reached} "
        f"| {len(rounds)} |"
    )


def make_repository(folder: Path, releases: int, environment: dict[str, str]) -> Path:
    """Make a repository of many releases in one `git fast-import`: a commit, a card and an annotated tag each."""
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", "-b", "main", "."], cwd=folder, env=environment, check=True)
    with subprocess.Popen(
        ["git", "fast-import", "--quiet"], cwd=folder, env=environment, stdin=subprocess.PIPE
    ) as importer:
        assert importer.stdin is not None
        for text in (*commits(releases), *tags(releases)):
            importer.stdin.write(text.encode())
    if importer.returncode:
        raise SystemExit("git fast-import failed")
    subprocess.run(["git", "pack-refs", "--all"], cwd=folder, env=environment, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=folder, env=environment, check=True)
    (folder / "embver.toml").write_text('remote = "origin"\n', encoding="utf-8")
    return folder


def place(number: int) -> tuple[str, str]:
    """Return name and version of the release with this number."""
    return f"family-{number // RELEASES_A_NAME:03d}", f"1.{number % RELEASES_A_NAME}.0"


def commits(releases: int) -> Iterator[str]:
    """Yield one commit a release, with its card; JSON is YAML, and so are the lines that it is written in here."""
    for number in range(releases):
        name, version = place(number)
        card = json.dumps({**a_card(number), "name": name, "version": version}, indent=2)
        said = f"Release {name}@{version}"
        yield f"commit refs/heads/main\nmark :{number + 1}\ncommitter {WHO}\ndata {len(said)}\n{said}\n"
        yield f"M 100644 inline embeddings/{name}/{version}/card.yaml\ndata {len(card.encode())}\n{card}\n"


def tags(releases: int) -> Iterator[str]:
    """Yield one annotated tag a release, with the trailers that `embver release` writes."""
    for number in range(releases):
        name, version = place(number)
        said = (
            f"{name} {version}\n\n- something was added\n\nCard-Digest: sha256:{number:064x}\nLevel: minor\n"
        )
        said += "Verdict: compatible\n"
        if number % RELEASES_A_NAME:
            said += f"Previous: {name}@{place(number - 1)[1]}\n"
        yield f"tag {name}@v{version}\nfrom :{number + 1}\ntagger {WHO}\ndata {len(said)}\n{said}\n"


def pairs(small: Path, large: Path, *, gto_count: int) -> Iterator[Pair]:
    """Yield what is measured: in 1,000 releases (`small`) and in 10,000."""
    listing, show = (EMBVER, "list"), (EMBVER, "show", "family-005")
    peer = "`git for-each-ref`, messages too"
    yield Pair(
        what="`embver --help`", ours=(EMBVER, "--help"), theirs=PYTHON, peer="`python -c pass`", folder=small
    )
    for folder, count, bar in ((small, "1,000", None), (large, "10,000", 2.5)):
        yield Pair(
            what=f"`embver list`, {count}", ours=listing, theirs=MESSAGES, peer=peer, folder=folder, bar=bar
        )
    what = "`embver list --json`, 10,000"
    yield Pair(what=what, ours=(*listing, "--json"), theirs=MESSAGES, peer=peer, folder=large)
    what, peer = "`embver list`, 10,000", "the same, 1,000"
    yield Pair(what=what, ours=listing, theirs=listing, peer=peer, folder=large, other=small, bar=8)
    what, python = "`embver list`, 1,000", (sys.executable, "-c")
    yield Pair(what=what, ours=listing, theirs=(*python, TAGS), peer="GitPython", folder=small, bar=1 / 8)
    if gto_count:
        theirs = (str(BIN / "gto"), "show")
        yield Pair(
            what=what, ours=listing, theirs=theirs, peer="`gto show`", folder=small, bar=0.01, count=gto_count
        )
    what = "`embver show NAME`, 10,000"
    yield Pair(what=what, ours=show, theirs=PYTHON, peer="`python -c pass`", folder=large, bar=6)
    yield Pair(what=what, ours=show, theirs=show, peer="the same, 1,000", folder=large, other=small, bar=2)
    what, log = "`embver log`, 1,000", (EMBVER, "log")
    peer = "GitPython, messages and cards as bytes"
    yield Pair(what=what, ours=log, theirs=(*python, CARDS), peer=peer, folder=small)
    what, peer = "`embver log`, 10,000", "the same, 1,000"
    yield Pair(what=what, ours=log, theirs=log, peer=peer, folder=large, other=small, count=3)


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7, help="measured pairs a row, at least 5 (default: 7)")
    parser.add_argument(
        "--gto", type=int, default=3, help="runs of gto, which is slow; 0 for none (default: 3)"
    )
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = asked.keep or Path(scratch)
        (root / "home").mkdir(parents=True, exist_ok=True)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        # Installed programs have compiled files; without them every run would compile embver anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {"HOME": str(root / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
        git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"Python {platform.python_version()}, {git}, {os.cpu_count()} cores, {platform.system()}\n")
        small, large = (
            root / str(size) if (root / str(size)).is_dir() else make_repository(root / str(size), size, environment)
            for size in (1_000, 10_000)
        )  # fmt: skip
        print(
            "| ours | median s | theirs | median s | ours / theirs | processor time | bar | reached | pairs |"
        )
        print("|---|---:|---|---:|---:|---:|---:|---|---:|")
        for pair in pairs(small, large, gto_count=asked.gto):
            print(measure(pair, environment, count=max(5, asked.pairs)), flush=True)


if __name__ == "__main__":
    main()
