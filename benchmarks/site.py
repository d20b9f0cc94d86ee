"""What the site costs at 1,000 versions, side by side with the MkDocs build that it feeds.

    python -m benchmarks.site [--sizes 100,1000] [--pairs 3] > table.md

Whole processes in turns, ours and MkDocs' own, so that a busy machine slows both; a ratio is the median of the pairs'
ratios, once by the clock and once in processor time. The last size is the one that the bars are for; pages are compared with
those of the first. Repositories are made by `benchmarks.site_history`: 20 embeddings, four benchmarks a version. Nothing is
kept: all lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cards import Command, run
from benchmarks.site_history import NAMES, add_releases, git, make_repository, place

EMBVER = (str(Path(sys.executable).with_name("embver")), "site")
MKDOCS = (sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f")
SERVED = 200  # versions of the site that is served
PORT = 8765
NOTE = "Seen again, round {}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; `bar` must not be passed."""

    what: str
    found: float
    bar: float
    unit: str = ""
    note: str = ""

    def format(self) -> str:
        """Return it as Markdown."""
        reached = "yes" if self.found <= self.bar else "**no**"
        return f"| {self.what} | {_short(self.found)}{self.unit} | {_short(self.bar)}{self.unit} | {reached} | {self.note} |"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A repository of so many versions, and how its commands are run."""

    root: Path
    versions: int
    environment: Mapping[str, str]

    def run(self, argv: tuple[str, ...]) -> tuple[float, int, float]:
        """Return seconds, peak memory in KiB and processor seconds of a command."""
        return run(Command(argv=argv, folder=self.root, environment=self.environment))

    def forget(self) -> None:
        """Leave nothing that a run before has written."""
        shutil.rmtree(self.root / ".git" / "embver", ignore_errors=True)
        shutil.rmtree(self.root / "site", ignore_errors=True)

    def release(self) -> Bench:
        """Add one release."""
        add_releases(self.root, 1, self.environment, start=self.versions)
        return Bench(root=self.root, versions=self.versions + 1, environment=self.environment)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument(
        "--sizes", default="100,1000", help="versions: the first to compare with, the last with the bars"
    )
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument(
        "--served", type=int, default=SERVED, help=f"versions of the site that is served (default {SERVED})"
    )
    parser.add_argument("--keep", type=Path, help="work in this folder, and leave it")
    asked = parser.parse_args()
    sizes = [int(size) for size in asked.sizes.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.keep or Path(scratch)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        # Installed programs have compiled files; without them every run would compile embver anew.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment |= {"HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", "NO_MKDOCS_2_WARNING": "1", "SOURCE_DATE_EPOCH": "1795000000"}  # fmt: skip
        os.environ.clear()
        os.environ.update(environment)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}, MkDocs {_version('mkdocs')}, Material {_version('mkdocs-material')}; {asked.pairs} pairs a row\n")  # fmt: skip
        print("| what | found | bar | reached | |\n|---|---:|---:|---|---|", flush=True)
        small, large = (_bench(folder, size, environment) for size in (sizes[0], sizes[-1]))
        for row in rows(small, large, asked.pairs):
            print(row.format(), flush=True)
        print(served(_bench(folder, asked.served, environment), asked.pairs).format(), flush=True)


def _bench(folder: Path, versions: int, environment: Mapping[str, str]) -> Bench:
    root = folder / f"site-{versions}"
    shutil.rmtree(root, ignore_errors=True)
    return Bench(
        root=make_repository(root, versions, environment), versions=versions, environment=environment
    )


def rows(small: Bench, large: Bench, pairs: int) -> Iterator[Row]:
    """Yield what is measured, in the order of the issue's table."""
    mkdocs = (*MKDOCS, "mkdocs.yml", "-d", str(large.root / "build" / "by-mkdocs"))
    peaks: list[int] = []

    def cold() -> tuple[float, float]:
        large.forget()
        elapsed_s, peak, processor_s = large.run(EMBVER)
        peaks.append(peak)
        return elapsed_s, processor_s

    def warm() -> tuple[float, float]:
        return large.run(EMBVER)[::2]

    def build() -> tuple[float, float]:
        return large.run(mkdocs)[::2]

    yield _ratio("writing all pages, cold : `mkdocs build`", cold, build, pairs, bar=0.12)
    yield Row(what="peak memory of it", found=max(peaks) * 1.024 / 1000, bar=300, unit=" MB")
    yield _ratio("writing all pages, warm : `mkdocs build`", warm, build, pairs, bar=0.04)
    yield from _one_release(large, pairs)
    yield from _pages(small, large)
    yield from _search(large, pairs)


