"""How long it takes to release a version at 1,000 tags, side by side with git itself and with GTO.

    python -m benchmarks.releasing [--pairs 7] [--gto 3] [--tags 1000] > table.md

The artifacts are hashed already, as `embver encode` leaves them: `next/` is staged, its vectors are Git LFS pointers, and
the object is a sparse file of the right size whose bytes nobody may read. Every row is measured in pairs, ours, then
theirs, with the repository put back before each; the ratio is the median of the pairs' ratios. Nothing is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.listing import make_repository
from embver.card import space_id
from embver.pointer import Pointer
from embver.store.cards import read_card_text

BIN = Path(sys.executable).parent
EMBVER, GTO = (str(BIN / "embver"),), BIN / "gto"
OLD, NEW = "old", "new"  # an embedding with a release, and one without
DIMENSIONS = 768
SMALL_BYTES = 30_000_000
CARD = """\
schema: 1
name: {name}
space: {{dimensions: 768, metric: cosine, normalized: true, kind: dense, dtype: float32}}
encoders: {{text: {{model: {{id: hand/made, revision: {digit}}}, weights: [{{path: w, sha256: {digit}, size_bytes: 1}}], preprocessing: []}}}}
training: {{data: [{{name: pages, version: "{data}"}}]}}
changes: [{{area: training.data, text: More pages.}}]
fingerprint: "{fingerprint}"
artifacts:
  - {{path: text.safetensors, role: vectors, modality: text, rows: {rows}, sha256: {vectors}, size_bytes: {size}}}
  - {{path: ids.txt, role: ids, rows: {rows}, sha256: {ids}, size_bytes: {ids_bytes}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two commands that do the same, each with what puts the repository in order before it."""

    what: str
    ours: tuple[str, ...]
    before_ours: Callable[[], None]
    theirs: tuple[str, ...]
    before_theirs: Callable[[], None]
    peer: str
    count: int


class Bench:
    """A repository with many tags and one version that is ready to be released."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        (folder / ".gitattributes").write_text(
            "embeddings/**/*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
        )
        for key, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("gc.auto", "0")):
            self.git("config", key, value)
        self.git("lfs", "install", "--local", "--skip-repo")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Settings")
        self.write(OLD, "next", SMALL_BYTES, data=1)
        self.git("add", "-A")
        self.run(*EMBVER, "release", OLD)
        self.base = self.git("rev-parse", "HEAD").strip()
        self.remote = folder.parent / "remote.git"
        self.run("git", "clone", "-q", "--bare", str(folder), str(self.remote))
        self.git("remote", "add", "origin", self.remote.as_uri())

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments)

    def run(self, *argv: str) -> str:
        """Run a command that must go well, and return what it prints."""
        done = subprocess.run(argv, cwd=self.folder, env=self.environment, capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{shlex.join(argv)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def write(self, name: str, version: str, size_bytes: int, *, data: int = 2) -> Path:
        """Write a version's folder: pointer, ids, sums, card; its object is a sparse file."""
        folder = self.folder / "embeddings" / name / version
        folder.mkdir(parents=True, exist_ok=True)
        rows = max(1, (size_bytes - 80) // (4 * DIMENSIONS))
        size = rows * 4 * DIMENSIONS + 80
        ids = "".join(f"i{number}\n" for number in range(rows)).encode()
        pointer = Pointer(sha256=hashlib.sha256(str(size).encode()).hexdigest(), size_bytes=size)
        stored = self.folder / ".git/lfs/objects" / pointer.sha256[:2] / pointer.sha256[2:4] / pointer.sha256
        if not stored.exists():
            stored.parent.mkdir(parents=True, exist_ok=True)
            with stored.open("wb") as file:
                file.truncate(size)
        fields: dict[str, object] = {
            "name": name,
            "data": data,
            "digit": "a" * 40,
            "rows": rows,
            "vectors": pointer.sha256,
        }
        fields |= {"size": size, "ids": hashlib.sha256(ids).hexdigest(), "ids_bytes": len(ids)}
        text = CARD.replace("sha256: {digit}", "sha256: " + "a" * 64)
        plain = read_card_text(text.format(fingerprint="space:sha256:" + "0" * 64, **fields), path="c").plain
        (folder / "card.yaml").write_text(text.format(fingerprint=space_id(plain), **fields))
        (folder / "text.safetensors").write_bytes(pointer.format())
        (folder / "ids.txt").write_bytes(ids)
        (folder / "SHA256SUMS").write_text(f"{pointer.sha256}  text.safetensors\n{fields['ids']}  ids.txt\n")
        return folder

    def clean(self) -> None:
        """Put references, index and work tree back."""
        self.git("update-ref", "refs/heads/main", self.base)
        for tag in self.git("tag", "--list", f"{NEW}@v*", f"{OLD}@v1.1.0").split():
            self.git("tag", "-d", tag)
        self.git("read-tree", "--reset", "-u", self.base)
        self.git("clean", "-q", "-fd", "embeddings")

    def staged(self, name: str, size_bytes: int) -> Callable[[], None]:
        """Return what makes `next/` ready, as `embver encode` leaves it."""

        def prepare() -> None:
            self.clean()
            folder = self.write(name, "next", size_bytes)
            self.git("add", "-A", str(folder))

        return prepare

    def tagged(self) -> None:
        """Make one tag that the remote does not have."""
        self.clean()
        self.git("tag", "-a", "-m", "Release", f"{NEW}@v1.0.0")
        self.run("git", "-C", str(self.remote), "update-ref", "-d", f"refs/tags/{NEW}@v1.0.0")

    def plain(self, name: str, version: str, size_bytes: int) -> Callable[[], None]:
        """Return what makes a version's folder ready to be added by hand."""

        def prepare() -> None:
            self.clean()
            self.write(name, version, size_bytes)

        return prepare


def elapsed_s(argv: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    """Run a command to its end, its output thrown away; return how long it took."""
    begun = time.perf_counter()
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(argv)}: {done.stderr.decode()}")
    return time.perf_counter() - begun


def measure(pair: Pair, bench: Bench) -> str:
    """Return a row of the table; one unmeasured round warms the caches."""
    ours, theirs = [], []
    for number in range(pair.count + 1):
        pair.before_ours()
        mine = elapsed_s(pair.ours, bench.folder, bench.environment)
        pair.before_theirs()
        yours = elapsed_s(pair.theirs, bench.folder, bench.environment)
        if number:
            ours.append(mine)
            theirs.append(yours)
    ratio = statistics.median(mine / yours for mine, yours in zip(ours, theirs, strict=True))
    spread = f"{min(ours):.3f}-{max(ours):.3f}"
    mine, yours = statistics.median(ours), statistics.median(theirs)
    return f"| {pair.what} | {mine:.3f} ({spread}) | {pair.peer} | {yours:.3f} | {ratio:.3f} | {pair.count} |"


def by_hand(name: str, version: str, *options: str) -> tuple[str, ...]:
    """Return `git add`, `git commit` and `git tag -a` in one shell."""
    git = shlex.join(["git", *options])
    folder = shlex.quote(f"embeddings/{name}/{version}")
    steps = (f"{git} add {folder}", f"{git} commit -q -m Release", f"{git} tag -a -m m {name}@v{version}")
    return ("sh", "-c", " && ".join(steps))


def pairs(bench: Bench, *, count: int, gto_count: int, tags: int) -> list[Pair]:
    """Return what is measured."""
    small, large = SMALL_BYTES, 10_000_000_000
    release = (*EMBVER, "release", NEW)
    no_filter = ("-c", "filter.lfs.process=", "-c", "filter.lfs.clean=", "-c", "filter.lfs.required=false")
    at = f"at {tags:,} tags"
    made = [
        Pair(
            what=f"`embver release`, first of a name, {at}",
            ours=release,
            before_ours=bench.staged(NEW, small),
            theirs=by_hand(NEW, "1.0.0", *no_filter),
            before_theirs=bench.plain(NEW, "1.0.0", small),
            peer="`git add`, `commit`, `tag -a`, no LFS filter",
            count=count,
        ),
        Pair(
            what=f"the same, {at}",
            ours=release,
            before_ours=bench.staged(NEW, small),
            theirs=by_hand(NEW, "1.0.0"),
            before_theirs=bench.plain(NEW, "1.0.0", small),
            peer="`git add`, `commit`, `tag -a`, LFS filter installed",
            count=count,
        ),
        Pair(
            what=f"`embver release`, MINOR, unmeasured, {at}",
            ours=(*EMBVER, "release", OLD, "--reason", "no probe set"),
            before_ours=bench.staged(OLD, small),
            theirs=by_hand(OLD, "1.1.0", *no_filter),
            before_theirs=bench.plain(OLD, "1.1.0", small),
            peer="`git add`, `commit`, `tag -a`, no LFS filter",
            count=count,
        ),
        Pair(
            what=f"`embver release`, 10 GB of vectors, {at}",
            ours=release,
            before_ours=bench.staged(NEW, large),
            theirs=release,
            before_theirs=bench.staged(NEW, small),
            peer="the same with 30 MB",
            count=count,
        ),
    ]
    made.append(
        Pair(
            what=f"`git push --atomic origin main TAG`, as embver pushes, {at}",
            ours=("git", "push", "-q", "--atomic", "origin", "main", f"refs/tags/{NEW}@v1.0.0"),
            before_ours=bench.tagged,
            theirs=("git", "push", "-q", "--tags", "origin", "main"),
            before_theirs=bench.tagged,
            peer="`git push --tags`, one of them new",
            count=count,
        )
    )
    if gto_count and GTO.is_file():
        made.append(
            Pair(
                what=f"`embver release`, first of a name, {at}",
                ours=release,
                before_ours=bench.staged(NEW, small),
                theirs=(str(GTO), "register", NEW, "--version", "v1.0.0"),
                before_theirs=bench.clean,
                peer="`gto register`",
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
    parser.add_argument("--tags", type=int, default=1000, help="releases in the repository (default: 1000)")
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
        bench = Bench(make_repository(root / "repository", arguments.tags, environment), environment)
        print("| ours | median s (range) | theirs | median s | ours / theirs | pairs |")
        print("|---|---|---|---|---|---|")
        for pair in pairs(bench, count=max(5, arguments.pairs), gto_count=arguments.gto, tags=arguments.tags):
            print(measure(pair, bench), flush=True)


if __name__ == "__main__":
    main()
