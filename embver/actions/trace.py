"""Trace a metric over the versions of an embedding: which step moved it, and what changed there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from embver.actions.trace_choice import check_reference, choose_line, lines_of, modalities_of, within
from embver.actions.trace_texts import texts_reader
from embver.actions.trace_versions import traced_versions
from embver.actions.workspace import NEXT, Workspace
from embver.card import Benchmark
from embver.errors import UsageError
from embver.series import Series, Step
from embver.store.scores import Scores, ScoresFile, read_scores
from embver.suspects import Suspect, suspects_between
from embver.tracing import TracedVersion, build_series

if TYPE_CHECKING:
    from collections.abc import Callable

    from embver.ablation import AblationReport


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceRequest:
    """What to trace: a metric (None: the main one) of a benchmark, and between which versions.

    `from_` and `to` are references or plain versions: that version with what stands on it, and with what it stands on;
    both: the way from one to the other.
    """

    name: str
    metric: str | None = None
    benchmark: str | None = None
    from_: str | None = None
    to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceReport:
    """A series, the other benchmarks that hold the same metric, and what else there is to know.

    `experiments` are those that were recorded (`--ablate --record`), by the version that their step leads to.
    """

    series: Series
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    experiments: Mapping[str, AblationReport] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver trace --json`."""
        return {
            **self.series.to_plain(),
            "others": list(self.others),
            "notes": list(self.notes),
            "experiments": [each.to_plain() for each in self.experiments.values()],
        }


def trace(work: Workspace, request: TraceRequest) -> TraceReport:
    """Return the series of one metric; raise UsageError for what is not known, with what there is."""
    name, _, selector = request.name.replace("#", "@#", 1).partition("@")
    if selector:
        hint = f"embver trace {name} --to {selector}"
        raise UsageError(f"{request.name} is one version: a trace follows all of an embedding", hint=hint)
    ends = [
        None if text is None else check_reference(work, request.name, text)
        for text in (request.from_, request.to)
    ]
    with work.repo.kept_open():
        versions = traced_versions(work, request.name, with_next=f"{request.name}@{NEXT}" in ends)
        line, others = choose_line(request.name, versions, request.metric, request.benchmark)
        chosen, notes = within(versions, *ends)
        made = series_of(work, request.name, chosen, [line])
        experiments, why = _experiments(work, made[0], chosen)
    return TraceReport(series=made[0], others=others, notes=(*notes, *why), experiments=experiments)


def main_series(work: Workspace, name: str) -> tuple[Series, ...]:
    """Return the series of every benchmark's main metric over all releases of an embedding; none without benchmarks."""
    with work.repo.kept_open():
        versions = traced_versions(work, name)
        return series_of(work, name, versions, lines_of(versions))


def series_of(
    work: Workspace,
    name: str,
    versions: Sequence[TracedVersion],
    lines: Sequence[tuple[str, str]],
    *,
    asks: Callable[[Step], bool] = lambda _: True,
) -> tuple[Series, ...]:
    """Return the series of some (benchmark, metric) over versions; one git process reads all raw files.

    What may have caused a step is worked out of those that `asks` wants it of: it takes longest.
    """
    from embver.measure.significance import judge

    scores = _scores(work, name, versions, lines)
    return build_series(
        name,
        versions,
        lines,
        scores=lambda reference, benchmark: scores[reference, benchmark],
        judge=judge,
        suspects=_suspects(work, name, versions),
        asks=asks,
    )


def _experiments(
    work: Workspace, series: Series, versions: Sequence[TracedVersion]
) -> tuple[dict[str, AblationReport], tuple[str, ...]]:
    """Return the recorded experiments of the significant steps, and why a record does not count."""
    from embver.actions.recorded import key_of, parse_record, read_records

    steps = [step for step in series.steps if step.is_significant]
    records = read_records(work, [(series, step) for step in steps])
    found: dict[str, AblationReport] = {}
    said: list[str] = []
    by_reference = {version.reference: version for version in versions}
    for step in steps:
        data = records.get(key_of(series, step))
        report, why = (None, ()) if data is None else parse_record(data, series, step, by_reference)
        said += why
        if report is not None:
            found[step.to] = report
    return found, tuple(said)


def _scores(
    work: Workspace, name: str, versions: Sequence[TracedVersion], lines: Sequence[tuple[str, str]]
) -> Mapping[tuple[str, str], Scores]:
    """Return the scores behind the numbers of the lines, by reference and benchmark."""
    wanted = {benchmark for benchmark, _ in lines}
    commits = {release.reference: release.commit for release in work.releases_of(name)}
    files = [
        ScoresFile(
            reference=version.reference,
            folder=work.folder(name, version.reference.partition("@")[2]),
            commit=commits.get(version.reference),
            record=benchmark.plain,
        )
        for version in versions
        for benchmark in version.card.benchmarks
        if benchmark.id in wanted
    ]
    found = read_scores(work.repo, files, metrics=frozenset(metric for _, metric in lines))
    return {(each.reference, each.benchmark): each for each in found}


def _suspects(
    work: Workspace, name: str, versions: Sequence[TracedVersion]
) -> Callable[[str, str, Benchmark], tuple[Suspect, ...]]:
    """Return a function that ranks what changed between two of the versions, worked out once for each pair."""
    cards = {version.reference: version.card for version in versions}
    own = work.settings.policy_for(name)
    texts_of = texts_reader(work, name)
    known: dict[tuple[str, ...], tuple[Suspect, ...]] = {}

    def found(before: str, after: str, benchmark: Benchmark) -> tuple[Suspect, ...]:
        query, document = modalities_of(work, name, benchmark, cards[after])
        shared = (before, after, query, document)
        own_key = (*shared, benchmark.id)  # only what was told by a benchmark's own texts is its own
        if shared in known or own_key in known:
            return known[shared if shared in known else own_key]
        asked: list[Sequence[str]] = []

        def texts() -> Sequence[str]:
            asked.append(texts_of(benchmark, after, (query, document)))
            return asked[-1]

        made = suspects_between(
            cards[before], cards[after], query=query, document=document, own=own, texts=texts
        )
        known[own_key if asked else shared] = made
        return made

    return found