def _ratio(
    what: str, ours: Callable[[], tuple[float, float]], theirs: Callable[[], tuple[float, float]], pairs: int, *, bar: float, note: str = ""
) -> Row:  # fmt: skip
    """Run two things in turns; each returns seconds by the clock and in processor time."""
    timed = [(ours(), theirs()) for _ in range(pairs)]
    wall, processor = (
        statistics.median(mine[side] / yours[side] for mine, yours in timed) for side in (0, 1)
    )
    mine_s, yours_s = (statistics.median(pair[side][0] for pair in timed) for side in (0, 1))
    told = f"{mine_s:.2f} s : {yours_s:.2f} s; {processor:.3f} of processor time{note}"
    return Row(what=what, found=wall, bar=bar, note=told)


def _one_release(bench: Bench, pairs: int) -> Iterator[Row]:
    """Yield what one new version costs, generate and build, and whether a build of everything differs."""
    output, kept = bench.root / "build" / "site", bench.root / "build" / "by-changes"
    bench.run((*EMBVER, "--build"))
    written: list[int] = []
    different: list[str] = []
    state = [bench]

    def some() -> tuple[float, float]:
        before = {
            file: file.stat().st_mtime_ns for file in (bench.root / "site").rglob("*") if file.is_file()
        }
        elapsed_s, _, processor_s = state[0].run((*EMBVER, "--build"))
        after = {file: file.stat().st_mtime_ns for file in (bench.root / "site").rglob("*") if file.is_file()}
        written.append(sum(before.get(file) != time for file, time in after.items()))
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(output, kept)
        return elapsed_s, processor_s

    def everything() -> tuple[float, float]:
        elapsed_s, _, processor_s = state[0].run((*EMBVER, "--full"))
        done = subprocess.run(
            ["diff", "-rq", str(output), str(kept)], capture_output=True, text=True, check=False
        )
        different.extend(done.stdout.splitlines())
        state[0] = state[0].release()
        return elapsed_s, processor_s

    state[0] = state[0].release()
    yield _ratio("one new version, `embver site --build` : `--full`", some, everything, pairs, bar=0.10)
    yield Row(
        what="files that differ from a build of everything",
        found=len(different),
        bar=0,
        note=", ".join(different[:3]),
    )
    name, _ = place(bench.versions, NAMES)
    yield Row(what="files written again for it", found=max(written), bar=30, note=f"its page, the one before, {name}'s pages, those of the whole site")  # fmt: skip


def _pages(small: Bench, large: Bench) -> Iterator[Row]:
    """Yield how large pages are."""
    small.run((*EMBVER, "--build"))
    found = []
    for bench in (small, large):
        folder = bench.root / "build/site/changelog"
        found.append(
            {
                page.relative_to(folder).as_posix(): page.stat().st_size
                for page in folder.glob("shop-*/1.*.html")
            }
        )
    both = sorted(set(found[0]) & set(found[1]))
    sizes = [statistics.mean(each[page] for page in both) for each in found]
    note = f"{sizes[0] / 1000:.1f} kB, {sizes[1] / 1000:.1f} kB"
    yield Row(what=f"HTML of a version's page, {large.versions:,} : {small.versions:,} versions", found=sizes[1] / sizes[0], bar=1.15, note=note)  # fmt: skip
    largest = max((large.root / "build/site").rglob("*.html"), key=lambda page: page.stat().st_size)
    yield Row(what="largest page", found=largest.stat().st_size / 1000, bar=150, unit=" kB", note=f"`{largest.relative_to(large.root / 'build/site')}`")  # fmt: skip


