"""Read results of CLIP_benchmark, and write them again.

A file holds `dataset`, `model`, `pretrained`, `task`, `metrics` and `language`; no split, no revision of the data, no
date and no version. Of a retrieval both directions are in one file, under names that are easily taken for each other:
`image_retrieval_recall@5` asks with a text. They become two records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from embver.exchange.json_file import finite, parse_json
from embver.exchange.metric_names import NUMBER, metric_name
from embver.intake import MalformedError
from embver.language import language_flaw

HARNESS: Final = "clip_benchmark"
FORMAT: Final = "clip_benchmark.json"
RAW: Final = "benchmarks/raw/clip-benchmark"
# What stands among the metrics of a linear probe, and is how it was trained.
_ARGUMENTS: Final = ("lr", "epochs", "seed", "fewshot_k", "batch_size", "weight_decay")
_KNOWN: Final = frozenset({"dataset", "model", "pretrained", "task", "metrics", "language"})
_CATEGORIES: Final = {"zeroshot_classification": "i2c", "linear_probe": "i2c"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipResult:
    """One result file; `model` and `pretrained` together say what was measured."""

    dataset: str
    task: str
    metrics: Mapping[str, Any]
    model: str | None = None
    pretrained: str | None = None
    language: str | None = None
    others: tuple[str, ...] = ()  # fields that no record has a place for

    @property
    def told(self) -> str | None:
        """Return what was measured as people write it."""
        if self.model is None:
            return None
        return f"{self.model} ({self.pretrained})" if self.pretrained else self.model


def parse_clip(data: bytes, place: str) -> ClipResult:
    """Read a result file; MalformedError naming what is wrong with it, and where."""
    plain = parse_json(data, place)
    if not isinstance(plain, Mapping):
        raise MalformedError(place, "is no mapping, so it is no result of CLIP_benchmark")
    if "mteb_version" in plain or "mteb_dataset_name" in plain:
        raise MalformedError(place, "is a result of MTEB", hint="embver import mteb FILE --into NAME@next")
    lacking = [key for key in ("dataset", "task", "metrics") if key not in plain]
    if lacking:
        raise MalformedError(place, f"is JSON, and no result of CLIP_benchmark: it has no {lacking[0]!r}")
    metrics = plain["metrics"]
    if not isinstance(metrics, Mapping) or not metrics:
        raise MalformedError(place, "its 'metrics' is no mapping with a number in it")
    for key in ("dataset", "task", "model", "pretrained", "language"):
        if not isinstance(plain.get(key), str | None):
            raise MalformedError(place, f"its {key!r} is no text")
    if not any(finite(value) is not None for value in metrics.values()):
        raise MalformedError(place, "its 'metrics' hold no number")
    return ClipResult(
        dataset=plain["dataset"],
        task=plain["task"],
        metrics=metrics,
        model=plain.get("model"),
        pretrained=plain.get("pretrained"),
        language=plain.get("language"),
        others=tuple(key for key in plain if key not in _KNOWN),
    )


def records_of(
    result: ClipResult, *, path: str | None, sha256: str, size_bytes: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records of one file, one a direction of search, and the keys that no record has."""
    by_category: dict[str, list[dict[str, Any]]] = {}
    arguments: dict[str, Any] = {}
    left: list[str] = list(result.others)
    for key, value in result.metrics.items():
        number = finite(value)
        if key in _ARGUMENTS and number is not None:
            arguments[key] = value
        elif number is None and not isinstance(value, float):
            left.append(key)
        else:
            name = metric_name(HARNESS, None, key)
            metric: dict[str, Any] = {"key": key}
            if name and name.canonical:
                metric["canonical"] = name.canonical
            metric["value"] = number
            if name is None:
                metric["unit"] = NUMBER
            category = (name.category if name else None) or _CATEGORIES.get(result.task, "")
            by_category.setdefault(category, []).append(metric)
    records = []
    for category, metrics in by_category.items():
        is_split = not {"t2i", "i2t"}.isdisjoint(by_category)
        parts = [result.dataset, *([] if not category or not is_split else [category])]
        language = result.language if result.language not in (None, "en") else None
        identity = "/".join(["clip_benchmark", *parts, *([language] if language else [])])
        if result.task == "linear_probe":
            identity += f"/linear_probe{_shots(arguments)}"
        records.append(
            _record(result, identity, category, metrics, arguments)
            | {
                "source": {
                    "format": FORMAT,
                    **({"path": path} if path else {}),
                    "sha256": sha256,
                    "size_bytes": size_bytes,
                }
            }
        )
    return records, left


def _shots(arguments: Mapping[str, Any]) -> str:
    shots = arguments.get("fewshot_k", -1)
    return f"/{shots}-shot" if isinstance(shots, int) and shots > 0 else ""


def _record(
    result: ClipResult,
    identity: str,
    category: str,
    metrics: Sequence[Mapping[str, Any]],
    arguments: Mapping[str, Any],
) -> dict[str, Any]:
    task: dict[str, Any] = {"name": result.task, **({"category": category} if category else {})}
    dataset: dict[str, Any] = {"id": result.dataset}
    kwargs = {"model": result.model, "pretrained": result.pretrained}
    if result.language and not language_flaw(result.language):
        dataset["languages"] = [result.language]
    else:
        kwargs["language"] = result.language  # `jp`, as this harness calls ja
    kwargs = {key: value for key, value in kwargs.items() if value}
    return {
        "id": identity,
        "task": task,
        "dataset": dataset,
        "metrics": list(metrics),
        "harness": {"name": HARNESS, **({"kwargs": {**kwargs, **arguments}} if kwargs or arguments else {})},
    }


# ---- out


def plain_of(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one result again from its records, as far as they hold it."""
    first = records[0]
    kwargs = dict((first.get("harness") or {}).get("kwargs") or {})
    metrics: dict[str, Any] = {}
    for record in records:
        for metric in record["metrics"]:
            metrics[metric["key"]] = metric["value"]
    metrics |= {key: kwargs[key] for key in _ARGUMENTS if key in kwargs}
    languages = (first.get("dataset") or {}).get("languages")
    plain = {
        "dataset": (first.get("dataset") or {}).get("id"),
        "model": kwargs.get("model"),
        "pretrained": kwargs.get("pretrained"),
        "task": (first.get("task") or {}).get("name"),
        "metrics": metrics,
        "language": languages[0] if languages else kwargs.get("language"),
    }
    return {key: value for key, value in plain.items() if value is not None}


def file_name(plain: Mapping[str, Any]) -> str:
    """Return a result's file name as CLIP_benchmark makes it."""
    keys = ("dataset", "pretrained", "model", "language", "task")
    parts = [str(plain[key]).replace("/", "_") for key in keys if plain.get(key)]
    return f"{'_'.join(parts)}.json"


def to_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return a result as CLIP_benchmark writes it: one line."""
    return json.dumps(plain, ensure_ascii=False).encode()
