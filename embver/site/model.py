"""What the pages are made of: releases with their cards, in SemVer order. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from embver.card import Card
from embver.diff import Change
from embver.history import Release
from embver.levels import Verdict
from embver.lifecycle import NO_STATUS, Status
from embver.lifetag import Event
from embver.policy import Reason
from embver.problem import Problem
from embver.traced import Traced
from embver.version import Version

_VERDICTS = {verdict.word for verdict in Verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVersion:
    """One release as the site shows it; `changes` and `reasons` are against `previous`."""

    release: Release
    card: Card
    changes: Sequence[Change] = ()  # both may be worked out when first looked at
    reasons: Sequence[Reason] = ()
    previous: Release | None = None
    status: Status = NO_STATUS
    stages: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()  # of its life cycle, by date
    problems: tuple[Problem, ...] = ()  # of its card today
    is_as_released: bool = False  # and so the card is the one that was released, not that of today

    @property
    def number(self) -> str:
        """Return the version as text."""
        return str(self.release.version)

    @property
    def is_first(self) -> bool:
        """Tell whether nothing was released before, by the tag's own account."""
        return self.previous is None and self.release.previous in (None, "", "none")

    @property
    def level(self) -> str:
        """Return first, none, patch, minor or major: the tag's word, else what the number announces."""
        if self.is_first:
            return "first"
        if self.release.level is None and self.previous is not None:
            return self.release.version.level_from(self.previous.version).word
        return self.release.level or "none"

    @property
    def verdict(self) -> str | None:
        """Return the verdict against the previous release, or None where nothing was measured."""
        if self.is_first:
            return None
        record = self.card.against(self.previous.reference) if self.previous else None
        word = record.verdict if record else self.release.verdict
        return word if word in _VERDICTS else None

    @property
    def date(self) -> str:
        """Return the day of the tag, YYYY-MM-DD."""
        return self.release.date[:10]

    @property
    def moment(self) -> tuple[float, Version]:
        """Return what to sort releases by: when the tag was made, wherever that was, then the version."""
        try:
            made = datetime.fromisoformat(self.release.date)
        except ValueError:
            return 0.0, self.release.version
        # A day without an hour has no zone; it is not the machine's that counts.
        return (made if made.tzinfo else made.replace(tzinfo=UTC)).timestamp(), self.release.version

    @property
    def fingerprint(self) -> str | None:
        """Return the card's space_id, if it has one."""
        value = self.card.plain.get("fingerprint")
        return str(value) if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A release whose card cannot be shown; what is said of it comes from its tag. `text` is the card as it stands."""

    release: Release
    problems: tuple[Problem, ...]
    text: str | None = None

    @property
    def number(self) -> str:
        """Return the version as text."""
        return str(self.release.version)

    @property
    def date(self) -> str:
        """Return the day of the tag, YYYY-MM-DD."""
        return self.release.date[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEmbedding:
    """A named family and its releases, oldest first; `traces` holds its main metrics over them.

    `traces_stamp` is a digest of all that the traces are worked out from, None where nobody knows it.
    """

    name: str
    versions: tuple[SiteVersion, ...]
    traces: Sequence[Traced] = ()
    traces_stamp: str | None = None

    @property
    def current(self) -> SiteVersion:
        """Return the newest version that is neither withdrawn nor a pre-release, else the newest."""
        kept = [version for version in self.versions if not version.status.is_yanked]
        finished = [version for version in kept if not version.release.version.is_prerelease]
        return (finished or kept or list(self.versions))[-1]

    @property
    def title(self) -> str:
        """Return the current card's title."""
        return self.current.card.title

    @property
    def stages(self) -> dict[str, SiteVersion]:
        """Return which version holds each stage, by the stage's name."""
        held = {stage: version for version in self.versions for stage in version.stages}
        return dict(sorted(held.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteData:
    """All that the site shows; equal data give equal bytes, so no clock and no machine is in it.

    An embedding has at least one readable version; the others, and embeddings that have none, are in `unreadable`.
    """

    title: str
    embeddings: tuple[SiteEmbedding, ...]
    generated_from: str
    schema_text: str
    tool_version: str
    repository_url: str | None = None
    versions_schema: str = ""  # the JSON Schema of versions.json
    unreadable: tuple[Unreadable, ...] = ()
    url: str | None = None  # where it will be published

    def unreadable_of(self, name: str) -> tuple[Unreadable, ...]:
        """Return the versions of an embedding whose cards cannot be shown, oldest first."""
        return tuple(entry for entry in self.unreadable if entry.release.name == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A file of the site: `path` is relative to the documentation folder, with forward slashes."""

    path: str
    text: str