def _search(bench: Bench, pairs: int) -> Iterator[Row]:
    """Yield what search costs: a build with it and one without."""
    silent = bench.root / "without.yml"
    silent.write_text('INHERIT: "mkdocs.yml"\nplugins: []\n', encoding="utf-8")
    (bench.root / "both").mkdir(exist_ok=True)

    def build(config: str) -> tuple[float, float]:
        return bench.run((*MKDOCS, config, "-d", str(bench.root / "both" / config)))[::2]

    timed = [(build("mkdocs.yml"), build("without.yml")) for _ in range(pairs)]
    wall = statistics.median(1 - without[0] / whole[0] for whole, without in timed)
    processor = statistics.median(1 - without[1] / whole[1] for whole, without in timed)
    yield Row(
        what="search, share of a build", found=wall, bar=0.15, note=f"{processor:.3f} of processor time"
    )
    index = (bench.root / "both" / "mkdocs.yml" / "search" / "search_index.json").stat().st_size
    yield Row(what="search index, a version", found=index / bench.versions / 1000, bar=0.6, unit=" kB", note=f"{index / 1e6:.2f} MB")  # fmt: skip


def served(bench: Bench, rounds: int) -> Row:
    """Return how long it takes from a card that grows to the page that shows it."""
    path = "embeddings/shop-3/1.2.0/card.yaml"
    page = f"http://127.0.0.1:{PORT}/changelog/shop-3/1.2.0.html"
    card = git(bench.root, bench.environment, "show", f"HEAD:{path}")
    took = []
    with _serving(bench, page):
        for number in range(max(5, rounds)):
            _commit(bench, path, f"{card}notes: ['{NOTE.format(number)}']\n")
            begun = time.perf_counter()
            while NOTE.format(number) not in _got(page):
                time.sleep(0.02)
            took.append(time.perf_counter() - begun)
    note = f"the median of {len(took)}, the longest {max(took):.2f} s"
    return Row(what=f"`--serve`: a card grows, the page shows it, {bench.versions} versions", found=statistics.median(took), bar=2, unit=" s", note=note)  # fmt: skip


@contextmanager
def _serving(bench: Bench, page: str) -> Iterator[None]:
    process = subprocess.Popen([*EMBVER, "--serve", "--port", str(PORT)], cwd=bench.root, env=bench.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if "serving" in line:
            break
    threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        _got(page)
        yield
    finally:
        process.terminate()
        process.wait()


def _got(page: str) -> str:
    with urllib.request.urlopen(page, timeout=60) as answer:  # noqa: S310  (the address is that of our own server)
        text: str = answer.read().decode()
    return text


def _commit(bench: Bench, path: str, text: str) -> None:
    """Commit another card, as a benchmark that is run later does."""
    done = subprocess.run(["git", "hash-object", "-w", "--stdin"], cwd=bench.root, input=text, capture_output=True, text=True, check=True)  # fmt: skip
    run_git = [bench.root, bench.environment]
    git(*run_git, "read-tree", "HEAD")
    git(*run_git, "update-index", "--add", "--cacheinfo", f"100644,{done.stdout.strip()},{path}")
    tree = git(*run_git, "write-tree").strip()
    commit = git(*run_git, "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit-tree", tree, "-p", "HEAD", "-m", "Grow").strip()  # fmt: skip
    git(*run_git, "update-ref", "refs/heads/main", commit)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.3g}"


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


if __name__ == "__main__":
    main()
