"""`embver import`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.importing import ImportReport
    from embver.intake import Taken

_WIDEST = 72
_MOST_ROWS = 60  # a folder of a thousand results is no table that somebody reads
_MOST_FILES = 8
_EPILOG = """\
sources, each with what REF is:
  dvc             a path that DVC tracks, at a revision: data/images or data/images@v1.2 (default: the work tree's commit)
  lfs             a path that Git LFS tracks, at a revision: data/images.tar@v1.2
  mlflow          a run: TRACKING-URI#ID, mlflow.db#ID, mlruns#ID, its page's address, or its id with MLFLOW_TRACKING_URI
  wandb           a run: ENTITY/PROJECT/ID, an offline run's folder, or a .wandb file
  neptune         a folder of the exporter's Parquet files, as FOLDER#RUN, or an offline run's folder
  mteb            a result file or a folder of them (MTEB and MIEB, 0.x to 2.x)
  clip-benchmark  a result file or a folder of them
  eval-results    a Hugging Face .eval_results file or folder
  table           a CSV, TSV or Markdown table, or a changelog: each row becomes a released version, marked as
                  reconstructed; --map says which column is what (`embver adopt` does more of this)
  hf              a model card: README.md or a folder that has one, with the configuration files beside it
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", help="the kind of source, see below")
    parser.add_argument("reference", metavar="REF", help="what to take it from")
    parser.add_argument(
        "--into", metavar="NAME@next", help="the working version (default: the only embedding)"
    )
    parser.add_argument(
        "-n", "--dry-run", action="store_true", help="show what would be taken and write nothing"
    )
    parser.add_argument(
        "--replace", action="store_true", help="also replace values of the card that differ from the source's"
    )
    parser.add_argument(
        "--without",
        metavar="FIELD",
        action="append",
        default=[],
        help="leave a field of the card out (may be repeated)",
    )
    parser.add_argument(
        "--allow-failed", action="store_true", help="take over a run that failed, was killed or goes on still"
    )
    parser.add_argument(
        "--set",
        metavar="OPTION=VALUE",
        action="append",
        default=[],
        dest="options",
        help="an option of the source (may be repeated); a wrong one lists those that there are",
    )
    parser.add_argument(
        "--map", metavar="FIELD=COLUMN,...", dest="mapping", help="table: which column says what"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Take over what another system knows into the card of next/."""
    from embver.actions.importing import ImportRequest, import_from
    from embver.cli.open import open_for_writing
    from embver.errors import UsageError

    if arguments.source == "table":
        return _table(arguments, out)
    if arguments.mapping is not None:
        raise UsageError(
            f"{arguments.source} has no columns: --map is for tables", hint="embver import table FILE"
        )
    work = open_for_writing(arguments)
    into = arguments.into
    if into is None:
        names = work.names()
        if len(names) != 1:
            raise UsageError("say which embedding to import into", hint="--into NAME@next")
        into = f"{names[0]}@next"
    elif "@" not in into:
        into = f"{into}@next"
    request = ImportRequest(
        source=arguments.source,
        reference=arguments.reference,
        into=into,
        is_dry_run=arguments.dry_run,
        allow_failed=arguments.allow_failed,
        replace=arguments.replace,
        without=tuple(arguments.without),
        options=parse_options(arguments.options),
        folder=Path(arguments.directory).absolute(),
    )
    report = import_from(work, request)
    if out.is_json:
        out.json(report.to_plain())
        return 0
    _tell(report, out)
    return 0


def _table(arguments: argparse.Namespace, out: Output) -> int:
    """Adopt what a table tells; of all versions the options metric, model, model.MODALITY and normalized may say more."""
    from embver.actions.adopt_card import METRICS
    from embver.cli.adopt import run_adopt
    from embver.errors import UsageError

    if arguments.into is None:
        raise UsageError("say which embedding the table is about", hint="--into NAME")
    if arguments.replace or arguments.without or arguments.allow_failed:
        raise UsageError(
            "a table makes released versions: there is no --replace, --without or --allow-failed",
            hint="--map takes the columns that are meant",
        )
    options = parse_options(arguments.options)
    models = [f"{name.removeprefix('model').removeprefix('.')}={value}" for name, value in options.items()
              if name == "model" or name.startswith("model.")]  # fmt: skip
    metric = options.get("metric", "cosine")
    if metric not in METRICS:
        raise UsageError(f"there is no metric {metric}", hint=f"known: {', '.join(METRICS)}")
    unknown = [
        name
        for name in options
        if name not in ("metric", "normalized", "title", "license") and not name.startswith("model")
    ]
    if unknown:
        raise UsageError(
            f"table has no option {unknown[0]}",
            hint="its options: metric, normalized, model, model.MODALITY, title, license",
        )
    arguments.name = arguments.into.partition("@")[0]
    arguments.table, arguments.tags, arguments.vectors, arguments.ids = arguments.reference, None, [], []
    arguments.model = models
    for name in ("metric", "normalized", "title", "license"):
        setattr(arguments, name, options.get(name))
    return run_adopt(arguments, out)


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """Return `--set OPTION=VALUE` by name."""
    from embver.errors import UsageError

    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"--set {text} is not OPTION=VALUE")
        options[name] = value
    return options


def _tell(report: ImportReport, out: Output) -> None:
    rows = [row for taken in report.new for row in _rows(taken)]
    rows += [
        (kept.path, f"{_brief(kept.path, kept.theirs)} (was {_brief(kept.path, kept.yours)})", kept.origin)
        for kept in report.replaced
    ]
    if rows:
        out.table(("field", "value", "from"), rows[:_MOST_ROWS])
        if len(rows) > _MOST_ROWS:
            out.say(f"and {len(rows) - _MOST_ROWS:,} more; --json lists them all")
    elif not report.files:
        out.say(f"nothing new in {report.uri}: {len(report.same)} fields are in the card already")
    for kept in report.kept[:_MOST_ROWS]:
        yours, theirs = _brief(kept.path, kept.yours), _brief(kept.path, kept.theirs)
        out.say(f"kept {kept.path}: yours is {yours}, {kept.origin} says {theirs}")
    if len(report.kept) > _MOST_ROWS:
        out.say(f"kept {len(report.kept) - _MOST_ROWS:,} more as they are")
    for left in report.left_out:
        out.say(f"left out {left.what}: {left.why}")
    for warning in report.warnings:
        out.say(f"{out.style('warning:', 'yellow')} {warning}")
    done = "kept" if report.is_written else "would keep"
    if len(report.files) <= _MOST_FILES:
        for path in report.files:
            out.say(f"{done} {path}")
    else:
        folders = ", ".join(dict.fromkeys(path.rpartition("/")[0] for path in report.files))
        out.say(f"{done} {len(report.files):,} files in {folders}")
    if report.kept:
        out.hint("--replace takes the source's values")
    if rows and not report.is_written:
        out.say("nothing was written (--dry-run)")
    elif report.is_written:
        out.hint(f"embver status {report.into.partition('@')[0]}")


def _rows(taken: Taken) -> Iterator[tuple[str, str, str]]:
    """Yield a line for each field of an entry: what a digest is matters more than that there is one."""
    if not isinstance(taken.value, Mapping) or not taken.value or taken.where[0] == "benchmarks":
        yield taken.path, _brief(taken.path, taken.value), taken.origin
        return
    known_by = taken.where[-1][0] if isinstance(taken.where[-1], tuple) else None
    for key, value in taken.value.items():
        if key != known_by or len(taken.value) == 1:
            yield f"{taken.path}.{key}", _shown(value), taken.origin


def _brief(path: str, value: Any) -> str:
    """Return a value as one line shows it; of a benchmark record its numbers, the main one first."""
    if not path.startswith("benchmarks[") or not isinstance(value, Mapping):
        return _shown(value)
    metrics = [
        f"{each.get('key')} {_shown(each.get('value'))}"
        for each in value.get("metrics") or ()
        if isinstance(each, Mapping)
    ]
    rest = f" and {len(metrics) - 1} more" if len(metrics) > 1 else ""
    return f"{metrics[0]}{rest}" if metrics else _shown(value)


def _shown(value: Any) -> str:
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}\u2026"
