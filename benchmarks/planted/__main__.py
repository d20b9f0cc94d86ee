"""The command: `python -m benchmarks.planted [--quick] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.planted import ROOT
from benchmarks.planted.cases import all_cases, quick_cases
from benchmarks.planted.models import Kit
from benchmarks.planted.report import report
from benchmarks.planted.scores import QUICK_PAIRS
from benchmarks.planted.trial import plain, try_all


def main(argv: Sequence[str] | None = None) -> int:
    """Try the suite, print its tables as Markdown, write the findings as JSON; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planted",
        description="Plant causes between versions of the demo's encoder, and hold what `embver trace` says against them. "
        "Models and vectors are kept: a second run is shorter.",
    )
    parser.add_argument("--quick", action="store_true", help="six cases, a small model, few queries")
    parser.add_argument("--only", default="", help="only the cases whose key holds this text")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build/planted", help="where everything is kept (build/planted)"
    )
    parser.add_argument("--processes", type=int, default=2, help="how many at once, a thread each (2)")
    given = parser.parse_args(argv)
    begun = time.perf_counter()

    def show(what: str, done: int, of: int) -> None:
        print(f"{time.perf_counter() - begun:6.0f} s  {done}/{of}  {what}", file=sys.stderr, flush=True)

    cases = [case for case in (quick_cases() if given.quick else all_cases()) if given.only in case.key]
    kit = Kit(folder=given.out.resolve(), is_quick=given.quick)
    pairs = QUICK_PAIRS if given.quick else None
    findings = try_all(kit, cases, processes=given.processes, pairs=pairs, progress=show)
    tables = report(findings)
    write_json(kit.folder / "findings.json", plain(findings))
    print(tables, end="")
    print(
        f"{len(cases)} cases in {time.perf_counter() - begun:.0f} s; {kit.folder / 'findings.json'}",
        file=sys.stderr,
    )
    return 1 if "**no**" in tables else 0


def write_json(path: Path, held: object) -> None:
    """Write JSON whole or not at all."""
    from benchmarks.calibration.store import write_json

    write_json(path, held)


if __name__ == "__main__":
    sys.exit(main())
