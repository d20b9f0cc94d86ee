"""What a repository answers, as values that show themselves in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from embver.diff import Change, compare
from embver.levels import Level
from embver.notebook import table
from embver.policy import Reason, explain

if TYPE_CHECKING:
    from embver.actions.workspace import Workspace
    from embver.card import Card
    from embver.measure.arrays import Measurement

# May grow after a release, or tells of the change itself: two versions are not compared by it.
_NOT_COMPARED = (
    "benchmarks",
    "compatibility",
    "status",
    "notes",
    "changes",
    "override",
    "allowed_regressions",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEntry:
    """One release in a list: the keys of `embver list --json`."""

    name: str
    version: str
    tag: str
    commit: str
    date: str
    level: str | None
    verdict: str | None
    status: str
    stages: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"


class Releases(Sequence[ReleaseEntry]):
    """Releases by name, and in SemVer order."""

    def __init__(self, entries: Sequence[ReleaseEntry]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, index: int) -> ReleaseEntry: ...
    @overload
    def __getitem__(self, index: slice) -> Releases: ...
    def __getitem__(self, index: int | slice) -> ReleaseEntry | Releases:
        """Return one release, or some of them."""
        if isinstance(index, slice):
            return Releases(self._entries[index])
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[ReleaseEntry]:
        return iter(self._entries)

    def __repr__(self) -> str:
        return f"<Releases: {', '.join(entry.reference for entry in self._entries) or 'none'}>"

    def _repr_html_(self) -> str:
        head = ("name", "version", "level", "verdict", "date", "status", "stages")
        rows = [
            (e.name, e.version, e.level, e.verdict, e.date[:10], e.status, ", ".join(e.stages))
            for e in self._entries
        ]
        return table(f"{len(rows)} releases", head, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDiff:
    """Two cards field by field, each difference with the level that it calls for."""

    old: str
    new: str
    changes: tuple[Change, ...]
    reasons: tuple[Reason, ...]

    @property
    def level(self) -> Level:
        """Return the level that the card alone calls for; a measurement may say otherwise."""
        return max((reason.level for reason in self.reasons), default=Level.NONE)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver diff --json`."""
        from embver.actions.diffing import plain_changes

        return {"a": self.old, "b": self.new, "changes": plain_changes(self.changes, self.reasons)}

    def __str__(self) -> str:
        lines = [f"{self.old} -> {self.new}: the card alone calls for {self.level.word}"]
        lines += [f"{level:<6} {path}: {before} -> {after}" for path, before, after, level in self._rows()]
        return "\n    ".join(lines)

    def __repr__(self) -> str:
        return f"<CardDiff {self.old} -> {self.new}: {len(self.changes)} changes, {self.level.word}>"

    def _repr_html_(self) -> str:
        return table(
            f"{self.old} -> {self.new}: {self.level.word}",
            ("field", "before", "after", "level"),
            self._rows(),
        )

    def _levels(self) -> dict[str, str]:
        return {reason.path: reason.level.word for reason in self.reasons}

    def _rows(self) -> list[tuple[str, str, str, str]]:
        levels = self._levels()
        return [
            (change.path, _short(change.before), _short(change.after), levels.get(change.path, ""))
            for change in self.changes
        ]


def card_diff(old: Card, new: Card) -> CardDiff:
    """Compare two cards by meaning; no repository is needed, and no rules of one are known."""
    changes = compare(_compared(old.plain), _compared(new.plain))
    names = [f"{card.name}@{card.version or 'next'}" for card in (old, new)]
    return CardDiff(old=names[0], new=names[1], changes=changes, reasons=explain(changes))


def measurement(work: Workspace, old: str, new: str) -> Measurement:
    """Measure one version of a repository against another: `embver compat`."""
    from embver.actions.compat import compat
    from embver.measure.arrays import Measurement

    found = compat(work, old, new)
    return Measurement(
        old=found.old,
        new=found.new,
        verdict=found.verdict,
        level=found.level,
        strata=found.strata,
        reasons=found.reasons,
        probe=found.probe,
        rule_version=found.rule_version,
        notes=found.notes,
        floor=found.floor,
        rule=found.rule,
    )


def _compared(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if key not in _NOT_COMPARED}


def _short(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
