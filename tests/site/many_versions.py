"""Sites that are larger than any page: a thousand versions of one embedding, two hundred embeddings."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache
from typing import Any

from emoji_versions import base_card, embedding, emoji_site, record, sha, stratum, with_artifacts

from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.version import Version

MOST = 1001
_DAY = "2026-11-{:02}T{:02}:{:02}:{:02}+00:00"


def dated(version: SiteVersion, place: int) -> SiteVersion:
    """Return a version with a date of its own: one a minute."""
    minutes, seconds = divmod(place, 60)
    hours, minutes = divmod(minutes, 60)
    return replace(version, release=replace(version.release, date=_DAY.format(16, hours, minutes, seconds)))


def line_of(count: int) -> SiteEmbedding:
    """Return `count` versions, ten in each MAJOR line, measured against the one before and the first of the line."""
    return SiteEmbedding(name="emoji", versions=_versions()[:count])


@cache
def _versions() -> tuple[SiteVersion, ...]:
    return tuple(dated(version, place) for place, version in enumerate(embedding(cards(MOST)).versions))


def cards(count: int) -> list[dict[str, Any]]:
    """Return their cards."""
    base = base_card()
    base["compatibility"] = []
    made = []
    for place in range(count):
        plain = copy.deepcopy(base)
        major, minor = place // 10 + 1, place % 10
        plain["version"] = f"{major}.{minor}.0"
        for encoder in plain["encoders"].values():
            encoder["weights"][0]["sha256"] = sha(f"w{place}")
        plain["encode"]["hardware"]["accelerator"] = ("NVIDIA H200", "NVIDIA L40S", "AMD MI300X")[place % 3]
        plain["changes"] = [
            {"area": "training.data", "text": f"Adds batch {place} of the studio photographs."}
        ]
        for benchmark in plain["benchmarks"]:
            benchmark["dataset"]["revision"] = f"v{1 + place // 400}"
            for metric in benchmark["metrics"]:
                metric["value"] = round(0.4 + (place * 37 % 101) / 400, 4)
                metric["ci"].update(low=metric["value"] - 0.02, high=metric["value"] + 0.02)
        if place:
            verdict, level = ("compatible", "minor") if minor else ("incompatible", "major")
            strata = [stratum("text", "image", verdict, 0.95, 0.92, -0.03, {}, "overlap")]
            plain["compatibility"] = [record(f"emoji@{made[-1]['version']}", verdict, level, strata)]
            if minor > 1:
                plain["compatibility"].append(record(f"emoji@{major}.0.0", verdict, level, strata))
        made.append(with_artifacts(plain))
    return made


def many_embeddings(count: int) -> SiteData:
    """Return a site of many embeddings of four versions each."""
    site = emoji_site()
    (one,) = site.embeddings

    def named(name: str) -> SiteEmbedding:
        versions = tuple(
            replace(version, release=replace(version.release, name=name, tag=f"{name}@v{version.number}"))
            for version in one.versions
        )
        return SiteEmbedding(name=name, versions=versions)

    return replace(site, embeddings=tuple(named(f"team-{place:03}/search") for place in range(count)))


def older_fix(made: SiteEmbedding) -> SiteEmbedding:
    """Return an embedding with one more release: a fix of its oldest line, made after all others."""
    first = made.versions[0]
    release = replace(
        first.release,
        version=Version.parse("1.0.1"),
        tag="emoji@v1.0.1",
        level="patch",
        previous="1.0.0",
        date=_DAY.format(17, 0, 0, 0),
    )
    fix = replace(first, release=release, previous=first.release)
    return replace(made, versions=(first, fix, *made.versions[1:]))
