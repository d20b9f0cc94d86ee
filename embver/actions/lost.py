"""Tell which queries a step lost and won, and what they have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from embver.actions.trace import TraceRequest, trace
from embver.actions.trace_choice import check_reference, modalities_of
from embver.actions.trace_texts import chosen_items
from embver.actions.trace_versions import traced_versions
from embver.actions.workspace import NEXT, Workspace
from embver.card import Benchmark
from embver.comparability import not_comparable
from embver.errors import UsageError
from embver.groups import Moves, moves
from embver.probe import ProbeItem
from embver.series import Series, Step
from embver.store.items import Items, read_items
from embver.store.scores import Scores, ScoresFile, read_scores
from embver.text_steps import step_traits
from embver.tracing import TracedVersion
from embver.traits import Trait, traits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryReport:
    """The queries that changed between two versions; `moves` is None where the scores of one are not there.

    `why` says which step it is where nobody named one. `items` are the benchmark's by id, `folder` what their paths are
    relative to; they are empty where the items are not there. `lacking` says what is not, and what follows from it.
    """

    name: str
    benchmark: str
    metric: str
    from_: str
    to: str
    before: float
    after: float
    moves: Moves | None
    why: str | None = None
    items: Mapping[str, ProbeItem] = field(default_factory=dict)
    folder: str = ""
    lacking: tuple[str, ...] = ()

    def shown(self, id_: str) -> str:
        """Return a query as people see it: a text as it is, a file by its path, an id where the item is not there."""
        item = self.items.get(id_)
        if item is None:
            return id_
        return item.text if item.text is not None else f"{self.folder}/{item.path}"

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver trace --queries --json`."""
        sides = {}
        if self.moves is not None:
            for side in (self.moves.lost, self.moves.won):
                plain = side.to_plain()
                plain["queries"] = [{"id": id_, "shown": self.shown(id_)} for id_ in side.queries]
                sides[side.way] = plain
        return {
            "name": self.name,
            "benchmark": self.benchmark,
            "metric": self.metric,
            "from": self.from_,
            "to": self.to,
            "before": self.before,
            "after": self.after,
            "why": self.why,
            "queries": self.moves.queries if self.moves else None,
            "lost": sides.get("lost"),
            "won": sides.get("won"),
            "lacking": list(self.lacking),
        }


def lost_queries(work: Workspace, request: TraceRequest) -> QueryReport:
    """Return the queries lost and won between two versions: those asked for, else over the worst significant regression.

    Raises UsageError for what is not known or not comparable, and where there is no step at all.
    """
    series = trace(work, request).series
    line = (series.benchmark, series.metric)
    from_, to, why = _ends(work, request, series)
    versions = {
        version.reference: version
        for version in traced_versions(work, request.name, with_next=f"{request.name}@{NEXT}" in (from_, to))
    }
    return queries_between(work, request.name, line, versions[from_], versions[to], why=why)


def queries_between(
    work: Workspace,
    name: str,
    line: tuple[str, str],
    old: TracedVersion,
    new: TracedVersion,
    *,
    why: str | None = None,
    known: dict[str, Items] | None = None,
) -> QueryReport:
    """Return the queries lost and won between two versions on one (benchmark, metric).

    `known` keeps items from one call to the next, by their digest. Raises UsageError where the numbers are not comparable.
    """
    benchmark, key = line
    before, after = (_benchmark(version, benchmark, key) for version in (old, new))
    said = not_comparable(before, after, key)
    if said:
        raise UsageError(
            f"{key} of {benchmark}: {old.reference} and {new.reference} cannot be compared: {said}",
            hint=f"embver trace {name} --metric {key} --benchmark {benchmark}",
        )
    scores = _scores(work, name, (old.reference, before), (new.reference, after), key)
    report = QueryReport(
        name=name,
        benchmark=benchmark,
        metric=key,
        from_=old.reference,
        to=new.reference,
        before=_value(old, before, key),
        after=_value(new, after, key),
        moves=None,
        why=why,
    )
    lacking = _lacking(scores, key)
    if lacking:
        return replace(report, lacking=lacking)
    return _with_queries(report, scores, work, (old, new), after, _items(work, name, report, after, known))


def _lacking(scores: tuple[Scores, Scores], key: str) -> tuple[str, ...]:
    """Return what of both raw files is not there, or does not fit the other."""
    found = [f"{each.reference}: {each.lacking}" for each in scores if each.lacking]
    found += [
        f"{each.reference}: its raw file has no {key}"
        for each in scores
        if not each.lacking and key not in each.per_query
    ]
    if not found and scores[0].queries != scores[1].queries:
        found.append(f"the raw files of {scores[0].reference} and {scores[1].reference} hold other queries")
    return tuple(found)


