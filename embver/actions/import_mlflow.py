"""Import a run of MLflow: from a tracking server, a database file or a file store, each without MLflow itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from embver.actions.import_run import listed_option, taken_over
from embver.actions.importing import ImportRequest
from embver.actions.workspace import Workspace
from embver.errors import UsageError
from embver.exchange import mlflow_client, mlflow_database, mlflow_folder, mlflow_rest
from embver.exchange.mlflow import RUN_ID, SOURCE, Run, split_reference, tracked
from embver.exchange.tracked_metrics import OPTIONS as METRIC_OPTIONS
from embver.exchange.tracked_metrics import wanted_of
from embver.intake import Intake, LeftOut, MalformedError
from embver.privacy import without_credentials
from embver.store.cards import read_card_text
from embver.store.process import clean_environment

OPTIONS: Final[Mapping[str, str]] = {
    **METRIC_OPTIONS,
    "tags": "tags of the run to keep under extra.mlflow, commas between",
}

# Where MLflow logs to when nobody says: the first is its default since 3.7.
_DEFAULTS: Final = ("mlflow.db", "mlruns")
# Ways to prove who one is that the client knows and plain HTTP does not.
_CLIENTS_OWN: Final = (
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_INSECURE_TLS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where runs are kept: the `address` of a server or service, or a file or folder here.

    `uri` is what a card may say of it: neither credentials nor options of a driver, which can hold some.
    """

    uri: str
    address: str = ""
    path: Path | None = None
    is_told_short: bool = False  # the folder it lies in is left out of `uri`


def read(work: Workspace, request: ImportRequest) -> Intake:
    """Read a run; raise AbsentError, MalformedError, UsageError or EmbverError."""
    wanted = wanted_of(request.options)
    tags = listed_option(request, "tags")
    environment = clean_environment()
    place, run_id = split_reference(request.reference)
    if not RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"{request.reference!r} names no run of MLflow",
            hint="TRACKING-URI#RUN-ID, such as http://127.0.0.1:5000#0d4a0c..., mlflow.db#0d4a0c... or mlruns#0d4a0c...",
        )
    store = open_store(place, work.repo.root, request.folder, environment)
    keys = [metric.key for metric in wanted.metrics]
    run = _read(store, run_id, keys, environment)
    uri = f"{SOURCE}:{store.uri}#{run_id}"
    wanted = wanted.found(run.series, known=run.metrics, uri=uri)
    found = tracked(run, uri, root=work.repo.root, tags=tags)
    left = LeftOut(what=f"the folder of {store.uri}", why="it is a place on somebody's disk")
    return taken_over(work, request, found, wanted, left_out=(left,) if store.is_told_short else ())


def open_store(place: str | None, root: Path, folder: Path, environment: Mapping[str, str]) -> Store:
    """Return where runs are kept: as said, as MLFLOW_TRACKING_URI has it, or what lies in the repository."""
    said = place or environment.get("MLFLOW_TRACKING_URI") or None
    if said is None:
        found = next((root / name for name in _DEFAULTS if (root / name).exists()), None)
        if found is None:
            raise UsageError(
                "say where the run is kept: MLFLOW_TRACKING_URI is not set, and there is no mlflow.db and no mlruns here",
                hint="embver import mlflow http://127.0.0.1:5000#RUN-ID",
            )
        return Store(uri=_uri(found, found.name), path=found)
    if mlflow_rest.is_web(said):
        return Store(uri=without_credentials(said.rstrip("/")), address=said.rstrip("/"))
    is_database = said.startswith("sqlite:///")
    if "://" in said.removeprefix("sqlite:///").removeprefix("file://") or _is_service(said):
        return Store(uri=without_credentials(said.partition("?")[0]), address=said)
    text = said.removeprefix("sqlite:///").removeprefix("file://").partition("?")[0]
    path = next((base / text for base in (folder, root) if (base / text).exists()), None)
    if path is None:
        kind = "database" if is_database or text.endswith((".db", ".sqlite")) else "file store"
        raise UsageError(
            f"there is no MLflow {kind} at {text}", hint="name the file or folder, and then #RUN-ID"
        )
    inside = path.resolve().is_relative_to(root.resolve())
    name = path.resolve().relative_to(root.resolve()).as_posix() if inside else path.name
    return Store(uri=_uri(path, name), path=path, is_told_short=not inside)


def _is_service(said: str) -> bool:
    return said in ("databricks", "databricks-uc") or (
        ":" in said and not said.startswith(("sqlite:", "file:"))
    )


def _uri(path: Path, name: str) -> str:
    return f"sqlite:///{name}" if path.is_file() else name


def _read(store: Store, run: str, keys: Sequence[str], environment: Mapping[str, str]) -> Run:
    if store.path is None:
        if not needs_client(store, environment):
            return mlflow_rest.read_run(mlflow_rest.Server.at(store.address, environment), run, keys)
        return mlflow_client.read_run(store.address, run, keys, place=store.uri)
    if store.path.is_file():
        return mlflow_database.read_run(store.path, run, keys, place=store.path.name)
    if not mlflow_folder.is_store(store.path):
        raise MalformedError(
            store.path.name,
            "this folder is no MLflow file store: it has no EXPERIMENT/meta.yaml",
            hint="name mlruns",
        )
    return mlflow_folder.read_run(store.path, run, keys, meta=_meta)


def needs_client(store: Store, environment: Mapping[str, str]) -> bool:
    """Tell whether only MLflow's client reaches a store that is no file here."""
    return not mlflow_rest.is_web(store.address) or any(environment.get(name) for name in _CLIENTS_OWN)


def _meta(path: Path) -> Mapping[str, Any]:
    """Read a `meta.yaml`, every value as the text it is: a digest such as 1234e567 is no number."""
    found = read_card_text(path.read_bytes(), path=path.name)
    if not found.is_read or found.problems:
        said = found.problems[0].format() if found.problems else f"{path.name}: no YAML"
        raise MalformedError(f"{path.parent.name}/{path.name}", f"that is no meta.yaml of MLflow ({said})")
    texts = _texts(found.root)
    return texts if isinstance(texts, Mapping) else {}


def _texts(node: Any) -> Any:
    if node.id == "mapping":
        return {key.value: _texts(value) for key, value in node.value}
    return [_texts(entry) for entry in node.value] if node.id == "sequence" else node.value
