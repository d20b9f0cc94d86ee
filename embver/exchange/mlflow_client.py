"""A run by MLflow's own client: databases that are no file, hosted services, and other ways to prove who one is."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from embver.errors import EmbverError, MissingExtra
from embver.exchange.mlflow import Run, point
from embver.exchange.mlflow_plain import run_of
from embver.intake import AbsentError
from embver.privacy import without_credentials


def read_run(uri: str, run: str, keys: Sequence[str], *, place: str) -> Run:
    """Return a run with all values of some metrics; raise AbsentError, EmbverError or MissingExtra."""
    with _quiet():
        client = open_client(uri)
        from mlflow.exceptions import MlflowException

        try:
            found = client.get_run(run)
            known = found.data.metrics
            series = {
                key: [point(each.value, each.step) for each in client.get_metric_history(run, key)]
                for key in keys
                if key in known
            }
            return run_of(
                found.to_dictionary(),
                place=f"{place}#{run}",
                registered=registered_of(client, run),
                series=series,
            )
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise AbsentError(_first_line(error.message)) from error
            raise EmbverError(f"MLflow could not read the run: {_first_line(error.message)}") from error


def open_client(uri: str) -> Any:
    """Return MLflow's client; its patience is shortened where nobody set it: by default it takes four minutes."""
    try:
        from mlflow import MlflowClient, environment_variables, set_tracking_uri
    except ImportError as error:
        raise MissingExtra(
            "mlflow", needed_for=f"a tracking URI such as {uri.partition(':')[0]}:..."
        ) from error
    settings: Any = environment_variables
    for setting, value in (
        (settings.MLFLOW_HTTP_REQUEST_MAX_RETRIES, 1),
        (settings.MLFLOW_HTTP_REQUEST_TIMEOUT, 5),
        (settings.MLFLOW_ALLOW_FILE_STORE, True),
    ):
        if not setting.is_set():
            setting.set(value)
    from mlflow.exceptions import MlflowException

    try:
        # The registry of a file store asks the default store, and would make a mlflow.db in the working folder.
        set_tracking_uri(uri)
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    except (MlflowException, ImportError) as error:
        said = _first_line(str(error))
        raise EmbverError(f"MLflow cannot open that tracking URI: {said}") from error


def set_tags(uri: str, run: str, tags: Mapping[str, str]) -> tuple[str, ...]:
    """Tag a run and the registered models made from it; return what was tagged. Raises AbsentError or EmbverError."""
    with _quiet():
        client = open_client(uri)
        from mlflow.exceptions import MlflowException

        try:
            versions = registered_of(client, run)
            for key, value in tags.items():
                client.set_tag(run, key, value)
                for version in versions:
                    name, _, number = version.rpartition("/")
                    client.set_model_version_tag(name, number, key, value)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                raise AbsentError(_first_line(error.message)) from error
            raise EmbverError(f"MLflow could not be told: {_first_line(error.message)}") from error
    return (f"run {run}", *(f"models:/{version}" for version in versions))


def registered_of(client: Any, run: str) -> tuple[str, ...]:
    """Return the versions of registered models that come from a run, NAME/VERSION; none where there is no registry."""
    from mlflow.exceptions import MlflowException

    try:
        found = client.search_model_versions(f"run_id='{run}'")
    except MlflowException:
        return ()
    return tuple(f"{version.name}/{version.version}" for version in found)


def _first_line(text: str) -> str:
    """Return the first sentence of what the client says, which goes on at length."""
    said = text.strip().partition("\n")[0].partition(". ")[0]
    return str(without_credentials(said))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the client's notes of what it does, and its packages' warnings, off the terminal."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