def _items(
    work: Workspace, name: str, report: QueryReport, record: Benchmark, known: dict[str, Items] | None
) -> Items:
    digest = str((record.plain.get("dataset") or {}).get("sha256"))
    if known is not None and digest in known:
        return known[digest]
    commits = {release.reference: release.commit for release in work.releases_of(name)}
    revisions = [commits[each] for each in (report.to, report.from_) if each in commits]
    found = read_items(work.repo, record.plain, revisions)
    if known is not None:
        known[digest] = found
    return found


def _scores(
    work: Workspace, name: str, old: tuple[str, Benchmark], new: tuple[str, Benchmark], key: str
) -> tuple[Scores, Scores]:
    commits = {release.reference: release.commit for release in work.releases_of(name)}
    files = [
        ScoresFile(
            reference=reference,
            folder=work.folder(name, reference.partition("@")[2]),
            commit=commits.get(reference),
            record=record.plain,
        )
        for reference, record in (old, new)
    ]
    first, second = read_scores(work.repo, files, metrics=frozenset({key}))
    return first, second


def _with_queries(
    report: QueryReport,
    scores: tuple[Scores, Scores],
    work: Workspace,
    versions: tuple[TracedVersion, TracedVersion],
    record: Benchmark,
    items: Items,
) -> QueryReport:
    key = report.metric
    by_id = {item.id: item for item in items.items.items} if items.items else {}
    queries = scores[0].queries
    metric = record.metric(key)
    traits: tuple[Trait, ...] = ()
    if all(query in by_id for query in queries):
        _, document = modalities_of(work, report.name, record, versions[1].card)
        asked = [by_id[query] for query in queries]
        traits = traits_of(asked, documents_of(record, by_id, document))
        sides = [each.card.encoders.get(asked[0].modality) or {} for each in versions]
        traits += step_traits([item.text for item in asked], *sides)
    elif items.lacking is None:
        items = replace(items, lacking="the benchmark's items are not those of its queries")
    made = moves(
        queries,
        scores[0].per_query[key],
        scores[1].per_query[key],
        traits,
        higher_is_better=metric.higher_is_better if metric else True,
    )
    return replace(
        report,
        moves=made,
        items=by_id,
        folder=items.folder,
        lacking=(f"{items.lacking}: the queries are told by their ids, without what they have in common",)
        if items.lacking
        else (),
    )


def documents_of(
    record: Benchmark, items: Mapping[str, ProbeItem], modality: str
) -> dict[str, list[ProbeItem]]:
    """Return what was to be found, by pair."""
    found: dict[str, list[ProbeItem]] = {}
    for item in chosen_items(record, items.values(), "document", modality):
        found.setdefault(item.pair, []).append(item)
    return found


def _ends(work: Workspace, request: TraceRequest, series: Series) -> tuple[str, str, str | None]:
    """Return the two versions to compare, and why these where nobody named both."""
    first, last = (
        None if text is None else check_reference(work, request.name, text)
        for text in (request.from_, request.to)
    )
    if first is not None and first == last:
        raise UsageError(
            f"{first} is one version: there is nothing between it and itself", hint="--from A --to B"
        )
    if first is not None and last is not None:
        return first, last, None
    known = [step for step in series.steps if step.not_comparable is None]
    if last is not None:
        step = series.step_to(last)
        if step is None:
            raise UsageError(f"{last} has no version before it with this benchmark", hint="--from A")
        return step.from_, step.to, f"{last} stands on {step.from_}"
    if not known:
        raise UsageError(
            f"no two versions of {request.name} can be compared on {series.metric} of {series.benchmark}",
            hint=f"embver trace {request.name} --metric {series.metric} --benchmark {series.benchmark}",
        )
    return _worst(known)


def _worst(known: Sequence[Step]) -> tuple[str, str, str]:
    falls = [step for step in known if step.verdict == "regression" and step.delta is not None]
    if falls:
        worst = max(falls, key=lambda step: abs(step.delta or 0.0))
        return worst.from_, worst.to, "the worst significant regression"
    step = known[-1]
    return step.from_, step.to, "no step is a significant regression; this is the newest"


def _benchmark(version: TracedVersion, id_: str, key: str) -> Benchmark:
    mine = [entry for entry in version.card.benchmarks if entry.id == id_]
    if len(mine) == 1 and mine[0].metric(key) is not None:
        return mine[0]
    why = f"has {len(mine)} benchmarks named {id_}" if len(mine) != 1 else f"has no {key} in {id_}"
    raise UsageError(f"{version.reference} {why}", hint=f"embver show {version.reference}")


def _value(version: TracedVersion, benchmark: Benchmark, key: str) -> float:
    metric = benchmark.metric(key)
    assert metric is not None
    if metric.value is None:
        raise UsageError(
            f"{version.reference} gives no number for {key} of {benchmark.id}",
            hint=f"embver show {version.reference}",
        )
    return metric.value
