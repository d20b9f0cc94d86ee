"""Releases in order: by version and never by the time of a tag. Ground floor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from embver.levels import Level
from embver.tagname import Reference, TagFormat
from embver.version import Version

# What each Git trailer of a tag's message is called.
TRAILERS = ("Card-Digest", "Level", "Verdict", "Previous", "Override")


class TagRecord(NamedTuple):
    """One tag as Git has it, whatever it stands for; a plain tuple, since a registry has thousands."""

    tag: str  # without refs/tags/
    id: str  # the object that the reference names: the tag object, or for a lightweight tag its target
    commit: str  # what it leads to in the end; empty for a tag of a file or folder
    date: str  # strict ISO 8601
    is_annotated: bool
    message: str  # whole, with trailers and signature; empty for a lightweight tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version that has its tag; what the tag's message says is carried, not looked up."""

    name: str
    version: Version
    tag: str
    commit: str
    date: str
    is_annotated: bool
    level: str | None = None
    verdict: str | None = None
    card_digest: str | None = None
    previous: str | None = None
    message: str = ""

    @property
    def reference(self) -> str:
        """Return NAME@VERSION."""
        return f"{self.name}@{self.version}"


def parse_trailers(message: str, keys: tuple[str, ...] = TRAILERS) -> dict[str, str]:
    """Return the Git trailers of a tag's message that are ours; the last one of a name counts.

    Trailers are the last paragraph (git-interpret-trailers); a signature below them is no part of the message.
    """
    text, start = _last_paragraph(message)
    found = {key: _trailer(text, start, f"\n{key}:") for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def level_and_verdict(message: str) -> tuple[str | None, str | None]:
    """Return two trailers of a tag's message, as they stand there."""
    text, start = _last_paragraph(message)
    return _trailer(text, start, "\nLevel:"), _trailer(text, start, "\nVerdict:")


# A registry has thousands of messages: looking for a name takes a third of looking at every line.


def _last_paragraph(message: str) -> tuple[str, int]:
    """Return a message without what is below it, and where the line break before its last paragraph is."""
    if "\n-----BEGIN " in message:
        message = message[: message.index("\n-----BEGIN ")]
    text = message.rstrip()
    start = text.rfind("\n\n")
    return (text, start + 1) if start >= 0 else (f"\n{text}", 0)


def _trailer(text: str, start: int, key: str) -> str | None:
    at = text.rfind(key, start)
    if at < 0:
        return None
    at += len(key)
    end = text.find("\n", at)
    return (text[at:] if end < 0 else text[at:end]).strip()


def release_of(record: TagRecord, tags: TagFormat) -> Release | None:
    """Return the release that a tag stands for, or None for a tag that is not ours, or not of a commit."""
    parsed = tags.parse(record.tag) if record.commit else None
    if parsed is None:
        return None
    trailers = parse_trailers(record.message)
    return Release(
        name=parsed[0],
        version=parsed[1],
        tag=record.tag,
        commit=record.commit,
        date=record.date,
        is_annotated=record.is_annotated,
        level=trailers.get("Level"),
        verdict=trailers.get("Verdict"),
        card_digest=trailers.get("Card-Digest"),
        previous=trailers.get("Previous"),
        message=record.message,
    )


def releases(records: Iterable[TagRecord], tags: TagFormat) -> tuple[Release, ...]:
    """Return every release among tags, by name and SemVer precedence; tags of another form are not ours."""
    made = (release_of(record, tags) for record in records)
    return ordered(release for release in made if release is not None)


def ordered(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return releases by name, then by SemVer precedence."""
    return tuple(sorted(releases, key=lambda release: (release.name, release.version.order)))


def of_name(releases: Iterable[Release], name: str) -> tuple[Release, ...]:
    """Return one embedding's releases in SemVer order."""
    return ordered(release for release in releases if release.name == name)


def latest(releases: Iterable[Release]) -> Release | None:
    """Return the newest release of one embedding; a pre-release only where there is nothing else."""
    candidates = list(ordered(releases))
    finished = [release for release in candidates if not release.version.is_prerelease]
    return newest(finished or candidates)


def newest(releases: Iterable[Release]) -> Release | None:
    """Return the release that comes last by precedence; of several builds the one without build metadata, or the first."""
    mine = ordered(releases)
    return next((r for r in mine if r.version.is_build_of(mine[-1].version)), None)


def base(releases: Iterable[Release], begun_from: Version | None = None) -> Release | None:
    """Return the release that a working version is compared with, and counted on from; of one embedding's releases.

    That is the latest. Of a version that was begun from an older release it is the latest one of that release's MINOR
    line, so that two people who mend 1.0.0 at once make 1.0.1 and 1.0.2.
    """
    if begun_from is None:
        return latest(releases)
    mine = ordered(releases)
    older = [r for r in mine if not r.version.is_prerelease and r.version.series <= begun_from.series]
    return newest(older) if older else next((r for r in mine if r.version == begun_from), None)


def following(
    releases: Iterable[Release], current: Version, level: Level, *, standing: frozenset[str]
) -> Version:
    """Return the number that follows a version for a level; `standing` are the releases that were not yanked.

    A number is given once. Those of yanked releases right after `current` are passed over, and counted on from: after
    1.0.0 and a yanked 1.1.0 a fix is 1.1.1, so that it also comes after what people have of 1.1.0. Where a later one
    stands, `current` is of an older line, and only its own numbers matter.
    """
    wanted = current.bump(level)
    later = [r for r in ordered(releases) if current < r.version and not r.version.is_prerelease]
    is_older = any(release.reference in standing for release in later)
    for release in later:
        if release.reference in standing or wanted == current:
            break
        version = release.version
        is_met = version.series == wanted.series if is_older else version.line == wanted.line
        if is_met and wanted <= version:
            wanted = version.bump(level)
    return wanted


def in_the_way(releases: Iterable[Release], current: Release, version: Version) -> Release | None:
    """Return the first release that stands already after one and up to the version that is to follow it, if any."""
    finished = (r for r in ordered(releases) if not r.version.is_prerelease)
    return next((r for r in finished if current.version < r.version <= version), None)


def line_start(releases: Iterable[Release], version: Version) -> Release | None:
    """Return the first release of a version's MAJOR line: drift adds up, so it is compared as well."""
    line = [r for r in ordered(releases) if r.version.line == version.line and not r.version.is_prerelease]
    return line[0] if line else None


def find(releases: Iterable[Release], reference: Reference) -> Release | None:
    """Return the release that a reference names by its version, or None; stages are tags of their own."""
    if reference.stage is not None:
        return None
    mine = of_name(releases, reference.name)
    if reference.selector == "latest":
        return latest(mine)
    return next((release for release in mine if str(release.version) == reference.selector), None)
