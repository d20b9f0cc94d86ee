"""The command: `python -m benchmarks.calibration [--quick] [--out FOLDER]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.calibration.ladder import ladder
from benchmarks.calibration.report import report
from benchmarks.calibration.store import ROOT, Store, write_json
from benchmarks.calibration.trial import calibrate

NAMES = ("full", "quick", "tiny")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the ladder, print the tables as Markdown, write the findings as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description="Calibrate the decision rule: judge a ladder of changes of the demo's encoder, and try each on a "
        "live index. Prints tables; run again, it goes on where it stopped.",
    )
    parser.add_argument(
        "--ladder", choices=NAMES, default="full", help="how much is tried (default: %(default)s)"
    )
    parser.add_argument(
        "--quick",
        dest="ladder",
        action="store_const",
        const="quick",
        help="a short ladder, in about two minutes: --ladder quick",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ROOT / "build/calibration",
        help="where everything is kept (build/calibration)",
    )
    parser.add_argument("--processes", type=int, default=2, help="how many at once, a thread each (2)")
    given = parser.parse_args(argv)
    begun = time.perf_counter()
    store = Store(folder=given.out.resolve(), ladder=given.ladder)

    def show(what: str, done: int, of: int) -> None:
        print(f"{time.perf_counter() - begun:6.0f} s  {done}/{of}  {what}", file=sys.stderr, flush=True)

    findings = calibrate(store, processes=given.processes, progress=show)
    tables = report(findings)
    write_json(store.folder / f"{given.ladder}.json", {"ladder": given.ladder, "findings": findings})
    (store.folder / f"{given.ladder}.md").write_text(tables, encoding="utf-8")
    print(tables, end="")
    print(
        f"{len(ladder(given.ladder).cases())} changes in {time.perf_counter() - begun:.0f} s; "
        f"findings: {store.folder / given.ladder}.json",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
