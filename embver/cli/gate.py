"""`embver gate`."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json
from embver.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embver.actions.gate import GateReport
    from embver.gates import Gate
    from embver.store.config import Settings

_THRESHOLDS = ("min", "max", "max_drop", "max_drop_relative", "significant_drop")


def _number(text: str) -> float:
    """Read a threshold; nothing is above NaN, and everything is below infinity: neither holds anything back."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return number


def _drop(text: str) -> float:
    """Read how much worse a number may be: 0 or more, as in the settings."""
    if (number := _number(text)) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 0")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "ref",
        metavar="REF",
        nargs="?",
        help="the version, such as products@next (default: of every embedding that has gates its next/, or its latest "
        "release); with --bisect the name of the embedding, where a commit has several",
    )
    parser.add_argument(
        "--against",
        metavar="REF",
        help="the version to hold it against (default: the one before it; with --bisect the first good commit)",
    )
    parser.add_argument(
        "--missing",
        choices=("fail", "pass"),
        help="what counts where a gate cannot be judged: not run, or not comparable (default: as the gate says, else fail)",
    )
    parser.add_argument(
        "--bisect",
        action="store_true",
        help="judge the commit that `git bisect run` has checked out: 0 good, 1 bad, 125 cannot be judged",
    )
    parser.add_argument(
        "--settings", metavar="FILE", help="take the gates of this file, not those of embver.toml"
    )
    parser.add_argument("--benchmark", metavar="ID", help="ask the gates of this benchmark only")
    parser.add_argument("--metric", metavar="M", help="ask the gates of this metric only")
    parser.add_argument(
        "--min", type=_number, metavar="X", help="a threshold of your own: the least it may be"
    )
    parser.add_argument("--max", type=_number, metavar="X", help="the most it may be")
    parser.add_argument("--max-drop", type=_drop, metavar="X", help="how much worse than before it may be")
    parser.add_argument(
        "--max-drop-relative", type=_drop, metavar="X", help="the same as a share of what it was"
    )
    parser.add_argument("--significant-drop", action="store_true", help="no significant drop since before")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--md", action="store_true", help="print Markdown for a comment on a pull request")
    add_json(form)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Judge a version by its gates; exit 1 if one does not let it through."""
    if arguments.bisect:
        return _bisect(arguments, out)
    from embver.actions.gate import check_names, gate, gate_all, select
    from embver.cli.open import open_workspace

    work = open_workspace(arguments)
    settings = _settings(arguments) or work.settings
    if arguments.ref is None:
        if _is_chosen(arguments) or arguments.settings or arguments.against:
            raise UsageError("which version is to be judged?", hint="embver gate NAME@next")
        reports = gate_all(work, missing=arguments.missing)
        if not reports:
            out.say("note: no gate was asked: embver.toml has no [[gate]]")
    else:
        check_names(work)
        name = work.source(arguments.ref).reference.partition("@")[0]
        chosen = {"benchmark": arguments.benchmark, "metric": arguments.metric}
        gates = _typed(arguments, settings) or select(settings.gates_for(name), name, **chosen)
        report = gate(work, arguments.ref, gates, against=arguments.against, missing=arguments.missing)
        reports = (report,)
    _show(reports, arguments, out)
    return 0 if all(report.is_passed for report in reports) else 1


def _show(reports: Sequence[GateReport], arguments: argparse.Namespace, out: Output) -> None:
    from embver.cli.gate_text import gate_markdown, print_report

    if out.is_json:
        plain = [report.to_plain() for report in reports]
        out.json(plain[0] if arguments.ref is not None else plain)
    elif arguments.md:
        out.print(gate_markdown(reports))
    else:
        for number, report in enumerate(reports):
            out.print() if number else None
            print_report(report, out)


def _is_chosen(arguments: argparse.Namespace) -> bool:
    return any(_is_given(getattr(arguments, key)) for key in ("benchmark", "metric", *_THRESHOLDS))


def _is_given(value: object) -> bool:
    return value is not None and value is not False  # 0 is a threshold like any other


def _settings(arguments: argparse.Namespace) -> Settings | None:
    """Return the settings of the file that was named, or None."""
    from embver.store.config import read_settings

    if arguments.settings is None:
        return None
    return read_settings(Path(arguments.directory).absolute() / arguments.settings)


def _typed(arguments: argparse.Namespace, settings: Settings | None) -> tuple[Gate, ...]:
    """Return the gate of the thresholds that were typed, if there are any."""
    from embver.gates import Gate

    thresholds = {key: getattr(arguments, key) for key in _THRESHOLDS}
    if not any(_is_given(value) for value in thresholds.values()):
        return ()
    if arguments.metric is None:
        raise UsageError("a threshold needs the metric that it is for", hint="--metric M --benchmark ID")
    benchmark = arguments.benchmark or _only(settings)
    return (Gate(benchmark=benchmark, metric=arguments.metric, **thresholds),)


def _only(settings: Settings | None) -> str:
    """Return the one benchmark of the settings; raise UsageError where it has to be said."""
    known = [entry.id for entry in settings.benchmarks] if settings else []
    if len(known) != 1:
        raise UsageError(
            "a threshold needs the benchmark that it is for",
            hint=f"--benchmark {known[0]}" if known else "--benchmark ID",
        )
    return known[0]


def _bisect(arguments: argparse.Namespace, out: Output) -> int:
    """Judge the commit at hand; whatever goes wrong is a commit that cannot be judged, and never a bad one."""
    from embver.actions.gate_bisect import SKIP, BisectRequest, judge_commit
    from embver.cli.gate_text import print_commit
    from embver.errors import EmbverError
    from embver.store.repo import Repository

    try:
        settings = _settings(arguments)
        name = arguments.ref.partition("@")[0] if arguments.ref else None
        request = BisectRequest(
            name=name,
            gates=_typed(arguments, settings),
            benchmark=arguments.benchmark,
            metric=arguments.metric,
            settings=settings,
            against=arguments.against,
        )
        found = judge_commit(Repository.discover(Path(arguments.directory).absolute()), request)
    except EmbverError as error:
        out.error(error.message, hint=error.hint)
        return SKIP
    except Exception as error:  # a bug's own code would be a bad commit to Git
        import traceback

        out.error(f"unexpected: {type(error).__name__}: {error}", hint="the same command with --debug")
        if arguments.debug:
            out.say(traceback.format_exc())
        return SKIP
    out.json(found.to_plain()) if out.is_json else print_commit(found, out)
    return found.code
