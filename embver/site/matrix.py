"""Which versions meet in one index: every pair, measured or told by the space. Pure."""

from __future__ import annotations

from dataclasses import dataclass

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
    for version in embedding.versions:
        for group in reversed(made):
            # A release is measured against the one before it and the first of its line; both are among these.
            cells = [cell(member, version) for member in (group[:1] + group[1:][-_NEAR:])]
            is_open = all(entry.is_safe or entry.kind == "unmeasured" for entry in cells)
            if is_open and any(entry.is_safe for entry in cells):
                group.append(version)
                break
        else:
            made.append([version])
    return tuple(tuple(group) for group in made)


def mixing_sentence(embedding: SiteEmbedding) -> str:
    """Return which versions may be mixed in one index, as a sentence."""
    if len(embedding.versions) == 1:
        return f"There is one version, {embedding.versions[0].number}: nothing to mix yet."
    shared = [group for group in groups(embedding) if len(group) > 1]
    alone = [group[0].number for group in groups(embedding) if len(group) == 1]
    parts = []
    for group in shared:
        names = listed([version.number for version in group])
        if len(group) > _NAMED:
            names = f"{group[0].number} to {group[-1].number} ({len(group)} versions)"
        is_whole = all(cell(a, b).kind != "unmeasured" for a in group for b in group)
        caveat = "" if is_whole else " (not every pair of them was measured: see the dashes)"
        parts.append(f"{names} may share one index{caveat}")
    if alone:
        verb = "needs an index of its own" if len(alone) == 1 else "each need an index of their own"
        parts.append(f"{listed(alone)} {verb}")
    return "; ".join(parts) + "."
