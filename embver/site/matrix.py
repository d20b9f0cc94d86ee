"""Which versions meet in one index: every pair, measured or told by the space. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from embver.levels import Verdict
from embver.site.model import SiteEmbedding, SiteVersion
from embver.site.text import listed
from embver.site.words import VERDICTS

# How many versions are compared with one another and shown; the number of pairs grows with its square.
SHOWN = 16
_NEAR = 24
_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What is known of a pair of versions; `kind` tells how it is known."""

    verdict: str
    kind: str  # self, measured, inferred, unmeasured
    why: str

    @property
    def sign(self) -> str:
        """Return the verdict's sign."""
        return VERDICTS.get(self.verdict, ("\u00b7", ""))[0]

    @property
    def is_safe(self) -> bool:
        """Tell whether the two may meet in one index."""
        return self.kind == "self" or (
            self.verdict in Verdict._value2member_map_ and Verdict(self.verdict).is_safe
        )


def cell(a: SiteVersion, b: SiteVersion) -> Cell:
    """Return what is known of two versions, in either order."""
    older, newer = sorted((a, b), key=lambda version: version.release.version)
    if older.number == newer.number:
        return Cell(verdict="identical", kind="self", why=f"{older.number} itself")
    record = newer.card.against(older.release.reference) or older.card.against(newer.release.reference)
    if record is not None:
        meaning = VERDICTS.get(record.verdict, ("", record.verdict))[1]
        why = f"{newer.number} against {older.number}: {record.verdict}, measured; {meaning}"
        return Cell(verdict=record.verdict, kind="measured", why=why)
    difference = _difference(older, newer)
    if difference:
        why = f"{newer.number} against {older.number}: incompatible, without measuring; {difference}"
        return Cell(verdict="incompatible", kind="inferred", why=why)
    if older.fingerprint and older.fingerprint == newer.fingerprint:
        why = f"{newer.number} against {older.number}: equivalent, without measuring; the fingerprint is the same"
        return Cell(verdict="equivalent", kind="inferred", why=why)
    return Cell(
        verdict="unmeasured", kind="unmeasured", why=f"{newer.number} against {older.number}: not measured"
    )


def _difference(older: SiteVersion, newer: SiteVersion) -> str | None:
    """Return in words why two spaces cannot meet at all, or None."""
    old, new = older.card.space, newer.card.space
    if old.dimensions != new.dimensions:
        return f"{old.dimensions} and {new.dimensions} dimensions"
    if old.metric != new.metric:
        return f"{old.metric} and {new.metric} are different metrics"
    if old.normalized != new.normalized:
        return "only one of them is normalised"
    return "different kinds of vector" if old.kind != new.kind else None


def groups(embedding: SiteEmbedding) -> tuple[tuple[SiteVersion, ...], ...]:
    """Return versions that may share one index, oldest first.

    A version joins the group before it if a measurement or the fingerprint says so for at least one member, and
    nothing says otherwise for any. Compatibility is not transitive, so pairs left open stay visible in the matrix.
    """
    made: list[list[SiteVersion]] = []
    known = _Known(embedding)
    for version in embedding.versions:
        # In any other group there is nobody of whom it is known that the two may meet.
        for place in sorted(known.places_near(version), reverse=True):
            group = made[place]
            # What was measured, the first and the newest: any other pair is unmeasured, or told by the spaces as these are.
            asked = [*known.measured_with(version, place), *group[:1], *group[1:][-_NEAR:]]
            cells = [cell(member, version) for member in asked]
            is_open = all(entry.is_safe or entry.kind == "unmeasured" for entry in cells)
            if is_open and any(entry.is_safe for entry in cells):
                group.append(version)
                known.put(version, place)
                break
        else:
            made.append([version])
            known.put(version, len(made) - 1)
    return tuple(tuple(group) for group in made)


