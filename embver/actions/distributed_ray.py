"""Share an encode out as Ray tasks over the shard list; the receipts are the results."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embver.actions.distributed import merge_job, missing_keys
from embver.actions.encode import EncodeReport, settled
from embver.actions.encoding import EncodeRequest, Progress
from embver.actions.plans import differing
from embver.actions.shards import EncodeJob, Loaded, encode_shards, load, open_job
from embver.actions.shards_work import encode_lock
from embver.actions.workspace import Workspace
from embver.errors import EmbverError, EncodeError
from embver.shards import PROBE, ShardKey

if TYPE_CHECKING:
    from embver.encode.ray_engine import RayCluster

Task = dict[str, Any]


def encode_on_ray(
    work: Workspace, request: EncodeRequest, cluster: RayCluster, *, now: datetime, progress: Progress
) -> EncodeReport:
    """Encode every missing shard as a Ray task, then merge. All workers must see the repository at its path.

    Raises what `encode` raises, EncodeError if the cluster cannot be reached or loses a task for good.
    """
    from embver.encode.ray_engine import run_tasks

    notes: list[str] = []
    job = open_job(work, request, progress=progress, note=notes.append)
    with encode_lock(work, request.name, job.plan.shards, is_shared=True):
        if request.restart:
            job.folder.sweep(now_s=now.timestamp(), is_restart=True)
        done = settled(job)
        if done is not None:
            return replace(done, notes=tuple(notes))
        begun_s = time.perf_counter()
        job.folder.begin()
        common = {
            "root": str(work.repo.root),
            "request": json.dumps(asdict(request), sort_keys=True),
            "plan": json.dumps(job.plan.shards.to_plain(), sort_keys=True),
        }
        tasks: list[Task] = [
            {**common, "modality": key.modality, "index": key.index} for key in missing_keys(job)
        ]
        for task, answer in run_tasks(encode_task, tasks, cluster=cluster):
            if "error" in answer:
                raise EncodeError(answer["error"], hint=answer["hint"])
            _tell(job, task["modality"])
    return merge_job(job, now=now, notes=notes, begun_s=begun_s)


def encode_task(task: Task) -> Mapping[str, Any]:
    """Encode one shard in a worker's process, which keeps its encoders for the next; an expected error is an answer."""
    try:
        job, loaded = _opened(task["root"], task["request"], task["plan"])
        key = ShardKey(modality=task["modality"], index=task["index"])
        return {"rows": encode_shards(job, [key], loaded=loaded)[key].rows}
    except EmbverError as error:
        return {"error": error.message, "hint": error.hint}


@lru_cache(maxsize=1)
def _opened(root: str, request: str, plan: str) -> tuple[EncodeJob, Loaded]:
    """Open the job and load its encoders, once a process; raise EncodeError if this machine reads another plan."""
    work = Workspace.open(Path(root))
    job = open_job(work, EncodeRequest(**json.loads(request)), progress=_silent, note=_hush)
    here = job.plan.shards.to_plain()
    if json.dumps(here, sort_keys=True) != plan:
        raise EncodeError(
            f"a Ray worker reads another plan: {differing(json.loads(plan), here)}",
            hint="every worker must see the same repository, corpus and model, and run the same embver",
        )
    return job, load(job)


def _silent(what: str, done: int, total: int) -> None:
    """Show nothing: a worker has no terminal."""


def _hush(note: str) -> None:
    """Say nothing: the driver has said it."""


def _tell(job: EncodeJob, modality: str) -> None:
    """Show how many rows of a modality are in finished shards."""
    mine = [key for key in job.keys if key.modality == modality]
    receipts = [job.folder.receipt(key) for key in mine]
    if modality == PROBE:
        job.progress(modality, 1, 1)
        return
    rows = sum(job.plan.shards.extent(key)[1] - job.plan.shards.extent(key)[0]
               for key, receipt in zip(mine, receipts, strict=True) if receipt is not None)  # fmt: skip
    job.progress(modality, rows, job.plan.shards.rows[modality])
