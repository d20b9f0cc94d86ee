"""`embver notify`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.notify import NotifyReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("reference", metavar="REF", help="a released version, such as products@1.1.0")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the tags and ask nobody")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Tell the tracker of a version's run that the version is released."""
    from embver.actions.notify import notify
    from embver.cli.open import open_for_writing

    report = notify(open_for_writing(arguments), arguments.reference, is_dry_run=arguments.dry_run)
    if out.is_json:
        out.json({**report.to_plain(), "applied": not arguments.dry_run})
        return 0
    tell_notified(report, out)
    return 0


def notify_after_push(
    arguments: argparse.Namespace, references: Sequence[str], out: Output
) -> list[dict[str, Any]]:
    """Tell the tracker of releases that were just pushed; what it answers is printed, and undoes nothing."""
    from embver.actions.notify import notify
    from embver.cli.open import open_for_writing
    from embver.errors import EmbverError

    told: list[dict[str, Any]] = []
    work = open_for_writing(arguments)  # anew: the releases have their tags now
    for reference in references:
        try:
            report = notify(work, reference)
        except EmbverError as error:
            out.say(f"{out.style('warning:', 'yellow')} {reference} is released, and {error.message}")
            out.hint(
                f"{error.hint}, then embver notify {reference}"
                if error.hint
                else f"embver notify {reference}"
            )
            told.append({"reference": reference, "error": error.message})
            continue
        told.append(report.to_plain())
        if not out.is_json:
            tell_notified(report, out)
    return told


def tell_notified(report: NotifyReport, out: Output) -> None:
    """Print what a tracker was told."""
    if report.told:
        out.print(f"told {report.tracker}: {', '.join(report.told)}")
    else:
        out.print(f"would tell {report.tracker}: {report.uri}")
    for key, value in report.tags.items():
        out.print(f"  {out.style(key, 'dim')} {value}")
