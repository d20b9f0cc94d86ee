"""Experiments that were recorded beside the versions that they explain, as far as they still speak of the same scores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from embver.ablation import AblationReport
from embver.actions.ablate_record import record_path
from embver.actions.workspace import Workspace
from embver.series import Series, Step
from embver.tracing import TracedVersion

Key = tuple[str, str, str]  # benchmark, metric, and the version that a step leads to


def key_of(series: Series, step: Step) -> Key:
    """Return what tells the records of different steps apart."""
    return series.benchmark, series.metric, step.to


def read_records(work: Workspace, steps: Sequence[tuple[Series, Step]]) -> dict[Key, bytes]:
    """Return the records of experiments that HEAD holds; one git process."""
    paths = [
        record_path(work, (series.benchmark, series.metric), step.from_, step.to) for series, step in steps
    ]
    found = work.repo.read_many([f"HEAD:{path}" for path in paths])
    return {
        key_of(series, step): data
        for (series, step), data in zip(steps, found, strict=True)
        if data is not None
    }


def parse_record(
    data: bytes, series: Series, step: Step, versions: Mapping[str, TracedVersion]
) -> tuple[AblationReport | None, tuple[str, ...]]:
    """Return a recorded experiment, else why it does not count: unreadable, or made for other scores."""
    again = f"the record of an experiment for {step.to} does not count"
    try:
        plain = json.loads(data)
        report = AblationReport.from_plain(plain)
        kept = {side: plain["sources"][side] for side in ("before", "after")}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return None, (f"{again}: it cannot be read ({type(error).__name__}: {error})",)
    plan = report.plan
    mine = (series.name, series.benchmark, series.metric, step.from_, step.to)
    if (plan.name, plan.benchmark, plan.metric, plan.from_, plan.to) != mine:
        return None, (f"{again}: it is of {plan.from_} to {plan.to}, {plan.metric} of {plan.benchmark}",)
    for side, reference in (("before", step.from_), ("after", step.to)):
        if kept[side] is None or kept[side] != _source(versions[reference], series.benchmark):
            return None, (f"{again}: it was made for other scores of {reference}",)
    return report, ()


def _source(version: TracedVersion, benchmark: str) -> str | None:
    """Return the digest of the raw scores that a version's card names."""
    record = next((each.plain for each in version.card.benchmarks if each.id == benchmark), {})
    return (record.get("source") or {}).get("sha256")
