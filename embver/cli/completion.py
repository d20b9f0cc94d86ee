"""`embver completion`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Print a completion script."""
    import shtab

    from embver.cli.parser import build_full_parser

    out.print(shtab.complete(build_full_parser()[0], shell=arguments.shell))
    return 0
