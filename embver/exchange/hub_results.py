"""The `model-index` of a Hugging Face model card: results as benchmark records, with what is known and nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from embver.exchange.json_file import finite
from embver.exchange.metric_names import metric_name
from embver.intake import LeftOut, Taken

FORMAT: Final = "hf.model-index"
# What is a share of something by definition, whoever reports it: one of these above 1 tells that all are percents.
_SHARES: Final = re.compile(
    r"(?i)^(?:cosine_|dot_|euclidean_|manhattan_|max_)?(?:accuracy|acc\d*|f1|ap|map|mrr|ndcg|recall|precision|hit|hit_rate|spearman|pearson|v_measure|main_score)(?:[@_].*)?$"
)
_LOWER: Final = re.compile(
    r"(?i)^(?:.*_)?(?:loss|perplexity|ppl|wer|cer|mae|mse|rmse|error|latency)(?:_.*)?$"
)


@dataclass(slots=True)
class _Results:
    taken: dict[str, Taken] = field(default_factory=dict)
    left: list[LeftOut] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)


def results_of(
    index: Any, *, place: str, source: Mapping[str, Any]
) -> tuple[tuple[Taken, ...], tuple[LeftOut, ...], tuple[str, ...]]:
    """Return (benchmark records, what was left out, warnings) of a `model-index`.

    `source` is what each record says of the file. Shares are taken as percents where one of them is above 1: the whole
    card is one or the other, and which it is, is said.
    """
    found = _Results()
    where = f"{place}: model-index"
    if not isinstance(index, list):
        return (), (LeftOut(what=where, why=f"is no list but {type(index).__name__}"),), ()
    entries = []
    for number, model in enumerate(index):
        results = model.get("results") if isinstance(model, Mapping) else None
        if not isinstance(results, list):
            found.left.append(LeftOut(what=f"{where}[{number}]", why="holds no list of results"))
            continue
        entries += [(f"{where}[{number}].results[{at}]", result) for at, result in enumerate(results)]
    read = [(name, entry) for name, result in entries if (entry := _read(name, result, found)) is not None]
    is_percent = any(value > 1 for value in found.shares)
    for name, (identity, record, metrics) in read:
        _add(found, name, identity, record, _with_units(metrics, is_percent=is_percent), source)
    warnings: tuple[str, ...] = ()
    if is_percent:
        above = sum(value > 1 for value in found.shares)
        warnings = (
            f"numbers of model-index are taken as percents: {above} of {len(found.shares)} shares are above 1",
        )
    return tuple(found.taken.values()), tuple(found.left), warnings


Entry = tuple[str, dict[str, Any], list[dict[str, Any]]]


def _read(name: str, result: Any, found: _Results) -> Entry | None:
    """Return (id, record without metrics, metrics) of one result, or None where it is none."""
    if not isinstance(result, Mapping):
        found.left.append(LeftOut(what=name, why="is no mapping"))
        return None
    task, data = _mapping(result.get("task")), _mapping(result.get("dataset"))
    task_type, data_id = _text(task.get("type")), _text(data.get("type"))
    title = _text(data.get("name"))
    if not (data_id or title):
        found.left.append(LeftOut(what=name, why="does not say on which data set"))
        return None
    record: dict[str, Any] = {
        "task": _present({"name": _text(task.get("name")) or title or data_id, "type": task_type}),
        "dataset": _present(
            {
                "id": data_id or title,
                "name": title,
                "config": _text(data.get("config")),
                "revision": _text(data.get("revision")),
                "split": _text(data.get("split")),
            }
        ),
    }
    metrics: list[dict[str, Any]] = []
    given = result.get("metrics")
    for at, metric in enumerate(given if isinstance(given, list) else [given]):
        made = _metric(metric, f"{name}.metrics[{at}]", found)
        if made is not None and all(made["key"] != other["key"] for other in metrics):
            metrics.append(made)
    if not metrics:
        found.left.append(LeftOut(what=name, why="holds no number"))
        return None
    parts = [task_type, data_id or title, record["dataset"].get("config"), record["dataset"].get("split")]
    kept = [part for part in parts if part and part != "default"]
    words = " ".join(kept).lower()
    identity = re.sub(r"[^a-z0-9]+", "-", words).strip("-")
    return identity or f"result-{hashlib.sha256(words.encode()).hexdigest()[:8]}", record, metrics


def _metric(metric: Any, name: str, found: _Results) -> dict[str, Any] | None:
    plain = _mapping(metric)
    key = _text(plain.get("type"))
    value = finite(plain.get("value"))
    if key is None or value is None:
        why = "does not say what it measures" if key is None else f"is no number: {plain.get('value')!r}"
        found.left.append(LeftOut(what=name, why=why))
        return None
    known = metric_name("mteb", None, key.replace("@", "_at_"))
    made: dict[str, Any] = {"key": key, "value": value}
    if known is not None and known.canonical is not None:
        made["canonical"] = known.canonical
    if _SHARES.match(key):
        found.shares.append(float(value))
        made["unit"] = "share"
    elif known is not None:
        made["unit"] = known.unit
    else:
        made["unit"] = "as reported"
    if _LOWER.match(key) or (known is not None and not known.higher_is_better):
        made["higher_is_better"] = False
    return made


def _with_units(metrics: Sequence[dict[str, Any]], *, is_percent: bool) -> list[dict[str, Any]]:
    unit = "percent" if is_percent else "fraction"
    return [
        {**metric, "unit": unit if metric["unit"] in ("share", "fraction") else metric["unit"]}
        for metric in metrics
    ]


def _add(
    found: _Results,
    name: str,
    identity: str,
    record: Mapping[str, Any],
    metrics: list[dict[str, Any]],
    source: Mapping[str, Any],
) -> None:
    """Add a record; results of one task on one data set belong together, and one number twice is told."""
    before = found.taken.get(identity)
    if before is None:
        whole = {"id": identity, **record, "metrics": metrics, "source": dict(source)}
        found.taken[identity] = Taken(where=("benchmarks", ("id", identity)), value=whole, origin=name)
        return
    if before.value["dataset"] != record["dataset"]:
        found.left.append(
            LeftOut(what=name, why=f"another revision of the data set of {identity} is taken already")
        )
        return
    for metric in metrics:
        twin = next((m for m in before.value["metrics"] if m["key"] == metric["key"]), None)
        if twin is None:
            before.value["metrics"].append(metric)
        elif twin["value"] != metric["value"]:
            why = f"{identity} has {metric['key']} already, as {twin['value']}"
            found.left.append(LeftOut(what=f"{name}: {metric['key']} {metric['value']}", why=why))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Return a text or a number as text; None for what is neither, or nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _present(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if value is not None}
