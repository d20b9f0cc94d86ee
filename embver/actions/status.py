"""What changed since the last release, the level it calls for, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from embver import history
from embver.actions.comparing import Comparison, compare_versions
from embver.actions.diffing import comparable, plain_changes
from embver.actions.staleness import why_stale
from embver.actions.workspace import Workspace
from embver.card import DERIVED, Card
from embver.diff import Change, compare
from embver.errors import IntegrityError, LfsError
from embver.history import Release
from embver.levels import Level
from embver.policy import Judgement, Reason, judge
from embver.version import Version

FIRST = Version.parse("1.0.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The working version of one embedding against its releases."""

    name: str
    card: Card
    current: Release | None
    proposed: Version
    changes: tuple[Change, ...]
    judgement: Judgement | None  # None for a first release: nothing to break
    comparisons: tuple[Comparison, ...]
    unmeasured: str | None  # why nothing could be measured, if so
    stale: str | None = None  # why the vectors are not those of the card as it stands, if so

    @property
    def level_word(self) -> str:
        """Return the level, or `first` where there is nothing to compare with."""
        return self.judgement.level.word if self.judgement else "first"

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return why the level is what it is, the weightiest first."""
        return self.judgement.reasons if self.judgement else ()

    @property
    def is_worth_a_release(self) -> bool:
        """Tell whether there is anything to release; a pre-release may always be finished."""
        if self.judgement is None or (self.current and self.current.version.is_prerelease):
            return True
        return self.judgement.level > Level.NONE

    @property
    def has_new_words(self) -> bool:
        """Tell whether people wrote something new into the card, however little it moves."""
        return any(change.where[0] not in DERIVED for change in self.changes)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver status --json`."""
        verdict = self.judgement.verdict if self.judgement else None
        return {
            "name": self.name,
            "current": str(self.current.version) if self.current else None,
            "proposed": str(self.proposed),
            "level": self.level_word,
            "verdict": verdict.word if verdict else None,
            "measured": bool(self.comparisons),
            "unmeasured": self.unmeasured,
            "stale": self.stale,
            "reasons": [reason.to_plain() for reason in self.reasons],
            "flags": list(self.judgement.flags) if self.judgement else [],
            "presumed": self.judgement.presumed.word if self.judgement else None,
            "comparisons": [
                {"against": found.old, "verdict": found.verdict.word, "level": found.level.word}
                for found in self.comparisons
            ],
            "changes": plain_changes(self.changes, self.reasons),
        }


def status(work: Workspace, name: str) -> StatusReport:
    """Compare `next/` with the latest release, and measure it; changes nothing.

    Measured against the latest release and against the first of its MAJOR line: drift adds up.
    """
    source = work.next_source(name)
    card = work.card(source)
    current = work.base(card)
    stale = why_stale(work, source, card)
    if current is None:
        return StatusReport(
            name=name,
            card=card,
            current=None,
            proposed=FIRST,
            changes=(),
            judgement=None,
            comparisons=(),
            unmeasured=None,
            stale=stale,
        )
    previous = work.card(work.release_source(current))
    changes = compare(comparable(previous), comparable(card))
    comparisons, unmeasured = measure_against(work, name, current)
    measured = tuple(comparison.measured for comparison in comparisons)
    judgement = judge(changes, measured, work.settings.policy_for(name))
    return StatusReport(
        name=name,
        card=card,
        current=current,
        proposed=work.following(current, judgement.level),
        changes=changes,
        judgement=judgement,
        comparisons=comparisons,
        unmeasured=unmeasured,
        stale=stale,
    )


def measure_against(
    work: Workspace, name: str, current: Release
) -> tuple[tuple[Comparison, ...], str | None]:
    """Measure `next/` against the latest release and its line's first; also return why not, if not."""
    source = work.next_source(name)
    start = history.line_start(work.standing(name), current.version)
    releases = [current] if start is None or start == current else [current, start]
    made, unmeasured = [], None
    for release in releases:
        try:
            found = compare_versions(work, work.release_source(release), source)
        except (IntegrityError, LfsError) as error:
            found = f"{error.message} ({error.hint})" if error.hint else error.message
        if isinstance(found, Comparison):
            made.append(found)
        else:
            unmeasured = unmeasured or found
    if unmeasured is not None:
        return (), unmeasured  # half a measurement must not pass for a whole one
    return tuple(made), None
