"""Import a run of Weights & Biases: from an offline run's folder or log, or from a server."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from embver.actions.import_run import listed_option, taken_over
from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import EmbverError, MissingExtra, UsageError
from embver.exchange.tracked import listed
from embver.exchange.tracked_metrics import OPTIONS as METRIC_OPTIONS
from embver.exchange.tracked_metrics import wanted_of
from embver.exchange.wandb import SOURCE, Run, split_path, summaries, tracked
from embver.exchange.wandb_log import Records, check_log, records_of, run_of
from embver.intake import Intake, MalformedError
from embver.store.process import ProcessError, run, stream

OPTIONS: Final[Mapping[str, str]] = {
    **METRIC_OPTIONS,
    "tags": "tags of the run to keep under extra.wandb, commas between",
}

_SUFFIX: Final = ".wandb"
_QUIET: Final = {"WANDB_ERROR_REPORTING": "false"}


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read a run; raise AbsentError, MalformedError, UsageError or EmbverError."""
    wanted = wanted_of(request.options)
    tags = listed_option(request, "tags")
    keys = [metric.key for metric in wanted.metrics]
    log = find_log(request.reference.removeprefix("wandb:"), (request.folder, work.repo.root))
    if log is not None:
        found, warnings = _read_log(log, keys)
    else:
        path = split_path(request.reference)
        if path is None:
            raise UsageError(
                f"{request.reference!r} is neither a run's folder or .wandb file here nor ENTITY/PROJECT/ID",
                hint="embver import wandb wandb/offline-run-20261102_091407-abc123",
            )
        from embver.exchange.wandb_api import read_run

        asked = [(metric.key, metric.pick) for metric in wanted.metrics]
        found, warnings = read_run(path, asked), ()
    uri = f"{SOURCE}:{found.path}"
    kept = summaries(found)
    known = {name for name, _ in kept} | found.logged
    wanted = wanted.found(found.series, known=known, uri=uri, summaries=kept)
    return taken_over(work, request, tracked(found, uri, tags=tags), wanted, warnings=warnings)


def find_log(text: str, bases: Sequence[Path]) -> Path | None:
    """Return the log that a path means, or None where there is nothing there; raise UsageError for several or none."""
    path = next((base / text for base in bases if (base / text).exists()), None)
    if path is None:
        if text.endswith(_SUFFIX) or text.startswith((".", "/", "~")):
            raise UsageError(f"there is no {text}", hint="name an offline run's folder, or its .wandb file")
        return None
    if path.is_file():
        return path
    logs = sorted(path.glob(f"*{_SUFFIX}"))
    if len(logs) == 1:
        return logs[0]
    inner = sorted(entry.parent.name for entry in path.glob(f"*/*{_SUFFIX}") if not entry.parent.is_symlink())
    if inner:
        raise UsageError(f"{text} holds several runs: name one", hint=f"there are: {listed(inner)}")
    said = "several .wandb files" if logs else "no .wandb file"
    raise UsageError(f"{text} holds {said}", hint="name an offline run's folder, or its .wandb file")


def _read_log(log: Path, keys: Sequence[str]) -> tuple[Run, tuple[str, ...]]:
    """Check a log and read it by W&B's own reader."""
    state = check_log(log)
    program = _program()
    try:
        said = run([program, "leet", "inspect", "--json", "--summary", str(log)], cwd=log.parent, env=_QUIET)
        summary = json.loads(said.stdout)
        records = Records()
        for record in records_of(
            stream([program, "leet", "inspect", "--json", str(log)], cwd=log.parent, env=_QUIET),
            place=log.name,
        ):
            records.take(record, keys)
    except ProcessError as error:
        raise _refusal(error, log) from error
    except ValueError as error:
        raise MalformedError(log.name, f"W&B's reader does not answer in JSON: {error}") from error
    found = run_of(summary, records, log=state, place=log.name)
    siblings = [entry for entry in log.parent.parent.glob(f"*/{log.name}") if not entry.parent.is_symlink()]
    if len(siblings) > 1:
        return found, (f"the run was resumed: {len(siblings)} folders hold a part of it, and this is one",)
    return found, ()


def _refusal(error: ProcessError, log: Path) -> EmbverError:
    said = error.stderr.decode(errors="replace").strip().splitlines()
    if any("unknown flag" in line or "not defined" in line or "No such" in line for line in said):
        return EmbverError(
            "this wandb is too old to read logs: 0.31 is the first", hint="pip install 'embver[wandb]'"
        )
    return EmbverError(f"W&B's reader could not read {log.name}: {said[-1] if said else 'it said nothing'}")


def _program() -> str:
    """Return W&B's program, the one beside this Python first."""
    beside = Path(sys.executable).with_name("wandb")
    found: Any = str(beside) if beside.is_file() else shutil.which("wandb")
    if found is None:
        raise MissingExtra("wandb", needed_for="a .wandb log")
    return str(found)
