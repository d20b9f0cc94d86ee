"""Evaluate retrieval on labelled pairs, with confidence intervals, into the card; keep per-query scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from embver import __version__
from embver.actions.bench_change import before, compared
from embver.actions.comparing import probe_vectors
from embver.actions.inputs import probe_items
from embver.actions.models import resolve_model
from embver.actions.workspace import CARD, ITEMS, Source, Workspace
from embver.card import Card
from embver.errors import ConfigError, UsageError
from embver.probe import ProbeItem, ProbeSet, parse_items
from embver.store.card_edit import Entry
from embver.store.cards import update_card
from embver.store.config import BenchmarkSetting
from embver.store.files import write_atomic

if TYPE_CHECKING:
    from embver.measure.retrieval import Evaluation

FORMAT_VERSION: Final = 1
# What people write beside a benchmark's numbers stays when it is run again.
_OF_PEOPLE: Final = ("title", "hardware", "verified", "notes")

Progress = Callable[[str, int, int], None]
Rows = dict[str, Any]  # item id -> row of its vector


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """The records that were written into the card of one version."""

    reference: str
    records: tuple[Mapping[str, Any], ...]


def bench(
    work: Workspace, name: str, *, now: datetime, progress: Progress, device: str = "auto"
) -> BenchReport:
    """Run every benchmark of an embedding on its working version, and write all records at once.

    A benchmark on the probe set uses the stored probe vectors; any other set is encoded by the card.
    """
    source = work.next_source(name)
    card = work.card(source)
    if not card.artifacts:
        raise UsageError(f"{source.reference} has no vectors yet", hint=f"embver encode {name}")
    settings = work.settings.benchmarks_for(name)
    if not settings:
        raise UsageError(
            "there is no benchmark to run", hint="embver.toml: [[benchmark]] id, items, query, document"
        )
    _check_free(source, card, settings)
    records: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    base = work.base(card)
    cache: dict[str, tuple[ProbeSet, Mapping[str, Rows]]] = {}
    for setting in settings:
        items, vectors = _vectors(work, source, card, setting, cache, progress, device)
        evaluation = _evaluate(card, setting, items, vectors)
        record = _record(card, setting, items, evaluation)
        path = f"benchmarks/{setting.id}.json"
        files[path] = raw = _raw(setting, items, evaluation)
        record |= {
            "harness": {"name": "embver", "version": __version__},
            "date": now.strftime("%Y-%m-%d"),
            "source": {
                "format": "embver.bench",
                "format_version": str(FORMAT_VERSION),
                "path": path,
                "sha256": hashlib.sha256(raw).hexdigest(),
                "size_bytes": len(raw),
            },
        }
        if base is not None:
            record = compared(record, evaluation, before(work, base, setting.id))
        records.append(record)
    for path, raw in files.items():
        write_atomic(work.path(source.folder, path), raw)
    file = work.path(source.folder, CARD)
    said = {
        entry.id: {key: entry.plain[key] for key in _OF_PEOPLE if key in entry.plain}
        for entry in card.benchmarks
    }
    updates = [
        (("benchmarks", Entry("id", record["id"])), {**said.get(record["id"], {}), **record})
        for record in records
    ]
    write_atomic(file, update_card(file.read_bytes().decode(), updates).encode())
    work.repo.stage([f"{source.folder}/{path}" for path in (CARD, *files)])
    return BenchReport(reference=source.reference, records=tuple(records))


def _check_free(source: Source, card: Card, settings: Sequence[BenchmarkSetting]) -> None:
    """Raise UsageError if a benchmark has the id of a record that came from elsewhere, which would be lost."""
    foreign = {each.id: each.plain for each in card.benchmarks if not each.is_own}
    for setting in settings:
        record = foreign.get(setting.id, {})
        if record.get("source") or record.get("harness"):
            harness = (
                (record.get("harness") or {}).get("name")
                or record["source"].get("format")
                or "another harness"
            )
            raise UsageError(
                f"benchmark {setting.id} of {source.reference} is a result of {harness}, and would be written over",
                hint="embver.toml: another id for the [[benchmark]]",
            )


def _vectors(
    work: Workspace,
    source: Source,
    card: Card,
    setting: BenchmarkSetting,
    cache: dict[str, tuple[ProbeSet, Mapping[str, Rows]]],
    progress: Progress,
    device: str,
) -> tuple[ProbeSet, Mapping[str, Rows]]:
    """Return a benchmark's items and their vectors by `MODALITY.ROLE` and id."""
    if setting.items in cache:
        return cache[setting.items]
    path = work.repo.root / setting.items
    file = path / ITEMS if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"embver.toml: benchmark {setting.id}: {setting.items} does not exist")
    try:
        items = parse_items(file.read_text(encoding="utf-8").split("\n"), name=file.parent.name)
    except (ValueError, UnicodeDecodeError) as error:
        raise UsageError(f"{setting.items}: {error}") from error
    if card.probe is not None and card.probe.probe_digest == items.digest:
        stored = probe_vectors(work, source, card)
        found = {
            key: {item.id: rows[n] for n, item in enumerate(items.rows(*key.split(".", 1)))}
            for key, rows in stored.items()
        }
    else:
        found = _encode(work, card, items, file.parent, progress, device)
    cache[setting.items] = (items, found)
    return cache[setting.items]


