"""Bring the cards of working versions to the newest schema, in place; released cards stay as they are, forever."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from embver.actions.workspace import Workspace
from embver.card import SCHEMA_VERSION
from embver.errors import CardError
from embver.problem import Problem
from embver.store.cards import read_card_text
from embver.store.files import write_atomic
from embver.store.schemas import check_card

Upgrade = Callable[[str], str]  # a card's text in one schema version -> the same card in the next one

# Schema version -> what turns a card of it into one of the version after it, by `update_card`: the person's own
# lines and comments stay. There is one version yet, so there is nothing to turn.
UPGRADES: Final[Mapping[int, Upgrade]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One card: the schema versions it went from and to, and what changed, as a unified diff ("" for nothing)."""

    path: str
    before: int
    after: int
    diff: str


def migrate(
    work: Workspace,
    names: Sequence[str] = (),
    *,
    dry_run: bool = False,
    upgrades: Mapping[int, Upgrade] = UPGRADES,
    newest: int = SCHEMA_VERSION,
) -> tuple[Migration, ...]:
    """Upgrade `next/` of the named embeddings, or of all that have one; all of them, or none.

    Raises CardError listing every problem for a card of a newer schema than embver knows, or of none; UsageError for
    an embedding without a working version.
    """
    chosen = [work.next_source(name) for name in names]
    if not names:
        sources = [work.folder(name, "next") for name in work.names()]
        chosen = [
            work.next_source(name)
            for name, folder in zip(work.names(), sources, strict=True)
            if work.path(folder, "card.yaml").is_file()
        ]
    made: list[tuple[Migration, str]] = []
    problems: list[Problem] = []
    for source in chosen:
        card = work.card_text(source)
        version = card.plain.get("schema")
        if not card.is_read or not isinstance(version, int) or version > newest or version < 1:
            problems += check_card(card, folder="next")
            continue
        text = card.text
        for step in range(version, newest):
            text = upgrades[step](text)
        made.append(
            (
                Migration(
                    path=card.path, before=version, after=newest, diff=_diff(card.path, card.text, text)
                ),
                text,
            )
        )
        if text != card.text:
            problems += read_card_text(text, path=card.path).problems
    if problems:
        raise CardError("nothing was migrated", problems=tuple(problems), hint="mend the lines above")
    for migration, text in made:
        if migration.diff and not dry_run:
            write_atomic(work.path(migration.path), text.encode())
    return tuple(migration for migration, _ in made)


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(lines)
