"""`embver validate`."""

from __future__ import annotations

import argparse
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("paths", metavar="PATH", nargs="*", type=Path, help="cards or folders (default: all)")
    parser.add_argument(
        "--staged", action="store_true", help="check what would be committed, not the work tree"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Check cards."""
    from embver.actions.validate import validate

    report = validate(Path(arguments.directory), arguments.paths, staged=arguments.staged)
    if out.is_json:
        out.json({"problems": [problem.to_plain() for problem in report.problems]})
    else:
        for problem in report.problems:
            out.print(problem.format())
        cards = f"{report.checked} {'card' if report.checked == 1 else 'cards'}"
        count = len(report.problems)
        out.say(
            f"{cards} checked, {count} {'problem' if count == 1 else 'problems'}"
            if count
            else f"{cards} checked"
        )
    return 1 if report.problems else 0
