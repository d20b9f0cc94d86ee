"""Find out what the site tells of the main metrics of an embedding: steps, queries lost and won, recorded experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from embver.actions.lost import queries_between
from embver.actions.recorded import key_of, parse_record, read_records
from embver.actions.site_pictures import MOST_BYTES, pictures_of
from embver.actions.trace import series_of
from embver.actions.trace_choice import lines_of
from embver.actions.trace_versions import traced_versions
from embver.actions.workspace import Workspace
from embver.card import Card
from embver.errors import EmbverError
from embver.groups import EXAMPLES, Moved
from embver.series import Series
from embver.traced import Traced, TracedStep, is_long, significant_steps
from embver.tracing import TracedVersion

if TYPE_CHECKING:
    from embver.store.items import Items

Pair = tuple[TracedVersion, TracedVersion]  # the two versions of a step


def site_traces(work: Workspace, name: str, *, cards: Mapping[str, Card] | None = None) -> tuple[Traced, ...]:
    """Return every main metric of an embedding over its releases; none where no release has a benchmark.

    `cards` are those that were read already, by NAME@VERSION: releases without one are left out. Records of experiments
    are read as HEAD has them, and count only for the very scores that they were made for.
    """
    versions = traced_versions(work, name, cards=cards)
    series = series_of(work, name, versions, lines_of(versions), asks=lambda step: step.is_significant)
    lines = significant_steps(series)
    full = [(each.series, told.step) for each in lines for told in each.steps if told.is_in_full]
    records = read_records(work, full)
    by_reference = {version.reference: version for version in versions}
    items: dict[str, Items] = {}

    def found(series: Series, told: TracedStep) -> TracedStep:
        if not told.is_in_full:
            return told
        pair = (by_reference[told.step.from_], by_reference[told.step.to])
        told = _with_queries(work, series, told, pair, items)
        data = records.get(key_of(series, told.step))
        return told if data is None else _with_ablation(data, series, told, by_reference)

    made = [replace(each, steps=tuple(found(each.series, told) for told in each.steps)) for each in lines]
    return few_pictures(made)


def few_pictures(lines: Sequence[Traced]) -> tuple[Traced, ...]:
    """Return series with no more pictures than a page holds: those of the worst falls first."""
    left = 0 if is_long(each.series for each in lines) else MOST_BYTES
    kept: set[str] = set()
    steps = [told for line in lines for told in line.steps]
    for told in sorted(
        steps, key=lambda each: (each.step.verdict != "regression", -abs(each.step.delta or 0))
    ):
        for address in told.pictures.values():
            if address not in kept and len(address) <= left:
                kept.add(address)
                left -= len(address)

    def fewer(told: TracedStep) -> TracedStep:
        return replace(told, pictures={id_: each for id_, each in told.pictures.items() if each in kept})

    return tuple(replace(line, steps=tuple(map(fewer, line.steps))) for line in lines)


def _with_queries(
    work: Workspace, series: Series, told: TracedStep, pair: Pair, items: dict[str, Items]
) -> TracedStep:
    """Return a step with the queries that it moved; what is missing is said, and stops nothing."""
    try:
        report = queries_between(work, series.name, (series.benchmark, series.metric), *pair, known=items)
    except EmbverError as error:
        return replace(told, lacking=(f"which queries moved is not known: {error}",))
    sides = (report.moves.lost, report.moves.won) if report.moves is not None else ()
    ids = dict.fromkeys(id_ for moved in sides for id_ in _examples(moved))
    return replace(
        told,
        moves=report.moves,
        words={id_: report.shown(id_) for id_ in ids},
        pictures=pictures_of(work, report, pair[1], ids),
        lacking=report.lacking,
    )


def _examples(moved: Moved) -> tuple[str, ...]:
    """Return the queries of a side that a page may show."""
    groups = (*moved.main, *moved.touched)
    if not groups:
        return moved.queries[:EXAMPLES]
    return tuple(id_ for group in groups for id_ in group.examples)


def _with_ablation(
    data: bytes, series: Series, told: TracedStep, versions: Mapping[str, TracedVersion]
) -> TracedStep:
    ablation, why = parse_record(data, series, told.step, versions)
    return replace(told, ablation=ablation, lacking=(*told.lacking, *why))
