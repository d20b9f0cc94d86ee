"""The page of one version: everything an engineer, an auditor or a manager asks of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from embver.site.citation import citation
from embver.site.compare_page import compare_link
from embver.site.life import life_events
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.pairs import later, without_measuring
from embver.site.places import version_file, version_page
from embver.site.series import steps_of
from embver.site.text import code, escape, heading, lines_of, number, size, yaml_text
from embver.site.unreadable import problem_rows
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
from embver.site.version_measures import BenchmarkView, benchmark_views, comparison, moves
from embver.site.words import (
    advice,
    level_badge,
    state_badges,
    status_words,
    verdict_badge,
)

# Measurements that are told stratum by stratum; of more the verdict is named.
_MOST_IN_FULL = 6
_MOST_PROBLEMS = 8
# What a code host, or an extension of the user's, could read as syntax within a block of code.
_MARKED = re.compile(r"[{][{%#]|[`~]{3}|-8<")


def version_context(data: SiteData, embedding: SiteEmbedding, position: int) -> dict[str, Any]:
    """Return what `site/version.md.j2` shows of the version at a position of the embedding."""
    version = embedding.versions[position]
    earlier = _earlier(embedding, position)
    plain = version.card.plain
    rows = field_rows(version)
    steps = steps_of(version, earlier)
    views = benchmark_views(steps)
    cited, code_lines = citation(data, version), loading(version)
    return {
        "front_title": yaml_text(heading(f"{version.release.name} {version.number}")),
        "name": escape(version.release.name),
        "number": escape(version.number),
        "title": escape(version.card.title),
        "level": level_badge(version.level),
        "verdict": "" if version.is_first else verdict_badge(version.verdict),
        "status": state_badges(version),
        "status_words": status_words(version),
        "state": escape(version.status.state),
        "problems": problem_rows(version.problems, most=_MOST_PROBLEMS),
        "is_as_released": version.is_as_released,
        "is_reconstructed": bool(plain.get("reconstructed")),
        "date": escape(version.date),
        "advice": advice(version),
        "tone": _tone(version),
        **_beside(embedding, position, earlier),
        "previous": escape(version.previous.version) if version.previous else None,
        "tiles": _tiles(version, views),
        "words": people_words(version),
        "moved": moves(steps),
        "rows": tuple(row for row in rows if not row.is_quiet),
        "quiet_rows": tuple(row for row in rows if row.is_quiet),
        "measured_reasons": measured_reasons(version),
        "override": override_words(version),
        "allowed": allowed_words(version),
        **_compatibility(embedding, version, earlier),
        "events": life_events(version),
        "benchmarks": views,
        "encoders": encoders(version, earlier),
        "data": data_sets(plain),
        "training": training(plain),
        "encode": encode_run(plain),
        "artifacts": files(version),
        "total_size": size(sum(entry.size_bytes for entry in version.card.artifacts)),
        "fetch": f"{version.release.reference} --out {folder_name(version)}",
        "folder": folder_name(version),
        "loading": code_lines if code_lines and not _MARKED.search(code_lines) else None,
        "loading_marked": lines_of(code_lines) if code_lines and _MARKED.search(code_lines) else None,
        "provenance": provenance(data, version),
        "cite": lines_of(cited.bibtex),
        "cite_plain": escape(cited.plain),
        "limitations": tuple(escape(entry) for entry in plain.get("limitations") or ()),
        "uses": tuple(escape(entry) for entry in plain.get("intended_use") or ()),
        "notes": tuple(
            escape(entry.get("text", entry) if isinstance(entry, Mapping) else entry)
            for entry in plain.get("notes") or ()
        ),
    }


def _compatibility(
    embedding: SiteEmbedding, version: SiteVersion, earlier: SiteVersion | None
) -> dict[str, Any]:
    """Return what is known of the version beside others, that with the one before it first."""
    before = version.previous.reference if version.previous else None
    records = sorted(version.card.compatibility, key=lambda record: record.against != before)
    return {
        "comparisons": tuple(comparison(record) for record in records[:_MOST_IN_FULL]),
        "brief_comparisons": tuple(
            (escape(record.against), verdict_badge(record.verdict)) for record in records[_MOST_IN_FULL:]
        ),
        "without_measuring": "" if records else without_measuring(version, earlier),
        "compat": code(f"embver compat {before} {version.release.reference}") if before else "",
        "later": later(embedding, version),
    }


def _beside(embedding: SiteEmbedding, position: int, earlier: SiteVersion | None) -> dict[str, Any]:
    """Return the links to the versions beside this one, and to its comparison with the one before it."""
    version, count = embedding.versions[position], len(embedding.versions)
    older = embedding.versions[position - 1] if position else None
    newer = embedding.versions[position + 1] if position + 1 < count else None
    page = version_page(embedding.name, version.number)
    return {
        "older": escape(older.number) if older else None,
        "older_file": version_file(older.number) if older else "",
        "newer": escape(newer.number) if newer else None,
        "newer_file": version_file(newer.number) if newer else "",
        "compare": compare_link(page, earlier, version) if earlier else "",
        "previous_file": version_file(str(version.previous.version)) if version.previous else "",
        # Readable versions are all in the embedding, so this one's card is not.
        "is_previous_lost": version.previous is not None and earlier is None,
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


def _tiles(version: SiteVersion, views: tuple[BenchmarkView, ...]) -> tuple[tuple[str, str, str], ...]:
    """Return the facts to see first, as (label, big, small)."""
    space, plain = version.card.space, version.card.plain
    facts = [space.metric, "normalised" if space.normalized else "not normalised"]
    how = " \u00b7 ".join(facts + [str(d) for d in (plain["space"].get("dtype"),) if d])
    served = [str(size_) for size_ in space.served_dimensions if size_ != space.dimensions]
    if served:
        how += f" \u00b7 also {', '.join(served)}"
    tiles = [("Vectors", f"{space.dimensions}-d", escape(how))]
    quoted = version.card.main_metric
    if quoted:
        benchmark, metric = quoted
        note = escape(benchmark.id)
        view = next(v for v in views if v.id == note)
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
