"""`embver bench`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

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
    against = next((record["compared"]["against"] for record in report.records if "compared" in record), None)
    rows = [
        (
            record["id"],
            metric["key"],
            f"{metric['value']:.3f}",
            f"{metric['ci']['low']:.3f} to {metric['ci']['high']:.3f}",
            f"{record['protocol']['queries']:,}",
            *((_change(metric.get("change"), out),) if against else ()),
        )
        for record in report.records
        for metric in record["metrics"]
    ]
    header = (
        "benchmark",
        "metric",
        "value",
        "95 % interval",
        "queries",
        *((f"since {against}",) if against else ()),
    )
    out.table(header, rows)
    for record in report.records:
        compared = record.get("compared") or {}
        if "not_comparable" in compared:
            out.say(
                f"{record['id']} is not comparable with {compared['against']}: {compared['not_comparable']}"
            )
    out.hint(f"embver status {arguments.name}")
    return 0


_COLOURS = {"improvement": "green", "regression": "red"}


def _change(change: Mapping[str, Any] | None, out: Output) -> str:
    """Return what changed since the release before, with its interval; a change is called one only when it is one."""
    if change is None:
        return "-"
    if change["verdict"] == "same":
        return "same"
    found = f"{change['value']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"
    return f"{found} {out.style(change['verdict'], _COLOURS.get(change['verdict'], 'dim'))}"
