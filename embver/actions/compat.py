"""Measure one version against another and give the verdict."""

from __future__ import annotations

from typing import Any

from embver.actions.comparing import Comparison, compare_versions
from embver.actions.workspace import Workspace
from embver.errors import EmbverError


def compat(work: Workspace, old: str, new: str) -> Comparison:
    """Measure `new` against `old`; raise EmbverError saying why where that cannot be done."""
    first, second = work.source(old), work.source(new)
    found = compare_versions(work, first, second)
    if isinstance(found, str):
        working = next((source for source in (second, first) if source.revision is None), None)
        name = working.reference.partition("@")[0] if working else None
        raise EmbverError(
            f"cannot compare: {found}",
            hint=f"embver encode {name}" if name else "versions whose probe sets have items in common",
        )
    return found


def to_plain(found: Comparison) -> dict[str, Any]:
    """Return the stable keys of `embver compat --json`."""
    strata = []
    for stratum in found.strata:
        measures = {
            key: value for key, value in stratum.items() if key not in ("query", "document", "verdict")
        }
        strata.append(
            {
                "query": stratum["query"],
                "document": stratum["document"],
                "verdict": stratum["verdict"],
                "measures": measures,
            }
        )
    return {
        "a": found.old,
        "b": found.new,
        "verdict": found.verdict.word,
        "level": found.level.word,
        "strata": strata,
        "probe": dict(found.probe),
        "rule_version": found.rule_version,
        "reasons": list(found.reasons),
        "notes": list(found.notes),
        "floor": dict(found.floor),
        "rule": dict(found.rule),
    }
