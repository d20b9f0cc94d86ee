"""The site for programs: `versions.json`. Pure."""

from __future__ import annotations

import json
from typing import Any

from embver.site.model import SiteData, SiteVersion


def versions_json(data: SiteData) -> str:
    """Return every version of every embedding, oldest first.

    `{schema, title, commit, embeddings: [{name, title, current, stages: {STAGE: VERSION}, versions: [{name, version, tag,
    commit, date, level, verdict, status, status_record: {state, reason, successor, since}, stages, space, fingerprint,
    metrics: [{benchmark, key, value, low, high, main}]}]}]}`; keys are stable.
    """
    plain = {
        "schema": 1,
        "title": data.title,
        "commit": data.generated_from,
        "embeddings": [
            {
                "name": embedding.name,
                "title": embedding.title,
                "current": embedding.current.number,
                "stages": {stage: version.number for stage, version in embedding.stages.items()},
                "versions": [_version(version) for version in embedding.versions],
            }
            for embedding in data.embeddings
        ],
    }
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def _version(version: SiteVersion) -> dict[str, Any]:
    release, space = version.release, version.card.space
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
            "dtype": space.dtype,
        },
        "fingerprint": version.fingerprint,
        "metrics": [
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
        ],
    }
