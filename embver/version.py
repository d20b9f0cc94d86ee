"""SemVer 2.0 versions and the next one for a level. Ground floor."""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering

from embver.levels import Level

# The specification's own pattern (SemVer 2.0.0, FAQ), without its anchors.
_NUMBER = "(0|[1-9][0-9]*)"
_PRERELEASE = "(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
_FORM = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_PRERELEASE}(?:\.{_PRERELEASE})*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)


@total_ordering
class Version:
    """A SemVer 2.0 version; orders by precedence, build metadata ignored."""

    __slots__ = ("_prerelease", "order")

    def __init__(self, major: int, minor: int, patch: int, prerelease: str | None, text: str) -> None:
        self._prerelease = prerelease
        # What to sort by: n log n comparisons when a registry is listed. Build metadata has no precedence, but an
        # order that is not total would make lists unstable: so the text comes last.
        self.order = (major, minor, patch, _precedence(prerelease), text)

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read a version; raise ValueError with the reason if it is not SemVer 2.0."""
        return _parse(text)

    @property
    def major(self) -> int:
        """Return the MAJOR number: the line of versions that promise to meet."""
        return self.order[0]

    @property
    def line(self) -> tuple[int, ...]:
        """Return what the versions that promise to meet have in common: MAJOR, and MINOR before 1.0.0."""
        return (0, self.order[1]) if self.major == 0 else (self.major,)

    @property
    def series(self) -> tuple[int, int]:
        """Return (MAJOR, MINOR): what the fixes of one version have in common."""
        return self.order[:2]

    @property
    def is_prerelease(self) -> bool:
        """Tell whether the version has a pre-release part, as 1.3.0-rc.1 has."""
        return bool(self._prerelease)

    @property
    def finished(self) -> Version:
        """Return the version without pre-release part and build metadata: 1.3.0 for 1.3.0-rc.1."""
        return Version.parse(self._finished)

    @property
    def build(self) -> str | None:
        """Return the build metadata, as `cu126.h200` of 1.1.0+cu126.h200, or None."""
        return str(self).partition("+")[2] or None

    @property
    def without_build(self) -> Version:
        """Return the version that this is a build of: 1.3.0-rc.1 for 1.3.0-rc.1+cu126."""
        return Version.parse(str(self).partition("+")[0])

    def is_build_of(self, other: Version) -> bool:
        """Tell whether two versions have one precedence: they differ in build metadata, or not at all."""
        return self.order[:-1] == other.order[:-1]

    def bump(self, level: Level, *, pre: str | None = None) -> Version:
        """Return the next version for a level; before 1.0.0 a break bumps MINOR (SemVer 2.0 section 4).

        With `pre` (such as `rc`) return the next pre-release of it: 1.2.0 -> 1.3.0-rc.1 -> 1.3.0-rc.2. A
        pre-release is finished if its number announces the level already, so 1.3.0-rc.1 becomes 1.3.0 for a
        MINOR but 2.0.0 for a MAJOR. Raises ValueError if the result would not sort above this version.
        """
        import semver  # only here: a registry is read far more often than a version is made

        if level is Level.NONE and not self.is_prerelease:
            return self
        base = semver.Version.parse(self._finished)
        if base.major == 0:
            level = {Level.MAJOR: Level.MINOR, Level.MINOR: Level.PATCH}.get(level, level)
        announced = Level.PATCH if base.patch else Level.MINOR if base.minor else Level.MAJOR
        is_announced = self.is_prerelease and level <= announced
        if not is_announced:
            step = {Level.MAJOR: base.bump_major, Level.MINOR: base.bump_minor, Level.PATCH: base.bump_patch}
            base = step[level]()
        following = str(base)
        if pre is not None and is_announced and str(self._prerelease).split(".")[0] == pre:
            following = str(semver.Version.parse(str(self)).bump_prerelease())
        elif pre is not None:
            following = f"{base}-{pre}.1"
        result = Version.parse(following)
        if not self < result:
            raise ValueError(f"{result} would sort below {self}")
        return result

    def level_from(self, old: Version) -> Level:
        """Return the level that the step from an older version announces by its number alone."""
        mine, theirs = self.order, old.order
        if mine[0] != theirs[0]:
            return Level.MAJOR
        if mine[1] != theirs[1]:
            return Level.MAJOR if mine[0] == 0 else Level.MINOR
        return Level.PATCH if mine[2] != theirs[2] else Level.NONE

    @property
    def _finished(self) -> str:
        return ".".join(map(str, self.order[:3]))

    def __str__(self) -> str:
        return self.order[-1]

    def __repr__(self) -> str:
        return f"Version({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.order[-1] == other.order[-1]

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self.order < other.order

    def __hash__(self) -> int:
        return hash(self.order[-1])


@lru_cache(maxsize=4096)  # a registry's many tags have few versions: 1.0.0 of this and 1.0.0 of that
def _parse(text: str) -> Version:
    match = _FORM.fullmatch(text) if isinstance(text, str) else None
    try:
        if match is not None:
            major, minor, patch, prerelease, _ = match.groups()
            return Version(int(major), int(minor), int(patch), prerelease, text)
    except ValueError:  # Python reads no number of more than 4,300 digits
        pass
    raise ValueError(f"{text!r} is not a version: MAJOR.MINOR.PATCH, as in 1.4.0 or 2.0.0-rc.1")


def _precedence(prerelease: str | None) -> tuple[tuple[int, int, str], ...]:
    """Return a pre-release part as it is compared (SemVer 2.0 section 11); none at all comes last."""
    if not prerelease:
        return ((2, 0, ""),)
    parts = prerelease.split(".")
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
