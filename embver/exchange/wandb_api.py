"""A run of a W&B server, by its own client: `wandb.Api`. Credentials come from the client's environment alone."""

from __future__ import annotations

import atexit
import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from embver.errors import EmbverError, MissingExtra
from embver.exchange.tracked_metrics import Point
from embver.exchange.wandb import Artifact, Run, point, summaries
from embver.exchange.wandb_log import machine_of
from embver.intake import AbsentError

_TIMEOUT_S: Final = 7
_PAGE: Final = 10_000  # steps in one answer
_MOST_STEPS: Final = 5_000_000
_ARTIFACTS: Final = 100  # asked for at a time, and at most


def read_run(path: str, wanted: Iterable[tuple[str, str]] = ()) -> Run:
    """Return the run ENTITY/PROJECT/ID, with the history of those wanted metrics, by key and pick, that its summary lacks.

    Raises AbsentError, EmbverError or MissingExtra.
    """
    try:
        import wandb
        from wandb.errors import CommError, Error, UsageError
    except ImportError as error:
        raise MissingExtra("wandb", needed_for="a run of a W&B server") from error
    entity, project, _ = path.split("/")
    with _quiet():
        try:
            api = wandb.Api(timeout=_TIMEOUT_S, overrides={"entity": entity, "project": project})
            run = api.run(path)
            found = _run(path, run)
            kept = summaries(found)
            lacking = dict.fromkeys(key for key, pick in wanted if (key, pick) not in kept)
            series = {key: _history(run, key) for key in lacking}
            return replace(found, series=series, logged=frozenset(key for key in series if series[key]))
        except UsageError as error:
            raise EmbverError(
                "W&B wants to know who you are", hint="wandb login, or set WANDB_API_KEY"
            ) from error
        except CommError as error:
            if "not find run" in str(error) or "404" in str(error):
                raise AbsentError(
                    f"there is no run {path}", hint="ENTITY/PROJECT/ID, as in its address"
                ) from error
            raise _unasked(error) from error
        except (Error, ValueError) as error:
            raise _unasked(error) from error
        finally:
            atexit.register(_end_service, wandb)  # the last that is registered is done first


def _unasked(error: BaseException) -> EmbverError:
    said = str(error).strip().partition("\n")[0]
    return EmbverError(
        f"the W&B server cannot be asked: {said}",
        hint="WANDB_BASE_URL names a server of your own; WANDB_API_KEY says who you are",
    )


def _run(path: str, run: Any) -> Run:
    metadata = _metadata(run)
    git = metadata.get("git") or {}
    return Run(
        path=path,
        state=str(run.state),
        config=dict(run.config),
        summary=_plain(run.summary_metrics),
        commit=run.commit or git.get("commit"),
        repository=git.get("remote"),
        artifacts=tuple(_artifacts(run)),
        machine=machine_of(metadata),
        tags=tuple(map(str, run.tags or ())),
    )


def _history(run: Any, key: str) -> list[Point]:
    """Return all values of a metric; none where the server gives no history."""
    from wandb.errors import CommError

    if run.lastHistoryStep > _MOST_STEPS:
        return []
    try:
        rows = list(run.scan_history(keys=[key], page_size=_PAGE))
    except CommError:
        return []
    found = (point(row.get(key), row.get("_step")) for row in rows)
    return [each for each in found if each is not None]


def _metadata(run: Any) -> dict[str, Any]:
    """Return the run's `wandb-metadata.json`, a file of its own that may be missing."""
    try:
        found = run.metadata
    except Exception:  # whatever the client meets when it fetches the file; the run says the rest without it
        return {}
    return dict(found) if isinstance(found, dict) else {}


def _artifacts(run: Any) -> Iterator[Artifact]:
    for number, found in enumerate(run.logged_artifacts(per_page=_ARTIFACTS)):
        if number >= _ARTIFACTS:
            return
        yield Artifact(
            kind=str(found.type),
            name=str(found.name).partition(":")[0],
            digest=str(found.digest),
            aliases=tuple(map(str, found.aliases)),
        )


def _plain(found: Any) -> dict[str, Any]:
    return {str(key): value for key, value in dict(found or {}).items()}


def _end_service(wandb: Any) -> None:
    """End the client's service process at exit: the client waits for it there, and that wait has no end when it hangs.

    The client has no public way to wait for a bounded time, so its own parts are asked for; where another version has
    other parts, it ends as that version ends it.
    """
    begun = getattr(getattr(wandb.sdk, "wandb_setup", None), "_singleton", None)
    connection = getattr(begun, "_connection", None)
    process = getattr(getattr(connection, "_proc", None), "_process", None)
    forget = getattr(connection, "_cleanup", None)
    if process is not None and callable(forget):
        forget()
        process.kill()
        process.wait()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the client's notes off the terminal."""
    logger = logging.getLogger("wandb")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
