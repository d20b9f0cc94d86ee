"""The site for programs: `versions.json`. Pure; `schemas/versions/v1.json` is its schema and `site/versions-json.md` its page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embver.card import card_digest
from embver.site.matrix import cell
from embver.site.model import SiteData, SiteEmbedding, SiteVersion, Unreadable
from embver.site.places import FOLDER, link, version_page

PLACE = f"{FOLDER}/versions.json"
SCHEMA_PLACE = f"{FOLDER}/schemas/versions/v1.json"
SCHEMA_ID = "https://embver.org/schemas/versions/v1.json"


def versions_json(data: SiteData) -> str:
    """Return every version of every embedding, oldest first: one line a version and a pair, so that it diffs well.

    Keys are added, never renamed. `page` is where a version's page lies, from this file on, or in full where the
    settings say where the site is published.
    """
    head = {
        "$schema": SCHEMA_ID,
        "schema": 1,
        "title": data.title,
        "commit": data.generated_from,
        "url": data.url,
    }
    written = [_embedding(data, embedding) for embedding in data.embeddings]
    unreadable = [_json(_unreadable(data, entry)) for entry in data.unreadable]
    return f"{_json(head)[:-1]},\n{_list('embeddings', written)},\n{_list('unreadable', unreadable)}}}\n"


def address(data: SiteData, page: str) -> str:
    """Return where a page of the site is read: in full where that is known, else as `versions.json` leads to it."""
    built = f"{page.removesuffix('.md')}.html"
    return f"{data.url.rstrip('/')}/{built}" if data.url else link(PLACE, built)


def _unreadable(data: SiteData, entry: Unreadable) -> dict[str, Any]:
    """Return a release whose card cannot be shown, by what its tag says of it."""
    release = entry.release
    return {
        "name": release.name,
        "version": entry.number,
        "tag": release.tag,
        "commit": release.commit,
        "date": release.date,
        "level": release.level,
        "page": address(data, version_page(release.name, entry.number)),
        "problems": [problem.format() for problem in entry.problems],
    }


def _json(plain: Any) -> str:
    return json.dumps(plain, ensure_ascii=False)


def _list(key: str, entries: list[str]) -> str:
    """Return a member that is a list with a line for each entry; json indents in Python, ten times as slow."""
    lines = ",\n".join(entries)
    return f'"{key}": [\n{lines}\n]' if entries else f'"{key}": []'


def _embedding(data: SiteData, embedding: SiteEmbedding) -> str:
    head = {
        "name": embedding.name,
        "title": embedding.title,
        "current": embedding.current.number,
        "stages": {stage: version.number for stage, version in embedding.stages.items()},
    }
    versions = [_json(_version(data, version)) for version in embedding.versions]
    pairs = [_json(pair) for pair in _pairs(embedding)]
    return f"{_json(head)[:-1]},\n{_list('versions', versions)},\n{_list('compatibility', pairs)}}}"


def _pairs(embedding: SiteEmbedding) -> Iterator[dict[str, str]]:
    """Yield every pair that was measured, and each release with the one before it, however much is known of the two."""
    by_tag = {version.release.tag: version for version in embedding.versions}
    for version in embedding.versions:
        reference = version.release.reference
        measured = {record.against: record for record in version.card.compatibility}
        for against, record in measured.items():
            yield {"a": against, "b": reference, "verdict": record.verdict, "kind": "measured"}
        earlier = by_tag.get(version.previous.tag) if version.previous else None
        if earlier is not None and earlier.release.reference not in measured:
            known = cell(earlier, version)
            pair = {"a": earlier.release.reference, "b": reference}
            yield {**pair, "verdict": known.verdict, "kind": known.kind}


def _version(data: SiteData, version: SiteVersion) -> dict[str, Any]:
    release, space, plain = version.release, version.card.space, version.card.plain
    encode = plain.get("encode") or {}
    return {
        "name": release.name,
        "version": version.number,
        "tag": release.tag,
        "commit": release.commit,
        "date": release.date,
        "level": version.level,
        "verdict": version.verdict,
        "status": version.status.state,
        "status_record": version.status.to_record(),
        "stages": list(version.stages),
        "space": {
            "dimensions": space.dimensions,
            "metric": space.metric,
            "normalized": space.normalized,
            "kind": space.kind,
            "dtype": version.card.plain["space"].get("dtype"),
        },
        "fingerprint": version.fingerprint,
        "reconstructed": version.card.plain.get("reconstructed") is True,
        "metrics": _metrics(version),
        "page": address(data, version_page(release.name, version.number)),
        "previous": str(version.previous.version) if version.previous else None,
        "card_digest": release.card_digest or card_digest(plain),
        "license": plain.get("license"),
        "probe": version.card.probe.probe_digest if version.card.probe else None,
        "data": [
            {
                "role": role,
                "name": entry.get("name"),
                "version": entry.get("version"),
                "digest": entry.get("digest"),
            }
            for role, entry in card_data(plain)
        ],
        "hardware": encode.get("hardware") or None,
        "software": encode.get("software") or None,
        "artifacts": _artifacts(version),
    }


def _metrics(version: SiteVersion) -> list[dict[str, Any]]:
    return [
        {
            "benchmark": benchmark.id,
            "key": metric.key,
            "value": metric.value,
            "low": metric.low,
            "high": metric.high,
            "main": metric.is_main,
        }
        for benchmark in version.card.benchmarks
        for metric in benchmark.metrics
    ]


def _artifacts(version: SiteVersion) -> list[dict[str, Any]]:
    return [
        {
            "path": artifact.path,
            "role": artifact.role,
            "modality": artifact.modality,
            "size_bytes": artifact.size_bytes,
            "sha256": artifact.sha256,
        }
        for artifact in version.card.artifacts
    ]


def card_data(plain: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the data sets of a card by role: what the model was trained on, then what was encoded."""
    entries = (plain.get("training") or {}).get("data") or ()
    found = [(str(entry.get("role") or "train"), dict(entry)) for entry in entries]
    corpus = plain.get("corpus")
    return [*found, ("corpus", dict(corpus))] if corpus else found
