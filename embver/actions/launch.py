"""Encode with several processes of one machine: torchrun starts them, this one shows their progress and merges."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from embver.actions.distributed import merge_job, missing_keys
from embver.actions.encode import EncodeReport, PlanSummary, settled, summary
from embver.actions.encoding import EncodeRequest, Progress
from embver.actions.ranks import Rank
from embver.actions.shards import EncodeJob, open_job
from embver.actions.shards_work import encode_lock
from embver.actions.workspace import Workspace
from embver.errors import EncodeError, UsageError
from embver.shards import PROBE

MARK: Final = "#embver-progress "  # how a line of progress begins, on the stderr of a process
_KEPT_LINES: Final = 400
_PATIENCE_S: Final = 30.0


def encode_on_devices(
    work: Workspace,
    request: EncodeRequest,
    devices: Sequence[str],
    *,
    environment: Mapping[str, str],
    part: str,
    now: datetime,
    progress: Progress,
    on_plan: Callable[[PlanSummary], None] | None = None,
) -> EncodeReport:
    """Encode with one process a device, as many as there are shards to do, then merge.

    Raises what `encode` raises, and EncodeError with what the processes said where one of them failed: what the others
    finished is kept, and the same command goes on after it. `part` is the variable
    that tells each of them what is its part.
    """
    notes: list[str] = []
    job = open_job(work, request, progress=progress, note=notes.append)
    with encode_lock(work, request.name, job.plan.shards, is_shared=True):
        if request.restart:
            job.folder.sweep(now_s=now.timestamp(), is_restart=True)
        done = settled(job)
        if done is not None:
            return replace(done, notes=tuple(notes))
        if on_plan is not None:
            on_plan(summary(job))
        begun_s = time.perf_counter()
        job.folder.begin()
        missing = missing_keys(job)
        if missing:
            taking_part = tuple(devices[: len(missing)])
            _run(job, request, taking_part, environment, part)
    return merge_job(job, now=now, notes=notes, begun_s=begun_s)


def part_text(request: EncodeRequest, devices: Sequence[str]) -> str:
    """Return what one process of several is told, as one text."""
    return json.dumps({"request": asdict(request), "devices": list(devices)}, sort_keys=True)


def read_part(text: str, rank: Rank) -> EncodeRequest:
    """Return the request of one process, on its own device; raise UsageError for what no `part_text` wrote."""
    try:
        plain = json.loads(text)
        request = EncodeRequest(**plain["request"])
        device = str(plain["devices"][rank.index])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UsageError(
            f"this process cannot read its part of an encode: {error!r}",
            hint="embver encode NAME --devices N starts the processes",
        ) from None
    return replace(request, device=device)


def progress_line(rank: Rank, what: str, done: int, total: int) -> str:
    """Return one line of progress for the process that shows it."""
    return MARK + json.dumps([rank.index, what, done, total])


def told_in(line: str) -> tuple[list[tuple[int, str, int, int]], str]:
    """Return what a line of a process' stderr tells of progress, and what else stands in it.

    Processes share one pipe, and whatever they load may write without a line's end: one line can hold several tellings.
    """
    rest, *marked = line.rstrip("\n").split(MARK)
    told: list[tuple[int, str, int, int]] = []
    for text in marked:
        try:
            (rank, what, done, total), end = json.JSONDecoder().raw_decode(text)
        except ValueError:
            rest += text
            continue
        told.append((rank, what, done, total))
        rest += text[end:]
    return told, rest


def _run(
    job: EncodeJob, request: EncodeRequest, devices: Sequence[str], environment: Mapping[str, str], part: str
) -> None:
    from embver.encode.devices import cores

    each = max(1, cores() // len(devices))
    on_cpu = devices[0] == "cpu"
    told = replace(
        request,
        restart=False,
        threads=request.threads or (each if on_cpu else None),
        workers=request.workers or each,
    )
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={len(devices)}",
        "-m", "embver", "-C", str(job.work.repo.root), "encode", request.name,
    ]  # fmt: skip
    # Without this torchrun sets it to 1, and says so; batches run side by side in threads of one core each.
    settings = {"OMP_NUM_THREADS": "1", **environment, part: part_text(told, devices)}
    together = _Together(job, len(devices))
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    with _started(command, settings, job.work.repo.root) as process:
        assert process.stderr is not None
        for line in process.stderr:
            moved, rest = told_in(line)
            for step in moved:
                together.tell(*step)
            if rest or not moved:
                said.append(rest)
        status = process.wait()
    if status != 0:
        raise EncodeError(
            f"a process of {len(devices)} failed:\n{_reasons(said)}",
            hint=f"mend that, then the same command goes on after what is done: embver encode {request.name}",
        )


@contextmanager
def _started(
    command: Sequence[str], environment: Mapping[str, str], folder: Path
) -> Iterator[subprocess.Popen[str]]:
    """Start a process whose children end with it, however this block is left."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:  # torchrun hands the signal on to all that it has started
                process.terminate()
                try:
                    process.wait(_PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()


def _reasons(said: Sequence[str]) -> str:
    """Return what the processes themselves say is wrong, each once; else the last lines of what was said."""
    found: dict[str, None] = {}
    block: list[str] = []
    for line in [*said, ""]:
        if line.startswith("error:") or (block and line.startswith("  ")):
            block.append(line.removeprefix("error: "))
        elif block:
            found.setdefault("\n".join(block))
            block = []
    return "\n".join(found) or "\n".join(list(said)[-10:])


class _Together:
    """The progress of several processes as one: each tells how much of a modality it still has to do."""

    def __init__(self, job: EncodeJob, world: int) -> None:
        self._job = job
        self._left: dict[str, dict[int, int]] = {}
        missing = set(missing_keys(job))
        for place, key in enumerate(job.keys):
            if key.modality != PROBE and key in missing:
                start, stop = job.plan.shards.extent(key)
                left = self._left.setdefault(key.modality, {})
                left[place % world] = left.get(place % world, 0) + stop - start

    def tell(self, rank: int, what: str, done: int, total: int) -> None:
        """Take one line of one process."""
        left = self._left.get(what)
        if left is None:  # the probe set: one process has it
            self._job.progress(what, done, total)
            return
        left[rank] = total - done
        self._job.progress(what, total - sum(left.values()), total)