class _Known:
    """In which group the versions are that a version was measured against, or whose fingerprint it has."""

    def __init__(self, embedding: SiteEmbedding) -> None:
        self._of_reference: dict[str, int] = {}
        self._versions: dict[str, SiteVersion] = {}
        self._of_fingerprint: dict[str, set[int]] = {}
        self._measured_by: dict[
            str, list[str]
        ] = {}  # an older version may have been measured against a newer one
        for version in embedding.versions:
            for record in version.card.compatibility:
                self._measured_by.setdefault(record.against, []).append(version.release.reference)

    def put(self, version: SiteVersion, place: int) -> None:
        self._of_reference[version.release.reference] = place
        self._versions[version.release.reference] = version
        if version.fingerprint:
            self._of_fingerprint.setdefault(version.fingerprint, set()).add(place)

    def places_near(self, version: SiteVersion) -> set[int]:
        found = {self._of_reference[reference] for reference in self._measured(version)}
        return found | self._of_fingerprint.get(version.fingerprint or "", set())

    def measured_with(self, version: SiteVersion, place: int) -> list[SiteVersion]:
        """Return the members of a group that there is a measurement with, in either direction."""
        measured = self._measured(version)
        return [self._versions[each] for each in measured if self._of_reference[each] == place]

    def _measured(self, version: SiteVersion) -> list[str]:
        measured = [record.against for record in version.card.compatibility]
        measured += self._measured_by.get(version.release.reference, [])
        return [reference for reference in measured if reference in self._of_reference]


def mixing_sentence(embedding: SiteEmbedding) -> str:
    """Return which versions may be mixed in one index, as a sentence; of many groups the newest are named."""
    return "; ".join(mixing_parts(embedding)) + "."


def mixing_parts(embedding: SiteEmbedding) -> tuple[str, ...]:
    """Return the parts of that sentence: one a group, then those that share an index with none."""
    if len(embedding.versions) == 1:
        return (f"There is one version, {embedding.versions[0].number}: nothing to mix yet",)
    made = groups(embedding)
    shared = [group for group in made if len(group) > 1]
    alone = [group[0] for group in made if len(group) == 1]
    unmeasured = _unmeasured(embedding)
    parts = []
    for group in shared[-_NAMED:]:
        names = listed([version.number for version in group])
        if len(group) > _NAMED:
            names = f"{group[0].number} to {group[-1].number} ({len(group):,} versions)"
        parts.append(f"{names} {_claim(group)}")
    if len(shared) > _NAMED:
        older = len(shared) - _NAMED
        parts.insert(
            0, f"{older:,} older group{'s' if older > 1 else ''} of versions may share an index each"
        )
    known = [version for version in alone if version.number not in unmeasured]
    if known:
        parts.append(_alone(known))
    if len(known) < len(alone):
        asked = [version for version in alone if version.number in unmeasured]
        them = "it" if len(asked) == 1 else "them"
        how = _measuring(*unmeasured[asked[-1].number])
        parts.append(f"{_alone(asked)} until somebody measures {them} ({how})")
    return tuple(parts)


def _alone(versions: list[SiteVersion]) -> str:
    """Return that these share an index with no other; of many the newest are named."""
    named = [version.number for version in versions[-_NAMED:]]
    older = len(versions) - len(named)
    if older:
        named.insert(0, f"{older:,} older version{'s' if older > 1 else ''}")
    verb = "needs an index of its own" if len(versions) == 1 else "each need an index of their own"
    return f"{listed(named)} {verb}"


def _unmeasured(embedding: SiteEmbedding) -> dict[str, tuple[SiteVersion, SiteVersion]]:
    """Return by number the versions that were not measured against one beside them, with such a pair."""
    found: dict[str, tuple[SiteVersion, SiteVersion]] = {}
    for older, newer in pairwise(embedding.versions):
        if cell(older, newer).kind == "unmeasured":
            found[older.number] = found[newer.number] = (older, newer)
    return found


def _measuring(a: SiteVersion, b: SiteVersion) -> str:
    """Return the command that measures two versions, or what is missing for it."""
    for version in (a, b):
        if not any(entry.role == "probe" for entry in version.card.artifacts):
            return f"{version.release.reference} has no probe vectors"
    return f"embver compat {a.release.reference} {b.release.reference}"


def _claim(group: tuple[SiteVersion, ...]) -> str:
    """Return what may be said of a group: compatibility is not transitive, a chain of good steps can lead far away."""
    if _is_whole(group):
        return "may share one index"
    first = group[0]
    far = [version for version in group if cell(first, version).kind == "unmeasured"]
    if not far:
        return (
            f"may share one index (each is known to fit {first.number}, not every pair of them was measured)"
        )
    return (
        f"are compatible step by step, but {len(far):,} of them {'was' if len(far) == 1 else 'were'} never measured against {first.number}: "
        f"not every pair may share one index ({_measuring(first, far[-1])})"
    )


def _is_whole(group: tuple[SiteVersion, ...]) -> bool:
    """Tell whether every pair of a group is known."""
    if group[0].fingerprint and all(version.fingerprint == group[0].fingerprint for version in group):
        return True  # the square of a thousand pairs need not be looked at
    return all(cell(a, b).kind != "unmeasured" for a in group for b in group)
