"""Hold a version against the gates of its embedding: its numbers, and what they were in the version before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from embver.actions.current import current_cards
from embver.actions.workspace import CARD, NEXT, Workspace
from embver.card import Benchmark, Card
from embver.errors import ConfigError, RepoError, UsageError
from embver.gate_rules import judge_gate, unjudged
from embver.gates import Gate, Missing, Outcome
from embver.store.gate_settings import nearest
from embver.store.scores import Scores, ScoresFile, read_scores
from embver.tracing import TracedVersion, build_series

if TYPE_CHECKING:
    from embver.history import Release
    from embver.store.git_reader import GitReader

Cards = Callable[[], Iterator["Side"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A version with its numbers: where its raw files lie (`commit` None: the work tree), and its card."""

    reference: str
    card: Card
    folder: str
    commit: str | None = None
    is_pinned: bool = False

    def holds(self, gate: Gate) -> bool:
        """Tell whether the card has the number that a gate is about."""
        return any(entry.id == gate.benchmark and entry.metric(gate.metric) for entry in self.card.benchmarks)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """A version and what became of every gate of its embedding; `against` is the version before it, if there is one.

    `reason` is why regressions were let through when it was released, as its card says.
    """

    reference: str
    against: str | None
    outcomes: tuple[Outcome, ...]
    reason: str | None = None

    @property
    def is_passed(self) -> bool:
        """Tell whether every gate lets the version through."""
        return all(outcome.is_passed for outcome in self.outcomes)

    @property
    def refusing(self) -> tuple[Outcome, ...]:
        """Return the gates that do not let the version through."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_passed)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver gate --json`."""
        return {
            "reference": self.reference,
            "against": self.against,
            "passed": self.is_passed,
            "reason": self.reason,
            "gates": [outcome.to_plain() for outcome in self.outcomes],
        }


def gate(
    work: Workspace,
    reference: str,
    gates: Sequence[Gate],
    *,
    against: str | None = None,
    missing: Missing | None = None,
    is_fresh: bool = False,
) -> GateReport:
    """Judge a version by gates; changes nothing.

    It is held against the version that it stands on, or the nearest one before that which has the number; or against one
    that is named. `missing` says what all gates count as that cannot be judged; `is_fresh` tells that the vectors of `next/` are
    known to be those of its card. Raises ConfigError where a gate names what there is not.
    """
    source = work.source(reference)
    wanted = tuple(gates)
    if missing is not None:
        wanted = tuple(replace(entry, missing=missing) for entry in wanted)
    mine = _side(work, source.reference)
    before = _before(work, mine, source.release) if against is None else _named(work, against)
    stale = None
    if source.revision is None and not is_fresh:
        from embver.actions.staleness import why_stale

        stale = why_stale(work, source, mine.card) if mine.card.benchmarks else None
    report = judge_side(work.repo, wanted, mine, before, stale=stale)
    _check_known(work, wanted, mine, report.outcomes, before)
    return report


def select(
    gates: Sequence[Gate], name: str, *, benchmark: str | None = None, metric: str | None = None
) -> tuple[Gate, ...]:
    """Return the gates of an embedding that are about a benchmark and metric; raise UsageError where there is none."""
    wanted = tuple(
        each for each in gates if benchmark in (None, each.benchmark) and metric in (None, each.metric)
    )
    if wanted:
        return wanted
    if gates:
        known = ", ".join(dict.fromkeys(f"{each.benchmark} {each.metric}" for each in gates))
        raise UsageError(f"no gate of {name} is about that benchmark and metric", hint=f"gates: {known}")
    hint = "embver.toml: [[gate]] benchmark, metric, significant_drop = true"
    raise UsageError(f"no gate speaks of {name}", hint=hint)


def gate_all(work: Workspace, *, missing: Missing | None = None) -> tuple[GateReport, ...]:
    """Judge the working version of every embedding that has gates, or its latest release where there is none."""
    reports = []
    for name in work.names():
        if not work.settings.gates_for(name):
            continue
        has_next = work.path(work.folder(name, NEXT), CARD).is_file()
        reference = f"{name}@{NEXT}" if has_next else name
        reports.append(gate(work, reference, work.settings.gates_for(name), missing=missing))
    check_names(work)
    return tuple(reports)


def check_names(work: Workspace) -> None:
    """Raise ConfigError for a gate whose embedding does not exist: it would never be asked."""
    names = work.names() if any(entry.embedding for entry in work.settings.gates) else ()
    for entry in work.settings.gates:
        if entry.embedding is not None and entry.embedding not in names:
            raise ConfigError(
                f"{entry.place}: there is no embedding {entry.embedding!r}",
                hint=nearest(entry.embedding, names, noun="known"),
            )


