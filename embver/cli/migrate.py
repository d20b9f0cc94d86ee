"""`embver migrate`."""

from __future__ import annotations

import argparse

from embver.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help="embeddings (default: all that have a next/)"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the difference and change nothing")


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Bring next/ to the newest schema."""
    from embver.actions.migrate import migrate
    from embver.card import SCHEMA_VERSION
    from embver.cli.open import open_for_writing

    made = migrate(open_for_writing(arguments), tuple(arguments.names), dry_run=arguments.dry_run)
    changed = [migration for migration in made if migration.diff]
    for migration in changed:
        for line in migration.diff.splitlines():
            out.print(out.style(line, {"+": "green", "-": "red"}.get(line[:1], "dim")))
    if not changed:
        cards = "no working version" if not made else ", ".join(migration.path for migration in made)
        out.say(f"nothing to do: the newest schema is {SCHEMA_VERSION}, of {cards}")
        return 0
    done = "would be" if arguments.dry_run else "is"
    for migration in changed:
        out.say(f"{migration.path} {done} of schema {migration.after} now, it was of {migration.before}")
    out.hint("embver validate")
    return 0
