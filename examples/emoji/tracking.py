"""Log the demo's trainings to MLflow, as a team does: a database file beside the models, and no server to start.

The card of a version names its run, and two demos must give the same cards. MLflow draws a run's id by chance, so here it
is taken from the digest of all that decides the training; times differ, and stay in the database.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from unittest import mock
from uuid import UUID

from recipes import SIX_LANGUAGES, Recipe

DATABASE = "mlflow.db"
EXPERIMENT = "emoji"
AT_ONCE = 1000  # metrics in one request: the most that MLflow takes


def run_id(digest: str) -> str:
    """Return the id of the training whose inputs have this digest."""
    return digest.removeprefix("sha256:")[:32]


def hyperparameters(recipe: Recipe) -> dict[str, str | int | float]:
    """Return what the card says of a recipe, in its order."""
    parts = [part for part in (recipe.both, recipe.pictures, recipe.texts) if part is not None]
    # One that is trained longer counts on from where it started.
    steps = recipe.steps + (SIX_LANGUAGES.steps if recipe.name == "longer" else 0)
    return {
        "optimizer": "adamw",
        "learning_rate": parts[0].learning_rate,
        "batch_size": parts[0].batch_size,
        "steps": steps,
        "seed": recipe.seed,
    }


def is_logged(database: Path, run: str, *, to_its_end: bool = True) -> bool:
    """Tell whether a training is in the database."""
    if not database.is_file():
        return False
    with closing(sqlite3.connect(database)) as rows:
        found = rows.execute("select status from runs where run_uuid = ?", (run,)).fetchone()
    return found is not None and (found == ("FINISHED",) or not to_its_end)


def log_training(database: Path, run: str, recipe: Recipe, losses: Sequence[float]) -> None:
    """Log one training: what the card will say of it, and the loss of each step."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    store = f"sqlite:///{database}"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    if not is_logged(database, run, to_its_end=False):  # a demo may have been stopped while it logged
        with mock.patch("uuid.uuid4", return_value=UUID(hex=run)):
            client.create_run(experiment, run_name=recipe.name)
    params = [Param(key, str(value)) for key, value in hyperparameters(recipe).items()]
    now = int(time.time() * 1000)
    metrics = [Metric("loss", loss, now, step) for step, loss in enumerate(losses)]
    client.log_batch(run, params=params)
    for start in range(0, len(metrics), AT_ONCE):
        client.log_batch(run, metrics=metrics[start : start + AT_ONCE])
    client.set_terminated(run)
