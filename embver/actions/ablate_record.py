"""Keep the result of an experiment beside the version that it explains, for the site and for whoever asks later."""

from __future__ import annotations

import json
import re
from typing import Final

from embver.ablation import AblationPlan, AblationReport
from embver.actions.ablate_ends import card_of
from embver.actions.workspace import NEXT, Workspace
from embver.errors import UsageError
from embver.store.files import write_atomic

FOLDER: Final = "ablations"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.@_-]+")


def check_recordable(plan: AblationPlan) -> None:
    """Raise UsageError for a working version, which may still change."""
    if plan.to.endswith(f"@{NEXT}"):
        raise UsageError(
            f"{plan.to} is not released: what is recorded of it may be wrong tomorrow",
            hint=f"embver release {plan.name}, then --ablate --record",
        )


def record_path(work: Workspace, line: tuple[str, str], from_: str, to: str) -> str:
    """Return where the record of a step from one NAME@VERSION to another lies, for a (benchmark, metric)."""
    name, _, version = to.partition("@")
    parts = (_UNSAFE.sub("-", part) for part in (*line, from_.partition("@")[2]))
    return f"{work.folder(name, version)}/{FOLDER}/{'.'.join(parts)}.json"


def record(work: Workspace, report: AblationReport) -> str:
    """Write and stage `ablations/BENCHMARK.METRIC.FROM.json` in the folder of a release; return its path.

    `sources` are the digests of the raw scores that both cards name: where a benchmark is run again, the record is
    known to speak of other numbers. Raises UsageError for a working version.
    """
    plan = report.plan
    check_recordable(plan)
    sources = {}
    for side, reference in (("before", plan.from_), ("after", plan.to)):
        card = card_of(work, work.source(reference))
        entry = next((each for each in card.benchmarks if each.id == plan.benchmark), None)
        sources[side] = ((entry.plain if entry else {}).get("source") or {}).get("sha256")
    path = record_path(work, (plan.benchmark, plan.metric), plan.from_, plan.to)
    plain = {**report.to_plain(), "sources": sources}
    data = json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    write_atomic(work.path(path), data.encode())
    work.repo.stage([path])
    return path
