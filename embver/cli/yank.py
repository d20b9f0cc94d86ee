"""`embver yank`."""

from __future__ import annotations

import argparse

from embver.cli import deprecate
from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    deprecate.add_arguments(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Withdraw a version: nobody should use it, and `embver pull` refuses it."""
    return deprecate.change_status(arguments, out, "yanked")
