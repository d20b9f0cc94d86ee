"""Share one encode out: each process does its shards, and whoever finds them all done puts the version together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from embver.actions import ranks
from embver.actions.encode import EncodeReport, finish, settled, unchanged
from embver.actions.encoding import EncodeRequest, Progress
from embver.actions.lock import wait_for
from embver.actions.merging import merge
from embver.actions.plans import differing, others
from embver.actions.ranks import Rank
from embver.actions.shards import EncodeJob, encode_shards, open_job
from embver.actions.shards_work import PLAN, encode_lock
from embver.actions.workspace import Workspace
from embver.errors import EncodeError, IntegrityError, UsageError
from embver.shards import ShardKey


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReport:
    """What one process of several did: its shards, and those that are still to come, with the rank that has them.

    `report` is that of the whole version, from the process that put it together; None from all others.
    """

    reference: str
    rank: Rank
    own: int
    encoded: int
    waiting: Mapping[str, int]
    report: EncodeReport | None

    def to_plain(self) -> dict[str, Any]:
        """Return the stable keys of `embver encode --json` from a process that did a part."""
        return {
            "reference": self.reference,
            "rank": self.rank.index,
            "world": self.rank.world,
            "shards": self.own,
            "encoded": self.encoded,
            "waiting": [{"shard": key, "rank": owner} for key, owner in self.waiting.items()],
        }


def encode_part(
    work: Workspace,
    request: EncodeRequest,
    rank: Rank,
    *,
    now: datetime,
    progress: Progress,
    may_merge: bool = True,
) -> PartReport:
    """Encode the shards of one rank, on storage that all share; merge if every shard has its receipt then.

    Ranks may run at the same time or one after another, and again. Raises UsageError for options that would undo the
    others' work, EncodeError where another plan is under way, and what `encode` raises.
    """
    if request.force and may_merge:
        raise UsageError(
            "--force: a rank that comes late would begin again what the others have finished",
            hint=f"embver encode {request.name} --force --devices N, or without RANK and WORLD_SIZE",
        )
    notes: list[str] = []
    job = open_job(work, _on_own_device(request, rank), progress=progress, note=notes.append)
    mine = rank.share(job.keys)
    with encode_lock(work, request.name, job.plan.shards, is_shared=True):
        done = _settled(job) if may_merge else None
        if done is not None:
            return _report(job, rank, mine, encoded=0, report=done)
        _check_plan(job)
        had = set(job.folder.finished_keys())
        job.folder.begin()
        ranks.note(job.folder.path, rank)
        encode_shards(job, mine)
    encoded = sum(key not in had for key in mine)
    absent = missing_keys(job)
    if absent and may_merge and not job.folder.path.is_dir():
        # Another rank has found all receipts, and put them together and away.
        whole = unchanged(_reread(job))
        return _report(job, rank, mine, encoded=encoded, report=whole, absent=() if whole else absent)
    whole = None if absent or not may_merge else merge_job(job, now=now, notes=notes)
    return _report(job, rank, mine, encoded=encoded, report=whole, absent=absent)


def merge_parts(
    work: Workspace, request: EncodeRequest, *, now: datetime, progress: Progress
) -> EncodeReport:
    """Put together what ranks have encoded, now; raise EncodeError naming the shards that are missing, and whose they are."""
    notes: list[str] = []
    job = open_job(work, request, progress=progress, note=notes.append)
    done = _settled(job)
    if done is not None:
        return replace(done, notes=tuple(notes))
    absent = missing_keys(job)
    if absent:
        if len(absent) == len(job.keys):
            _check_plan(job)
        owners = _owners(job, absent)
        named = ", ".join(
            f"{key} (rank {owners[key]})" if key in owners else str(key) for key in map(str, absent)
        )
        raise EncodeError(
            f"{len(absent)} of {len(job.keys)} shards are not encoded: {named}",
            hint="run those ranks again, or `embver encode NAME` alone: it encodes what is missing",
        )
    return merge_job(job, now=now, notes=notes)


def merge_job(
    job: EncodeJob, *, now: datetime, notes: Sequence[str] = (), begun_s: float | None = None
) -> EncodeReport:
    """Merge a job whose shards are all done, if no other process has done so meanwhile."""
    with _merging(job):
        fresh = _reread(job)
        done = unchanged(fresh)
        if done is not None and not job.folder.path.is_dir():
            return done
        elapsed_s = _age_s(job, now) if begun_s is None else time.perf_counter() - begun_s
        notes = [*notes, *_rivals(job)]
        merged = merge(fresh)
        noted = ranks.noted(job.folder.path)
        count = sum(each.world == noted[-1].world for each in noted)
        merged = replace(merged, record=_with_count(merged.record, count))
        return finish(fresh, merged, now=now, elapsed_s=elapsed_s, notes=tuple(notes))


def _settled(job: EncodeJob) -> EncodeReport | None:
    """Settle an unchanged version, one rank at a time: they share index and card."""
    if unchanged(job) is None:
        return None
    with _merging(job):
        return settled(_reread(job))


def _merging(job: EncodeJob) -> AbstractContextManager[None]:
    return wait_for(job.folder.root / f"{job.folder.path.name}.merge")


def _rivals(job: EncodeJob) -> Iterator[str]:
    """Raise IntegrityError if a shard has receipts of different bytes; in the profile fast only yield that it has."""
    found = []
    for key in job.keys:
        first = job.folder.receipt(key)
        for other in job.folder.others(key):
            where = f"{first.environment[:23]}… and {other.environment[:23]}…" if first else other.environment
            found.append(f"{key} was encoded twice, to different bytes, in {where}")
    if found and job.request.profile == "strict":
        raise IntegrityError(
            "\n".join(found),
            hint="one of the machines is not as the others: take it out, then "
            f"embver encode {job.request.name} --restart",
        )
    yield from found


def _reread(job: EncodeJob) -> EncodeJob:
    """Return the job with the card as it is now: another process may have written it since."""
    return replace(job, plan=replace(job.plan, card=job.work.card(job.plan.source)))


def _age_s(job: EncodeJob, now: datetime) -> float:
    """Return how long ago the first rank began; the time between ranks that ran one after another is in it."""
    return max(0.0, now.timestamp() - (job.folder.path / PLAN).stat().st_mtime)


def missing_keys(job: EncodeJob) -> tuple[ShardKey, ...]:
    """Return the shards that have left no receipt, in order."""
    had = set(job.folder.finished_keys())
    return tuple(key for key in job.keys if key not in had)


def _report(
    job: EncodeJob,
    rank: Rank,
    mine: Sequence[ShardKey],
    *,
    encoded: int,
    report: EncodeReport | None,
    absent: Sequence[ShardKey] = (),
) -> PartReport:
    waiting = {str(key): rank.owner(job.keys.index(key)) for key in absent}
    return PartReport(
        reference=job.plan.source.reference,
        rank=rank,
        own=len(mine),
        encoded=encoded,
        waiting=waiting,
        report=report,
    )


def _on_own_device(request: EncodeRequest, rank: Rank) -> EncodeRequest:
    if rank.local is None or request.device not in ("auto", "cuda"):
        return request
    from embver.encode.devices import device_of

    return replace(request, device=device_of(rank.local, request.device))


def _check_plan(job: EncodeJob) -> None:
    """Raise EncodeError if processes of another plan have left work for this embedding: somebody's inputs differ.

    With `--restart` the others' work is forgotten, and never that of this plan.
    """
    for other in others(job.folder):
        if job.request.restart:
            other.forget()
            continue
        raise EncodeError(
            f"another plan for {job.request.name} is under way, with {other.finished} shards done: "
            f"{differing(other.plan, job.plan.shards.to_plain())}",
            hint="give every process the same options, card, corpus and model; --restart gives the other plan up",
        )


def _owners(job: EncodeJob, keys: Sequence[ShardKey]) -> dict[str, int]:
    """Return the rank that each shard was for, as far as ranks have told how many they are."""
    noted = ranks.noted(job.folder.path)
    if not noted:
        return {}
    world = noted[-1].world
    places = {key: place for place, key in enumerate(job.keys)}
    return {str(key): places[key] % world for key in keys}


def _with_count(record: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return a card's record with the number of accelerators that took part."""
    hardware = dict(record.get("hardware") or {})
    if "accelerator" in hardware and count > 1:
        hardware["count"] = count
    return {**record, "hardware": hardware}
