"""Run pieces of work as Ray tasks: the one place that imports Ray. It knows neither shards nor rows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from embver.errors import EncodeError, MissingExtra

T = TypeVar("T")
R = TypeVar("R")

RETRIES: Final = 3  # of a task whose worker died; a task that raises is not tried again
LOCAL: Final = "local"
_ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RayCluster:
    """Where tasks run, and what each of them needs: the cluster's scheduler and autoscaler do the rest."""

    address: str = LOCAL
    cpus: float = 1
    gpus: float | None = None  # None: one, if the cluster has any


def load_ray() -> Any:
    """Import Ray; raise MissingExtra where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", needed_for="--engine ray") from error
    return ray


def run_tasks(
    function: Callable[[T], R], tasks: Sequence[T], *, cluster: RayCluster
) -> Iterator[tuple[T, R]]:
    """Yield each task with its result as they come; `function` and tasks must be picklable, and repeatable.

    A task whose worker or machine is lost runs again elsewhere, RETRIES times. Raises EncodeError if the cluster cannot
    be reached, or a task is lost for good; what the function raises comes through.
    """
    ray = load_ray()
    with ExitStack() as stack:
        if not ray.is_initialized():
            _connect(ray, cluster.address)
            stack.callback(ray.shutdown)
        gpus = cluster.gpus
        if gpus is None:
            gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        remote = ray.remote(num_cpus=cluster.cpus, num_gpus=gpus, max_retries=RETRIES)(function)
        pending = {remote.remote(task): task for task in tasks}
        stack.callback(lambda: [ray.cancel(each, force=True) for each in pending])
        while pending:
            (done,), _ = ray.wait(list(pending), num_returns=1)
            task = pending.pop(done)
            yield task, _result(ray, done)


def _connect(ray: Any, address: str) -> None:
    host, _, port = address.rpartition(":")
    if host and port.isdecimal():  # Ray itself tries for minutes
        try:
            socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
        except OSError as error:
            raise _unreachable(address, error) from error
    options: dict[str, Any] = {"address": address, "log_to_driver": False, "logging_level": "WARNING"}
    if address == LOCAL:
        options["include_dashboard"] = False
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> EncodeError:
    return EncodeError(
        f"no Ray cluster at {address}: {error}",
        hint="ray start --head, or leave --address out for a local one",
    )


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        if "failed to import on the worker" in str(cause):
            raise EncodeError(
                f"a Ray worker cannot import what it is to run: {str(cause).strip().splitlines()[-1]}",
                hint="install the same embver, with its extras, on every machine of the cluster",
            ) from error
        raise (cause if isinstance(cause, Exception) else error) from error
    except ray.exceptions.RayError as error:  # the worker died each time, no memory, the cluster went away
        said = str(error).strip().splitlines()[0]
        raise EncodeError(
            f"a Ray task was lost {RETRIES + 1} times: {said}",
            hint="the same command goes on after what is done",
        ) from error