def _encode(
    work: Workspace, card: Card, items: ProbeSet, folder: Path, progress: Progress, device: str
) -> dict[str, Rows]:
    from embver.encode.models import load_encoders
    from embver.encode.runner import encode
    from embver.encode.spec import EncoderSpec

    space = dict(card.plain["space"])
    specs = {
        modality: EncoderSpec.from_plain(modality, encoder, space, resolve_model(work, modality, encoder))
        for modality, encoder in card.encoders.items()
        if modality in items.modalities
    }
    encoders = load_encoders(specs, device=device)
    found = {}
    for modality, encoder in encoders.items():
        for role in ("query", "document"):
            wanted = probe_items(items, folder, modality, role)
            if not wanted:
                continue
            what = f"{items.name} {modality} {role}"
            vectors = encode(
                encoder,
                wanted,
                role=role if encoder.spec.prompts else None,
                progress=lambda done, total, what=what: progress(what, done, total),  # type: ignore[misc]
            ).vectors
            found[f"{modality}.{role}"] = {item.id: vectors[n] for n, item in enumerate(wanted)}
    return found


def _evaluate(
    card: Card, setting: BenchmarkSetting, items: ProbeSet, vectors: Mapping[str, Rows]
) -> Evaluation:
    """Evaluate one benchmark; raise ConfigError naming its setting where that cannot be done."""
    import numpy as np

    from embver.measure.retrieval import evaluate
    from embver.measure.strata import Side, StratumItems

    queries = _chosen(items, setting, setting.query, "query")
    documents = _chosen(items, setting, setting.document, "document")
    stratum = StratumItems(
        query_modality=setting.query,
        document_modality=setting.document,
        query_ids=tuple(item.id for item in queries),
        query_pairs=tuple(item.pair for item in queries),
        document_ids=tuple(item.id for item in documents),
        document_pairs=tuple(item.pair for item in documents),
    )
    asked, found = vectors[f"{setting.query}.query"], vectors[f"{setting.document}.document"]
    side = Side(
        query=np.stack([asked[item.id] for item in queries]),
        document=np.stack([found[item.id] for item in documents]),
    )
    try:
        return evaluate(stratum, side, metric=card.space.metric, metrics=setting.metrics)
    except ValueError as error:
        raise ConfigError(f"embver.toml: benchmark {setting.id}: {error}") from error


def _chosen(items: ProbeSet, setting: BenchmarkSetting, modality: str, role: str) -> list[ProbeItem]:
    wanted = {
        key: {value} if isinstance(value, str) else set(value)
        for key, value in setting.where.get(role, {}).items()
    }
    chosen = [
        item
        for item in items.rows(modality, role)
        if all(item.attributes.get(key) in values for key, values in wanted.items())
    ]
    if not chosen:
        raise ConfigError(f"embver.toml: benchmark {setting.id}: no {modality} item is a {role} here")
    return chosen


def _record(card: Card, setting: BenchmarkSetting, items: ProbeSet, evaluation: Evaluation) -> dict[str, Any]:
    metrics = []
    for result in evaluation.results:
        plain = result.to_plain()
        if result.key == setting.main:
            plain = {"key": plain["key"], "value": plain["value"], "main": True, **plain}
        metrics.append(plain)
    is_crossed = setting.query != setting.document
    task = {
        "name": setting.title or setting.id,
        "type": "Any2AnyRetrieval" if is_crossed else "Retrieval",
        "category": f"{setting.query[0]}2{setting.document[0]}",
    }
    protocol = {
        "queries": len(evaluation.query_ids),
        "candidates": evaluation.candidates,
        "relevant_per_query": round(evaluation.relevant_per_query, 4),
        "relevance": "binary",
        "tie_break": "id",
        "similarity": card.space.metric,
    }
    if setting.where:
        protocol["where"] = {side: dict(wanted) for side, wanted in setting.where.items()}
    return {
        "id": setting.id,
        "task": task,
        "dataset": {"id": items.name, "uri": setting.items, "sha256": items.digest.removeprefix("sha256:")},
        "protocol": protocol,
        "metrics": metrics,
        "subject": {"served_dim": card.space.dimensions},
    }


def _raw(setting: BenchmarkSetting, items: ProbeSet, evaluation: Evaluation) -> bytes:
    plain = {
        "format": "embver.bench",
        "format_version": FORMAT_VERSION,
        "id": setting.id,
        "items": {"name": items.name, "digest": items.digest},
        "metrics": {result.key: result.to_plain() for result in evaluation.results},
        "queries": list(evaluation.query_ids),
        "pairs": list(evaluation.query_pairs),
        "per_query": {
            key: [round(float(score), 6) for score in scores] for key, scores in evaluation.per_query.items()
        },
    }
    return (json.dumps(plain, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
