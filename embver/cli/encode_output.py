"""Arguments of `embver encode` about its files: how they are cut, what is copied, what stands in the work tree."""

from __future__ import annotations

import argparse
from typing import Any

from embver.shards import SHARD_ROWS


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = parser.add_argument_group("files")
    group.add_argument(
        "--shard-rows",
        type=int,
        default=SHARD_ROWS,
        metavar="N",
        help=f"items a file of vectors, and the most that a kill loses (default {SHARD_ROWS:,})",
    )
    group.add_argument(
        "--full", action="store_true", help="encode every row, also those that an earlier version holds"
    )
    group.add_argument(
        "--reuse-across-environments",
        action="store_true",
        help="copy rows although they were encoded on another machine or with other software",
    )
    group.add_argument(
        "--restart", action="store_true", help="forget what a run that was given up has finished"
    )
    group.add_argument(
        "--on-error",
        choices=("stop", "skip"),
        default="stop",
        help="an item that cannot be encoded stops the run (default), or is left out and named in skipped.jsonl",
    )
    group.add_argument(
        "--materialise",
        choices=("reflink", "copy", "link"),
        help="put the files themselves into the work tree, and not their pointers",
    )


def output_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the arguments say, as fields of an `EncodeRequest`."""
    names = ("shard_rows", "full", "reuse_across_environments", "restart", "on_error", "materialise")
    return {name: getattr(arguments, name) for name in names}
