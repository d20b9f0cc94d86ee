"""What the pages are made of: releases with their cards, in SemVer order. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from embver.card import Card
from embver.diff import Change
from embver.history import Release
from embver.levels import Verdict
from embver.lifecycle import NO_STATUS, Status
from embver.policy import Reason
from embver.traced import Traced

_VERDICTS = {verdict.word for verdict in Verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVersion:
    """One release as the site shows it; `changes` and `reasons` are against `previous`."""

    release: Release
    card: Card
    changes: tuple[Change, ...] = ()
    reasons: tuple[Reason, ...] = ()
    previous: Release | None = None
    status: Status = NO_STATUS
    stages: tuple[str, ...] = ()

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
    def fingerprint(self) -> str | None:
        """Return the card's space_id, if it has one."""
        value = self.card.plain.get("fingerprint")
        return str(value) if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEmbedding:
    """A named family and its releases, oldest first; `traces` holds its main metrics over them."""

    name: str
    versions: tuple[SiteVersion, ...]
    traces: tuple[Traced, ...] = ()

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
    """All that the site shows; equal data give equal bytes, so no clock and no machine is in it."""

    title: str
    embeddings: tuple[SiteEmbedding, ...]
    generated_from: str
    schema_text: str
    tool_version: str
    repository_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A file of the site: `path` is relative to the documentation folder, with forward slashes."""

    path: str
    text: str
