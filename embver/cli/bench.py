"""`embver bench`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", metavar="NAME", help="the embedding whose next/ is evaluated")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:N")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Evaluate next/ on every benchmark."""
    from embver.actions.bench import bench
    from embver.cli.open import now, open_for_writing

    work = open_for_writing(arguments)
    with out.progress() as progress:
        report = bench(work, arguments.name, now=now(), progress=progress, device=arguments.device)
    if out.is_json:
        out.json({"reference": report.reference, "benchmarks": [dict(record) for record in report.records]})
        return 0
    rows = []
    for record in report.records:
        for metric in record["metrics"]:
            interval = f"{metric['ci']['low']:.3f} to {metric['ci']['high']:.3f}"
            queries = f"{record['protocol']['queries']:,}"
            rows.append((record["id"], metric["key"], f"{metric['value']:.3f}", interval, queries))
    out.table(("benchmark", "metric", "value", "95 % interval", "queries"), rows)
    out.hint(f"embver status {arguments.name}")
    return 0
