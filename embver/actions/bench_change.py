"""Hold a benchmark of `next/` against the same one of the release before, query by query."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from embver.actions.current import current_cards
from embver.actions.workspace import Workspace
from embver.comparability import PROTOCOL
from embver.history import Release

if TYPE_CHECKING:
    from embver.measure.retrieval import Evaluation

TEST: Final = "paired-bootstrap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A benchmark as a release has it: its record, and the scores of each query by metric; or why it has none."""

    reference: str
    record: Mapping[str, Any]
    raw: Mapping[str, Any]
    lacking: str | None = None


def before(work: Workspace, release: Release, name: str) -> Before:
    """Return a benchmark of a release by its id, as the card stands now: a release may be benched later."""
    card = next(iter(current_cards(work, [release])))
    record: Mapping[str, Any] = next((entry.plain for entry in card.benchmarks if entry.id == name), {})
    lacking, raw = None, {}
    if not record:
        lacking = "it has no such benchmark"
    else:
        source = record.get("source") or {}
        path = f"{work.folder(release.name, release.version)}/{source.get('path')}"
        data = work.repo.read("HEAD", path) or work.repo.read(release.commit, path)
        if data is None or source.get("format") != "embver.bench":
            lacking = "the scores of its queries were not kept"
        elif hashlib.sha256(data).hexdigest() != source.get("sha256"):
            lacking = "its raw file is not the one that its card names"
        else:
            raw = json.loads(data)
    return Before(reference=release.reference, record=record, raw=raw, lacking=lacking)


def compared(record: dict[str, Any], evaluation: Evaluation, old: Before) -> dict[str, Any]:
    """Return a record with what changed since a release; where nothing can be said, with the reason."""
    why = old.lacking or _difference(record, evaluation, old)
    if why is not None:
        return {**record, "compared": {"against": old.reference, "not_comparable": why}}
    import numpy as np

    from embver.measure.bootstrap import LEVEL
    from embver.measure.paired import paired_change

    metrics = []
    for metric in record["metrics"]:
        scores = old.raw["per_query"].get(metric["key"])
        if scores is not None:
            # The file's digits are what both sides are compared by: else equal scores would differ in the seventh.
            now = np.round(evaluation.per_query[metric["key"]], 6)
            change = paired_change(np.array(scores, dtype=np.float64), now, evaluation.clusters)
            metrics.append({**metric, "change": change.to_plain()})
        else:
            metrics.append(metric)
    return {
        **record,
        "metrics": metrics,
        "compared": {"against": old.reference, "test": TEST, "level": LEVEL},
    }


def _difference(record: Mapping[str, Any], evaluation: Evaluation, old: Before) -> str | None:
    """Return why two numbers of one benchmark are not comparable, or None."""
    if old.record["dataset"].get("sha256") != record["dataset"]["sha256"]:
        return "its data set was another one"
    mine, theirs = record["protocol"], old.record.get("protocol") or {}
    differing = [key for key in PROTOCOL if mine.get(key) != theirs.get(key)]
    if (old.record.get("task") or {}).get("category") != record["task"]["category"]:
        differing.append("modalities")
    if differing:
        return f"its protocol differs: {', '.join(differing)}"
    if old.raw.get("queries") != list(evaluation.query_ids):
        return "its queries were others"
    return None
