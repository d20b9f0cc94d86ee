"""Write benchmark records as Hugging Face's `.eval_results`: what came from there as it was, everything else anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from embver.exchange.eval_results import FORMAT, entry_of, main_metric
from embver.intake import LeftOut

Record = Mapping[str, Any]


def entries_of(
    records: Sequence[Record], *, url: str | None = None, told: str | None = None
) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """Return the entries of records, one each, and what of them the format cannot hold."""
    entries: list[dict[str, Any]] = []
    left: list[LeftOut] = []
    for record in records:
        identity = str(record["id"])
        entry = entry_of(record, url=url, told=told)
        if entry is None:
            lacks = "number" if main_metric(record) is None else "dataset.id, which the format requires"
            left.append(LeftOut(what=identity, why=f"it has no {lacks}"))
            continue
        entries.append(entry)
        others = [str(metric["key"]) for metric in record["metrics"] if metric is not main_metric(record)]
        if others:
            left.append(LeftOut(what=f"{identity}: {', '.join(others)}", why="an entry holds one number"))
        left += _lost(record, identity)
    return entries, left


def _lost(record: Record, identity: str) -> list[LeftOut]:
    if (record.get("source") or {}).get("format") == FORMAT:
        return []
    has_ci = any(metric.get("ci") for metric in record["metrics"])
    fields = [key for key in ("protocol", "env", "compared") if record.get(key)]
    lost = [*fields, *(["confidence intervals"] if has_ci else [])]
    return (
        [LeftOut(what=f"{identity}: {', '.join(lost)}", why="the format has no field for it")] if lost else []
    )
