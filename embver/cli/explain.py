"""`embver explain`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.cli.parser import add_json

if TYPE_CHECKING:
    from embver.actions.explain import Explained, Row
    from embver.presumption import OwnRule

_EXAMPLES = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "path", metavar="PATH", nargs="?", help="a field, such as training.data (default: the whole table)"
    )
    add_json(parser)


def run(arguments: argparse.Namespace, out: Output) -> int:
    """Explain one field, or print the whole table."""
    from embver.actions.explain import explain, whole_table

    own = _own_rules(arguments)
    if arguments.path is None:
        rows = whole_table(own)
        out.json({"rules": [row.to_plain() for row in rows]}) if out.is_json else _print_rows(rows, out)
        return 0
    found = explain(arguments.path, own)
    out.json(found.to_plain()) if out.is_json else _print(found, out)
    return 0


def _own_rules(arguments: argparse.Namespace) -> tuple[OwnRule, ...]:
    """Return the rules of the repository around; none outside of one, where the table can be read all the same."""
    from embver.cli.open import open_workspace
    from embver.errors import RepoError, UsageError

    try:
        return open_workspace(arguments).settings.policy
    except (RepoError, UsageError):
        return ()


def _print(found: Explained, out: Output) -> None:
    from embver.cli.render import short

    field = found.field
    out.print(f"{out.style(found.path, 'bold')}  {field.title}")
    out.print(f"  {field.description}")
    examples = ", ".join(short(example) for example in field.examples[:_EXAMPLES])
    facts = [
        ("type", f"{field.type}{' (required)' if field.is_required else ''}"),
        ("example", examples),
        ("schema", f"schemas/card/v1.json{field.pointer}"),
    ]
    for label, text in facts:
        out.print(f"  {out.style(f'{label:<9}', 'dim')}{text}") if text else None
    out.print()
    _print_rows(found.rows, out)
    out.print()
    width = max(len(strength.value) for strength in found.strengths)
    for strength in found.strengths:
        out.print(f"  {strength.value:<{width}}  {strength.meeting}")
    if found.below:
        out.print()
        out.print(out.style(f"below {found.path}", "bold"))
        _print_rows(found.below, out)


def _print_rows(rows: Sequence[Row], out: Output) -> None:
    cells = []
    for row in rows:
        level, why = out.level(row.level.word, row.level.word.upper() if row.level else "none"), row.why
        if row.replaced_by:
            level, why = out.style(row.level.word, "dim"), f"{why}; replaced by {row.replaced_by}"
        cells.append((row.path, row.occasion, level, row.strength.value, why))
    out.table(("field", "when", "level", "presumption", "why"), cells)
