"""Releases in order: by version and never by the time of a tag. Ground floor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from embver.tagname import Reference
from embver.version import Version

# What each Git trailer of a tag's message is called.
TRAILERS = ("Card-Digest", "Level", "Verdict", "Previous", "Override")


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


def parse_trailers(message: str) -> dict[str, str]:
    """Return the Git trailers of a tag's message that are ours; the last one of a name counts.

    Trailers are the last paragraph (git-interpret-trailers); a signature below them is no part of the message.
    """
    text = message.partition("\n-----BEGIN ")[0].rstrip()
    found = {}
    for line in text.rpartition("\n\n")[2].splitlines():
        key, colon, value = line.partition(":")
        if colon and key in TRAILERS:
            found[key] = value.strip()
    return found


def ordered(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return releases by name, then by SemVer precedence."""
    return tuple(sorted(releases, key=lambda release: (release.name, release.version)))


def of_name(releases: Iterable[Release], name: str) -> tuple[Release, ...]:
    """Return one embedding's releases in SemVer order."""
    return ordered(release for release in releases if release.name == name)


def latest(releases: Iterable[Release]) -> Release | None:
    """Return the newest release of one embedding; a pre-release only where there is nothing else."""
    candidates = list(ordered(releases))
    finished = [release for release in candidates if not release.version.is_prerelease]
    preferred = finished or candidates
    return preferred[-1] if preferred else None


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
