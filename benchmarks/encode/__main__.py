"""The command: `python -m benchmarks.encode CASE... [--rounds N] [--items N] [--threads N] [--json OUT]`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.encode import machine
from benchmarks.encode.cases import CASES, PROGRAMS
from benchmarks.encode.options import Options
from benchmarks.encode.rounds import Measured
from benchmarks.encode.tables import format_measured


def main(argv: Sequence[str] | None = None) -> int:
    """Run cases and print their tables; each case and number of threads is a process of its own."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in PROGRAMS:
        return _program(words[0], words[1:])
    chosen = _parser().parse_args(words)
    if chosen.here:
        return _here(chosen)
    names = list(CASES) if "all" in chosen.case else list(dict.fromkeys(chosen.case))
    found = machine.describe_machine()
    begun = machine.load_average()
    print(f"{machine.format_machine(found)}; load {begun:.2f}\n", flush=True)
    cores = os.cpu_count() or 1
    results, failed = [], []
    for name in names:
        counts = [chosen.threads] if chosen.threads else sorted({1, cores} if CASES[name].scales else {1})
        for threads in counts:
            before = machine.load_average()
            try:
                measured = _child(name, threads, chosen)
            except subprocess.CalledProcessError as error:
                print(
                    f"### {name}, {threads} thread(s): failed with exit code {error.returncode}\n", flush=True
                )
                failed.append(name)
                continue
            after = machine.load_average()
            print(format_measured(measured))
            warning = machine.load_warning(before, after, threads=threads, cores=cores)
            print(f"- {warning}\n" if warning else "", flush=True)
            results.append(measured.to_plain() | {"threads": threads, "load": [before, after]})
    missed = [f"{one['case']}: {bar['what']}" for one in results for bar in one["bars"] if not bar["is_met"]]
    print(
        f"load {begun:.2f} at the start, {machine.load_average():.2f} at the end; {len(missed)} bar(s) missed"
    )
    print("".join(f"- {line}\n" for line in missed), end="")
    if chosen.json:
        document = {"machine": found, "load": [begun, machine.load_average()], "cases": results}
        chosen.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 3 if failed else 0


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:15}{case.what}" for name, case in CASES.items())
    programs = "\n".join(f"  {name:15}{what}" for name, (_, what) in PROGRAMS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.encode",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measure the encode step side by side with its limits and its peers, in turns, in one process.",
        epilog=f"cases:\n{listed}\n\nprograms with options of their own (NAME --help):\n{programs}",
    )
    parser.add_argument(
        "case", nargs="+", choices=[*CASES, "all"], metavar="CASE", help="a case below, or all"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="medians of so many rounds (default: %(default)s)"
    )
    parser.add_argument("--items", type=int, help="how many items (default: the case's own)")
    parser.add_argument("--threads", type=int, help="this many cores only (default: one, then all)")
    parser.add_argument(
        "--tiny", action="store_true", help="tiny shapes: shows that it runs, measures nothing"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write every timing there too")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    return parser


def _program(name: str, words: Sequence[str]) -> int:
    module = PROGRAMS[name][0]
    if importlib.util.find_spec(module) is None:
        print(f"{name} is not in this checkout", file=sys.stderr)
        return 2
    return subprocess.run([sys.executable, "-m", module, *words], check=False).returncode


def _child(name: str, threads: int, chosen: argparse.Namespace) -> Measured:
    """Run one case in a process of its own: the runtimes read the number of threads once, when they load."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        words = [
            name,
            "--here",
            "--threads",
            str(threads),
            "--rounds",
            str(chosen.rounds),
            "--json",
            str(out),
        ]
        words += ["--items", str(chosen.items)] if chosen.items else []
        words += ["--tiny"] if chosen.tiny else []
        quiet = {
            "OMP_NUM_THREADS": str(threads),
            "MKL_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "passive",
            "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
            "TRANSFORMERS_VERBOSITY": "error",
            "HF_HUB_OFFLINE": "1",
        }
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.encode", *words]
        subprocess.run(command, check=True, env={**os.environ, **quiet})
        return Measured.from_plain(json.loads(out.read_text(encoding="utf-8")))


def _here(chosen: argparse.Namespace) -> int:
    machine.pin(chosen.threads)
    with tempfile.TemporaryDirectory() as folder:
        measured = run_case(
            chosen.case[0],
            Options(
                folder=Path(folder),
                rounds=chosen.rounds,
                items=chosen.items,
                threads=chosen.threads,
                is_tiny=chosen.tiny,
            ),
        )
    chosen.json.write_text(json.dumps(measured.to_plain()), encoding="utf-8")
    return 0


def run_case(name: str, options: Options) -> Measured:
    """Run one case in this process, on as many torch threads as it is asked for."""
    from embver.encode.runtime import load_torch, quiet_transformers

    load_torch().set_num_threads(options.threads)
    with quiet_transformers():
        return CASES[name].run(options)


if __name__ == "__main__":
    sys.exit(main())
