"""SemVer 2.0 versions and the next one for a level. Ground floor."""

from __future__ import annotations

from functools import total_ordering

import semver

from embver.levels import Level


@total_ordering
class Version:
    """A SemVer 2.0 version; orders by precedence, build metadata ignored."""

    __slots__ = ("_inner", "_key")

    def __init__(self, inner: semver.Version) -> None:
        self._inner = inner
        # Compared n log n times when a registry is listed; semver's own comparison parses anew each time.
        # Build metadata has no precedence, but an order that is not total would make lists unstable: so the text.
        self._key = (inner.major, inner.minor, inner.patch, _precedence(inner.prerelease), str(inner))

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read a version; raise ValueError with the reason if it is not SemVer 2.0."""
        try:
            return cls(semver.Version.parse(text))
        except (ValueError, TypeError):
            raise ValueError(
                f"{text!r} is not a version: MAJOR.MINOR.PATCH, as in 1.4.0 or 2.0.0-rc.1"
            ) from None

    @property
    def major(self) -> int:
        """Return the MAJOR number: the line of versions that promise to meet."""
        return int(self._inner.major)

    @property
    def line(self) -> tuple[int, ...]:
        """Return what the versions that promise to meet have in common: MAJOR, and MINOR before 1.0.0."""
        return (0, int(self._inner.minor)) if self._inner.major == 0 else (self.major,)

    @property
    def is_prerelease(self) -> bool:
        """Tell whether the version has a pre-release part, as 1.3.0-rc.1 has."""
        return bool(self._inner.prerelease)

    @property
    def finished(self) -> Version:
        """Return the version without pre-release part and build metadata: 1.3.0 for 1.3.0-rc.1."""
        return Version(self._inner.finalize_version())

    def bump(self, level: Level, *, pre: str | None = None) -> Version:
        """Return the next version for a level; before 1.0.0 a break bumps MINOR (SemVer 2.0 section 4).

        With `pre` (such as `rc`) return the next pre-release of it: 1.2.0 -> 1.3.0-rc.1 -> 1.3.0-rc.2. A
        pre-release is finished if its number announces the level already, so 1.3.0-rc.1 becomes 1.3.0 for a
        MINOR but 2.0.0 for a MAJOR. Raises ValueError if the result would not sort above this version.
        """
        if level is Level.NONE and not self.is_prerelease:
            return self
        base = self._inner.finalize_version()
        if base.major == 0:
            level = {Level.MAJOR: Level.MINOR, Level.MINOR: Level.PATCH}.get(level, level)
        announced = Level.PATCH if base.patch else Level.MINOR if base.minor else Level.MAJOR
        is_announced = self.is_prerelease and level <= announced
        if not is_announced:
            step = {Level.MAJOR: base.bump_major, Level.MINOR: base.bump_minor, Level.PATCH: base.bump_patch}
            base = step[level]()
        following = str(base)
        if pre is not None and is_announced and str(self._inner.prerelease).split(".")[0] == pre:
            following = str(self._inner.bump_prerelease())
        elif pre is not None:
            following = f"{base}-{pre}.1"
        result = Version.parse(following)
        if not self < result:
            raise ValueError(f"{result} would sort below {self}")
        return result

    def level_from(self, old: Version) -> Level:
        """Return the level that the step from an older version announces by its number alone."""
        mine, theirs = self._inner, old._inner
        if mine.major != theirs.major:
            return Level.MAJOR
        if mine.minor != theirs.minor:
            return Level.MAJOR if mine.major == 0 else Level.MINOR
        return Level.PATCH if mine.patch != theirs.patch else Level.NONE

    def __str__(self) -> str:
        return self._key[-1]

    def __repr__(self) -> str:
        return f"Version({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key[-1] == other._key[-1]

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return self._key < other._key

    def __hash__(self) -> int:
        return hash(self._key[-1])


def _precedence(prerelease: str | None) -> tuple[tuple[int, int, str], ...]:
    """Return a pre-release part as it is compared (SemVer 2.0 section 11); none at all comes last."""
    if not prerelease:
        return ((2, 0, ""),)
    parts = prerelease.split(".")
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
