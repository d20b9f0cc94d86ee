"""`embver adopt`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.adopt import AdoptReport

_EPILOG = """\
example:
  embver adopt products --tags 'emb-{version}' --vectors 'text=vectors/text*.npy' --ids text=vectors/ids.txt \\
      --model text=sentence-transformers/all-MiniLM-L6-v2 --metric cosine --table CHANGELOG.md --dry-run

Vectors are read from npy, npz, safetensors, parquet and pt (tensors alone), and kept as canonical safetensors in Git LFS.
Old commits and tags stay as they are; each version gets a commit of its own on this branch, with the date of then.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("name", metavar="NAME", help="the embedding that the past becomes")
    parser.add_argument("--tags", metavar="PATTERN", help="the old tags, such as 'v{version}'")
    parser.add_argument(
        "--vectors",
        metavar="MODALITY=PATH",
        action="append",
        default=[],
        help="where the old commits keep vectors; PATH may be a pattern, and PATH:NAME names an array of the file",
    )
    parser.add_argument(
        "--ids", metavar="MODALITY=PATH", action="append", default=[], help="a text file with an id a line"
    )
    parser.add_argument(
        "--table", metavar="FILE", help="a CSV, TSV or Markdown table, or a changelog in Markdown"
    )
    parser.add_argument("--map", metavar="FIELD=COLUMN,...", dest="mapping", help="which column says what")
    parser.add_argument(
        "--model",
        metavar="[MODALITY=]ID",
        action="append",
        default=[],
        help="the model of all versions; a column of the table goes first",
    )
    parser.add_argument(
        "--metric", choices=("cosine", "dot", "euclidean", "hamming"), help="the metric of all versions"
    )
    parser.add_argument(
        "--normalized", choices=("yes", "no"), help="of versions without vectors; with vectors it is measured"
    )
    parser.add_argument("--title", metavar="TEXT", help="the title of all versions")
    parser.add_argument("--license", metavar="SPDX", help="the licence of all vectors")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the plan and write nothing")
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Turn a past without embver into releases."""
    return run_adopt(arguments, out)


def run_adopt(arguments: argparse.Namespace, out: Output) -> int:
    """Adopt what the arguments name, also those of `embver import table`."""
    from embver.actions.adopt import adopt
    from embver.actions.adopt_card import Known
    from embver.actions.adopt_request import AdoptRequest
    from embver.cli.open import open_for_writing

    folder = Path(arguments.directory).absolute()
    known = Known(
        metric=arguments.metric,
        is_normalized=None if arguments.normalized is None else arguments.normalized == "yes",
        models=_pairs(arguments.model, "--model", is_name_needed=False),
        title=arguments.title,
        license=arguments.license,
    )
    request = AdoptRequest(
        name=arguments.name,
        tags=arguments.tags,
        vectors=_pairs(arguments.vectors, "--vectors"),
        ids=_pairs(arguments.ids, "--ids"),
        table=folder / arguments.table if arguments.table else None,
        table_name=arguments.table or "",
        mapping=arguments.mapping,
        known=known,
        is_dry_run=arguments.dry_run,
    )
    report = adopt(open_for_writing(arguments), request)
    if out.is_json:
        out.json(report.to_plain())
        return 0
    _tell(report, out)
    return 0


def _pairs(texts: Sequence[str], option: str, *, is_name_needed: bool = True) -> dict[str, str]:
    from embver.errors import UsageError

    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and not is_name_needed:
            name, value = "", text
        elif not equals or not value or (is_name_needed and not name):
            raise UsageError(f"{option} {text} is not MODALITY={'ID' if option == '--model' else 'PATH'}")
        found[name] = value
    return found


def _tell(report: AdoptReport, out: Output) -> None:
    rows = []
    for entry in report.adopted:
        vectors = ", ".join(
            f"{m} {rows:,} x {dims} {dtype}" for m, (rows, dims, dtype) in entry.vectors.items()
        )
        origin = entry.tag or ""
        origin += f"{', ' if origin else ''}line {entry.line}" if entry.line else ""
        rows.append((entry.version, entry.date[:10], origin, vectors or "-"))
    if rows:
        out.table(("version", "date", "from", "vectors"), rows)
    for left in report.left_out:
        out.say(f"left out {left.what}: {left.why}")
    if report.known:
        out.say(f"already released: {', '.join(report.known)}")
    if not rows:
        out.say("nothing to adopt")
    elif report.is_written:
        counted = "1 version adopted," if len(rows) == 1 else f"{len(rows)} versions adopted, each"
        out.say(f"{counted} marked as reconstructed and unmeasured")
        out.hint(f"embver list {report.name}, then embver verify")
    else:
        out.say("nothing was written (--dry-run)")
