"""The demo's trainings in MLflow: the same training has the same run, and its run says what the card says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from plain_versions import begin_plain, write_next

ROOT = Path(__file__).resolve().parent.parent
# Logged as by a demo that was stopped and begun anew; MLflow's import is slow and warns, so in a process of its own.
PROGRAM = """
import sys
from pathlib import Path
from recipes import LONGER
from tracking import hyperparameters, is_logged, log_training, run_id
import json
database, run = Path(sys.argv[1]), run_id("sha256:" + "0123456789abcdef" * 4)
assert not is_logged(database, run)
for _ in range(2):
    log_training(database, run, LONGER, [0.5, 0.25, 0.125])
assert is_logged(database, run)
sys.stdout.write(json.dumps([run, hyperparameters(LONGER)]))
"""


@pytest.mark.xdist_group("mlflow")
def test_a_training_has_one_run_that_says_what_the_card_says(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")
    repo = begin_plain(tmp_path / "repository")
    write_next(repo)
    quiet = {"HOME": str(tmp_path), "DO_NOT_TRACK": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(repo.root / "mlflow.db")],
        cwd=tmp_path,
        env={**os.environ, **quiet, "PYTHONPATH": str(ROOT / "examples/emoji")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    run, said = json.loads(done.stdout)
    assert run == "0123456789abcdef" * 2
    report = repo.embver("import", "mlflow", f"mlflow.db#{run}", "--dry-run", "--json").json
    found = {entry["field"]: entry["value"] for entry in report["taken"]}
    uri = found.pop("training.run")["uri"] if "training.run" in found else found.pop("training.run.uri")
    assert uri == f"mlflow:sqlite:///mlflow.db#{run}"
    assert {f"training.hyperparameters.{key}": value for key, value in said.items()}.items() <= found.items()
