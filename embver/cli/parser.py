"""The parser: a table of commands, each with its arguments in its own module."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from importlib import import_module
from typing import Any, Protocol, cast

from embver import __version__
from embver.cli.output import Output

# In the order in which a person meets them.
COMMANDS: dict[str, str] = {
    "init": "set up a repository: settings, LFS attributes, hook, site",
    "new": "begin the next version from the latest release's card, or from the template",
    "encode": "run the encode step: vectors, ids, probe vectors and checksums into next/",
    "bench": "evaluate retrieval on labelled pairs, with confidence intervals, into the card",
    "status": "show what changed since the last release, the level it calls for, and why",
    "validate": "check cards; the pre-commit hook",
    "migrate": "bring the card of next/ to the newest schema, in place",
    "compat": "measure one version against another and give the verdict",
    "bridge": "learn a map from one version's queries to another's index, and say what it recovers",
    "gate": "hold a version's benchmarks against the thresholds of embver.toml, for CI and `git bisect`",
    "release": "release next/: plan, then apply; the tag comes last",
    "promote": "let a stage such as prod hold a released version; to go back, promote the older one",
    "demote": "take a stage back: then no version holds it",
    "deprecate": "say of a released version that it works and that one should move on",
    "yank": "withdraw a released version: it stays, and nobody should use it",
    "verify": "prove that tags, cards, pointers and bytes agree",
    "list": "list releases",
    "show": "show one version's card",
    "log": "show releases with what changed in each",
    "diff": "compare two versions field by field",
    "trace": "follow a metric over versions: which step moved it, and which field most plausibly caused it",
    "explain": "say which level a change of a field calls for, and why",
    "fingerprint": "print the fingerprint of the space that a version's vectors are in",
    "guard": "stamp a vector store with its version, and refuse queries of another space",
    "pull": "fetch one version's bytes, and no other's",
    "import": "take over into the card what DVC, Git LFS, MLflow, W&B, Neptune, MTEB or Hugging Face know",
    "notify": "tell the tracker of a version's run that the version is released",
    "export": "write a version in a standard format: a model card, a bill of materials, an attestation, vectors",
    "adopt": "turn a past without embver into releases: old tags, vector files, a table kept by hand",
    "site": "write the changelog pages, and build them",
    "doctor": "check git, git-lfs, attributes, tags, extras, and name the repair",
    "completion": "print a completion script for bash, zsh or tcsh",
}

EPILOG = """\
A reference is NAME@VERSION, NAME@latest, NAME@next, NAME#STAGE, or NAME for the latest release.

exit codes: 0 fine, 1 checked and wrong, 2 asked wrongly, 3 could not do it, 130 interrupted, 70 a bug
"""


class Command(Protocol):
    """What the module of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's arguments."""

    def run(self, arguments: argparse.Namespace, out: Output) -> int:
        """Do the command and return the exit code."""


class _Layout(argparse.HelpFormatter):
    """Lay out help; argparse makes one for every argument, and its own asks `shutil` for the width, which loads much."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **options})


class _RawLayout(_Layout, argparse.RawDescriptionHelpFormatter):
    """Leave the lines of a text as they are."""


def _columns() -> int:
    """Return how wide the terminal is, as `shutil.get_terminal_size` finds it."""
    with contextlib.suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", "0"))
        if columns > 0:
            return columns
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError):
        return 80


def load_command(name: str) -> Command:
    """Import the module of one command."""
    module = {"list": "listing", "import": "importing", "export": "exporting"}.get(name, name)
    return cast("Command", import_module(f"embver.cli.{module}"))


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser; with `only`, just that command is declared (start-up is the hook's cost).

    With None, or an unknown word, every command is there by name but without its arguments; `build_full_parser`
    declares all, for completion and documentation.
    """
    parser = argparse.ArgumentParser(
        prog="embver",
        description="Semantic versions of multimodal embeddings in Git, checked by measurement.",
        epilog=EPILOG,
        formatter_class=_RawLayout,
    )
    parser.add_argument("--version", action="version", version=f"embver {__version__}")
    parser.add_argument("-C", dest="directory", metavar="DIR", default=".", help="run as if started in DIR")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")
    # With its name argparse need not lay out a usage line to find it.
    commands = parser.add_subparsers(
        prog="embver", dest="command", metavar="COMMAND", required=True, title="commands"
    )
    for name, summary in COMMANDS.items():
        if only in COMMANDS and only != name:
            continue  # a parser takes 0.4 ms, also one that nobody asks
        description = f"{summary[0].upper()}{summary[1:]}."
        child = commands.add_parser(name, help=summary, description=description, formatter_class=_Layout)
        if only == name:
            load_command(name).add_arguments(child)
    return parser


def build_full_parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """Return the parser with all arguments declared, and each command's own parser."""
    parser = build_parser()
    action = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    children = dict(action.choices.items())
    for name, child in children.items():
        load_command(name).add_arguments(child)
    return parser, children


def add_json(parser: argparse._ActionsContainer) -> None:
    """Add `--json`, which every reading command takes."""
    parser.add_argument(
        "--json", action="store_true", help="print one JSON document on stdout and nothing else"
    )
