"""The page of all benchmark numbers: the newest in the page itself, all of them in scripts that are loaded on demand. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from embver.card import Benchmark
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.site.places import FOLDER, link, version_file, version_page
from embver.site.series import Step, benchmark_of, step_of
from embver.site.text import code, escape, number

PLACE = f"{FOLDER}/benchmarks.md"
# Numbers in the page itself: 150 of them are 60 kB of HTML beside the theme's own 30.
SHOWN = 150
# Versions a script: a new version changes the last script of its embedding and no other.
CHUNK = 50

_DIGEST_SIGNS = 12


def benchmarks_context(data: SiteData) -> dict[str, Any]:
    """Return what `site/benchmarks.md.j2` shows."""
    newest = _newest_first(data)
    name = data.embeddings[0].name if data.embeddings else "NAME"
    before = {embedding.name: earlier_versions(embedding) for embedding in data.embeddings}
    rows = (
        _row(of, version, benchmark, step)
        for of, version in newest
        for benchmark, step in _steps(version, before[of].get(version.release.tag))
    )
    return {
        "rows": tuple(islice(rows, SHOWN)),
        "total": sum(len(each.metrics) for _, version in newest for each in version.card.benchmarks),
        "bench": code(f"embver bench {name}"),
        "trace": code(f"embver trace {name}"),
    }


def numbers_of(embedding: SiteEmbedding, chunk: int) -> dict[str, Any]:
    """Return the numbers of some versions for `tables.js`, counted from 1 and from the oldest version.

    `rows` hold [version, benchmark, metric, value, low, high, difference, word, main]: what is told more than once is
    the place of an entry in the lists beside them.
    """
    before = earlier_versions(embedding)
    versions = embedding.versions[(chunk - 1) * CHUNK : chunk * CHUNK]
    benchmarks: dict[tuple[str, ...], int] = {}
    keys: dict[str, int] = {}
    words: dict[tuple[str, str], int] = {}
    rows: list[list[Any]] = []
    for place, version in enumerate(versions):
        for benchmark, step in _steps(version, before.get(version.release.tag)):
            metric = step.metric
            told = (benchmark.id, data_set(benchmark), measured_with(benchmark))
            rows.append([
                place, benchmarks.setdefault(told, len(benchmarks)), keys.setdefault(metric.key, len(keys)),
                metric.value, metric.low, metric.high, step.delta,
                words.setdefault((step.word, step.tone), len(words)), int(metric.is_main),
            ])  # fmt: skip
    return {
        "name": embedding.name,
        "versions": [[each.number, version_file(each.number)[:-3], each.release.date] for each in versions],
        "benchmarks": list(benchmarks),
        "keys": list(keys),
        "words": list(words),
        "rows": rows,
    }


def chunks_of(embedding: SiteEmbedding) -> range:
    """Return the numbers of the scripts that hold an embedding's benchmark numbers."""
    return range(1, -(-len(embedding.versions) // CHUNK) + 1)


def earlier_versions(embedding: SiteEmbedding) -> Mapping[str, SiteVersion]:
    """Return by the tag of a version the one that it was compared with, where that one can be shown."""
    by_tag = {version.release.tag: version for version in embedding.versions}
    return {
        version.release.tag: by_tag[version.previous.tag]
        for version in embedding.versions
        if version.previous is not None and version.previous.tag in by_tag
    }


def data_set(benchmark: Benchmark) -> str:
    """Return the data set of a benchmark in short: its name, revision and split, else the start of its digest."""
    plain = benchmark.plain.get("dataset") or {}
    told = [str(plain[key]) for key in ("id", "revision", "split") if plain.get(key)]
    if not plain.get("revision") and plain.get("sha256"):
        told.append(str(plain["sha256"])[:_DIGEST_SIGNS])
    return " \u00b7 ".join(told)


def measured_with(benchmark: Benchmark) -> str:
    """Return the harness of a benchmark with its version, and the machine where the card says it."""
    harness = benchmark.plain.get("harness") or {}
    named = " ".join(str(harness[key]) for key in ("name", "version") if harness.get(key))
    hardware = benchmark.plain.get("hardware")
    return " \u00b7 ".join(each for each in (named, str(hardware or "")) if each)


def _newest_first(data: SiteData) -> list[tuple[str, SiteVersion]]:
    """Return (embedding, version) by day, newest first; those of one day by name, the highest version first."""
    ordered = sorted(data.embeddings, key=lambda embedding: embedding.name)
    versions = [(each.name, version) for each in ordered for version in reversed(each.versions)]
    return sorted(versions, key=lambda each: each[1].date, reverse=True)


def _steps(version: SiteVersion, earlier: SiteVersion | None) -> Iterator[tuple[Benchmark, Step]]:
    against = earlier.release.reference if earlier else None
    for benchmark in version.card.benchmarks:
        before = benchmark_of(earlier, benchmark.id) if earlier else None
        for metric in benchmark.metrics:
            yield benchmark, step_of(metric, benchmark, before, against=against)


def _row(name: str, version: SiteVersion, benchmark: Benchmark, step: Step) -> tuple[str, ...]:
    metric = step.metric
    target = link(PLACE, version_page(name, version.number))
    has_bounds = metric.low is not None and metric.high is not None
    delta = f"{number(step.delta, signed=True)} " if step.delta is not None else ""
    return (
        escape(version.date),
        f"[{escape(name)} {escape(version.number)}]({target})",
        escape(benchmark.id),
        f"<b>{escape(metric.key)}</b>" if metric.is_main else escape(metric.key),
        number(metric.value),
        f"{number(metric.low)} to {number(metric.high)}" if has_bounds else "",
        f'<span class="ev-{step.tone}">{delta}<small>{escape(step.word)}</small></span>',
        escape(data_set(benchmark)),
        escape(measured_with(benchmark)),
    )
