"""May a query meet the vectors of a store? One line of policy for each space that the store holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from embver.errors import EmbverError, UsageError
from embver.guard.stamp import Stamp, StampedSpace, is_space_id
from embver.levels import Verdict
from embver.notebook import table

DEFAULT_ALLOW = "equivalent"
ALLOWED = ("identical", "equivalent", "compatible")

Modalities = tuple[str, str]


@runtime_checkable
class Versioned(Protocol):
    """What the guard needs of a version: `embver.open` returns one."""

    @property
    def stamped_space(self) -> StampedSpace:
        """Return the version's space as a stamp holds it."""

    def verdict_with(
        self, reference: str, *, modalities: Modalities | None = None, measure: bool = False
    ) -> Verdict | None:
        """Return the verdict between this version and another one of its repository; None: not measured."""


Query = str | Versioned


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A query's space and one space of the store; `verdict` is None where none is known."""

    stamped: StampedSpace
    is_same_space: bool
    verdict: Verdict | None
    is_allowed: bool

    @property
    def relation(self) -> str:
        """Return how the two meet: `same`, a verdict's word, or `unmeasured`."""
        if self.is_same_space and (self.verdict is None or self.is_allowed):
            return "same"
        return self.verdict.word if self.verdict else "unmeasured"

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of a pairing in `embver guard check --json`."""
        return {
            "space_id": self.stamped.space_id,
            "reference": self.stamped.reference,
            "relation": self.relation,
            "allowed": self.is_allowed,
        }


class SpaceMismatch(EmbverError):  # noqa: N818  (reads as what it says)
    """A query must not meet the vectors of a store; `decision` says which spaces and why."""

    exit_code = 1

    def __init__(self, message: str, *, decision: Decision, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.decision = decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the guard found: allowed only if the query may meet every space of the store."""

    store: str
    query: StampedSpace
    pairings: tuple[Pairing, ...]
    allow: str
    modalities: Modalities | None = None

    @property
    def is_allowed(self) -> bool:
        """Tell whether the query may be asked of the store."""
        return all(pairing.is_allowed for pairing in self.pairings)

    @property
    def verdict(self) -> Verdict | None:
        """Return the worst verdict of all spaces; identical within one space, None where one is unmeasured."""
        found = [Verdict.IDENTICAL if pair.relation == "same" else pair.verdict for pair in self.pairings]
        known = [verdict for verdict in found if verdict is not None]
        return Verdict.worst(known) if len(known) == len(found) else None

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver guard check --json`."""
        return {
            "store": self.store,
            "allowed": self.is_allowed,
            "allow": self.allow,
            "modalities": list(self.modalities) if self.modalities else None,
            "query": {"space_id": self.query.space_id, "reference": self.query.reference},
            "verdict": self.verdict.word if self.verdict else None,
            "mixed": len(self.pairings) > 1,
            "spaces": [pairing.to_plain() for pairing in self.pairings],
        }

    def _repr_html_(self) -> str:
        rows = [
            ("✓" if pair.is_allowed else "✗", pair.stamped.label, pair.relation) for pair in self.pairings
        ]
        return table(f"{self.query.label} and {self.store}", ("", "space", "relation"), rows)

    def refusal(self) -> SpaceMismatch:
        """Return the error that names both sides, the verdict between them, and what to do."""
        refused = [pairing for pairing in self.pairings if not pairing.is_allowed]
        worst = max(refused, key=_badness)
        stamped = worst.stamped
        told = f"{self.store} holds vectors of {stamped.label}; the query is encoded by {self.query.label}"
        verdict = worst.verdict
        both = f"{stamped.reference} {self.query.reference}"
        if verdict is None and stamped.reference and self.query.reference:
            why = "no card records whether they meet"
            hint = f"measure=True, or --measure; embver compat {both} shows it in full"
        elif verdict is None:
            why, hint = "nothing says whether they meet", "encode the query by the version of the stamp"
        elif verdict.is_safe:
            why = f"they are {verdict.word}, and only {self.allow} or better is allowed"
            hint = f"allow={verdict.word!r}, or --allow {verdict.word}"
        else:
            why = f"they are {verdict.word}"
            hint = f"encode the query by {stamped.reference}, or the store anew by {self.query.reference}"
        return SpaceMismatch(f"{told}: {why}", decision=self, hint=hint)


def _badness(pairing: Pairing) -> int:
    """Order refusals: a verdict that forbids says more than one that is missing."""
    return -1 if pairing.verdict is None else pairing.verdict.rank


def decide(
    stamp: Stamp,
    query: Query,
    *,
    store: str,
    allow: str = DEFAULT_ALLOW,
    modalities: Modalities | None = None,
    measure: bool = False,
) -> Decision:
    """Hold a query against a store's stamp.

    The same space is allowed, and so is a recorded verdict that is at least `allow`. What was measured decides: two
    versions of one fingerprint whose record says incompatible (a library that no card names) do not meet. Of a mixed
    store every space must be allowed. Raise UsageError for an `allow` that is no safe verdict.
    """
    if allow not in ALLOWED:
        raise UsageError(f"allow is one of {', '.join(ALLOWED)}, not {allow!r}")
    asked = space_of(query)
    pairings = []
    for stamped in stamp.spaces:
        is_same = stamped.space_id == asked.space_id
        verdict = None
        if isinstance(query, Versioned) and stamped.reference and stamped.reference != asked.reference:
            verdict = query.verdict_with(
                stamped.reference, modalities=modalities, measure=measure and not is_same
            )
        if verdict is None and set(stamped.dimensions).isdisjoint(asked.dimensions or stamped.dimensions):
            verdict = (
                Verdict.INCOMPATIBLE if stamped.dimensions else None
            )  # no measurement is needed to say so
        is_measured_well = verdict is not None and verdict.rank <= Verdict(allow).rank
        pairings.append(
            Pairing(
                stamped=stamped,
                is_same_space=is_same,
                verdict=verdict,
                is_allowed=is_measured_well or (is_same and (verdict is None or verdict.is_safe)),
            )
        )
    return Decision(store=store, query=asked, pairings=tuple(pairings), allow=allow, modalities=modalities)


def space_of(query: Query) -> StampedSpace:
    """Return the space of a version or of a bare fingerprint; raise UsageError for anything else."""
    if isinstance(query, Versioned):
        return query.stamped_space
    if is_space_id(query):
        return StampedSpace(space_id=query)
    hint = f"embver.open({query!r})" if isinstance(query, str) else "embver.open('NAME@VERSION')"
    raise UsageError(f"{query!r} is neither a version nor a fingerprint", hint=hint)
