"""Log runs with MLflow's own client, and tell what it says of them: run in a process of its own, inside a Git checkout.

Usage: mlflow_maker.py SERVER FILE-STORE; prints one JSON document.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Any

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.data.numpy_dataset import from_numpy
from mlflow.entities import LoggedModelOutput, Metric

PARAMS = {
    "lr": "1e-5",
    "shop_id": "007",
    "epochs": 3,
    "amp": True,
    "opt/betas": [0.9, 0.999],
    "warm up": 0.1,
    "scheduler": None,
    "output_dir": "/home/ann/out",
    "hub_token": "hf_abcdefghijklmnopqrstuvwxyz",
}


def log(uri: str, steps: int) -> dict[str, Any]:
    """Log one run with everything in it, and return it as the client reads it."""
    mlflow.set_tracking_uri(uri)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment(f"shop of {os.getpid()}")
    with mlflow.start_run(run_name="ann's clip", experiment_id=experiment) as run:
        mlflow.log_params(PARAMS)
        for step, value in enumerate((0.25, 0.5, 0.4375)):
            mlflow.log_metric("val/recall at 1", value, step=step)
        mlflow.log_metric("broken", float("nan"))
        mlflow.log_metric("endless", float("inf"))
        mlflow.log_metric("system/gpu_utilization_percentage", 93.0)
        for start in range(0, steps, 1000):
            ends = min(start + 1000, steps)
            points = [Metric("loss", 1 / (step + 1), 0, step) for step in range(start, ends)]
            client.log_batch(run.info.run_id, metrics=points)
        client.log_metric(run.info.run_id, "percent/recall", 43.75, step=2)
        rows = np.zeros((4, 2))
        mlflow.log_input(from_numpy(rows, source="data/train.npy", name="pictures"), context="training")
        away = "https://ann:geheim@example.org/val.npy"
        mlflow.log_input(from_numpy(rows + 1, source=away, name="pictures"), context="validation")
        mlflow.log_input(from_numpy(rows + 2, source="/home/ann/extra.npy", name="extra"), context="eval")
        mlflow.set_tags({"stage": "prod", "team": "search"})
        model = mlflow.initialize_logged_model(name="clip")
        mlflow.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, 0)])
        client.create_registered_model("shop-clip")
        client.create_model_version(
            "shop-clip", source=f"models:/{model.model_id}", run_id=run.info.run_id, model_id=model.model_id
        )
    found = client.get_run(run.info.run_id)
    return {
        "id": run.info.run_id,
        "model": model.model_id,
        "run": found.to_dictionary(),
        "experiment": experiment,
    }


def end_badly(uri: str, experiment: str) -> dict[str, str]:
    """Log runs that failed, were killed, go on and were deleted; return their ids."""
    client = MlflowClient(tracking_uri=uri)
    ids = {}
    for state in ("FAILED", "KILLED", "RUNNING", "DELETED"):
        ids[state] = client.create_run(experiment).info.run_id
        client.log_param(ids[state], "lr", "0.5")
        if state in ("FAILED", "KILLED"):
            client.set_terminated(ids[state], status=state)
    client.set_terminated(ids["DELETED"])
    client.delete_run(ids["DELETED"])
    # One more, which tests write to: of the others they say what is in them.
    ids["OTHER"] = client.create_run(experiment).info.run_id
    client.set_terminated(ids["OTHER"])
    client.create_registered_model("other")
    client.create_model_version("other", source=f"runs:/{ids['OTHER']}/model", run_id=ids["OTHER"])
    return ids


def main(server: str, files: str) -> None:
    """Log to both stores, and read the server's run by embver's own way through the client."""
    made: dict[str, Any] = {"server": log(server, 10_000)}
    made["bad"] = end_badly(server, made["server"]["experiment"])
    os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    made["files"] = log(files, 50)
    made["files_bad"] = end_badly(files, made["files"]["experiment"])
    from embver.exchange.mlflow_client import read_run, set_tags

    made["told"] = set_tags(files, made["files_bad"]["OTHER"], {"embver.version": "plain@1.0.0"})
    read = read_run(server, made["server"]["id"], ["val/recall at 1", "absent"], place="here")
    made["by_client"] = asdict(read)
    sys.stdout.write(json.dumps(made, allow_nan=True, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
