"""How long it takes to list releases, side by side with git itself and with GTO.

    python -m benchmarks.listing [--pairs 7] [--gto 3] > table.md

Every row is measured in pairs: ours, then theirs, then ours again, so that a busy machine slows both. The ratio is
the median of the pairs' ratios; the times are medians too. Nothing is kept: the repositories lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EMBVER = [sys.executable, "-m", "embver"]
GTO = Path(sys.executable).with_name("gto")
MESSAGE = "--format=%(refname) %(objecttype) %(*objectname) %(creatordate:iso-strict)%00%(contents)"
RELEASES_A_NAME = 100
CARD = """\
schema: 1
name: {name}
version: {version}
space: {{dimensions: 64, metric: cosine, normalized: true, kind: dense, dtype: float32}}
encoders: {{text: {{model: {{path: models/{name}}}, preprocessing: []}}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two commands that answer the same question."""

    what: str
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    peer: str
    folder: Path
    count: int


def elapsed_s(argv: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command to its end, its output thrown away; return how long it took."""
    begun = time.perf_counter()
    subprocess.run(
        argv, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
    )
    return time.perf_counter() - begun


def measure(pair: Pair, environment: dict[str, str]) -> str:
    """Return a row of the table; one unmeasured round warms the caches."""
    ours, theirs = [], []
    for number in range(pair.count + 1):
        both = (
            elapsed_s(pair.ours, pair.folder, environment),
            elapsed_s(pair.theirs, pair.folder, environment),
        )
        if number:
            ours.append(both[0])
            theirs.append(both[1])
    ratio = statistics.median(mine / yours for mine, yours in zip(ours, theirs, strict=True))
    spread = f"{min(ours):.3f}-{max(ours):.3f}"
    mine, yours = statistics.median(ours), statistics.median(theirs)
    return f"| {pair.what} | {mine:.3f} ({spread}) | {pair.peer} | {yours:.3f} | {ratio:.2f} | {pair.count} |"


def make_repository(folder: Path, releases: int, environment: dict[str, str]) -> Path:
    """Make a repository of many releases in one `git fast-import`: a commit, a card and an annotated tag each."""
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", "-b", "main", "."], cwd=folder, env=environment, check=True)
    who = "Ada <ada@example.org> 1795000000 +0000"
    lines = []
    for number in range(releases):
        name, version = f"family-{number // RELEASES_A_NAME:03d}", f"1.{number % RELEASES_A_NAME}.0"
        card = CARD.format(name=name, version=version)
        said = f"Release {name}@{version}"
        parts = [f"commit refs/heads/main\nmark :{number + 1}\ncommitter {who}\ndata {len(said)}\n{said}"]
        parts.append(f"M 100644 inline embeddings/{name}/{version}/card.yaml\ndata {len(card)}\n{card}")
        lines.append("\n".join(parts) + "\n")
    for number in range(releases):
        name, version = f"family-{number // RELEASES_A_NAME:03d}", f"1.{number % RELEASES_A_NAME}.0"
        said = (
            f"{name} {version}\n\n- something was added\n\nCard-Digest: sha256:{number:064x}\nLevel: minor\n"
        )
        said += "Verdict: compatible\n"
        lines.append(f"tag {name}@v{version}\nfrom :{number + 1}\ntagger {who}\ndata {len(said)}\n{said}\n")
    stream = "".join(lines).encode()
    subprocess.run(["git", "fast-import", "--quiet"], cwd=folder, input=stream, env=environment, check=True)
    subprocess.run(["git", "pack-refs", "--all"], cwd=folder, env=environment, check=True)
    subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=folder, env=environment, check=True)
    (folder / "embver.toml").write_text('remote = "origin"\n')
    return folder


def pairs(root: Path, environment: dict[str, str], *, count: int, gto_count: int) -> list[Pair]:
    """Return what is measured."""
    made = []
    python, help_ = (sys.executable, "-c", "pass"), (*EMBVER, "--help")
    for_each = ("git", "for-each-ref", "refs/tags", MESSAGE)
    small = make_repository(root / "100", 100, environment)
    made.append(
        Pair(
            what="`embver --help`",
            ours=help_,
            theirs=python,
            peer="`python -c pass`",
            folder=small,
            count=count,
        )
    )
    for size in (1_000, 10_000):
        folder = make_repository(root / str(size), size, environment)
        ours = (*EMBVER, "list")
        for theirs, peer in (
            (for_each, "`git for-each-ref`, messages too"),
            (("git", "tag", "-l"), "`git tag -l`, names only"),
        ):
            made.append(
                Pair(
                    what=f"`embver list`, {size:,}",
                    ours=ours,
                    theirs=theirs,
                    peer=peer,
                    folder=folder,
                    count=count,
                )
            )
    if gto_count and GTO.is_file():
        made.append(
            Pair(
                what="`embver list`, 100",
                ours=(*EMBVER, "list"),
                theirs=(str(GTO), "show"),
                peer="`gto show`",
                folder=small,
                count=gto_count,
            )
        )
    return made


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7, help="measured pairs a row, at least 5 (default: 7)")
    parser.add_argument(
        "--gto", type=int, default=3, help="runs of gto, which is slow; 0 for none (default: 3)"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        (root / "home").mkdir()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {
            "HOME": str(root / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "PYTHONPATH": str(Path(__file__).resolve().parent.parent),
        }
        git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"Python {platform.python_version()}, {git}, {os.cpu_count()} cores, {platform.system()}\n")
        print("| ours | median s (range) | theirs | median s | ours / theirs | pairs |")
        print("|---|---|---|---|---|---|")
        for pair in pairs(root, environment, count=max(5, arguments.pairs), gto_count=arguments.gto):
            print(measure(pair, environment), flush=True)


if __name__ == "__main__":
    main()