def judge_side(
    repo: GitReader,
    gates: Sequence[Gate],
    mine: Side,
    before: Cards,
    *,
    stale: str | None = None,
    honours_allowed: bool = True,
) -> GateReport:
    """Judge a version by gates; `before` yields the versions that it stands on, the nearest first."""
    known: list[Side] = []
    rest = before()

    def ancestors() -> Iterator[Side]:
        yield from known
        for side in rest:
            known.append(side)
            yield side

    record = (mine.card.plain.get("allowed_regressions") or {}) if honours_allowed else {}
    outcomes = []
    for entry in gates:
        if stale is not None:
            outcomes.append(unjudged(entry, f"the numbers are of other vectors: {stale}"))
            continue
        allowed = frozenset(
            failed["rule"]
            for each in record.get("gates", ())
            if (each["benchmark"], each["metric"]) == (entry.benchmark, entry.metric)
            for failed in each["failed"]
        )
        outcomes.append(_outcome(repo, entry, mine, ancestors, allowed))
    first = next(ancestors(), None)
    return GateReport(
        reference=mine.reference,
        against=first.reference if first else None,
        outcomes=tuple(outcomes),
        reason=record.get("reason"),
    )


def _outcome(repo: GitReader, entry: Gate, mine: Side, ancestors: Cards, allowed: frozenset[str]) -> Outcome:
    from embver.measure.significance import judge

    passed_over: list[str] = []
    rival = None
    if entry.needs_previous or mine.holds(entry):
        for side in ancestors():
            if side.holds(entry):
                rival = side
                break
            passed_over.append(side.reference)
    sides = {side.reference: side for side in (rival, mine) if side is not None}
    notes = (f"without this number: {', '.join(passed_over)}",) if rival and passed_over else ()
    versions = [
        TracedVersion(
            reference=side.reference,
            card=side.card,
            previous=rival.reference if rival and side is mine else None,
            notes=notes if side is mine else (),
        )
        for side in sides.values()
    ]

    def scores(reference: str, benchmark: str) -> Scores:
        return _scores(repo, sides[reference], benchmark, entry.metric)

    line = (entry.benchmark, entry.metric)
    name = mine.reference.partition("@")[0]
    (series,) = build_series(name, versions, [line], scores=scores, judge=judge)
    return judge_gate(
        entry, series, has_previous=rival is not None or next(ancestors(), None) is not None, allowed=allowed
    )


def _scores(repo: GitReader, side: Side, benchmark: str, metric: str) -> Scores:
    record: Benchmark = next(entry for entry in side.card.benchmarks if entry.id == benchmark)
    file = ScoresFile(
        reference=side.reference,
        folder=side.folder,
        commit=side.commit,
        record=record.plain,
        is_pinned=side.is_pinned,
    )
    return read_scores(repo, [file], metrics={metric})[0]


def _side(work: Workspace, reference: str) -> Side:
    """Return a version with its card as it stands now: a release may be benched later."""
    source = work.source(reference)
    card = work.card(source) if source.release is None else next(iter(current_cards(work, [source.release])))
    return Side(reference=source.reference, card=card, folder=source.folder, commit=source.revision)


def _named(work: Workspace, reference: str) -> Cards:
    """Return the one version to hold another against."""
    side = _side(work, reference)
    return lambda: iter((side,))


def _before(work: Workspace, mine: Side, release: Release | None) -> Cards:
    """Return the releases that a version stands on, the nearest first: by ancestry and not by number.

    Raises RepoError, once it is asked, where the clone lacks the one right before.
    """

    def ancestors() -> Iterator[Side]:
        by_reference = {each.reference: each for each in work.releases_of(mine.card.name)}
        current = work.base(mine.card) if release is None else by_reference.get(release.previous or "")
        named = release.previous if release is not None else None
        if current is None and (named or work.repo.is_shallow()):
            # Else a clone without tags would take every version for a first one, which passes.
            what = (
                f"{named}, which {mine.reference} stands on," if named else f"what {mine.reference} stands on"
            )
            raise RepoError(
                f"{what} is not in this clone",
                hint="git fetch --unshallow --tags" if work.repo.is_shallow() else "git fetch --tags",
            )
        while current is not None:
            by_reference.pop(
                current.reference, None
            )  # a tag that names a later version as the one before ends here
            yield _side(work, current.reference)
            current = by_reference.get(current.previous or "")

    return ancestors


def _check_known(
    work: Workspace, gates: Sequence[Gate], mine: Side, outcomes: Sequence[Outcome], before: Cards
) -> None:
    """Raise ConfigError for a gate whose benchmark or metric neither settings nor cards know."""
    settings = {entry.id: entry.metrics for entry in work.settings.benchmarks}
    for entry, outcome in zip(gates, outcomes, strict=True):
        if (
            outcome.new is not None
            or outcome.step is not None
            or entry.metric in settings.get(entry.benchmark, ())
        ):
            continue
        cards = [mine.card, *(side.card for side in before())]
        known = {name: set(metrics) for name, metrics in settings.items()}
        for record in (record for card in cards for record in card.benchmarks):
            known.setdefault(record.id, set()).update(metric.key for metric in record.metrics)
        place = f"{entry.place}: " if entry.place else ""
        if entry.benchmark not in known:
            raise ConfigError(
                f"{place}there is no benchmark {entry.benchmark!r}",
                hint=nearest(entry.benchmark, sorted(known), noun="benchmarks"),
            )
        if entry.metric not in known[entry.benchmark]:
            raise ConfigError(
                f"{place}the benchmark {entry.benchmark} has no metric {entry.metric!r}",
                hint=nearest(entry.metric, sorted(known[entry.benchmark]), noun="metrics"),
            )
