"""`embver export`."""

from __future__ import annotations

import argparse
from pathlib import Path

from embver.cli.output import Output
from embver.cli.parser import add_json

_EPILOG = """\
formats:
  hf              a Hugging Face model card: README.md with model-index, and .eval_results/*.yaml
  mteb, clip-benchmark, eval-results
                  the benchmark results alone, each in its harness's own form
  croissant       the vectors and the probe set as data sets (Croissant 1.1)
  cyclonedx       a machine learning bill of materials (CycloneDX 1.6; --set spec=1.7)
  model-signing   the manifest that OpenSSF model signing signs
  in-toto         attestations: SLSA provenance of the encode run, the verdict as a test result
  spdx            an AI bill of materials (SPDX 3.0.1)
  modelpack       the configuration of a ModelPack artifact (OCI)
  openlineage     the events of the encode run
  parquet, npy, lance, faiss
                  the vectors themselves, with their ids
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("reference", metavar="REF", help="a version, such as products@1.1.0")
    parser.add_argument("--format", metavar="F", required=True, help="see below")
    parser.add_argument(
        "--out", metavar="DIR", help="the folder to write into (default: NAME-VERSION-FORMAT)"
    )
    parser.add_argument("--yanked", action="store_true", help="also where the version was withdrawn")
    parser.add_argument("--force", action="store_true", help="write over files that differ")
    parser.add_argument(
        "--set",
        metavar="OPTION=VALUE",
        action="append",
        default=[],
        dest="options",
        help="an option of the format (may be repeated); a wrong one lists those that there are",
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Write a version in a standard format, or its vectors for a store."""
    from embver.actions.exporting import ExportReport, ExportRequest, check_folder, export, warning_of
    from embver.api.repository import open_in
    from embver.api.vector_files import FORMATS, write_vectors
    from embver.cli.importing import parse_options
    from embver.cli.open import open_workspace
    from embver.errors import UsageError

    work = open_workspace(arguments)
    source = work.source(arguments.reference)
    name = f"{source.reference}-{arguments.format}".replace("@", "-").replace("/", "-").replace("#", "-")
    folder = Path(arguments.directory) / (arguments.out or name)
    options = parse_options(arguments.options)
    if arguments.format in FORMATS:
        if options:
            raise UsageError(
                f"{arguments.format} has no option {next(iter(options))}", hint="its options: none"
            )
        check_folder(folder)
        warned = warning_of(work, source, is_yanked_wanted=arguments.yanked)
        version = open_in(work, arguments.reference)
        made = write_vectors(version, folder, format_=arguments.format, is_forced=arguments.force)
        report = ExportReport(
            reference=version.reference,
            format=arguments.format,
            files=made.paths,
            left_out=(),
            notes=(*warned, *made.notes),
        )
    else:
        request = ExportRequest(
            reference=arguments.reference,
            format=arguments.format,
            out=folder,
            is_forced=arguments.force,
            is_yanked_wanted=arguments.yanked,
            options=options,
        )
        report = export(work, request)
    if out.is_json:
        out.json(report.to_plain())
        return 0
    for path in report.files:
        out.print(str(path))
    for entry in report.left_out:
        out.say(f"left out {entry.what}: {entry.why}")
    for note in report.notes:
        out.say(f"note: {note}")
    return 0
