"""Arguments of `embver encode` for more than one process: devices, ranks of a launcher, Ray."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from embver.cli.output import Output
from embver.errors import UsageError

if TYPE_CHECKING:
    from embver.actions.distributed import PartReport
    from embver.actions.encode import EncodeReport, PlanSummary
    from embver.actions.encoding import EncodeRequest, Progress
    from embver.actions.ranks import Rank
    from embver.actions.workspace import Workspace

PART = "EMBVER_PART"  # what `--devices` tells the processes that it starts, by their environment
_INTERVAL_S = 0.2  # between two lines of progress of one process
_MOST_NAMED = 5


def add_part_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = parser.add_argument_group(
        "more than one process",
        "Under a launcher that sets RANK and WORLD_SIZE each process encodes its own shards, and the last one merges.",
    )
    group.add_argument(
        "--devices",
        metavar="DEVICES",
        help="one process a device of this machine: all, a number, cuda:0,cuda:1, or cpu:2 for two that share its cores",
    )
    group.add_argument(
        "--engine",
        choices=("ray",),
        help="encode shards as Ray tasks, on all machines of a cluster that see this repository (the ray extra)",
    )
    group.add_argument(
        "--address",
        metavar="ADDRESS",
        help="the Ray cluster (default: RAY_ADDRESS, else one of its own on this machine)",
    )
    group.add_argument(
        "--merge",
        action="store_true",
        help="encode nothing: put together what ranks have finished, or name the shards that are missing",
    )


def encode_shared(
    arguments: argparse.Namespace,
    work: Workspace,
    request: EncodeRequest,
    *,
    progress: Progress,
    on_plan: Callable[[PlanSummary], None] | None = None,
) -> EncodeReport | PartReport | None:
    """Encode as one process of several, or with several; None where this one is to do it all."""
    from embver.actions.ranks import Rank
    from embver.cli.open import now

    rank = Rank.of_environment(os.environ)
    _check(arguments, rank)
    if arguments.merge:
        from embver.actions.distributed import merge_parts

        return merge_parts(work, request, now=now(), progress=progress)
    if arguments.devices is not None:
        from embver.actions.launch import encode_on_devices
        from embver.encode.devices import list_devices

        return encode_on_devices(
            work,
            request,
            list_devices(arguments.devices),
            environment=os.environ,
            part=PART,
            now=now(),
            progress=progress,
            on_plan=on_plan,
        )
    if arguments.engine == "ray":
        return _on_ray(arguments, work, request, progress)
    if rank is None or (rank.world == 1 and PART not in os.environ):
        return None
    return _as_rank(work, request, rank, progress)


def _check(arguments: argparse.Namespace, rank: Rank | None) -> None:
    """Raise UsageError for options that exclude each other."""
    asked = [f"--{name}" for name in ("devices", "engine", "merge") if getattr(arguments, name)]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other")
    if arguments.address is not None and arguments.engine != "ray":
        raise UsageError("--address needs --engine ray")
    starts = [option for option in asked if option != "--merge"]
    if rank is not None and rank.world > 1 and starts:
        raise UsageError(
            f"{starts[0]} starts processes itself, and RANK and WORLD_SIZE say that a launcher has started this one",
            hint="one or the other: unset RANK WORLD_SIZE",
        )


def _as_rank(work: Workspace, request: EncodeRequest, rank: Rank, progress: Progress) -> PartReport:
    from embver.actions.distributed import encode_part
    from embver.cli.open import now
    from embver.encode.devices import cores

    if PART in os.environ:
        from embver.actions.launch import read_part

        told = read_part(os.environ[PART], rank)
        return encode_part(work, told, rank, now=now(), progress=_lines(rank), may_merge=False)
    if rank.local_world is not None:  # others on this machine want their share of its cores
        each = rank.threads(cores())
        request = replace(request, threads=request.threads or each, workers=request.workers or each)
    return encode_part(work, request, rank, now=now(), progress=progress)


def _lines(rank: Rank) -> Progress:
    """Return a function that tells the process which started this one how far it is."""
    from embver.actions.launch import progress_line

    last: dict[str, float] = {}

    def tell(what: str, done: int, total: int) -> None:
        moment = time.monotonic()
        if done >= total or moment - last.get(what, 0.0) >= _INTERVAL_S:
            last[what] = moment
            # Text and line end in one write: another process writes into the same pipe.
            sys.stderr.write(f"{progress_line(rank, what, done, total)}\n")
            sys.stderr.flush()

    return tell


def _on_ray(
    arguments: argparse.Namespace, work: Workspace, request: EncodeRequest, progress: Progress
) -> EncodeReport:
    from embver.actions.distributed_ray import encode_on_ray
    from embver.cli.open import now
    from embver.encode.devices import cores
    from embver.encode.ray_engine import LOCAL, RayCluster

    # Read when Ray starts: nothing is told to anybody about this run.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    threads = request.threads or max(1, min(4, cores() // 2))
    gpus = 0 if request.device == "cpu" else None
    cluster = RayCluster(
        address=arguments.address or os.environ.get("RAY_ADDRESS") or LOCAL, cpus=threads, gpus=gpus
    )
    told = replace(request, threads=threads, workers=request.workers or threads)
    return encode_on_ray(work, told, cluster, now=now(), progress=progress)


def own_report(found: EncodeReport | PartReport, out: Output) -> EncodeReport | None:
    """Return the report of the whole version; of a process that did a part, print what it did and what is to come."""
    from embver.actions.distributed import PartReport

    if not isinstance(found, PartReport):
        return found
    if found.report is not None:
        is_merged_elsewhere = found.report.is_unchanged and found.encoded > 0
        if not out.is_json and found.own:
            out.print(_done(found))
        if is_merged_elsewhere and not out.is_json:
            out.print("  another rank has put the version together")
            return None
        return found.report
    if out.is_json:
        out.json(found.to_plain())
        return None
    out.print(_done(found))
    named = [f"{key} (rank {owner})" for key, owner in found.waiting.items()]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    if named:
        out.print(f"  still to come: {', '.join(named[:_MOST_NAMED])}{more}; the rank that ends last merges")
    return None


def _done(found: PartReport) -> str:
    count = "1 shard" if found.own == 1 else f"{found.own} shards"
    said = f"{found.encoded} of its {count} encoded now" if found.encoded else f"its {count} were done"
    return f"{found.reference}: {found.rank}: {said}"
