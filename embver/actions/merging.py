"""Put finished shards together: every receipt checked, then the card's artifacts, ids and record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from embver.actions import figures
from embver.actions.shards import EncodeJob
from embver.errors import EncodeError
from embver.pointer import Pointer
from embver.shards import PROBE, Receipt, ShardKey, gaps

SKIPPED: Final = "skipped.jsonl"
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A whole encode: the card's artifacts and `encode` record, and what goes into the work tree.

    `files` holds pointers and small files by path; `figures` is what the meters of all processes counted.
    """

    artifacts: tuple[Mapping[str, Any], ...]
    files: Mapping[str, bytes]
    record: Mapping[str, Any]
    figures: Mapping[str, Any]
    copied: Mapping[str, int]
    skipped: Mapping[str, int]


def merge(job: EncodeJob, *, trusted: Iterable[ShardKey] = ()) -> Merged:
    """Check every receipt and put the version together; nothing of `next/` changes.

    The bytes of shards are read and hashed, but for those `trusted`: this process has just written them. Raises
    EncodeError for a shard without a receipt or without its bytes, and in the profile strict for shards that were made
    in different environments.
    """
    receipts = _receipts(job, set(trusted))
    record = _record(job, receipts)
    shards = job.plan.shards
    artifacts: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for key in job.keys:
        receipt, path = receipts[key], shards.path(key)
        pointer = Pointer(sha256=receipt.sha256, size_bytes=receipt.size_bytes)
        files[path] = pointer.format()
        if key.modality == PROBE:
            probe = job.plan.probe
            assert probe is not None
            entry: dict[str, Any] = {"path": path, "role": "probe"}
            more: dict[str, Any] = {
                "probe": {"name": probe.name, "digest": probe.digest, "items": len(probe.items)}
            }
        else:
            entry = {"path": path, "role": "vectors", "modality": key.modality, "rows": receipt.rows}
            more = {"content_digest": receipt.content_digest}
        artifacts.append({**entry, "sha256": receipt.sha256, "size_bytes": receipt.size_bytes, **more})
    # Vectors first, then what names their rows, then the probe set.
    small = _small_files(job, receipts)
    at = sum(key.modality != PROBE for key in job.keys)
    artifacts[at:at] = [entry for _, entry in small]
    files |= {entry["path"]: data for data, entry in small}
    counted = figures.total(receipt.figures for receipt in receipts.values())
    copied, skipped = _by_modality(receipts, lambda each: each.copied), _by_modality(receipts, _skipped)
    return Merged(
        artifacts=tuple(artifacts),
        files=files,
        record={**record, "shard_rows": shards.shard_rows} | ({"skipped": skipped} if skipped else {}),
        figures=counted,
        copied=copied,
        skipped=skipped,
    )


def _receipts(job: EncodeJob, trusted: set[ShardKey]) -> dict[ShardKey, Receipt]:
    found, damaged = {}, []
    for key in job.keys:
        receipt = job.folder.receipt(key)
        if receipt is None or (receipt.skipped and not job.request.is_skipping):
            continue
        if key in trusted or job.folder.is_kept(receipt):
            found[key] = receipt
        else:
            damaged.append(key)
    absent = [key for key in gaps(job.plan.shards, found) if key not in damaged]
    problems = []
    if absent:
        problems.append(f"{len(absent)} of {len(job.keys)} shards are not encoded: {_named(absent)}")
    if damaged:
        problems.append(f"the bytes of {len(damaged)} shards are not here, or damaged: {_named(damaged)}")
    if problems:
        raise EncodeError(
            "\n".join(problems), hint=f"embver encode {job.request.name} encodes what is missing"
        )
    return found


def _named(keys: list[ShardKey]) -> str:
    more = f" and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else ""
    return ", ".join(map(str, keys[:_MOST_NAMED])) + more


def _record(job: EncodeJob, receipts: Mapping[ShardKey, Receipt]) -> dict[str, Any]:
    """Return the part of the card's `encode` that belongs to the version: where and how its shards were made."""
    from embver.encode.environment import differences

    environments = list(dict.fromkeys(receipt.environment for receipt in receipts.values()))
    records = [job.folder.environment(each) for each in environments]
    if len(records) > 1 and job.request.profile == "strict":
        changed = differences(records[0], records[1])
        said = str(changed[0]) if changed else f"{environments[0][:20]}… and {environments[1][:20]}…"
        raise EncodeError(
            f"the shards were encoded in {len(records)} environments, and a strict version has one: {said}",
            hint=f"embver encode {job.request.name} encodes those of other environments again, on one kind of machine",
        )
    floors = [receipt.floor for receipt in receipts.values() if receipt.floor]
    worst = max(floors, key=lambda floor: floor.get("cosine_distance_p99", 0.0)) if floors else {}
    return {**records[0], "floor": dict(worst)}


def _small_files(job: EncodeJob, receipts: Mapping[ShardKey, Receipt]) -> list[tuple[bytes, dict[str, Any]]]:
    """Return the files of ids, one for all modalities where they have the same rows, and that of what was left out."""
    ids: dict[str, bytes] = {}
    rows: dict[str, int] = {}
    left_out = bytearray()
    for modality in job.plan.shards.rows:
        mine = [receipts[key] for key in job.keys if key.modality == modality]
        gone = {each.position: each for receipt in mine for each in receipt.skipped}
        names = enumerate(job.plan.corpus.ids(modality))
        data = bytearray()
        for position, name in names:
            if position in gone:
                line = {"id": name, "modality": modality, "reason": gone[position].reason}
                left_out += f"{json.dumps(line, ensure_ascii=False)}\n".encode()
            else:
                data += f"{name}\n".encode()
        ids[modality], rows[modality] = bytes(data), sum(receipt.rows for receipt in mine)
    made = []
    if len(set(ids.values())) == 1:
        first = next(iter(ids))
        made.append(_entry(ids[first], path="ids.txt", role="ids", rows=rows[first]))
    else:
        for modality, lines in ids.items():
            path = f"ids-{modality}.txt"
            made.append(_entry(lines, path=path, role="ids", modality=modality, rows=rows[modality]))
    if left_out:
        count = left_out.count(b"\n")
        made.append(_entry(bytes(left_out), path=SKIPPED, role="skipped", rows=count))
    return made


def _entry(data: bytes, **fields: Any) -> tuple[bytes, dict[str, Any]]:
    return data, {**fields, "sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}


def _by_modality(receipts: Mapping[ShardKey, Receipt], count: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, receipt in receipts.items():
        if key.modality != PROBE and count(receipt):
            found[key.modality] = found.get(key.modality, 0) + count(receipt)
    return found


def _skipped(receipt: Receipt) -> int:
    return len(receipt.skipped)
