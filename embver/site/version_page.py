"""The page of one version: everything an engineer, an auditor or a manager asks of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.text import escape, heading, number, size, yaml_text
from embver.site.version_changes import (
    allowed_words,
    field_rows,
    measured_reasons,
    override_words,
    people_words,
)
from embver.site.version_facts import (
    data_sets,
    encode_run,
    encoders,
    files,
    folder_name,
    loading,
    provenance,
    training,
)
from embver.site.version_measures import benchmark_views, comparison, moves
from embver.site.words import (
    advice,
    level_badge,
    stage_badges,
    status_badge,
    status_words,
    verdict_badge,
)


def version_context(data: SiteData, embedding: SiteEmbedding, position: int) -> dict[str, Any]:
    """Return what `site/version.md.j2` shows of the version at a position of the embedding."""
    version = embedding.versions[position]
    earlier = _earlier(embedding, position)
    plain = version.card.plain
    rows = field_rows(version)
    before = version.previous.reference if version.previous else None
    records = sorted(version.card.compatibility, key=lambda record: record.against != before)
    return {
        "front_title": yaml_text(heading(f"{version.release.name} {version.number}")),
        "name": escape(version.release.name),
        "number": escape(version.number),
        "title": escape(version.card.title),
        "level": level_badge(version.level),
        "verdict": "" if version.is_first else verdict_badge(version.verdict),
        "status": f"{status_badge(version.status.state)} {stage_badges(version.stages)}".strip(),
        "status_words": status_words(version),
        "state": escape(version.status.state),
        "date": escape(version.date),
        "advice": advice(version),
        "tone": _tone(version),
        "older": embedding.versions[position - 1].number if position else None,
        "newer": embedding.versions[position + 1].number if position + 1 < len(embedding.versions) else None,
        "previous": escape(version.previous.version) if version.previous else None,
        "tiles": _tiles(version, earlier),
        "words": people_words(version),
        "moved": moves(version, earlier),
        "rows": tuple(row for row in rows if not row.is_quiet),
        "quiet_rows": tuple(row for row in rows if row.is_quiet),
        "measured_reasons": measured_reasons(version),
        "override": override_words(version),
        "allowed": allowed_words(version),
        "comparisons": tuple(comparison(record) for record in records),
        "benchmarks": benchmark_views(version, earlier),
        "encoders": encoders(version, earlier),
        "data": data_sets(plain),
        "training": training(plain),
        "encode": encode_run(plain),
        "artifacts": files(version),
        "total_size": size(sum(entry.size_bytes for entry in version.card.artifacts)),
        "fetch": f"{version.release.reference} --out {folder_name(version)}",
        "folder": folder_name(version),
        "loading": loading(version),
        "provenance": provenance(data, version),
        "limitations": tuple(escape(entry) for entry in plain.get("limitations") or ()),
        "uses": tuple(escape(entry) for entry in plain.get("intended_use") or ()),
        "notes": tuple(
            escape(entry.get("text", entry) if isinstance(entry, Mapping) else entry)
            for entry in plain.get("notes") or ()
        ),
    }


def _earlier(embedding: SiteEmbedding, position: int) -> SiteVersion | None:
    """Return the version that a release names as the one before it: nearly always its neighbour."""
    previous = embedding.versions[position].previous
    if previous is None:
        return None
    candidates = (embedding.versions[position - 1 : position] or ()) + embedding.versions
    return next((entry for entry in candidates if entry.release.tag == previous.tag), None)


def _tone(version: SiteVersion) -> str:
    if version.status.is_yanked:
        return "break"
    if version.is_first:
        return "first"
    return {"identical": "keep", "equivalent": "keep", "compatible": "keep"}.get(
        version.verdict or "", "break"
    )


def _tiles(version: SiteVersion, earlier: SiteVersion | None) -> tuple[tuple[str, str, str], ...]:
    """Return the facts to see first, as (label, big, small)."""
    space, plain = version.card.space, version.card.plain
    how = (
        f"{space.metric} \u00b7 {'normalised' if space.normalized else 'not normalised'} \u00b7 {space.dtype}"
    )
    tiles = [("Vectors", f"{space.dimensions}-d", escape(how))]
    quoted = version.card.main_metric
    if quoted:
        benchmark, metric = quoted
        note = escape(benchmark.id)
        view = next(v for v in benchmark_views(version, earlier) if v.id == note)
        row = next(r for r in view.rows if r.key == escape(metric.key))
        if row.delta:
            note = f'{note} \u00b7 <span class="ev-{row.tone}">{row.delta}</span>'
        tiles.append((escape(metric.key), number(metric.value), note))
    items = (plain.get("corpus") or {}).get("items") or {}
    if items:
        total = number(max(items.values()))
        tiles.append(("Encoded", total, escape(" and ".join(items))))
    encode = plain.get("encode") or {}
    speed = encode.get("items_per_s") or {}
    if speed:
        fastest = max(speed, key=lambda key: float(speed[key]))
        where = (
            (encode.get("hardware") or {}).get("accelerator")
            or (encode.get("hardware") or {}).get("cpu")
            or ""
        )
        tiles.append(
            (
                "Throughput",
                f"{speed[fastest]:,.0f}<small>/s</small>",
                escape(f"{fastest} on {where}" if where else fastest),
            )
        )
    elif version.card.artifacts:
        total_bytes = sum(entry.size_bytes for entry in version.card.artifacts)
        tiles.append(("Size", size(total_bytes), f"{len(version.card.artifacts)} files"))
    return tuple(tiles)
