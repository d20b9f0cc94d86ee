"""Log runs with W&B's own client, offline: run in a process of its own, inside a Git checkout. Usage: wandb_maker.py FOLDER."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import wandb

CONFIG = {
    "lr": 1e-5,
    "seed": 7,
    "optimizer": {"name": "adam", "betas": [0.9, 0.999], "decay": {"end": 0}},
    "warm_up": float("nan"),
    "data_dir": "/home/ann/data",
    "wandb_api_key": "not for cards",
}
RECALL = (0.125, 0.5, 0.4375, 0.25, 0.375)


def log(folder: str) -> None:
    """Log one run with everything in it that ends well."""
    run = wandb.init(
        project="shop",
        entity="search",
        name="ann's run",
        id="whole1",
        config=CONFIG,
        tags=["paper"],
        dir=folder,
    )
    run.define_metric("val/recall", summary="max")
    for step, value in enumerate(RECALL):
        run.log({"loss": 1 / (step + 1), "val/recall": value, "text": {"hit 10": value * 100}})
    run.log({"endless": float("inf"), "broken": float("nan")})
    for kind, name in (("dataset", "pictures"), ("model", "clip"), ("notes", "diary")):
        artifact = wandb.Artifact(name, kind)
        file = Path(folder) / f"{name}.txt"
        file.write_text(name)
        artifact.add_file(str(file))
        run.log_artifact(artifact, aliases=["best"])
    run.summary["accuracy"] = 43.75
    run.finish()


def die(folder: str) -> None:
    """Log a run and be gone in the middle of it."""
    run = wandb.init(project="shop", id="dead1", config={"lr": 0.5}, dir=folder)
    for step in range(300):
        run.log({"loss": 1 / (step + 1), "text": "x" * 500})
    log_file = Path(run.settings.sync_file)
    while not log_file.is_file() or log_file.stat().st_size < 100_000:
        time.sleep(0.05)  # the client's own process writes it
    os._exit(1)


if __name__ == "__main__":
    log(sys.argv[1])
    die(sys.argv[1])
